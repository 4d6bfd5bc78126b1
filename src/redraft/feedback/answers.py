"""Whether an answer may become a training target: declined, empty, cut off, led astray, unchanged or an error text.

Neighbour: `rewriting` asks for the answers and turns the good ones into examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from redraft.datasets.error_texts import ERROR_TEXT
from redraft.datasets.normalising import normalise
from redraft.feedback import templates
from redraft.feedback.injection import has_injection, obeyed
from redraft.records import Completion, Message

DECLINED = re.compile(r"^\W*n\s*/\s*a\b(?!\s*/)", re.IGNORECASE)
NA_ONLY = re.compile(r"^\W*n\s*/?\s*a\W*$", re.IGNORECASE)
# Sentences of our own instructions: an answer that repeats one is not a response.
LEAK_WORDS = 8


def fault_of(
    completion: Completion,
    context: tuple[Message, ...],
    response: str,
    feedback: tuple[Message, ...],
    *,
    may_decline: bool,
) -> tuple[str, str] | None:
    """(reason, detail) why the answer is no training target; None where it is one.

    Reasons: not_feedback, empty_answer, truncated, error_text, followed_injection, prompt_leak, unchanged.
    """
    text = completion.text.strip()
    if completion.finish_reason in {"length", "max_tokens"}:
        return "truncated", f"the answer was cut off after {completion.output_tokens:,} tokens; allow more"
    if may_decline and DECLINED.match(text):
        return "not_feedback", "the model says that the last user message is no feedback on the response"
    if not text or NA_ONLY.match(text):
        return "empty_answer", "the answer holds no text"
    if ERROR_TEXT.match(text):
        return "error_text", "the answer is an error message of a program"
    if (words := _obeyed(text, context, response, feedback)) is not None:
        return "followed_injection", f"the answer says {words!r}, as an instruction hidden in the feedback asked"
    normal = normalise(text)
    if may_decline and _repeats_instructions(normal):
        return "prompt_leak", "the answer repeats the instructions of the request"
    if normal == normalise(response):
        return "unchanged", "the answer is the response that was to be replaced"
    return None


def _obeyed(text: str, context: tuple[Message, ...], response: str, feedback: tuple[Message, ...]) -> str | None:
    said = " ".join(message.content for message in feedback)
    if not has_injection(said):
        return None
    return obeyed(text, said, " ".join([*(message.content for message in context), response]))


def _repeats_instructions(normal: str) -> bool:
    return not _instructions().isdisjoint(_runs(normal))


@cache
def _instructions() -> frozenset[tuple[str, ...]]:
    return frozenset(_runs(normalise(templates.read("feedback_rewrite@1")[0][1])))


def _runs(normal: str) -> Iterable[tuple[str, ...]]:
    """Every LEAK_WORDS words in a row of a normalised text."""
    words = normal.split()
    return zip(*(words[start:] for start in range(LEAK_WORDS)), strict=False)
