"""Words of a chat by how they are written: with capitals within a sentence, in small letters, behind a greeting.

Most messages are counted part by part without a closer look. Neighbour: `review` makes its list of what is counted.
"""

from __future__ import annotations

import re
from collections import Counter

from redraft.chat.privacy.common_words import GREETINGS
from redraft.chat.privacy.spelling import WORD, cleaned, fold
from redraft.datasets.privacy import DIGIT

# Words that are counted at once; the rare ones are forgotten first.
MOST_WORDS = 60_000
_MOST_PARTS, _LONGEST = 100_000, 40
_INSIDE = re.compile(r"(?<=[^\W_]) ([^\W\d_]{2,40})(?![\w])")
# A word with a capital as it stands between two spaces, nothing but signs of a sentence behind it.
_CAPITAL = re.compile(r"([^\W\d_]{2,40})[.,!?;:)]*\Z")
# Before a name there is none of these, before a noun of German often.
_DETERMINERS = """
the a an my your his her our their this that these those some any no every der die das den dem des ein eine einen
einem einer eines mein meine meinen dein deine deinen sein seine ihr ihre unser unsere kein keine keinen jede jeder
jedes diese dieser dieses viel viele im am zum zur beim vom ins le la les un une du mon ma mes ton ta tes son sa ses
ce cette el los las una mi tu su il lo gli i de het een
"""
_BEFORE_NOUNS = frozenset(_DETERMINERS.split())
_QUIET, _LOUD = "", " "


class _Kinds(dict[str, str]):
    """What stands between two spaces: quiet in small letters, a word with a capital (the word), or loud, to be looked
    at word by word. Each is judged once. `greetings` are those that are a greeting and no other word."""

    def __init__(self) -> None:
        super().__init__()
        self.greetings: set[str] = set()

    def __missing__(self, part: str) -> str:
        if len(self) >= _MOST_PARTS:
            self.clear()
            self.greetings.clear()
        words = WORD.findall(part)
        greets = any(fold(word) in GREETINGS for word in words)
        kind = _LOUD if greets and len(words) > 1 else _kind_of(part, words)
        if len(part) <= _LONGEST and DIGIT.search(part) is None:
            self[part] = kind
            if greets:
                self.greetings.add(part)
        return kind


class Words:
    """`capital` counts words with a capital inside of a sentence, `determined` those of them behind an article, `first`
    other capitals, `greeted` folded words behind a greeting. Memory does not grow with the chat."""

    def __init__(self) -> None:
        self.capital: Counter[str] = Counter()
        self.determined: Counter[str] = Counter()
        self.first: Counter[str] = Counter()
        self.greeted: Counter[str] = Counter()
        self._small: Counter[str] = Counter()
        self._parts: Counter[str] = Counter()
        self._kinds = _Kinds()

    @property
    def small(self) -> Counter[str]:
        """Words in small letters."""
        for part, count in self._parts.items():
            for word in WORD.findall(part):
                if _counts(word) and word.islower():
                    self._small[word] += count
        self._parts.clear()
        return self._small

    def see(self, text: str) -> None:
        """A text as it was written."""
        plain = cleaned(text)
        parts = plain.split(" ")
        known = self._kinds
        kinds = [known[part] for part in parts]
        if _LOUD in kinds or (plain.isupper() and any(kinds)):
            self._look_at(plain)
        else:
            # Numbers are seldom met again.
            self._parts.update([part for part in parts if not part.isdecimal()] if DIGIT.search(plain) else parts)
            for place, word in enumerate(kinds):
                if word:
                    self._count(word, parts[place - 1] if place else "")
            if not known.greetings.isdisjoint(parts):
                self._greet(parts)
        for counter in (self.capital, self.greeted, self.first):
            if len(counter) > MOST_WORDS:
                _prune(counter)
        if len(self._parts) > MOST_WORDS and len(self.small) > MOST_WORDS:
            _prune(self._small)

    def _count(self, word: str, before: str) -> None:
        """A word with a capital, behind the part `before` and a space."""
        if not before[-1:].isalnum():
            self.first[word] += 1
            return
        self.capital[word] += 1
        last = WORD.findall(before)[-1]
        if _counts(last) and fold(last) in _BEFORE_NOUNS:
            self.determined[word] += 1

    def _greet(self, parts: list[str]) -> None:
        """Who stands behind a greeting; emoji between do not part them."""
        greeted = False
        for part in parts:
            if greeted and (found := WORD.search(part)) and _counts(found[0]):
                self.greeted[fold(found[0])] += 1
            greeted = part in self._kinds.greetings or (greeted and WORD.search(part) is None)

    def _look_at(self, plain: str) -> None:
        """Word by word."""
        before = ""
        shouted = plain.isupper()
        inside = {found.start(1) for found in _INSIDE.finditer(plain)}
        for found in WORD.finditer(plain):
            word = found[0]
            if not _counts(word):
                before = ""
                continue
            if word[0].isupper():
                if not shouted and found.start() in inside:
                    self.capital[word] += 1
                    if before in _BEFORE_NOUNS:
                        self.determined[word] += 1
                elif not shouted:
                    self.first[word] += 1
            elif word.islower():
                self._small[word] += 1
            folded = fold(word)
            if before in GREETINGS:
                self.greeted[folded] += 1
            before = folded
        if len(self._small) > MOST_WORDS:
            _prune(self._small)


def _kind_of(part: str, words: list[str]) -> str:
    if len(part) > _LONGEST:
        return _LOUD
    if any(word[0].isupper() and _counts(word) for word in words):
        found = _CAPITAL.match(part)
        return found[1] if found else _LOUD
    return _QUIET


def _counts(word: str) -> bool:
    return word[0].isalpha() and 1 < len(word) <= _LONGEST


def _prune(counter: Counter[str]) -> None:
    for word, _ in counter.most_common()[MOST_WORDS // 2 :]:
        del counter[word]
