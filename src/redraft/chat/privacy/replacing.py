"""A text with its names replaced: those of the chat by pseudonyms, whatever else tells of a person by masks.

Neighbours: `forms` says what is looked for, `masks` knows what is masked of anybody, `review` what is left to a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from redraft.chat.privacy.app_lines import APPS_OWN, without_strangers
from redraft.chat.privacy.common_words import AMBIGUOUS, NOT_NAMES
from redraft.chat.privacy.forms import Form, forms_of, is_whole_name, without_prefix
from redraft.chat.privacy.inflections import Rule
from redraft.chat.privacy.looks import begins_sentence, is_near, looks_like_name
from redraft.chat.privacy.masks import count_masks, masked, without_file, without_titles
from redraft.chat.privacy.names import GROUP, REMOVED, Names
from redraft.chat.privacy.spelling import (
    DENSE,
    FEWEST_DIGITS,
    MOST_PLACES,
    PLACED,
    PLACES,
    WORD,
    cleaned,
    digits_of,
    fold,
    words_of,
)
from redraft.chat.privacy.strangers import Strangers
from redraft.chat_records import ChatKind
from redraft.datasets.privacy import DIGIT

_MENTION = re.compile("@\u2068([^\u2069\n]{1,120})\u2069")
_RUN = re.compile(r"\+?\(?\d(?:[\s()./\u2010-\u2015-]{0,3}\d){6,}")
# An account's name behind a name that is known.
_TAIL = re.compile(f"(@[{chr(PLACES)}-{chr(PLACES + MOST_PLACES)}])[_.-]?\\w[\\w.-]*")
# Short texts come again and again: so many of those in which nothing is replaced are kept in mind.
_MOST_SAME, _SHORT = 50_000, 40
# What may stand between the words of one name.
_GAP = 3
_JOINTS = frozenset((" ", "-", ".", "_"))

# From where to where whose name stands; and the word where it is but a part of that name.
_Span = tuple[int, int, str, str]


class Replacer:
    """Takes the names of one dataset out of texts. `counts` tells what was replaced and masked so far, by kind; `left`
    counts the words that may be names and stand there still; `lower` and `capital` those that are masked, by how they
    were written."""

    def __init__(self, names: Names) -> None:
        self._names, self._forms = names, forms_of(names)
        certain = frozenset(names.kept.certain) - frozenset(names.kept.keep)
        for title in names.kept.titles:
            if len(words := words_of(title)) == 1 and words[0] in certain:
                self._forms.words.setdefault(words[0], Form(GROUP, Rule.ALWAYS, 2))
        self._lengths = sorted(self._forms.numbers, reverse=True)
        self._strangers = Strangers(self._forms, names)
        self._same: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.lower: Counter[str] = Counter()
        self.capital: Counter[str] = Counter()

    def message(self, text: str, kind: ChatKind) -> str:
        """A message without what tells of a person. Of contacts and places nothing stays."""
        if kind in ("contact", "location"):
            self.counts[kind] += 1
            return "[CONTACT]" if kind == "contact" else "[PLACE]"
        if kind in APPS_OWN:
            line = without_strangers(self.text(self._without_short(without_titles(text)), line=True))
            if line.startswith("[NOTICE]"):
                self.counts["notice"] += 1
            return line
        return self.text(without_file(text) if kind == "media" else text)

    def text(self, text: str, *, line: bool = False) -> str:
        """A text of whatever origin, names replaced and all else masked. In a `line` of the app itself a whole name
        with a capital is one, also where it is a word."""
        if text in self._same:
            return text
        places: list[str] = []
        plain = cleaned(_marked(text, self._names, places))
        if self._forms.numbers and len(plain) >= FEWEST_DIGITS and DIGIT.search(plain):
            plain = _RUN.sub(lambda run: self._without_numbers(run[0], places), plain)
        strange = not places and self._strangers.alone(plain)
        plain = masked(plain if strange else self._without_names(plain, places, line))
        if not places:
            count_masks(plain, self.counts)
            if strange and len(text) <= _SHORT and plain == text and "[" not in text:
                self._keep_in_mind(text)
            return plain
        plain = _TAIL.sub(r"\1", plain)
        count_masks(plain, self.counts)
        self.counts["names"] += len(places)
        return PLACED.sub(lambda one: _put(one, places), plain)

    def _keep_in_mind(self, text: str) -> None:
        if len(self._same) >= _MOST_SAME:
            self._same.clear()
        self._same.add(text)

    def _without_names(self, text: str, places: list[str], line: bool) -> str:
        spans = list(self._spans(text, line))
        if not spans:
            return text
        kept: list[str] = []
        end, last, earlier = 0, "", ""
        for start, stop, pseudonym, part in _apart(spans):
            between = text[end:start]
            # First and last name of one who has three: one person.
            if not (pseudonym == last and part and earlier and part != earlier and between in _JOINTS):
                kept += [between, _placed(pseudonym, places)]
            end, last, earlier = stop, pseudonym, part
        return "".join([*kept, text[end:]])

    def _spans(self, text: str, line: bool) -> Iterator[_Span]:
        words, phrases = self._forms.words, self._forms.phrases
        found = list(WORD.finditer(text))
        keys = text.lower() if text.isascii() else ""
        folded = [keys[one.start() : one.end()] if keys else fold(one[0]) for one in found]
        for place, key in enumerate(folded):
            for row, pseudonym in phrases.get(key, ()):
                if _stands_there(row, place, found, folded):
                    yield found[place].start(), found[place + len(row) - 1].end(), pseudonym, ""
                    break
            form, start = words.get(key), found[place].start()
            if form is None and self._names.named_purged(key):
                if self._called_so(text, found, place, folded):
                    yield start, found[place].end(), REMOVED, ""
                continue
            if form is None and found[place][0][0].isupper() and self._names.formed_purged(key):
                if not begins_sentence(text, start):
                    yield start, found[place].end(), REMOVED, ""
                continue
            if form is None:
                if key < "\u0590" or (prefixed := without_prefix(key, words)) is None:
                    continue
                form, start = prefixed[0], start + prefixed[1]
            before = folded[place - 1] if place and is_near(text, found[place - 1].end(), found[place].start()) else ""
            certain = line and form.rank == 2 and found[place][0][0].isupper()
            if certain or self._is_meant(form, text, found[place], key, before):
                yield start, found[place].end() - form.kept, form.pseudonym, key if form.rank == 1 else ""
        if self._forms.dense is not None and DENSE.search(text):
            for one in self._forms.dense.finditer(text):
                yield one.start(), one.end(), self._forms.inside[one[0]], ""

    def _called_so(self, text: str, found: list[re.Match[str]], place: int, folded: list[str]) -> bool:
        """Whether a word by which a purged person was called is meant so."""
        word, key = found[place], folded[place]
        if key not in AMBIGUOUS and key not in NOT_NAMES:
            return True
        before = folded[place - 1] if place and is_near(text, found[place - 1].end(), word.start()) else ""
        return looks_like_name(text, word, key, before, word[0][0].isupper())

    def _is_meant(self, form: Form, text: str, word: re.Match[str], key: str, before: str) -> bool:
        capital = word[0][0].isupper()
        if form.rule is Rule.ALWAYS:
            if not capital and word[0][0].upper() != word[0][0]:
                self.lower[key] += 1
            elif capital:
                self.capital[key] += 1
            return True
        if form.rule is not Rule.LOOKS:
            return capital and (form.rule is Rule.CAPITAL or not begins_sentence(text, word.start()))
        meant = looks_like_name(text, word, key, before, capital)
        meant = meant or (form.rank == 2 and is_whole_name(text, word, key, before))
        if not meant:
            self.left[key] += 1
        return meant

    def _without_numbers(self, run: str, places: list[str]) -> str:
        """A run of digits without the numbers that are somebody's."""
        at = [place for place, one in enumerate(run) if one.isdecimal()]
        digits = digits_of(run)
        kept: list[str] = []
        start = end = 0
        while start < len(digits):
            length, pseudonym = self._number_at(digits, start)
            if pseudonym:
                # A plus or a parenthesis before it is the number's.
                kept += [run[end : at[start] if start else 0], _placed(pseudonym, places)]
                end = at[start + length - 1] + 1
            start += length
        return "".join([*kept, run[end:]])

    def _number_at(self, digits: str, start: int) -> tuple[int, str]:
        """The longest number that begins there: how many digits, and whose; (1, "") for none."""
        for length in self._lengths:
            if (pseudonym := self._forms.numbers[length].get(digits[start : start + length])) is not None:
                return length, pseudonym
        return 1, ""

    def _without_short(self, text: str) -> str:
        """Names of one letter or of emoji only, which a line of the app may hold."""
        for name, pseudonym in self._forms.literal.items():
            if name in text:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", pseudonym, text)
        return text


