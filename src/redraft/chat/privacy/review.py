"""What a person should look at after names were taken out: words that may be names still, and words that may be none.

Neighbours: `replacing` counts the doubtful words, `keeping` writes the list; `--also` and `--keep` mend what is on it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec

from redraft.chat.privacy.common_words import AMBIGUOUS, GREETINGS, NOT_NAMES
from redraft.chat.privacy.forms import forms_of, is_name_word
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.spelling import WORD, cleaned, fold

FEWEST = 3
MOST_LISTED = 200
# Words that are counted at once; the rare ones are forgotten first.
MOST_WORDS = 60_000
_INSIDE = re.compile(r"(?<=[^\W_]) ([^\W\d_]{2,40})(?![\w])")
# Before a name there is none of these, before a noun of German often.
_DETERMINERS = """
the a an my your his her our their this that these those some any no every der die das den dem des ein eine einen
einem einer eines mein meine meinen dein deine deinen sein seine ihr ihre unser unsere kein keine keinen jede jeder
jedes diese dieser dieses viel viele im am zum zur beim vom ins le la les un une du mon ma mes ton ta tes son sa ses
ce cette el los las una mi tu su il lo gli i de het een
"""
_NOBODY = """
how what why who when where is are was were do did can could wie wo wer wann warum hast bist ist que como comment
there all guys everyone everybody you again so for from to and i the my dude man girl it zusammen alle leute
"""
_BEFORE_NOUNS, _NOT_CALLED = frozenset(_DETERMINERS.split()), frozenset(_NOBODY.split())

Why = Literal["looks like a name", "is addressed", "name or word, left as a word", "masked, perhaps a word"]


class Doubt(msgspec.Struct, frozen=True):
    """A word of the review list, how often it was met, and how it is mended where it should be."""

    word: str
    why: Why
    count: int
    mend: str


class Watch:
    """Counts, while a chat is read for the first time, what looks like names in it. Memory does not grow with it."""

    def __init__(self) -> None:
        self._capital: Counter[str] = Counter()
        self._determined: Counter[str] = Counter()
        self._small: Counter[str] = Counter()
        self._greeted: Counter[str] = Counter()

    def see(self, text: str) -> None:
        """A text as it was written."""
        before = ""
        plain = cleaned(text)
        shouted = plain.isupper()
        inside = {found.start(1) for found in _INSIDE.finditer(plain)}
        for found in WORD.finditer(plain):
            word = found[0]
            if not word[0].isalpha() or not 1 < len(word) <= 40:
                before = ""
                continue
            if word[0].isupper():
                if not shouted and found.start() in inside:
                    self._capital[word] += 1
                    if before in _BEFORE_NOUNS:
                        self._determined[word] += 1
            elif word.islower():
                self._small[word] += 1
            if before in GREETINGS:
                self._greeted[fold(word)] += 1
            before = fold(word)
        for counter in (self._capital, self._small, self._greeted):
            if len(counter) > MOST_WORDS:
                _prune(counter)

    def doubts(self, names: Names, replacer: Replacer) -> list[Doubt]:
        """The review list, what is met most first in each kind."""
        forms = forms_of(names)
        known = frozenset(names.kept.keep)
        found: dict[str, Doubt] = {}
        for word, count in self._strangers():
            key = fold(word)
            if key not in known and key not in found and not is_name_word(word, forms):
                found[key] = Doubt(word, "looks like a name", count, f"--also {word}")
        nobody = known | _NOT_CALLED | NOT_NAMES | GREETINGS | AMBIGUOUS
        for key, count in self._greeted.items():
            called = count >= FEWEST and self._small[key] < 4 * count
            if called and key not in nobody | found.keys() and not is_name_word(key, forms):
                found[key] = Doubt(key, "is addressed", count, f"--also {key}")
        strangers = sorted(found.values(), key=lambda one: (-one.count, one.word))[:MOST_LISTED]
        left = [Doubt(word, "name or word, left as a word", n, f"--also {word}") for word, n in replacer.left.items()]
        lower = [
            Doubt(word, "masked, perhaps a word", count, f"--keep {word}")
            for word, count in replacer.lower.items()
            if count >= FEWEST and count > 4 * replacer.capital[word]
        ]
        return [*strangers, *_most(left), *_most(lower)]

    def _strangers(self) -> Iterator[tuple[str, int]]:
        for word, count in self._capital.most_common():
            small = self._small[word.lower()]
            if (
                count >= FEWEST
                and small <= count
                and self._determined[word] <= count / 5
                and fold(word) not in NOT_NAMES
            ):
                yield word, count


def listed(doubts: list[Doubt]) -> bytes:
    """The list as JSON lines."""
    return b"".join(msgspec.json.encode(doubt) + b"\n" for doubt in doubts)


def _most(doubts: list[Doubt]) -> list[Doubt]:
    return sorted(doubts, key=lambda one: (-one.count, one.word))[:MOST_LISTED]


def _prune(counter: Counter[str]) -> None:
    for word, _ in counter.most_common()[MOST_WORDS // 2 :]:
        del counter[word]
