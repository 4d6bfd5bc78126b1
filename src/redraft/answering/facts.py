"""Numbers, dates and names of a text, and which of them its material does not hold: those are invented.

Neighbours: `style` asks; `number_words`, `amounts`, `dates` and `names` read a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Literal

import msgspec

from redraft.answering.amounts import Amount, amount_of
from redraft.answering.dates import Day, days_meant, days_written
from redraft.answering.names import Known, unknown_names
from redraft.answering.number_words import Number, numbers_in
from redraft.answering.spelling import plain


class Fact(msgspec.Struct, frozen=True):
    """A number, date or name, as it stands in the text."""

    kind: Literal["number", "date", "name"]
    text: str


class Material:
    """What may be said: the values, days and names of all sources together, each read when it is asked for."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._text = "\n".join(plain(one) for one in sources)
        self.names = Known(self._text, lambda: self.values, lambda: frozenset(month for month, _ in self.days))

    @cached_property
    def _numbers(self) -> list[Number]:
        return list(numbers_in(self._text))

    @cached_property
    def values(self) -> frozenset[str]:
        return frozenset(value for one in self._numbers for value in one.values)

    @cached_property
    def currencies(self) -> dict[str, frozenset[str]]:
        """Value → the currencies that it stands there in; none of a value that stands there without one only."""
        found: dict[str, frozenset[str]] = {}
        for one in self._numbers:
            if said := amount_of(self._text, one).currencies:
                found.update({value: found.get(value, frozenset()) | said for value in one.values})
        return found

    @cached_property
    def days(self) -> frozenset[Day]:
        return frozenset(days_meant(self._text, self._numbers))


def unsupported(text: str, sources: Iterable[str]) -> list[Fact]:
    """The numbers, dates and names of `text` that none of the sources holds, each once, kind by kind.

    Numbers are compared by value, however they are written; one in another currency than its value stands there in is
    invented, too. "One" and "first" count as no numbers: they are words of
    speech more often. Of a date its day counts together with its month.
    """
    known, said = _material(tuple(sources)), plain(text)
    counted = [(one, amount_of(said, one)) for one in numbers_in(said)]
    signs = {place for _, amount in counted for span in amount.beside for place in range(*span)}
    counted = [(one, amount) for one, amount in counted if one.start not in signs]  # the zero of "below zero" is none
    numbers = [one for one, _ in counted]
    places = {place for one in numbers for place in range(one.start, one.end)}
    names = (Fact("name", one) for one in unknown_names(said, known.names, places))
    found = [*_numbers(numbers, known), *_amounts(counted, known), *_dates(said, numbers, known), *names]
    return list(dict.fromkeys(found))


def _numbers(numbers: Iterable[Number], known: Material) -> Iterator[Fact]:
    return (Fact("number", one.text) for one in numbers if not one.idle and known.values.isdisjoint(one.values))


def _amounts(counted: Iterable[tuple[Number, Amount]], known: Material) -> Iterator[Fact]:
    for one, amount in counted:
        if not amount.currencies:
            continue
        there = frozenset[str]().union(*(known.currencies.get(value, frozenset()) for value in one.values))
        if there and there.isdisjoint(amount.currencies):
            yield Fact("number", amount.written)


def _dates(text: str, numbers: list[Number], known: Material) -> Iterator[Fact]:
    for day, written in days_written(text, numbers):
        # A day that is nowhere is told as a number already.
        if day not in known.days and str(day[1]) in known.values:
            yield Fact("date", written)


@lru_cache(maxsize=64)
def _material(sources: tuple[str, ...]) -> Material:
    """What these sources hold; the last ones asked for are kept, as a row is looked at several times."""
    return Material(sources)
