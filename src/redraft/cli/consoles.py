"""Where commands print their tables: a terminal's own width, and in a pipe, which has none, one that fits the rows.

Neighbours: the tables are made beside what they show, `side_by_side` has plain columns; progress is `running`'s.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

# No row is wider: in a pipe each stays on one line for the script behind it.
ONE_LINE = 1000
# In a pipe, too, what is longer is folded into its column, for people to read.
READABLE = 200


def results_console(width: int = ONE_LINE, *, soft_wrap: bool = False) -> Console:
    """A console for results, with so many columns where standard output is no terminal.

    Names of people's models and folders stand in them as they are: nothing in them is taken for markup or an emoji.
    """
    columns = None if sys.stdout.isatty() else width
    return Console(width=columns, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False)


def print_rows(rows: Sequence[Mapping[str, Any]], width: int = ONE_LINE) -> None:
    """The rows under their names; all columns but the first hold numbers."""
    table = Table(box=None)
    for number, heading in enumerate(rows[0] if rows else ()):
        table.add_column(heading, overflow="fold", justify="right" if number else "left")
    for row in rows:
        table.add_row(*map(str, row.values()))
    results_console(width).print(table)
