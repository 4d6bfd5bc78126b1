"""What a judge thinks of an answer to a question before a context, in the unit of the answers' quality.

Such answers carry no mark, wherever they come from: they are judged by what they say. Neighbours: `spans` finds what
may be right, `truth` asks for this.
"""

from __future__ import annotations

import re

import msgspec

from redraft.sandbox.answers.asks import shown_question
from redraft.sandbox.answers.spans import ENOUGH, span, stems

_USER = re.compile(r'^user: (".*")$', re.MULTILINE)
_FACT = re.compile(r"(?<![.!?\"] )(?<!^)(?<!\w)(?:[^\W\d_a-z]\w+|\d[\d,.]*\d|\d)")
_REFUSES = re.compile(
    r"\b(?:unable|cannot|can't|couldn't|don't|doesn't|isn't|not|no|sorry|afraid)\b.{0,60}"
    r"\b(?:say|tell|find|answer|information|know|details|mention\w*|stated?|certain)\b",
    re.IGNORECASE | re.DOTALL,
)
# A refusal or an answer where that is right, a wrong one, and something made up.
RIGHT, PART, WRONG, MADE_UP = 1.0, 0.2, -1.2, -1.8
BARE = -0.5  # what is taken off an answer that is no sentence
_FEWEST = 5  # words of one


def question_judged(conversation: str) -> tuple[str, str] | None:
    """(context, question) where the conversation's last user message, as a judge is shown it, is nothing but both."""
    found = _USER.findall(conversation)
    if not found:
        return None
    try:
        return shown_question(msgspec.json.decode(found[-1], type=str))
    except msgspec.DecodeError:
        return None


def worth(context: str, question: str, text: str) -> float:
    """How good the answer `text` is: right or wrong to refuse, with the likely answer, grounded, and a sentence."""
    found = span(context, question)
    there = bool(found.text) and found.support >= ENOUGH
    if _REFUSES.search(text):
        return WRONG if there else RIGHT
    given = f"{context} {question}".casefold()
    if not there or any(fact.casefold().rstrip(".,") not in given for fact in _FACT.findall(text)):
        return MADE_UP
    bare = BARE if len(text.split()) < _FEWEST else 0.0
    if found.text.casefold() in text.casefold() or text in found.sentence:
        return RIGHT + bare
    return (PART if stems(text) & stems(context) else WRONG) + bare
