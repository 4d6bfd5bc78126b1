"""How the contexts of several strategies differ on the same replies: their lengths, and what they have in common.

Neighbours: `examples` and `choosing` make what is compared here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from redraft.chat.splitting import Sides
from redraft.chat_records import ChatExample
from redraft.datasets.storage import Dataset


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy made: examples of each side, mean messages and words of a context, and `shared`: of the
    messages of its contexts the fraction that the first strategy's contexts of the same replies hold too, over the
    replies that both have; None where they have none in common. `cost` is in US dollars, None where nothing was asked
    or the price is not known."""

    strategy: str
    train: int
    preference: int
    test: int
    rejected: int
    messages: float
    words: float
    shared: float | None
    cost: float | None
    simulated: bool

    def as_row(self) -> dict[str, Any]:
        """For a table."""
        shared = "" if self.shared is None else f"{self.shared:.0%}"
        cost = "" if self.cost is None else f"{self.cost:.4f}"
        return {
            "strategy": f"{self.strategy}{' (simulated)' if self.simulated else ''}",
            "train": self.train,
            "preference": self.preference,
            "test": self.test,
            "rejected": self.rejected,
            "messages a context": f"{self.messages:.1f}",
            "words a context": f"{self.words:.1f}",
            "shared with the first": shared,
            "cost (US dollars)": cost,
        }


def compared(datasets: Mapping[str, Dataset]) -> dict[str, Spread]:
    """Strategy → its figures; the first of `datasets` is what the others are compared with. Holds the ids of the first
    one's contexts in memory."""
    first = next(iter(datasets.values()))
    known = {one.example_id: frozenset(one.context_ids) for one in _examples(first)}
    return {name: _spread(name, dataset, known) for name, dataset in datasets.items()}


def _spread(name: str, dataset: Dataset, known: Mapping[str, frozenset[str]]) -> Spread:
    sides = dict.fromkeys(Sides._fields, 0)
    messages = words = both = shared = 0
    for one in _examples(dataset):
        sides[one.side] += 1
        messages += len(one.context)
        words += sum(len(turn.text.split()) for turn in one.context)
        if (there := known.get(one.example_id)) is not None:
            both += len(one.context_ids)
            shared += sum(message in there for message in one.context_ids)
    made = sum(sides.values())
    manifest = dataset.manifest
    asked = manifest.get("calls", 0)
    return Spread(
        strategy=name,
        train=sides["train"],
        preference=sides["preference"],
        test=sides["test"],
        rejected=manifest["rejected"],
        messages=messages / made if made else 0.0,
        words=words / made if made else 0.0,
        shared=shared / both if both else None,
        cost=manifest["cost"] if asked and manifest["unpriced"] < asked else None,
        simulated=bool(manifest.get("simulated")),
    )


def _examples(dataset: Dataset) -> Iterator[ChatExample]:
    return cast("Iterator[ChatExample]", dataset.rows())
