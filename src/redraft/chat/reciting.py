"""Whether a model recites: generated replies that stand in what it was trained on, beside real ones that do so too.

People repeat themselves, so only what generated replies repeat more than real ones is recited. Neighbours: `likeness`
has the pairs, `matching` finds them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from redraft.chat.contrasts import Contrast, contrast
from redraft.chat.likeness import Pair, numbered
from redraft.chat.matching import Match, Matcher
from redraft.chat_records import ChatExample
from redraft.errors import ConfigurationError, InputError

# Contexts of neighbouring replies hold the same messages: so many ids back they are known again.
_RECENT = 1 << 16


class Recitation(msgspec.Struct, frozen=True, kw_only=True):
    """`verbatim`: of the replies of `least_words` words or more, the share that is a training message word for word.
    `runs`: of those of `run_words` or more, the share with so many words in a row out of one training message.
    `longest`: the mean of the longest runs, in words. Each of the real replies, the base rate, and of the generated.

    `most_words` and `most_characters` are the longest match of any of the real and of any of the generated replies;
    `matches` has all of the generated, in the order of the pairs.
    """

    pairs: int
    trained: int
    least_words: int
    run_words: int
    verbatim: Contrast
    runs: Contrast
    longest: Contrast
    most_words: tuple[int, int]
    most_characters: tuple[int, int]
    matches: tuple[Match, ...]

    @property
    def recites(self) -> bool:
        """Whether generated replies repeat messages more than real ones do, beyond chance."""
        return any(one.low is not None and one.low > 0 for one in (self.verbatim, self.runs))

    def as_rows(self) -> list[dict[str, Any]]:
        """For a table."""
        return [
            _row(f"replies of {self.least_words}+ words that are a training message", self.verbatim, ".1%"),
            _row(f"replies of {self.run_words}+ words with {self.run_words} in a row from one", self.runs, ".1%"),
            _row("longest run of words from one, mean", self.longest, ".2f"),
            _plain_row("longest match, words", self.most_words),
            _plain_row("longest match, characters", self.most_characters),
        ]

    def as_sentence(self) -> str:
        """What it comes to, in a line."""
        real, generated = (
            "none so long" if one is None else f"{one:.1%}" for one in (self.verbatim.real, self.verbatim.generated)
        )
        return (
            f"Of replies of {self.least_words} words or more, a training message word for word: {generated} of the "
            f"generated, {real} of the real; {'the model recites' if self.recites else 'no more than chance explains'}"
        )


def recitation(pairs: Iterable[Pair], trained: Iterable[str], least_words: int = 5, run_words: int = 8) -> Recitation:
    """Look for the replies of `pairs` in all texts that the model was `trained` on, which are read once and not held.

    Raises InputError without pairs or texts, ConfigurationError for fewer words than one.
    """
    if min(least_words, run_words) < 1:
        raise ConfigurationError("replies of no words are always repeated; choose 1 word or more")
    kept = list(pairs)
    if not kept:
        raise InputError("no replies to look for: generate some for contexts of the test side first")
    matcher = Matcher(text for one in kept for text in (one.real, one.generated))
    count = 0
    for text in trained:
        count += 1
        matcher.read(text)
    if not count:
        raise InputError("nothing to look for replies in: name the examples that the model was trained on")
    real, generated = matcher.matches(one.real for one in kept), matcher.matches(one.generated for one in kept)
    groups = numbered([one.group for one in kept])

    def compared(least: int, counted: Iterable[Sequence[float]]) -> Contrast:
        ours, theirs = (np.array(side, np.float64) for side in counted)
        long = [np.array([one.words >= least for one in side], np.float64) for side in (real, generated)]
        return contrast((ours * long[0], long[0]), (theirs * long[1], long[1]), groups)

    both = (real, generated)
    return Recitation(
        pairs=len(kept),
        trained=count,
        least_words=least_words,
        run_words=run_words,
        verbatim=compared(least_words, [[one.verbatim for one in side] for side in both]),
        runs=compared(run_words, [[one.longest >= run_words for one in side] for side in both]),
        longest=compared(0, [[one.longest for one in side] for side in both]),
        most_words=_most([one.longest for one in side] for side in both),
        most_characters=_most([one.characters for one in side] for side in both),
        matches=tuple(generated),
    )


def trained_texts(examples: Iterable[ChatExample]) -> Iterator[str]:
    """The messages of contexts and replies of the side `train`, as a model sees them; most of them once, though one may
    be in many contexts."""
    recent: dict[tuple[str, ...], None] = {}
    for example in examples:
        if example.side != "train":
            continue
        for ids, text in (*((turn.ids, turn.text) for turn in example.context), (example.reply_ids, example.reply)):
            if ids and ids in recent:
                continue
            recent[ids] = None
            if len(recent) > _RECENT:
                del recent[next(iter(recent))]
            yield text


def _most(sides: Iterable[Sequence[int]]) -> tuple[int, int]:
    real, generated = map(max, sides)
    return real, generated


def _row(figure: str, one: Contrast, form: str) -> dict[str, Any]:
    real, generated = ("" if value is None else f"{value:{form}}" for value in (one.real, one.generated))
    interval = "" if one.low is None else f"{one.low:+{form}} to {one.high:+{form}}"
    return {"figure": figure, "real": real, "generated": generated, "95 % interval of the difference": interval}


def _plain_row(figure: str, values: tuple[int, int]) -> dict[str, Any]:
    real, generated = map(str, values)
    return {"figure": figure, "real": real, "generated": generated, "95 % interval of the difference": ""}
