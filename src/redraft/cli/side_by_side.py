"""Rows under headings, for the commands that compute without calls; nothing is ever cut off."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from redraft.cli.consoles import READABLE, results_console


def echo_columns(rows: Sequence[Sequence[str]], headings: Sequence[str], right: Sequence[int] = ()) -> None:
    """Prints the rows; columns numbered in `right` hold numbers."""
    table = Table(box=None)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    results_console(READABLE).print(table)
