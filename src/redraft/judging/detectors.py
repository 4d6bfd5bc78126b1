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

from redraft.judging.material import ANSWER_LIMIT, HIDDEN, neutralise

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
_NO_LETTERS = {code: " " for code in range(128) if not chr(code).isalpha()}  # as _LETTERS, a fifth of its time


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """One answer given to several contexts: how its text begins (80 characters), and their ids in order."""

    begins: str
    contexts: tuple[str, ...]


def normalised(text: str) -> str:
    """The text as compared: Unicode NFKC, without case and characters that nobody sees, each run of white space one
    space, none at the ends."""
    plain = text if text.isascii() else HIDDEN.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(plain.casefold().split())


def words(plain: str) -> frozenset[str]:
    """The different words and numbers of a `normalised` text."""
    if plain.isascii():  # ten times as fast as the pattern, for most texts
        return frozenset(plain.translate(_PUNCTUATION).split())
    found = frozenset(_WORD.findall(plain))
    return found | frozenset(_UNSPACED.findall(plain))


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
    letters = " ".join(plain.translate(_NO_LETTERS).split() if plain.isascii() else _LETTERS.findall(plain))
    told = letters if letters.count(" ") >= LEAST_WORDS else plain
    return hashlib.sha256(told.encode("utf-8", "replace")).digest()[:16]


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

    None where either side has fewer than LEAST_WORDS. Words of one or two letters say nothing, unless of a script
    without spaces.
    """
    first, second = (
        {word for word in side if len(word) > 2 or not word.isascii()} for side in (answer, context)
    )  # fmt: skip
    smaller = min(len(first), len(second))
    return len(first & second) / smaller if smaller >= LEAST_WORDS else None


def unrelated(answer: frozenset[str], context: frozenset[str]) -> bool:
    """Whether their `overlap` is below LOW_OVERLAP; a few words in common settle it for most without counting all."""
    shared = sum(1 for word in answer & context if len(word) > 2 or not word.isascii())
    if shared >= LOW_OVERLAP * min(len(answer), len(context)):
        return False
    found = overlap(answer, context)
    return found is not None and found < LOW_OVERLAP


def _of(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_WHICH = r"(?:answer|response|assistant|output|model|candidate|option)"
_OBJECTS = _of("answer response assistant output model candidate option me")
_BEST = _of("better best superior winner stronger")


class _Phrase(msgspec.Struct, frozen=True):
    """What an answer to a user has no reason to say, and one to a judge has.

    The pattern is only searched where a text has one word at least of each of `needed`; its bounded gaps keep the
    search linear.
    """

    name: str
    needed: tuple[frozenset[str], ...]
    pattern: re.Pattern[str]


_PHRASES = (
    _Phrase(
        "ignore_instructions",
        (
            _of("ignore disregard forget override"),
            _of("above previous prior preceding earlier foregoing"),
        ),
        re.compile(
            r"(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:above|previous|prior|preceding|earlier|foregoing)"
            r"\b[^.\n]{0,30}\b"
            r"(?:instructions?|prompts?|rules|criteria|text|tasks?|model outputs?|answers?|responses?)\b"
        ),
    ),
    _Phrase(
        "addresses_judge",
        (
            _of("judge judges evaluator evaluators grader graders rater raters annotator annotators"),
            _of("dear attention note instruction instructions message hello hi"),
        ),
        re.compile(
            r"\b(?:dear|attention|note (?:to|for)|instructions? (?:to|for)|message (?:to|for)|hello|hi)[ ,:]+"
            r"(?:the |all )?(?:llm[- ])?(?:judges?|evaluators?|graders?|raters?|annotators?)\b"
        ),
    ),
    _Phrase(
        "asks_for_verdict",
        (_of("choose pick select prefer favor favour rank vote declare judge"), _OBJECTS),
        re.compile(
            r"\b(?:choose|pick|select|prefer|favou?r|rank|vote for|declare|judge)\b[^.\n]{0,20}\b"
            rf"(?:(?:this|my) {_WHICH}\b|{_WHICH}[ _-]?(?:[12ab]|one|two)\b"
            r"|me\b[^.\n]{0,20}\b(?:winner|best|better|first))"
        ),
    ),
    _Phrase(
        "asks_for_score",
        (
            _of("give award assign rate score grade"),
            _of("10 ten 100 full highest maximum top perfect"),
        ),
        re.compile(
            r"\b(?:give|award|assign|rate|score|grade)\b[^.\n]{0,25}\b(?:this|my|me|it)\b[^.\n]{0,30}"
            r"\b(?:10|ten|100|full|highest|maximum|top|perfect)\b[^.\n]{0,12}\b"
            r"(?:scores?|marks?|rating|points|out of|grade)\b"
            r"|\b(?:rate|score|grade)\b[^.\n]{0,20}\b(?:10 ?/ ?10|10 out of 10|100 ?/ ?100)"
        ),
    ),
    _Phrase(
        "verdict_stated",
        (_BEST, _OBJECTS),
        re.compile(
            rf"\b{_WHICH}[ _-]?(?:[12ab]|one|two) (?:is|was) (?:clearly |much |slightly |far )?(?:the )?"
            r"(?:better|best|superior|winner|stronger)\b"
        ),
    ),
    _Phrase(
        "template_closed",
        (_of("outputs output identifier model_identifier assistant answer response"),),
        re.compile(
            r"## ?model outputs?\b|\"model_identifier\"|\bunordered outputs from the models\b"
            r"|\[the (?:start|end) of assistant|</?(?:answer|response)_[12ab]>"
        ),
    ),
)
# Characters that nobody sees and that can carry a message; so many of them are one. Marks of direction and soft hyphens
# carry none, and where words are divided by a space of no width (Thai, Lao, Burmese, Khmer) that is one of them.
_CARRIERS = re.compile("[\u200b\u2060-\u2064\ufeff\U000e0000-\U000e0fff]")
_DIVIDED_UNSEEN = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_HIDDEN_MESSAGE = 20
# What every reserved sequence of `material` holds one of.
_RESERVED_HINTS = ("<", "[", ">>>", "===")


def judge_directed(text: str) -> dict[str, int]:
    """What in a text speaks to a judge or plays its form: name of the sign → how often.

    The reserved sequences of `material` (chat tokens, boundaries, verdict markers), and phrases. Looks at as much of
    a text as a judge is shown.
    """
    shown = text[:ANSWER_LIMIT]
    plain = normalised(shown)
    return signs(shown, plain, words(plain))


def signs(shown: str, plain: str, found: frozenset[str]) -> dict[str, int]:
    """As `judge_directed`, for a text whose `normalised` form and `words` are known."""
    hinted = "verdict" in plain or any(hint in plain for hint in _RESERVED_HINTS)
    hits = neutralise(shown)[1] if hinted or any(hint in shown for hint in _RESERVED_HINTS) else {}
    hits.pop("hidden", None)
    carried = 0 if shown.isascii() else len(_CARRIERS.findall(shown))
    if carried >= _HIDDEN_MESSAGE and not _DIVIDED_UNSEEN.search(shown):
        hits["hidden"] = carried
    for phrase in _PHRASES:
        if any(found.isdisjoint(needed) for needed in phrase.needed):
            continue
        if count := sum(1 for _ in phrase.pattern.finditer(plain)):
            hits[phrase.name] = count
    return hits
