"""What a person should look at after names were taken out: words that may be names still, and words that may be none.

Neighbours: `counting` counts what is met, `replacing` the doubtful words, `keeping` writes the list; `--also` and
`--keep` mend what is on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from redraft.chat.privacy.common_words import AMBIGUOUS, GIVEN, GREETINGS, NOT_NAMES
from redraft.chat.privacy.counting import Words
from redraft.chat.privacy.forms import forms_of, is_name_word
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.spelling import WORD, cleaned, fold

FEWEST = 3
MOST_LISTED = 200
_NOBODY = """
how what why who when where is are was were do did can could wie wo wer wann warum hast bist ist que como comment
there all guys everyone everybody you again so for from to and i the my dude man girl it zusammen alle leute
"""
_NOT_CALLED = frozenset(_NOBODY.split())

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
        self._words = Words()
        self._asked: dict[str, None] = {}

    def see(self, text: str) -> None:
        """A text as it was written."""
        self._words.see(text)

    def met(self, word: str) -> bool:
        """Whether people write a word, with a capital as it is given or without."""
        return bool(self._words.capital[word] or self._words.first[word] or self._words.small[word.lower()])

    def is_name(self, name: str, *, weak: bool) -> bool:
        """Whether people use the words of `name`, which stands in a line of the app, as a name: with capitals, never as
        a noun or in small letters. A `weak` one, which any noun may be, is a name where somebody is addressed so. What
        is none is put on the review list."""
        words = [word for word in WORD.findall(cleaned(name)) if word[0].isupper()]
        called = any(self._words.greeted[fold(word)] for word in words)
        met = not weak and any(self._words.capital[word] or self._words.first[word] for word in words)
        if (called or met) and not any(
            self._words.small[word.lower()] or self._words.determined[word] for word in words
        ):
            return True
        self._asked.update({word: None for word in words if not weak or not self._words.small[word.lower()]})
        return False

    def doubts(self, names: Names, replacer: Replacer) -> list[Doubt]:
        """The review list, what is met most first in each kind."""
        forms = forms_of(names)
        known = frozenset(names.kept.keep)
        found: dict[str, Doubt] = {}
        for word, count in self._strangers():
            key = fold(word)
            if key not in known and key not in found and not is_name_word(word, forms):
                found[key] = Doubt(word, "looks like a name", count, f"--also {word}")
        for word in self._asked:
            key, words = fold(word), self._words
            count = words.capital[word] + words.first[word] + words.small[word.lower()]
            if count and key not in known | NOT_NAMES and key not in found and not is_name_word(word, forms):
                found[key] = Doubt(word, "looks like a name", count, f"--also {word}")
        nobody = known | _NOT_CALLED | GREETINGS | ((NOT_NAMES | AMBIGUOUS) - GIVEN)
        for key, count in self._words.greeted.items():
            called = count >= FEWEST and self._words.small[key] < 4 * count
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
        for word, count in self._words.capital.most_common():
            small = self._words.small[word.lower()]
            if (
                count >= FEWEST
                and small <= count
                and self._words.determined[word] <= count / 5
                and fold(word) not in NOT_NAMES - GIVEN
            ):
                yield word, count


def listed(doubts: list[Doubt]) -> bytes:
    """The list as JSON lines."""
    return b"".join(msgspec.json.encode(doubt) + b"\n" for doubt in doubts)


def _most(doubts: list[Doubt]) -> list[Doubt]:
    return sorted(doubts, key=lambda one: (-one.count, one.word))[:MOST_LISTED]
