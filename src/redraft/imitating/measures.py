"""How like the person each arm writes, and whether it recites what it was trained on: beside the judge, without calls.

Neighbours: `redraft.chat.likeness` and `reciting` measure, `arms` says what was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

import msgspec

from redraft.chat.likeness import Likeness, Pair, likeness, sessions_of
from redraft.chat.reciting import Recitation, recitation, trained_texts
from redraft.chat_records import ChatExample, ChatSide
from redraft.datasets.storage import Dataset
from redraft.imitating.arms import Written

# What the plain adapter learned from, and what was shown to those that were trained on the ranking.
_PLAIN: tuple[ChatSide, ...] = ("train",)
_ALL: tuple[ChatSide, ...] = ("train", "preference")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one arm's replies: `written` of those `asked` for, of which `empty` say nothing and `cut` did
    not end in time. None where there is nothing to measure."""

    asked: int
    written: int
    empty: int
    cut: int
    likeness: Likeness | None = None
    recitation: Recitation | None = None

    def without_texts(self) -> Measured:
        """Without the single matches, which are messages of the training."""
        if self.recitation is None:
            return self
        return msgspec.structs.replace(self, recitation=msgspec.structs.replace(self.recitation, matches=()))

    def figures(self) -> dict[str, Any]:
        """All numbers as plain values; of recitation without the single matches."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        if plain["recitation"] is not None:
            del plain["recitation"]["matches"]
        return plain


def measure(examples: Dataset, arms: Mapping[str, Written], plain: Collection[str] = ()) -> dict[str, Measured]:
    """Each arm's replies beside the real ones to the same contexts of the test side. The `plain` arms were written by
    a model that was trained on the side train alone, and are looked for there alone.

    Raises InputError where nothing was trained on, since recitation then cannot be looked for.
    """
    tested = [one for one in _rows(examples) if one.side == "test"]
    real = {one.example_id: one.reply for one in tested}
    sessions = sessions_of(tested)
    found: dict[str, Measured] = {}
    for name, arm in arms.items():
        texts = {example: text for example, text in arm.texts.items() if text is not None}
        pairs = [Pair(sessions[example], real[example], text) for example, text in texts.items()]
        found[name] = Measured(
            asked=len(arm.texts),
            written=len(texts),
            empty=sum(not text.strip() for text in texts.values()),
            cut=arm.cut,
            likeness=likeness(pairs, _own(examples)) if pairs else None,
            recitation=recitation(pairs, _learned(examples, _PLAIN if name in plain else _ALL)) if pairs else None,
        )
    return found


def _own(examples: Dataset) -> Iterator[str]:
    """The person's replies that were trained on."""
    return (one.reply for one in _rows(examples) if one.side == "train")


def _learned(examples: Dataset, sides: Collection[ChatSide]) -> Iterator[str]:
    """Every message that some training on these sides showed a model: contexts to rank replies on are prompts of later
    trainings, and what reads them is the same as for what was trained on first."""
    seen = (
        msgspec.structs.replace(one, side="train")
        for one in _rows(examples)
        if one.side in sides
    )  # fmt: skip
    return trained_texts(seen)


def _rows(examples: Dataset) -> Iterator[ChatExample]:
    return cast("Iterator[ChatExample]", examples.rows())
