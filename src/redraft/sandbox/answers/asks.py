"""What a request of the answering study wants, read from the wire alone: a sentence, a refusal, or an answer as it is.

Neighbour: `study` answers it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from redraft.sandbox.asking import Ask
from redraft.sandbox.documents.asks import material_of, system_of
from redraft.sandbox.options import ANSWER_KINDS

SENTENCE, REFUSAL, QUESTION = ANSWER_KINDS
_REFUSE = re.compile(r"\b(?:refus\w*|declin\w*|unanswerable|no answer|not answered|cannot be answered)\b", re.I)
# How a question stands in a user message that is an evaluation: nothing but the context and the question.
_CONTEXT, _QUESTION = "Context: ", "\nQuestion: "


class Wanted(NamedTuple):
    """A question, the context that it is asked of, and the extractive answer where there is one.

    `manner` is how a refusal is to sound, `again` says that an earlier attempt had something wrong.
    """

    context: str
    question: str
    answer: str = ""
    manner: str = ""
    again: bool = False


def kind_asked(ask: Ask) -> str | None:
    """One of ANSWER_KINDS, or None for a request that is none of the answering study."""
    if ask.schema is not None:
        return None
    if ask.last_user.startswith(_CONTEXT):
        return QUESTION if shown_question(ask.last_user) is not None else None
    if not ask.last_user.rstrip().endswith("}") or '"question"' not in ask.last_user:
        return None
    found = material_of(ask.last_user)
    if not all(isinstance(found.get(name), str) for name in ("context", "question")):
        return None
    if isinstance(found.get("answer"), str) and found["answer"]:
        return SENTENCE
    return REFUSAL if _REFUSE.search(system_of(ask)) else None


def wanted(ask: Ask) -> Wanted:
    """What a request is about that `kind_asked` recognises."""
    if ask.last_user.startswith(_CONTEXT):
        context, question = shown_question(ask.last_user) or ("", ask.last_user)
        return Wanted(context, question)
    found = material_of(ask.last_user)
    texts = {name: str(found.get(name) or "") for name in ("context", "question", "answer", "manner")}
    return Wanted(**texts, again=bool(found.get("what_was_wrong")))


def shown_question(text: str) -> tuple[str, str] | None:
    """(context, question) of a text that is nothing but both; None for any other."""
    context, mark, question = text.removeprefix(_CONTEXT).rpartition(_QUESTION)
    return (context.strip(), question.strip()) if mark and text.startswith(_CONTEXT) and question.strip() else None
