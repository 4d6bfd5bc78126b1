"""Whole numbers on the command line, refused in plain words.

Neighbours: `options` and `setting_options` make their options with it.
"""

from __future__ import annotations

from typing import Any

import click


class Whole(click.IntRange):
    """As click's own; what is no whole number at all is said to be none, and not to be no valid integer range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number", param, ctx)
        return super().convert(number, param, ctx)
