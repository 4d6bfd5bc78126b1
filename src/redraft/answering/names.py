"""Names of a text that nothing speaks for: capitalised words, compared caseless, without accents, with the endings that
a language gives them, spelled out or as initials.

Neighbours: `facts` asks, `word_lists` knows what is no name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache

from redraft.answering.spelling import PARTS, WORD, begins_sentence, folded, forms_of
from redraft.answering.word_lists import (
    ALIKE,
    BARE,
    DOING,
    DONE,
    ENDINGS,
    MONTHS,
    ORDINARY,
    ORDINARY_ENDINGS,
    TITLES,
    WEEKDAYS,
)

Words = Sequence[re.Match[str]]

_WITHIN = frozenset({"of", "the", "and", "for", "de"})
_ROMAN = re.compile(r"(?=[IVXLC]{2,})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_WORTH = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_PRONOUNS = frozenset({"i", "it", "he", "she", "they", "we", "you", "that", "there"})
_FEWEST_LETTERS = 4
# Many of something are no name: machines, but not Thomas, Paris or Marcus.
_PLURAL = re.compile(r"[^aious]s$")
_DONE = re.compile(r"[a-z]{3,}ed")
_NEVER_DONE = frozenset({"need", "indeed", "hundred", "speed", "exceed", "breed", "bleed", "embed", "sacred", "naked"})
_BEFORE_DONE = frozenset({"also", "first", "later", "soon", "never", "once", "then", "himself", "herself", "itself"})
# What is said before the sentence itself, with a comma behind: no names, whatever follows.
_SAID_FIRST = """
admittedly ah aha alas apologies fine forgive frankly gosh granted hm hmm hmmm honestly luckily oddly oh oops ouch
pardon pity regretfully sincerely thankfully true truly truthfully ugh um whoops
"""
_OPENERS = frozenset(_SAID_FIRST.split())
_BEHIND_OPENERS = frozenset({",", "!", ":", ";"})


class Known:
    """What a text (`spelling.plain`) says, as names may be found in it: its words, numbers, the months that it means.

    All of it is read when it is asked for: most names stand there as they are written. What is left of the words
    without their endings, initials that it writes, and those of names that it spells out are looked for once a word is
    not found as it stands.
    """

    def __init__(self, text: str, values: Callable[[], frozenset[str]], months: Callable[[], frozenset[int]]) -> None:
        self._text, self._values, self._months = text, values, months

    @property
    def values(self) -> frozenset[str]:
        return self._values()

    @property
    def months(self) -> frozenset[int]:
        return self._months()

    @cached_property
    def _found(self) -> Words:
        return list(WORD.finditer(self._text))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset[str]().union(*map(forms_of, {one[0] for one in self._found}))

    @cached_property
    def written(self) -> frozenset[str]:
        return frozenset(folded(one[0]).replace(".", "") for one in self._found if _is_initials(one[0]))

    @cached_property
    def spelled(self) -> frozenset[str]:
        return frozenset(_initials_of(self._found))

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(stem for word in self.words for stem in _stems(word))

    def shows(self, word: str) -> bool:
        """Whether a word of letters and digits alone stands there as it is written; it is one of `words` then."""
        place = self._text.find(word) if word.isalnum() and len(word) > 1 else -1
        while place >= 0:
            end = place + len(word)
            if not (self._text[place - 1 : place].isalnum() or self._text[end : end + 1].isalnum()):
                return True
            place = self._text.find(word, end)
        return False

    def holds(self, word: str) -> bool:
        """Whether a folded word stands there: itself, inflected, or as people also write it."""
        if word in self.words or any(one in self.words for one in ALIKE.get(word, ())):
            return True
        return not self._stems.isdisjoint(_stems(word))


def unknown_names(text: str, known: Known, numbers: Collection[int]) -> Iterator[str]:
    """Names of `text` (`spelling.plain`) that are not `known`; `numbers` are places that belong to numbers.

    The first word of a sentence counts as a name only where that shows.
    """
    words = list(WORD.finditer(text))
    capital = [_has_capital(one[0]) for one in words]
    spelled: set[int] | None = None
    for place, found in enumerate(words):
        if not capital[place] or found.start() in numbers or _opens(text, found):
            continue
        if begins_sentence(text, found.start()) and not _shows(text, place, words, capital):
            continue
        word = found[0].rstrip(".") if found[0].count(".") == 1 else found[0]
        if _is_told(word, known):
            continue
        spelled = _spelled_out(words, capital, known) if spelled is None else spelled
        if place not in spelled:
            yield word.removesuffix("'s")


def _has_capital(word: str) -> bool:
    return not word.islower() and any(sign.isupper() for sign in word) and not word[0].isdigit()


def _opens(text: str, found: re.Match[str]) -> bool:
    """Whether a word is an opener, such as "Honestly" or "Alas", of whatever comes behind its comma."""
    return text[found.end() : found.end() + 1] in _BEHIND_OPENERS and folded(found[0]) in _OPENERS


def _is_told(word: str, known: Known) -> bool:
    """Whether a capitalised word is known, whole or in its parts, or no name at all."""
    whole = folded(word).replace(".", "").removesuffix("'s")
    if whole in MONTHS or whole in WEEKDAYS:
        table = MONTHS if whole in MONTHS else WEEKDAYS
        same = (name for name, value in table.items() if value == table[whole])
        return (
            known.shows(word)
            or any(one in known.words for one in same)
            or (whole in MONTHS and MONTHS[whole] in known.months)
        )
    if whole in ORDINARY or whole in TITLES or whole.split("'")[0] in _PRONOUNS or known.shows(word.removesuffix("'s")):
        return True
    if known.holds(whole) or known.holds(whole.replace("-", "")) or (_is_initials(word) and whole in known.spelled):
        return True
    if _ROMAN.fullmatch(word) and str(_value(word)) in known.values:
        return True
    parts = [one for one in PARTS.findall(whole) if not one.isdigit()]
    return len(parts) > 1 and all(one in ORDINARY or known.holds(one) or len(one) == 1 for one in parts)


def _shows(text: str, place: int, words: Words, capital: Sequence[bool]) -> bool:
    """Whether the first word of a sentence is surely a name: spelled or inflected like one, before another, or doing
    something although it is no ordinary word."""
    word = words[place][0]
    whole = folded(word.removesuffix("'s").rstrip("."))
    if whole in ORDINARY:
        return False
    if sum(one.isupper() for one in word) > 1:
        return True
    hardly, after = whole.endswith((*ORDINARY_ENDINGS, "n't")) or whole in BARE, place + 1
    between = text[words[place].end() : words[after].start()] if after < len(words) else ""
    if between == " " or (between == ", " and not hardly):
        following = after + 1 if words[after][0] == "and" and after + 1 < len(words) else after
        if capital[following] and folded(words[following][0]).split("'")[0] not in ORDINARY:
            return True
        if words[after][0] in DOING and not hardly:
            return True
        if between == " " and not hardly and not _PLURAL.search(whole) and _has_done(words, after):
            return True
    return word.endswith("'s") and not hardly


def _has_done(words: Words, place: int) -> bool:
    """Whether a verb that tells what somebody did stands there, or behind one word such as "first" or "also"."""
    said = words[place][0]
    if (said in _BEFORE_DONE or said.endswith("ly")) and place + 1 < len(words):
        said = words[place + 1][0]
    return said in DONE or (_DONE.fullmatch(said) is not None and said not in _NEVER_DONE)


def _spelled_out(words: Words, capital: Sequence[bool], known: Known) -> set[int]:
    """Places of names that are only known by initials: United States, where U.S. is said."""
    found: set[int] = set()
    for start in range(len(words)):
        places = list[int]()
        for place in range(start, min(start + 8, len(words))):
            if capital[place]:
                places.append(place)
            elif folded(words[place][0]) not in _WITHIN:
                break
            if len(places) > 1 and "".join(folded(words[one][0])[0] for one in places) in known.written:
                found.update(places)
    return found


def _initials_of(words: Words) -> Iterable[str]:
    """First letters of capitalised words in a row, little words left out or not."""
    for start, first in enumerate(words):
        if not first[0][0].isupper():
            continue
        short = full = ""
        for found in words[start : start + 9]:
            letter = folded(found[0])[0]
            if found[0][0].isupper():
                short, full = short + letter, full + letter
                if len(short) > 1:
                    yield from (short, full)
            elif folded(found[0]) in _WITHIN:
                full += letter
            else:
                break


def _is_initials(word: str) -> bool:
    """NASA, U.S., but no word in capitals that has others in it."""
    return len(word) > 1 and word.replace(".", "").isalpha() and word.isupper()


@lru_cache(maxsize=1 << 16)
def _stems(word: str) -> tuple[str, ...]:
    """A word and what is left of it without an ending that names take: Mexic of Mexico and of Mexican."""
    endings = (one for one in ENDINGS if word.endswith(one) and len(word) - len(one) >= _FEWEST_LETTERS)
    return (word, *(word[: -len(one)] for one in endings))


def _value(roman: str) -> int:
    values = [_WORTH[one] for one in roman]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)
