"""What a model's refusal states beside it: an answer behind a "but", a name, a number or a span in another clause.

What the refusing clause itself names, rightly or not, is what it has no answer about: "I could not find where Cid
lives", asked about Ann, is a refusal with a wrong name. Rows to train on are held to more (`style`): there no name may
be wrong. Neighbours: `asserting` has guesses and what comes after "but", `metrics` asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redraft.answering.asserting import guessed_in, shared_in
from redraft.answering.facts import unsupported
from redraft.answering.matching import stands_in
from redraft.answering.refusing import denies, is_refusal
from redraft.answering.sentences import sentences_of
from redraft.answering.spelling import plain
from redraft.datasets.normalising import normalise

_JOINTS = re.compile(
    r"[,;:()\u2013\u2014]+\s|\s-+\s|[()]|\b(?:but|however|though|although|because|only that|except that|other than)\b"
    # What goes on with somebody who does something: "and it is Rome", "and she lives in Rome".
    r"|\band (?=(?:it|he|she|they|that|this) )",
    re.IGNORECASE,
)
# What only says what it is about, asks, or offers something.
_NO_STATEMENT = re.compile(
    r"(?:as (?:for|to)|on|about|regarding|concerning|whether|who|whom|whose|what|when|where|why|how|which|if|could|can"
    r"|would|please|ask|try|consult|check (?:an?|the|your)|feel free|let me|sorry|i(?:'d|'ll)?|my apologies)\b",
    re.IGNORECASE,
)
# "It was surely a famous singer", "perhaps a singer", and not: it is a pity, it is hard for me, perhaps you know.
_STATES = re.compile(
    r"(?:(?:it|he|she|they) (?:\w+ )?(?:is|was|are|were)"
    r"|(?:maybe|perhaps|probably|possibly|presumably|likely)(?= \w))\b"
    r"(?!.*\b(?:i|me|my|you|your|we|us|pity|shame|question|hard|difficult|tricky|tough|possible|beyond|outside|up to"
    r"|help|know|tell)\b)",
    re.IGNORECASE,
)
# What is said before a bare answer.
_HEDGE = re.compile(
    r"^(?:it|that|this)?\s*(?:is|was|are|were)?\s*(?:maybe|perhaps|probably|possibly)?\s*", re.IGNORECASE
)
_FEWEST_LETTERS = 3


def stated_in(text: str, context: str, question: str) -> str | None:
    """The words with which a refusal (`is_refusal`) states something all the same, or None where it only refuses."""
    if (found := guessed_in(text)) is not None:
        return found
    statements = list(_statements(text))
    facts = [one.text for one in unsupported(text, (question,))] if statements else []
    for clause in statements:
        if any(stands_in(fact, clause) for fact in facts) or _STATES.match(clause):
            return clause
        if _is_answer(clause, context, question) or shared_in(clause, context, question) is not None:
            return clause
    return None


def _statements(text: str) -> Iterator[str]:
    """The clauses that neither refuse nor deny, ask or offer."""
    for sentence in sentences_of(plain(text)):
        if sentence.rstrip().endswith("?"):
            continue
        for clause in map(str.strip, _JOINTS.split(sentence)):
            if clause and not (_NO_STATEMENT.match(clause) or is_refusal(clause) or denies(clause)):
                yield clause


def _is_answer(clause: str, context: str, question: str) -> bool:
    """Whether a clause is a span of the context, and of the question not: "I don't know. Rome."."""
    span = normalise(_HEDGE.sub("", clause, count=1))
    return (
        len(span) >= _FEWEST_LETTERS
        and f" {span} " in f" {normalise(context)} "
        and f" {span} " not in f" {normalise(question)} "
    )
