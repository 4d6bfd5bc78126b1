"""Whether a sentence keeps the extractive answer: its words in their order, inflected at most; or denies or copies it.

Inflected is also a place that stands there as its people, where no other name looks like that: Japan and Japanese.
Neighbours: `style` tells the faults, `number_words` compares numbers by value, `amounts` by currency and sign.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from redraft.answering.amounts import Amount, amount_of
from redraft.answering.number_words import numbers_in
from redraft.answering.sentences import sentences_of
from redraft.answering.spelling import folded, plain
from redraft.answering.word_lists import ALIKE, LITTLE, MONTHS

# An answer of more words is a clause of its own: it fits into no sentence as it stands.
LONG = 5
LONG_KEPT = 0.75
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[%$€£]")
_INITIALS = re.compile(r"\b[^\W\d_](?:\.[^\W\d_])+\b\.?")
_CURRENCY = re.compile(r"\b[a-z]{1,3}(?=[$€£])")
_DEGREES = re.compile(r"(?:\u00b0|\bdegrees?)\s*(?:(?P<celsius>c(?:elsius|entigrade)?)|f(?:ahrenheit)?)\b")
# What stands for a word, or may be left out.
_SIGNS = {"%": "percent", "pc": "percent", "percentage": "percent"}
_UNSAID = frozenset({"$", "€", "£", "dollar", "dollars", "us$"})
_NEGATORS = frozenset(
    {
        "not", "never", "neither", "nor", "without", "except", "isn't", "wasn't", "weren't", "aren't",
        "don't", "doesn't", "didn't", "hasn't", "haven't", "hadn't", "won't", "can't",
        "cannot", "couldn't", "wouldn't", "shouldn't",
    }
)  # fmt: skip
_NEGATING = (
    ("rather", "than"), ("instead", "of"), ("other", "than"), ("no", "longer"), ("apart", "from"),
    *((all_of, "but") for all_of in ("everyone", "everybody", "everything", "anyone", "anybody", "anything")),
)  # fmt: skip
_FIRST_OF_TWO = frozenset(first for first, _ in _NEGATING)
# What may stand between a negator and what it negates, or between the words of an answer.
_BETWEEN = LITTLE | {"been", "being", "called", "actually", "really", "because", "about", "into", "&", "than"}
# What denies the whole sentence behind it.
_DISBELIEF = re.compile(
    r"\b(?:it(?:'s| is| was| would be) (?:simply |just |quite |completely |certainly )?(?:false|untrue|not true"
    r"|incorrect|wrong|a lie|a myth|doubtful|unlikely|not the case|not so)(?: to say)? that"
    r"|(?:i|we) (?:\w+ )?(?:doubt|deny|dispute|disbelieve|(?:do not|don't|cannot|can't) (?:think|believe)))\b"
)
# Words about answers, not about the matter.
_TALKING = """
answer answers question questions span spans extracted extractive extract extracting quoted quote verbatim string phrase
token tokens snippet response reply correct right exact precise requested request asked ask asking wanted want wants
seek seeking sought looking query given provided here above following final short simply just indeed surely certainly
you your i me my we there yes so
"""
_TALK = frozenset(_TALKING.split())
_SUFFIXES = ("'s", "'", "es", "s", "ed", "ing", "d", "ly")
_FEWEST_LETTERS = 4
_CAPITAL = re.compile(r"\b[A-Z]\w+")
# The people of a place, by the endings that no name of a person takes: Julian is not of Julia, nor Lutheran Luther.
_PEOPLE = re.compile(r"(?P<place>\w{4,})ese|(?P<state>\w+stan)is?")


class _Token(msgspec.Struct, frozen=True):
    """`capital`: it is written with one, here or elsewhere in its text. `amount`: a number's currency and sign."""

    word: str
    values: tuple[str, ...]
    capital: bool = False
    amount: Amount | None = None


def is_kept(answer: str, text: str) -> bool:
    """Whether the words of `answer` stand in `text`, one after the other; of a long answer most of them."""
    wanted, said = _meaning(answer), _tokens(text)
    if not wanted:
        return folded(answer).strip() in folded(text)
    if _places(wanted, said):
        return True
    if _is_date(wanted):  # March 5, 2004 is the 5th of March 2004
        return all(any(_same(one, two) for two in said) for one in wanted)
    if len(wanted) <= LONG:
        return False
    return _numbers_kept(wanted, said) and _share(wanted, said) >= LONG_KEPT


def is_negated(answer: str, text: str, context: str, question: str) -> bool:
    """Whether every place where `text` has the answer denies it, as far as that can be told for sure.

    Where the question or the context denies something itself, nothing can.
    """
    wanted, said = _meaning(answer), _tokens(text)
    if _is_disbelieved(answer, text) and not any(_DISBELIEF.search(folded(one)) for one in (context, question)):
        return True
    if not _has_negator(said) and not any(one.word in _FIRST_OF_TWO for one in said):
        return False
    places = _places(wanted, said)
    if not places or _has_negator(_tokens(question)) or _has_negator(wanted):
        return False
    if not all(_is_denied(said, place) for place in places):
        return False
    there = _tokens(context)
    return not any(_is_denied(there, place) for place in _places(wanted, there))


def near_copy(answer: str, text: str, question: str = "") -> bool:
    """Whether `text` is the answer, once or again and again, without a word more that says something: little ones
    aside, and those that talk of answers and questions, unless the question is about these."""
    wanted = _meaning(answer)
    said = tuple(one for one in _tokens(text) if one.word not in _BETWEEN)
    if not (places := _places(wanted, said)):
        return False
    inside = {at + step for at in places for step in range(len(wanted))}
    talk = _TALK - {one.word for one in _tokens(question)}
    return all(one.word in talk for at, one in enumerate(said) if at not in inside)


