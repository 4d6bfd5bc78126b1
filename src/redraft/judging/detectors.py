"""Signs in stored answers that a judge is being played rather than a user served.

Nothing here changes a verdict; `screening` counts what is found per model and shows the result without it. A sign is
no proof: a user may have asked for such a text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

import msgspec

from redraft.judging.material import HIDDEN

# One answer given word for word to so many different contexts is no answer to any of them.
REPEATED_IN = 3
# Share of the smaller side's words that answer and context have in common; below it they have nothing to do with
# each other. Fewer words than LEAST_WORDS on either side allow no statement.
LOW_OVERLAP = 0.02
LEAST_WORDS = 8

BEGINS = 80  # characters by which an answer is named
_LEAST_ECHO = 20  # characters; shorter sentences stand in answers by chance
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"[^\W_]+")
# Scripts without spaces between words: each of their characters counts as one.
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PUNCTUATION = {code: " " for code in range(128) if not chr(code).isalnum()}
# As _LETTERS, in a tenth of its time; for bytes.
_NO_LETTERS = bytes(code if chr(code).isalpha() and code < 128 else 32 for code in range(256))
_BLANKS = "\n\t\r\v\f\x1c\x1d\x1e\x1f"  # what `split` of a text in ASCII divides at beside spaces


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """One answer given to several contexts: how its text begins (80 characters), and their ids in order."""

    begins: str
    contexts: tuple[str, ...]


def normalised(text: str) -> str:
    """The text as compared: Unicode NFKC, without case and characters that nobody sees, each run of white space one
    space, none at the ends."""
    if not text.isascii():
        return " ".join(HIDDEN.sub("", unicodedata.normalize("NFKC", text)).casefold().split())
    plain = text.lower()  # and no word by itself, which takes twice the time
    for blank in _BLANKS:
        if blank in plain:
            plain = plain.replace(blank, " ")
    while "  " in plain:
        plain = plain.replace("  ", " ")
    return plain.strip(" ")


def words(plain: str) -> frozenset[str]:
    """The different words and numbers of a `normalised` text."""
    return frozenset(every_word(plain))


def every_word(plain: str) -> list[str]:
    """As `words`, as often as each occurs: to make a set of them takes as long as to find them."""
    if plain.isascii():  # ten times as fast as the pattern, for most texts
        return plain.translate(_PUNCTUATION).split()
    return _WORD.findall(plain) + _UNSPACED.findall(plain)


def is_empty(text: str) -> bool:
    """Whether nothing is left of the text once white space and invisible characters are gone."""
    return not any(character.isprintable() and not character.isspace() for character in text)


def asked_in(messages: Iterable[str]) -> tuple[str, ...]:
    """What an answer may echo: the `normalised` messages of a context, and the sentences of each that are long enough.

    The longest come first.
    """
    every = [one for one in messages if len(one) >= _LEAST_ECHO]
    sentences = [part for one in every for part in one.replace("? ", ". ").replace("! ", ". ").split(". ")]
    pieces = {piece for piece in (*every, *sentences) if len(piece) >= _LEAST_ECHO}
    return tuple(sorted(pieces, key=lambda piece: (-len(piece), piece)))


def without_echo(plain: str, asked: Iterable[str]) -> str:
    """The `normalised` answer without what it repeats of the question (`asked_in`).

    An answer to nothing that repeats the question is another text each time; what is left of it is the same. All of it
    where fewer than LEAST_WORDS words would be left.
    """
    left = plain
    for piece in asked:
        if piece in left:
            left = left.replace(piece, " ")
    if len(left) == len(plain):
        return plain
    left = " ".join(left.split())
    return left if left.count(" ") >= LEAST_WORDS else plain


def sameness(plain: str) -> bytes:
    """What is equal for `normalised` answers that are the same: 16 bytes of a hash, no text."""
    # A number at its end makes no other answer of a long one; of a short one it may be all that it says.
    whole = plain.encode("utf-8", "replace")
    letters = _letters(whole) if plain.isascii() else " ".join(_LETTERS.findall(plain)).encode("utf-8", "replace")
    told = letters if letters.count(b" ") >= LEAST_WORDS else whole
    return hashlib.sha256(told).digest()[:16]


def _letters(plain: bytes) -> bytes:
    """Of a text in ASCII, with one space between words."""
    found = plain.translate(_NO_LETTERS)
    while b"  " in found:
        found = found.replace(b"  ", b" ")
    return found.strip(b" ")


class AnswerGroups:
    """Collects one model's answers and tells which of them are the same; keeps hashes, no texts."""

    def __init__(self) -> None:
        self._groups: dict[bytes, tuple[str, list[str]]] = {}

    def add(self, context_id: str, plain: str) -> None:
        """`plain` is the `normalised` answer; an empty one is counted elsewhere and not given here."""
        self.take(context_id, sameness(plain), plain[:BEGINS])

    def take(self, context_id: str, same: bytes, begins: str) -> None:
        """As `add`, by the answer's `sameness` and how it begins."""
        self._groups.setdefault(same, (begins, []))[1].append(context_id)

    def repeated(self, at_least: int = REPEATED_IN) -> tuple[Repeated, ...]:
        """The answers of `at_least` contexts or more, the most frequent first."""
        found = [Repeated(begins=start, contexts=tuple(ids)) for start, ids in self._groups.values()]
        return tuple(
            sorted((one for one in found if len(one.contexts) >= at_least), key=lambda one: -len(one.contexts))
        )


def repeated_answers(answers: Iterable[tuple[str, str]], at_least: int = REPEATED_IN) -> tuple[Repeated, ...]:
    """The answers that stand word for word (`normalised`) in `at_least` contexts or more, the most frequent first.

    `answers` are (context id, text) of one model; empty ones are not among the repeated.
    """
    groups = AnswerGroups()
    for context_id, text in answers:
        if not is_empty(text):
            groups.add(context_id, normalised(text))
    return groups.repeated(at_least)


def overlap(answer: frozenset[str], context: frozenset[str]) -> float | None:
    """Share of the `words` of the side with fewer of them that the other has too.

    None where either side has fewer than LEAST_WORDS that tell.
    """
    first, second = ({word for word in side if _tells(word)} for side in (answer, context))
    smaller = min(len(first), len(second))
    return len(first & second) / smaller if smaller >= LEAST_WORDS else None


def unrelated(answer: Iterable[str], context: frozenset[str], common: Iterable[str]) -> bool:
    """Whether their `overlap` is below LOW_OVERLAP, for the words of an answer (repeated or not) and of its context;
    `common` are those of both. Few words settle it for most answers, without counting all."""
    shared = sum(1 for word in common if _tells(word))
    # So many different words on either side are enough for an overlap that low.
    enough = max(LEAST_WORDS, int(shared / LOW_OVERLAP) + 1)
    # The context is asked first, and by its size: it has fewer words, and most answers share too many for all of them.
    return len(context) >= enough and _reaches(context, enough) and _reaches(answer, enough)


def _tells(word: str) -> bool:
    """Words of one or two letters say nothing, unless of a script without spaces."""
    return len(word) > 2 or not word.isascii()


def _reaches(words: Iterable[str], enough: int) -> bool:
    """Whether so many of the words are different and tell."""
    found: set[str] = set()
    for word in words:
        if _tells(word):
            found.add(word)
            if len(found) >= enough:
                return True
    return False
