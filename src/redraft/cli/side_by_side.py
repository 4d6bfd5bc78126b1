"""Rows under headings, for the commands that compute without calls; nothing is ever cut off."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def echo_columns(rows: Sequence[Sequence[str]], headings: Sequence[str], right: Sequence[int] = ()) -> None:
    """Prints the rows; columns numbered in `right` hold numbers."""
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    table = Table(box=None)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
