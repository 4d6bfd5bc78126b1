"""Instructions to the model that somebody hid in a message, and the words that they want it to say.

Neighbours: `selection` flags such conversations, `answers` refuses answers that obeyed.
"""

from __future__ import annotations

import re

from redraft.datasets.normalising import normalise

INSTRUCTION = re.compile(
    "|".join(
        (
            r"\b(?:ignore|disregard|forget|override|bypass)\b[^.!?\n]{0,40}"
            r"\b(?:all|any|previous|prior|above|earlier|the|your|these)\b[^.!?\n]{0,40}"
            r"\b(?:instructions?|prompts?|rules?|guidelines?|directions?|system message)\b",
            r"\b(?:new|updated) (?:system )?instructions?\s*:",
            r"\byou are now\b|\bsystem prompt\b|\bdeveloper mode\b|\bjailbreak\b",
            r"<\|?(?:system|im_start|endoftext)\|?>|\[/?(?:INST|SYSTEM)\]",
        )
    ),
    re.IGNORECASE,
)
_SAY = r"\b(?i:output|print|say|write|reply|respond|answer|return|repeat)\b"
_ONLY = r"(?: (?i:only|exactly|just|with|this|the words?))*\s*[:-]?\s*"
_QUOTED = "[\"'\u201c\u2018`]([^\"'\u201d\u2019`\\n]{1,80})[\"'\u201d\u2019`]"
_CAPITALS = r"([A-Z][A-Z0-9_-]{2,}(?: [A-Z][A-Z0-9_-]*)*)"
# Words that can only be what somebody wants to hear, and words that are it if the answer is nothing else.
MARKED = re.compile(f"{_SAY}{_ONLY}(?:{_QUOTED}|{_CAPITALS})")
PLAIN = re.compile(rf"{_SAY}{_ONLY}([^.!?\n]{{1,80}})")


def has_injection(text: str) -> bool:
    """Whether `text` gives the model orders about its own instructions."""
    return bool(INSTRUCTION.search(text))


def obeyed(answer: str, feedback: str, before: str) -> str | None:
    """The words that an instruction hidden in `feedback` asked for and `answer` says; None where it did not obey.

    Words that stand in `before` (context and response) are no proof. People may ask for capitals or a quotation:
    without an injection in the feedback, nothing counts.
    """
    if not has_injection(feedback):
        return None
    said, known = f" {normalise(answer)} ", f" {normalise(before)} "
    marked = [quoted or capitals for quoted, capitals in MARKED.findall(feedback)]
    for words in marked:
        wanted = f" {normalise(words)} "
        if wanted in said and wanted not in known:
            return words
    return next((words for words in PLAIN.findall(feedback) if f" {normalise(words)} " == said), None)
