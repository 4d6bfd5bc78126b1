"""Numbers with a fraction on the command line, refused in plain words.

Here and not in `cli`, of which the sandbox knows nothing. Neighbour: `cli.whole_numbers`.
"""

from __future__ import annotations

from math import isinf, isnan
from typing import Any

import click


class Real(click.FloatRange):
    """As click's own, which lets "nan" through any range; infinity is refused too unless it is `endless`."""

    def __init__(
        self,
        min: float | None = None,
        max: float | None = None,
        min_open: bool = False,
        max_open: bool = False,
        endless: bool = False,
    ) -> None:
        super().__init__(min, max, min_open, max_open)
        if min is None and max is None:
            self.name = "float"
        self._endless = endless

    def _describe_range(self) -> str:
        """Without bounds there is none to tell; click would say that x is at most None."""
        return "" if self.min is None and self.max is None else super()._describe_range()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a number", param, ctx)
        if isnan(number) or (isinf(number) and not self._endless):
            self.fail(f"{value!r} is no number that can be meant here", param, ctx)
        return super().convert(value, param, ctx)
