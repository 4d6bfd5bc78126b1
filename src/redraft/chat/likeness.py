"""How like the real ones generated replies to the same contexts are written: style, figure by figure and as a whole.

Style only: what is said may be nonsense, and the judge decides on that. Neighbours: `words` counts, `contrasts` does
the statistics, `reciting` asks whether likeness was learned by heart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from redraft.chat.contrasts import ENOUGH, Contrast, Distance, Groups, contrast, distance, sessions_worth, told_apart
from redraft.chat.sessions import Sessions
from redraft.chat.words import Shape, shape, words
from redraft.chat_records import ChatExample
from redraft.datasets.languages import UNKNOWN, language_of
from redraft.errors import InputError

# The most frequent words are function words in any language, and the habit of them is the writer's (Burrows 2002).
FUNCTION_WORDS = 50
_LANGUAGES = 5
_Count = Callable[[Shape], tuple[float, float]]


def _each(count: Callable[[Shape], float]) -> _Count:
    return lambda one: (float(count(one)), 1.0)


# Figure → what it is, and what it is the ratio of: (of the reply, to be divided by).
FIGURES: dict[str, tuple[str, _Count]] = {
    "words": ("words a reply", _each(lambda one: len(one.words))),
    "characters": ("characters a reply", _each(lambda one: one.characters)),
    "lines": ("lines a reply", _each(lambda one: one.lines)),
    "one_word": ("replies of one word", _each(lambda one: len(one.words) == 1)),
    "emoji": ("emoji a reply", _each(lambda one: one.emoji)),
    "with_emoji": ("replies with emoji", _each(lambda one: one.emoji > 0)),
    "marks": ("punctuation marks in 100 characters", lambda one: (100.0 * one.marks, float(one.characters))),
    "ends": ("replies that end with a full stop or the like", _each(lambda one: one.ends)),
    "asks": ("replies with a question mark", _each(lambda one: one.asks)),
    "exclaims": ("replies with an exclamation mark", _each(lambda one: one.exclaims)),
    "small": ("of replies that begin with a letter of either case, those with a small one",
              lambda one: (float(one.begins == "small"), float(one.begins != ""))),
    "capitals": ("capitals among letters of either case", lambda one: (float(one.capitals), float(one.cased))),
    "stretched": ("replies with a letter three times in a row", _each(lambda one: one.stretched)),
}  # fmt: skip


class Pair(msgspec.Struct, frozen=True):
    """A real reply and a generated one to the same context, and the session that they are from. Where several were
    generated for a context, each is a pair of the same session."""

    group: str
    real: str
    generated: str


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """`sessions` that the pairs are from, and how many of equal size they are worth; `few` says that these are under
    ten, and all intervals rough. `figures` are those of FIGURES, `known` (the share of words that the person's other
    replies have; only where these were given), and `language de` (of the replies whose language can be told).
    `profiles` are distances of `function` words and of `all` words.

    `told_apart` is the whole: how often style tells the real of two replies. 0.5 is guessing: nothing of this style
    gives the model away; 1 is always. None where sessions are few.
    """

    pairs: int
    sessions: int
    worth: float
    told_apart: Contrast | None
    figures: dict[str, Contrast]
    profiles: dict[str, Distance]

    @property
    def few(self) -> bool:
        return self.worth < ENOUGH

    def as_rows(self) -> list[dict[str, Any]]:
        """For a table: a row a figure, those that are seldom so by chance marked."""
        return [
            {
                "figure": FIGURES[name][0] if name in FIGURES else _named(name),
                "real": _shown(one.real),
                "generated": _shown(one.generated),
                "difference": _shown(one.difference, "+"),
                "95 % interval": "" if one.low is None else f"{_shown(one.low, '+')} to {_shown(one.high, '+')}",
                "differs": "yes" if one.differs else "",
            }
            for name, one in self.figures.items()
        ]

    def as_sentence(self) -> str:
        """What the whole comes to, in a line."""
        told = self.told_apart
        if told is None or told.generated is None:
            return (
                f"{self.pairs} pairs of replies from {self.sessions} sessions (worth {self.worth:.1f} of equal size): "
                "too few to say how well style tells them apart"
            )
        reach = "" if told.low is None or told.high is None else f" ({_part(told.low)} to {_part(told.high)})"
        return (
            f"Of two replies to one context, style alone tells the real one in {told.generated:.0%}{reach}; "
            "50% is guessing, 100% always"
        )


def likeness(pairs: Iterable[Pair], own: Iterable[str] = (), seed: int = 0) -> Likeness:
    """Compare the replies of `pairs`; `own` are other replies of the person's, such as those trained on, read once.

    Memory grows with the pairs, not with `own`. Raises InputError where there are no pairs.
    """
    kept = list(pairs)
    if not kept:
        raise InputError("no replies to compare: generate some for contexts of the test side first")
    groups = numbered([one.group for one in kept])
    real, generated = [shape(one.real) for one in kept], [shape(one.generated) for one in kept]
    counts: dict[str, _Count] = {name: count for name, (_, count) in FIGURES.items()}
    if (known := _known({word for one in (*real, *generated) for word in one.words}, own)) is not None:
        counts["known"] = lambda one: (float(sum(word in known for word in one.words)), float(len(one.words)))
    figures = {name: _contrast(count, real, generated, groups) for name, count in counts.items()}
    traits = [
        np.array([[_trait(count, one) for count in counts.values()] for one in side]) for side in (real, generated)
    ]
    return Likeness(
        pairs=len(kept),
        sessions=int(groups.max()) + 1,
        worth=sessions_worth(groups),
        told_apart=told_apart(traits[0], traits[1], groups, seed),
        figures=figures | _languages(kept, groups),
        profiles=_profiles(real, generated, groups, seed),
    )


def sessions_of(examples: Iterable[ChatExample], pause_hours: float = 4.0) -> dict[str, str]:
    """Example id → the session of its reply, for `Pair.group`. In each chat, replies more than `pause_hours` apart are
    of different sessions; the examples may come in any order and are held in memory without their contexts."""
    replies = sorted((one.chat, datetime.fromisoformat(one.time).timestamp(), one.example_id) for one in examples)
    found: dict[str, str] = {}
    number, last, sessions = 0, "", Sessions(pause_hours * 3600)
    for chat, at, example_id in replies:
        if chat != last:
            number, last, sessions = 0, chat, Sessions(pause_hours * 3600)
        number += sessions.begins(at)
        found[example_id] = f"{chat} session {number}"
    return found


def numbered(groups: Sequence[str]) -> Groups:
    """A number from 0 on for each name of a session, as it first appears."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.intp)


