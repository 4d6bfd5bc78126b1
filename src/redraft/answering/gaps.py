"""The gaps of a template, {name}, and what fills them: texts of a list, or numbers in steps.

Neighbour: `domain` reads templates and makes questions of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Container
from decimal import Decimal
from string import Formatter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from redraft.errors import ConfigurationError

# So many draws in a row that gave what another gap has: then there is no other value.
_PATIENCE = 200
_MOST_NUMBERS = 1e9


class Numbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers from `low` to `high` in steps of `step`, written with as many decimals as `step` has."""

    low: float
    high: float
    step: Annotated[float, Meta(gt=0)] = 1

    def drawn(self, source: random.Random) -> str:
        number = self.low + self.step * source.randrange(round((self.high - self.low) / self.step) + 1)
        _, _, decimals = f"{Decimal(str(self.step)).normalize():f}".partition(".")
        return f"{number:,.{len(decimals)}f}"


class Values(dict[str, str]):
    """The value of each gap, drawn when it is first met; gaps of one list never get the same value."""

    def __init__(self, known: dict[str, tuple[str, ...] | Numbers], source: random.Random) -> None:
        super().__init__()
        self._known, self._source = known, source

    def __missing__(self, gap: str) -> str:
        name = list_of(gap, self._known)
        values = self._known[name]
        taken = {value for other, value in self.items() if list_of(other, self._known) == name}
        for _ in range(_PATIENCE):
            value = values.drawn(self._source) if isinstance(values, Numbers) else self._source.choice(values)
            if value not in taken:
                break
        else:
            raise ConfigurationError(f"{name}: has too few values for all gaps of a topic; add some")
        self[gap] = value
        return value


def list_of(gap: str, known: Container[str]) -> str:
    """The list that a gap takes its value from: `app` for `app` and for `app_2`, unless there is one of that name."""
    name, _, number = gap.rpartition("_")
    if gap in known:
        return gap
    return name if name and number.isdigit() else gap


class _Gaps(Formatter):
    def convert_field(self, value: Any, conversion: Any) -> Any:
        return value.lower() if conversion == "l" else super().convert_field(value, conversion)


def filled(template: str, values: Values) -> str:
    """The template with each gap filled."""
    return _Gaps().vformat(template, (), values)


def fault_of(values: tuple[str, ...] | Numbers) -> str:
    """What is wrong with a gap's values, with the mend; empty where nothing is."""
    if isinstance(values, tuple):
        if not values:
            return "none; list some, or give a high that is not below low"
        return "" if all(value.strip() for value in values) else "one of them is empty; leave it out"
    if not all(map(math.isfinite, (values.low, values.high, values.step))):
        return "low, high and step must be finite numbers"
    if values.high < values.low:
        return "none; list some, or give a high that is not below low"
    return "" if (values.high - values.low) / values.step < _MOST_NUMBERS else "too many; give a larger step"


def gaps_of(text: str) -> list[str | None]:
    """The names of a text's gaps; None for one that is written otherwise."""
    try:
        parsed = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return [None]
    # Of what may stand behind a name only !l is known.
    return [gap if gap and not spec and conversion in (None, "l") else None for _, gap, spec, conversion in parsed]
