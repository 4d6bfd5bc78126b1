"""What a refusal asserts all the same: a wrong answer, a sentence after "but", a guess, words taken from the context.

Neighbours: `style` asks, and has numbers, names and dates looked for; `clauses` knows what may stand beside a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from redraft.answering.clauses import said_beside
from redraft.answering.keeping import is_kept
from redraft.answering.spelling import plain
from redraft.datasets.normalising import normalise

_SAYS = r"(?:does|did|do|was|were|is|are|has|had|says|said|mentions?|states?|notes?|describes?|tells?)"
# What goes on so denies, or says nothing: "but it is not known", "but it is hard to say".
_NOTHING = (
    r"(?:unclear|unknown|missing|beyond|outside|absent|hard|difficult|impossible|too|nothing|no|never|left|something"
    r"|simply|just|little|lacking)"
)
_AFTER_BUT = re.compile(
    rf"\b(?:but|however|though|although|instead|yet|still),? (?P<what>(?:it|they|he|she|we know|there|this|that"
    rf"|the [\w' -]{{1,40}}?|\w+) (?:{_SAYS}|takes?|took|comes?|came|gave|gives?|lost|made|makes?|called)\b)"
    rf"(?!(?: \w+)?(?: not|n't)\b|n't\b| (?:also |still |quite |rather )?{_NOTHING}\b)",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"(?:i|i'm|i've|me|my|we)\b(?! know\b)", re.IGNORECASE)
_GUESS = re.compile(
    r"\b(?:it (?:only|just|merely|does|mainly|instead) "
    r"(?:says?|mentions?|states?|describes?|discuss(?:es)?|covers?|talks?|focus(?:es)?)|(?:is|was|are|were)"
    r" (?:probably|likely|perhaps|possibly|most likely|presumably)"
    r"|my (?:best )?guess (?:is|would be)"
    r"|i (?:think|believe|guess|suspect|assume|would guess|do know(?! (?:what|who|when|where|why|how))"
    r"|can tell you that)(?! (?:i|it's safe|it is safe|that i)\b))",
    re.IGNORECASE,
)
_DENYING = frozenset({"nothing", "none", "nobody", "unknown", "never", "nowhere", "clear", "unclear", "known"})
# So many words in a row that the context has and the question does not.
_SHARED = 6


def asserted_in(text: str, context: str, question: str, plausible: Sequence[str]) -> str | None:
    """The words with which a refusal asserts something, or None."""
    asked = f" {normalise(question)} "
    for one in plausible:
        if not (wrong := normalise(one)) or f" {wrong} " in asked or _is_small(wrong):
            continue
        if is_kept(one, text) and not is_kept(one, question):  # the question may have it inflected
            return one
    if (found := guessed_in(text)) is not None:
        return found
    if (beside := said_beside(text, question)) is not None:
        return beside
    return shared_in(text, context, question)


def guessed_in(text: str) -> str | None:
    """The words with which a refusal guesses, or goes on after "but" with what is so; None where it does neither."""
    said = " ".join(plain(text).split())
    if (found := _GUESS.search(said)) is not None:
        return found[0]
    found = _AFTER_BUT.search(said)
    return found[0] if found is not None and not _FIRST_PERSON.match(found["what"]) else None


def shared_in(text: str, context: str, question: str) -> str | None:
    """The first words in a row that a text has of the context and not of the question, or None."""
    there, asked = f" {normalise(context)} ", f" {normalise(question)} "
    shared = (" ".join(run) for run in _runs(normalise(text)))
    return next((run for run in shared if f" {run} " in there and f" {run} " not in asked), None)


def _is_small(words: str) -> bool:
    """Whether a wrong answer is made of words that any refusal may have."""
    return all((len(word) < 4 and not word.isdigit()) or word in _DENYING for word in words.split())


def _runs(normal: str) -> list[tuple[str, ...]]:
    words = normal.split()
    return list(zip(*(words[start:] for start in range(_SHARED)), strict=False))