def _contrast(count: _Count, real: Sequence[Shape], generated: Sequence[Shape], groups: Groups) -> Contrast:
    ours, theirs = (np.array([count(one) for one in side], np.float64).T for side in (real, generated))
    return contrast((ours[0], ours[1]), (theirs[0], theirs[1]), groups)


def _trait(count: _Count, one: Shape) -> float:
    """A figure of one reply; large ones as their logarithm, or a few long replies would decide alone."""
    above, below = count(one)
    return float(np.log1p(above / below)) if below else 0.0


def _known(found: set[str], own: Iterable[str]) -> set[str] | None:
    known: set[str] = set()
    some = False
    for text in own:
        some = True
        known.update(found.intersection(words(text)))
    return known if some else None


def _languages(pairs: Sequence[Pair], groups: Groups) -> dict[str, Contrast]:
    """The shares of the most frequent languages, of the replies long enough to tell."""
    told = [[language_of(text) for text in side] for side in ([p.real for p in pairs], [p.generated for p in pairs])]
    counted = Counter(code for side in told for code in side if code != UNKNOWN)
    found: dict[str, Contrast] = {}
    for code, _ in counted.most_common(_LANGUAGES):
        ours, theirs = (
            (
                np.array([one == code for one in side], np.float64),
                np.array([one != UNKNOWN for one in side], np.float64),
            )
            for side in told
        )
        found[f"language {code}"] = contrast(ours, theirs, groups)
    return found


def _profiles(real: Sequence[Shape], generated: Sequence[Shape], groups: Groups, seed: int) -> dict[str, Distance]:
    counted = Counter(word for one in (*real, *generated) for word in one.words)
    numbers = {word: number for number, (word, _) in enumerate(counted.most_common())}
    every = [[[numbers[word] for word in one.words] for one in side] for side in (real, generated)]
    # All other words are as one.
    frequent = [[[min(word, FUNCTION_WORDS) for word in reply] for reply in side] for side in every]
    return {
        "function": distance(frequent[0], frequent[1], groups, seed),
        "all": distance(every[0], every[1], groups, seed),
    }


def _named(name: str) -> str:
    return "words that the person's other replies have" if name == "known" else name


def _part(difference: float) -> str:
    """A bound of the share that is told apart, of its difference from guessing."""
    return f"{min(1.0, max(0.0, 0.5 + difference)):.0%}"


def _shown(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.3g}"
