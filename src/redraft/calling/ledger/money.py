"""Dollars as whole picodollars (a millionth of a millionth): sums and comparisons of a budget are exact.

A token of the cheapest model costs some thousands of them. Neighbours: `claims` and `entries` reckon in them.
"""

from __future__ import annotations

_PER_DOLLAR = 10**12
# Both databases hold 64 bits; nine million dollars.
_MOST = 2**63 - 1


def picodollars(dollars: float) -> int:
    """The nearest whole number. Raises ValueError for what is no amount (below 0, not a number)."""
    if not dollars >= 0:
        raise ValueError(f"{dollars} is no amount of money")
    return round(dollars * _PER_DOLLAR) if dollars < _MOST / _PER_DOLLAR else _MOST


def dollars(picodollars: int) -> float:
    return picodollars / _PER_DOLLAR