def _is_disbelieved(answer: str, text: str) -> bool:
    """Whether every sentence that has the answer is denied as a whole."""
    having = [one for one in sentences_of(text) if is_kept(answer, one)]
    return bool(having) and all(_DISBELIEF.search(folded(one)) for one in having)


def states(text: str, answer: str) -> str | None:
    """None where a text says the answer "yes" or "no"; else why not: `dropped`, or `negated` for the other one."""
    words = [one.word for one in _tokens(text)]
    other = "no" if answer == "yes" else "yes"
    if words[:1] == [other]:
        return "negated"
    return None if answer in words else "dropped"


@lru_cache(maxsize=64)
def _tokens(text: str) -> tuple[_Token, ...]:
    said = _INITIALS.sub(lambda found: found[0].replace(".", ""), folded(text))
    said = _CURRENCY.sub("", said.replace("per cent", "percent"))
    said = _DEGREES.sub(lambda found: " celsius" if found["celsius"] else " fahrenheit", said)
    numbers = {one.start: one for one in numbers_in(said)}
    inside = {place: one for one in numbers.values() for place in range(one.start, one.end)}
    amounts = {start: amount_of(said, one) for start, one in numbers.items()}
    signs = {place for one in amounts.values() for span in one.beside for place in range(*span)}
    capital = {folded(one) for one in _CAPITAL.findall(plain(text))}
    found: list[_Token] = []
    for word in _WORD.finditer(said):
        one = inside.get(word.start())
        if word[0] in _UNSAID or word.start() in signs:
            continue
        if one is None:
            found.append(_Token(_SIGNS.get(word[0], word[0]), (), word[0] in capital))
        elif one.start == word.start():
            found.append(_Token(one.text, one.values, amount=amounts[one.start]))
    return tuple(found)


def _meaning(answer: str) -> tuple[_Token, ...]:
    """The answer's words without little ones at its ends and within; all of them where it has no others."""
    tokens = _tokens(answer)
    return tuple(one for one in tokens if one.word not in _BETWEEN) or tokens


def _places(wanted: tuple[_Token, ...], said: tuple[_Token, ...]) -> list[int]:
    """Where the words of `wanted` begin in `said`, with none but little words between them."""
    found: list[int] = []
    for start, first in enumerate(said):
        if wanted and not _same(wanted[0], first):
            continue
        place = start
        for number, one in enumerate(wanted):
            while number and place < len(said) and not _same(one, said[place]) and said[place].word in _BETWEEN:
                place += 1
            if place >= len(said) or not _same(one, said[place]):
                break
            place += 1
        else:
            found.append(start)
    return found


def _same(one: _Token, two: _Token) -> bool:
    """Whether a word of the answer (`one`) is that of a text: the text may have the people for the place, too."""
    if one.word == two.word:
        return not _differ(one, two)
    if one.values or two.values:
        return not set(one.values).isdisjoint(two.values) and not _differ(one, two)
    if stem(one.word) == stem(two.word) or (one.capital and two.capital and _is_people_of(two.word, one.word)):
        return True
    if one.word in MONTHS and two.word in MONTHS:
        return MONTHS[one.word] == MONTHS[two.word]
    return two.word in ALIKE.get(one.word, ())


def _differ(one: _Token, two: _Token) -> bool:
    return one.amount is not None and two.amount is not None and one.amount.differs(two.amount)


def _is_people_of(word: str, place: str) -> bool:
    """Japanese of Japan, Chinese of China, Pakistani of Pakistan."""
    found = _PEOPLE.fullmatch(word)
    return found is not None and place in (found["state"], found["place"], f"{found['place']}a")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A word without an ending that changes no meaning: bridge's, bridges, bridged."""
    if word.endswith("s") and len(word) == _FEWEST_LETTERS:  # rays
        return word[:-1]
    for ending in _SUFFIXES:
        if word.endswith(ending) and len(word) - len(ending) >= _FEWEST_LETTERS:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > _FEWEST_LETTERS else word


def _is_date(wanted: tuple[_Token, ...]) -> bool:
    months = [one for one in wanted if one.word in MONTHS]
    return len(months) == 1 and len(wanted) > 1 and all(one.values or one in months for one in wanted)


def _numbers_kept(wanted: tuple[_Token, ...], said: tuple[_Token, ...]) -> bool:
    return all(any(_same(one, two) for two in said) for one in wanted if one.values)


def _share(wanted: tuple[_Token, ...], said: tuple[_Token, ...]) -> float:
    return sum(any(_same(one, two) for two in said) for one in wanted) / len(wanted)


def _has_negator(tokens: tuple[_Token, ...]) -> bool:
    return any(one.word in _NEGATORS for one in tokens)


def _is_denied(tokens: tuple[_Token, ...], place: int) -> bool:
    """Whether a negator stands right before a place, with nothing but little words between."""
    at = place - 1
    while at >= 0 and tokens[at].word in _BETWEEN - {"than"} and tokens[at].word not in ("because", "and", "or"):
        two = (tokens[at - 1].word if at else "", tokens[at].word)
        if two in _NEGATING:
            return True
        at -= 1
    if at < 0:
        return False
    two = (tokens[at - 1].word if at else "", tokens[at].word)
    return tokens[at].word in _NEGATORS or two in _NEGATING