def _marked(text: str, names: Names, places: list[str]) -> str:
    """Mentions as apps mark them: what is between the marks is a name, whoever's it is."""
    if text.isascii():
        return text
    text = PLACED.sub("", text)
    if "@\u2068" not in text:
        return text
    return _MENTION.sub(lambda one: "@" + _placed(names.of(one[1]) or "[NAME]", places), text)


def mentions_in(text: str) -> list[str]:
    """The names that a text mentions, as apps mark them."""
    return _MENTION.findall(text) if "@\u2068" in text else []


def _placed(pseudonym: str, places: list[str]) -> str:
    """One character that stands for the pseudonym until all is masked."""
    if len(places) >= MOST_PLACES:
        return pseudonym
    places.append(pseudonym)
    return chr(PLACES + len(places) - 1)


def _put(one: re.Match[str], places: list[str]) -> str:
    pseudonym = places[ord(one[0]) - PLACES]
    # The digits of what follows are not the pseudonym's.
    return (
        f"{pseudonym}_" if pseudonym[-1].isdigit() and one.string[one.end() : one.end() + 1].isdecimal() else pseudonym
    )


def _apart(spans: list[_Span]) -> Iterator[_Span]:
    """Of names that overlap the one that begins first, then the longest."""
    end = 0
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        if span[0] >= end:
            yield span
            end = span[1]


def _stands_there(row: tuple[str, ...], place: int, found: list[re.Match[str]], folded: list[str]) -> bool:
    if tuple(folded[place : place + len(row)]) != row:
        return False
    words = found[place : place + len(row)]
    return all(after.start() - word.end() <= _GAP for word, after in pairwise(words))
