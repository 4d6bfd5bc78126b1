"""Which scenarios are asked for: cells of document type x domain x tension x tone, without replacement, each with a
stakeholder; a cell comes again, with another one, only where all of its type have been used.

The order depends on the persona and the seed alone: a longer run begins with the cells of a shorter one, so that what
was paid for stays of use. Neighbours: `persona` has the axes, `scenarios` asks for ideas.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product
from math import prod
from random import Random

import msgspec

from redraft.documents.persona import Persona
from redraft.errors import ConfigurationError
from redraft.records import Scenario, Side

# What share of the cells is kept for tests. A cell's side is decided by its content, whatever is drawn before it.
TEST_SHARE = 0.1
# Cells of the side that are drawn before what is left is gone through one by one.
_TRIES = 64

# Document type, domain, tension, tone.
_Setting = tuple[str, str, str, str]


class Cell(msgspec.Struct, frozen=True):
    """One place of the grid, with who is in it."""

    document_type: str
    domain: str
    tension: str
    tone: str
    stakeholder: str


def grid_size(persona: Persona) -> int:
    """How many cells there are, with every stakeholder."""
    return prod(len(values) for values in _axes(persona))


def cells(persona: Persona, seed: int, side: Side) -> Iterator[Cell]:
    """All cells of a side, in the order in which they are used.

    Document types come by their shares: after any number of cells each is within one of its part. The other axes are
    gone through in shuffled decks, so that every value comes up about equally often.
    """
    draw = _Draw(persona, seed, side)
    kinds = [_of_kind(one.name, draw) for one in persona.document_types]
    shares = [one.share for one in persona.document_types]
    counts, left = [0] * len(shares), list(range(len(shares)))
    while left:
        place = _due(counts, shares, left)
        if (cell := next(kinds[place], None)) is None:
            left.remove(place)
            continue
        counts[place] += 1
        yield cell


def side_of(cell: Cell, seed: int) -> Side:
    """Whether scenarios of this cell are trained on or tested on: the same for every stakeholder."""
    return _side(_setting(cell), seed)


class _Draw:
    """What all types of a side draw from: one deck for each other axis."""

    def __init__(self, persona: Persona, seed: int, side: Side) -> None:
        self.seed, self.side = seed, side
        _, *axes = _axes(persona)
        *self.axes, self.stakeholders = axes
        *self._decks, self._stakeholders = (
            _deck(values, Random(f"{seed}:{side}:{place}"))  # noqa: S311
            for place, values in enumerate(axes)
        )
        self._tries = round(_TRIES / (TEST_SHARE if side == "test" else 1 - TEST_SHARE))

    def settings(self, kind: str) -> Iterator[_Setting]:
        """So many that a free one of this side is among them, unless few are."""
        domains, tensions, tones = self._decks
        return ((kind, next(domains), next(tensions), next(tones)) for _ in range(self._tries))

    def stakeholder(self, without: Collection[str]) -> str:
        """The next who is not among these, who are not all."""
        return next(one for one in self._stakeholders if one not in without)


def _of_kind(kind: str, draw: _Draw) -> Iterator[Cell]:
    """The cells of a type: all with one stakeholder each, then all with another one, to the last."""
    shuffled = Random(f"{draw.seed}:{draw.side}:{kind}")  # noqa: S311
    met: dict[_Setting, list[str]] = {}
    for lap in range(len(draw.stakeholders)):
        for setting in _settings(kind, draw, shuffled, lambda one, lap=lap: len(met.get(one, ())) == lap):
            before = met.setdefault(setting, [])
            before.append(draw.stakeholder(before))
            yield Cell(*setting, before[-1])


def _settings(kind: str, draw: _Draw, random: Random, is_free: Callable[[_Setting], bool]) -> Iterator[_Setting]:
    """Each setting of a type on this side that is free; who takes one sees to it that it no longer is."""

    def fits(setting: _Setting) -> bool:
        return is_free(setting) and _side(setting, draw.seed) == draw.side

    while (found := next(filter(fits, draw.settings(kind)), None)) is not None:
        yield found
    domains, tensions, tones = draw.axes
    rest = list(product((kind,), domains, tensions, tones))
    random.shuffle(rest)
    yield from filter(fits, rest)


def _setting(cell: Cell) -> _Setting:
    return cell.document_type, cell.domain, cell.tension, cell.tone


def _side(setting: _Setting, seed: int) -> Side:
    digest = hashlib.blake2b(msgspec.json.encode([seed, *setting]), digest_size=8).digest()
    return "test" if int.from_bytes(digest, "big") < TEST_SHARE * 2**64 else "train"


def wanted(persona: Persona, count: int, seed: int, side: Side, more: int = 0) -> list[Scenario]:
    """The first `count` cells of a side as scenarios without a text yet, named s00001 (train) or t00001 (test), and
    behind them up to `more`, as far as there are any.

    Raises ConfigurationError where the persona has too few cells.
    """
    if count < 1:
        raise ConfigurationError(f"--count {count}: at least 1")
    letter = "s" if side == "train" else "t"
    found: list[Scenario] = []
    for number, cell in zip(range(1, count + more + 1), cells(persona, seed, side), strict=False):
        found.append(
            Scenario(scenario_id=f"{letter}{number:05d}", side=side, title="", situation="",
                     **msgspec.to_builtins(cell))
        )  # fmt: skip
    if len(found) < count:
        raise ConfigurationError(
            f"persona {persona.name}: {count:,} scenarios are asked for on the {side} side, and of its "
            f"{grid_size(persona):,} cells (types x domains x tensions x tones x stakeholders) {len(found):,} lie "
            "there; ask for fewer, or give it more domains, tensions, tones or stakeholders"
        )
    return found


def _axes(persona: Persona) -> tuple[tuple[str, ...], ...]:
    types = tuple(one.name for one in persona.document_types)
    return types, persona.domains, persona.tensions, persona.tones, persona.stakeholders


def _deck(values: Sequence[str], random: Random) -> Iterator[str]:
    while True:
        yield from random.sample(values, len(values))


def _due(counts: Sequence[int], shares: Sequence[float], left: Collection[int]) -> int:
    """Of the types that are left the one that lies furthest behind its part."""
    total, made = sum(shares), sum(counts) + 1
    return max(left, key=lambda place: shares[place] / total * made - counts[place])
