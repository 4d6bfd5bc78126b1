"""Which scenarios are asked for: cells of document type x domain x tension x tone x stakeholder, each at most once.

The order depends on the persona and the seed alone: a longer run begins with the cells of a shorter one, so that what
was paid for stays of use. Neighbours: `persona` has the axes, `scenarios` asks for ideas.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain, product
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


class Cell(msgspec.Struct, frozen=True):
    """One place of the grid."""

    document_type: str
    domain: str
    tension: str
    tone: str
    stakeholder: str


def grid_size(persona: Persona) -> int:
    """How many cells there are."""
    return prod(len(values) for values in _axes(persona))


def cells(persona: Persona, seed: int, side: Side) -> Iterator[Cell]:
    """All cells of a side, in the order in which they are used.

    Document types come by their shares: after any number of cells each is within one of its part. The other axes are
    gone through in shuffled decks, so that every value comes up about equally often.
    """
    types, *others = _axes(persona)
    shares = [one.share for one in persona.document_types]
    decks = [_deck(values, Random(f"{seed}:{side}:{place}")) for place, values in enumerate(others)]  # noqa: S311
    rest = {kind: _rest(kind, others, Random(f"{seed}:{side}:{kind}")) for kind in types}  # noqa: S311
    tries = round(_TRIES / (TEST_SHARE if side == "test" else 1 - TEST_SHARE))
    used: set[Cell] = set()
    scarce: set[str] = set()
    counts = [0] * len(types)

    def is_free(cell: Cell) -> bool:
        return cell not in used and side_of(cell, seed) == side

    while True:
        kind = types[_due(counts, shares)]
        drawn = (Cell(kind, *(next(deck) for deck in decks)) for _ in range(0 if kind in scarce else tries))
        cell = next(filter(is_free, drawn), None)
        if cell is None:
            # Near the end of a small grid: what is left of this type, or of any.
            scarce.add(kind)
            cell = next(filter(is_free, chain(rest[kind], *(rest[other] for other in types if other != kind))), None)
        if cell is None:
            return
        used.add(cell)
        counts[types.index(cell.document_type)] += 1
        yield cell


def side_of(cell: Cell, seed: int) -> Side:
    """Whether scenarios of this cell are trained on or tested on."""
    digest = hashlib.blake2b(msgspec.json.encode([seed, msgspec.to_builtins(cell)]), digest_size=8).digest()
    return "test" if int.from_bytes(digest, "big") < TEST_SHARE * 2**64 else "train"


def wanted(persona: Persona, count: int, seed: int, side: Side) -> list[Scenario]:
    """The first `count` cells of a side as scenarios without a text yet, named s00001 (train) or t00001 (test).

    Raises ConfigurationError where the persona has too few cells.
    """
    if count < 1:
        raise ConfigurationError(f"--count {count}: at least 1")
    letter = "s" if side == "train" else "t"
    found: list[Scenario] = []
    for number, cell in zip(range(1, count + 1), cells(persona, seed, side), strict=False):
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


def _due(counts: Sequence[int], shares: Sequence[float]) -> int:
    """The type that lies furthest behind its part."""
    total, made = sum(shares), sum(counts) + 1
    behind = [share / total * made - count for share, count in zip(shares, counts, strict=True)]
    return max(range(len(behind)), key=behind.__getitem__)


def _rest(kind: str, others: Sequence[Sequence[str]], random: Random) -> Iterator[Cell]:
    """All cells of a type, shuffled; nothing of them is made before the first is wanted."""
    found = list(product(*others))
    random.shuffle(found)
    for values in found:
        yield Cell(kind, *values)
