"""What is looked for in texts: names, their parts and inflected forms, titles of groups, and numbers in any spelling.

Neighbours: `names` has the names, `replacing` looks for these forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from redraft.chat.exports.notice_words import NOBODY
from redraft.chat.privacy.common_words import AMBIGUOUS, BEFORE_MONTHS, EVERYDAY, MONTHS, NOT_NAMES, UNLIKELY, calls
from redraft.chat.privacy.inflections import Rule, inflections
from redraft.chat.privacy.names import GROUP, Names
from redraft.chat.privacy.spelling import DENSE, fold, is_number, numbers_in, spellings, words_of
from redraft.chat.privacy.variants import parts_of, shortened, spelt_otherwise

SEVERAL = "[NAME]"  # of a name that several people have


class Form(NamedTuple):
    """A word that is looked for. `rank` tells a whole name (2) from a part (1) and an inflected form (0); `kept` is how
    many letters at its end stay."""

    pseudonym: str
    rule: Rule
    rank: int
    kept: int = 0


_plainly = dict["str", "Form"].get


class Words(dict[str, Form]):
    """Forms by their folded word, which is found with its letters lengthened, too: Tooom."""

    def get(self, word: str, default: Form | None = None) -> Form | None:  # type: ignore[override]
        form = _plainly(self, word)
        # Numbers, which are before "a", are not kept in mind.
        if form is None and len(word) > _FEWEST_LONG and word >= "a" and (short := shortened(word)):
            return next((self[one] for one in short if one in self), default)
        return default if form is None else form


class Forms(NamedTuple):
    """`words` by their folded form; `phrases` are words in a row, by the first of them, the longest first.

    `dense` finds names in scripts without spaces, whose pseudonyms are in `inside`; `numbers` are digits, by their
    count; `literal` are names without a word of two letters, looked for in lines of the app only.
    """

    words: Words
    phrases: dict[str, list[tuple[tuple[str, ...], str]]]
    dense: re.Pattern[str] | None
    inside: dict[str, str]
    numbers: dict[int, dict[str, str]]
    literal: dict[str, str]


_FEWEST_JOINED = 5
_FEWEST_LONG = 3
_AFTER_CALLED = frozenset(",!?:")
_ENDS = frozenset(".!?\n\u2026")
# Letters of Hebrew and Arabic that are written with the word behind them.
PREFIXES = {"arabic": "وفبلكا", "hebrew": "והבלכמש"}


def forms_of(names: Names) -> Forms:
    """All forms of all names, made once."""
    found = Forms(Words(), {}, None, {}, {}, {})
    certain, keep = frozenset(names.kept.certain), frozenset(names.kept.keep)
    for name, pseudonym in names.people():
        _add_numbers(found, name, pseudonym)
        if not is_number(name):
            _add_name(found, name, pseudonym, certain, keep)
    for title in names.kept.titles:
        if len(words := words_of(title)) > 1:
            _add_phrase(found, words, GROUP)
    for phrases in found.phrases.values():
        phrases.sort(key=lambda phrase: -len(phrase[0]))
    # A name within a name: the longest is tried first. Korean particles stand behind, never before.
    dense = sorted(found.inside, key=lambda part: (-len(part), part))
    pattern = re.compile("|".join(map(_bounded, dense))) if dense else None
    return found._replace(dense=pattern)


def _add_name(found: Forms, name: str, pseudonym: str, certain: frozenset[str], keep: frozenset[str]) -> None:
    own = words_of(name)
    # An app that calls its user so: whoever says you or I means somebody else.
    if name.casefold() in NOBODY and not certain.intersection(own):
        return
    for words in (own, *sorted(spelt_otherwise(name) - {own})):
        if len(words) > 1:
            for row in (words, words[::-1]) if len(words) == 2 else (words,):
                _add_phrase(found, row, pseudonym)
            _add_joined(found, words, pseudonym, keep)
        for place, word in enumerate(words):
            if not calls(words, place) and word not in certain:
                continue
            rank = (2 if len(words) == 1 else 1) if words is own or word in own else 0
            _add_part(found, word, pseudonym, rank, certain, keep)
    for row in parts_of(name):
        if not keep.intersection(("".join(row), *(word for word in row if len(word) > 1))):
            _add_phrase(found, row, pseudonym)
    if not any(len(word) > 1 for word in own):
        found.literal[name] = pseudonym


def _add_joined(found: Forms, words: tuple[str, ...], pseudonym: str, keep: frozenset[str]) -> None:
    """The whole name without its spaces, and any two neighbours of it: Anna-Lena Weber is annalena, too."""
    for row in (words, words[::-1]) if len(words) == 2 else (words,):
        if len(joined := "".join(row)) > 3 and joined not in keep:
            sure = row is words or not (joined in AMBIGUOUS | EVERYDAY or DENSE.search(joined))
            _add_word(found, joined, Form(pseudonym, Rule.ALWAYS if sure else Rule.LOOKS, 2))
    for pair in pairwise(words):
        both = "".join(pair)
        if len(words) == 2 or both in keep or DENSE.search(both) or NOT_NAMES.issuperset(pair):
            continue
        is_word = len(both) < _FEWEST_JOINED or both in AMBIGUOUS | NOT_NAMES | EVERYDAY
        rule = Rule.LOOKS if is_word else Rule.ALWAYS
        _add_word(found, both, Form(pseudonym, rule, 1))


def _add_part(
    found: Forms, word: str, pseudonym: str, rank: int, certain: frozenset[str], keep: frozenset[str]
) -> None:
    if len(word) < 2 or word.isdecimal() or word in keep:
        return
    if DENSE.search(word):
        for part in _dense_parts(word):
            _merge(found.inside, part, pseudonym)
        return
    sure = word in certain or not (word in AMBIGUOUS or word in NOT_NAMES)
    _add_word(found, word, Form(pseudonym, Rule.ALWAYS if sure else Rule.LOOKS, rank))
    for inflected, rule, kept in inflections(word, sure) if sure or word not in UNLIKELY else ():
        if inflected not in keep and inflected not in AMBIGUOUS:
            _add_word(found, inflected, Form(pseudonym, rule, 0, kept))


def _add_word(found: Forms, word: str, form: Form) -> None:
    there = found.words.get(word)
    if there is None or form.rank > there.rank:
        found.words[word] = form
    elif form.rank == there.rank:
        several = form.pseudonym if form.pseudonym == there.pseudonym else SEVERAL
        found.words[word] = Form(several, max(form.rule, there.rule), form.rank, form.kept)


def _add_phrase(found: Forms, words: tuple[str, ...], pseudonym: str) -> None:
    rows = found.phrases.setdefault(words[0], [])
    for place, (row, other) in enumerate(rows):
        if row == words:
            rows[place] = (row, other if other in (pseudonym, GROUP) or pseudonym == GROUP else SEVERAL)
            return
    rows.append((words, pseudonym))


def _merge(into: dict[str, str], key: str, pseudonym: str) -> None:
    into[key] = pseudonym if into.get(key, pseudonym) == pseudonym else SEVERAL


def _add_numbers(found: Forms, name: str, pseudonym: str) -> None:
    for number in [name] if is_number(name) else numbers_in(name):
        for digits in spellings(number):
            _merge(found.numbers.setdefault(len(digits), {}), digits, pseudonym)


def _dense_parts(word: str) -> Iterable[str]:
    """The word, and of three or four characters what is called by itself: a given name, a surname of two."""
    yield word
    if len(word) in (3, 4) and re.fullmatch("[\u3400-\u9fff]+|[\uac00-\ud7a3]+", word):
        yield word[-2:]
    if len(word) == 4 and re.fullmatch("[\u3400-\u9fff]+", word):
        yield word[:2]


def _bounded(part: str) -> str:
    """Two syllables of Korean begin a word; two Chinese characters stand anywhere."""
    before = "(?<![\uac00-\ud7a3])" if "\uac00" <= part[0] <= "\ud7a3" and len(part) < 3 else ""
    return before + re.escape(part)


def without_prefix(word: str, words: dict[str, Form]) -> tuple[Form, int] | None:
    """The form that follows one to three letters of Hebrew or Arabic which are written with it, and how many."""
    script = "arabic" if "\u0620" <= word[0] <= "\u064a" else "hebrew" if "\u05d0" <= word[0] <= "\u05ea" else ""
    for count in range(1, 4) if script else ():
        if word[count - 1] not in PREFIXES[script] or len(word) - count < 3:
            return None
        if (form := words.get(word[count:])) is not None and form.rank:
            return form, count
    return None


def is_whole_name(text: str, word: re.Match[str], key: str, before: str) -> bool:
    """Whether a word that is somebody's whole name, and a word as well, is the name here: with a capital always, but
    for months; in small letters where somebody is addressed. `before` is the word before it, folded."""
    start, end = word.span()
    if key in MONTHS and (before in BEFORE_MONTHS or before.isdecimal() or text[end : end + 2].strip().isdecimal()):
        return False
    if text[start].isupper():
        return True
    earlier = text[:start].rstrip(" \t")[-1:]
    if not earlier or earlier in _ENDS:
        return text[end : end + 1] in _AFTER_CALLED
    return earlier == "," and not text[end:].strip(" .!?\u2026")[:1].isalnum()


def is_name_word(word: str, forms: Forms) -> bool:
    """Whether it is looked for at all."""
    folded = fold(word)
    return forms.words.get(folded) is not None or any(part in folded for part in forms.inside)
