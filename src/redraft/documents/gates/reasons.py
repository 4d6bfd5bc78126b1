"""Why a row may not be trained on: the one list of reasons, with a sentence for people, and how one is told.

Neighbours: `rows` finds those of one document and response, `scores` those of a judge, `redraft.documents.sieves` those
across rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Part = Literal["document", "response", "scenario", "pair"]

REASONS: dict[str, str] = {
    "missing_scenario": "The answer has no idea for this cell of the grid.",
    "ambiguous_scenario": "The answer has several ideas for this cell of the grid.",
    "empty_scenario": "The idea has no title or no situation, or nothing was answered.",
    "truncated_scenario": "The answer with the ideas breaks off.",
    "empty_document": "The document holds no text, or has no title.",
    "document_too_short": "The document has fewer words than it should.",
    "document_too_long": "The document has more words than it should.",
    "unfilled_placeholder": "A gap of a template, such as {name} or [Your Name], was never filled.",
    "error_string": "The document is, or holds, an error message of a program.",
    "error_string_as_target": "The response is, or holds, an error message of a program.",
    "generator_leak_in_document": "The document holds its author's talk about writing it.",
    "generator_leak_in_response": "The response talks about how it was asked for.",
    "truncated_document": "The document breaks off.",
    "truncated_target": "The response breaks off.",
    "refusal": "The model refused instead of answering.",
    "canned_fallback_target": "The response is made of set phrases that fit any document.",
    "system_prompt_leak": "The response repeats the system prompt.",
    "pii_or_secret": "Holds personal data or a secret: an address, a number, a key.",
    "wrong_language": "Is in another language than the persona's.",
    "duplicate_document": "The document repeats an earlier one.",
    "duplicate_scenario": "The idea repeats an earlier one.",
    "duplicate_response": "The response repeats an earlier one.",
    "repeated_opening": "Too many responses begin with the same words.",
    "in_eval_prompts": "Shares words with a prompt that is evaluated on.",
    "empty_target": "The response holds no text.",
    "response_too_short": "The response has fewer words than it should.",
    "no_trait_shown": "The response shows no sign of any trait.",
    "low_trait_score": "A judge scored the traits under the threshold.",
    "unparseable_score": "A judge's scores could not be read; nothing is put in their place.",
    "copied_document": "The response is copied from the document.",
}
# Another try may mend any of them. A provider's fault is none: the engine retries it, and a rerun asks again.
MENDABLE = frozenset(REASONS)
# Beside what gates refuse: what no model of a chain put into the form that was asked for, or was let say.
WORTH_ANOTHER = MENDABLE | {"unparseable", "filtered"}
# Told only where nothing else explains a part: a refusal is short, and that is not what is wrong with it.
_LENGTHS = {"document_too_short", "document_too_long", "response_too_short"}
_LAST = ("no_trait_shown",)


class Finding(msgspec.Struct, frozen=True):
    """One fault: its `reason`, the part that has it, and one line for a person, which never holds a secret."""

    reason: str
    part: Part
    detail: str


def told(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that are worth telling, each once, in order: no trait shown and lengths only of a part that nothing
    before explains."""
    once = list(dict.fromkeys(findings))
    explained = {one.part for one in once if one.reason not in _LENGTHS and one.reason not in _LAST}
    kept = [
        one for one in once if one.part not in explained or (one.reason not in _LENGTHS and one.reason not in _LAST)
    ]
    last = {one.part for one in kept if one.reason in _LAST}
    return [one for one in kept if one.reason not in _LENGTHS or one.part not in last]


def unquoted(findings: list[Finding]) -> list[Finding]:
    """The findings on a text; where it holds a secret or personal data, nothing of its words: what is told is kept,
    shown, and sent to the next model, and a piece that is cut out or in small letters cannot be masked for sure."""
    if not any(one.reason == "pii_or_secret" for one in findings):
        return findings
    return [
        one if one.reason == "pii_or_secret" else Finding(one.reason, one.part, REASONS[one.reason].rstrip("."))
        for one in findings
    ]


def shortened(text: str, most: int = 60) -> str:
    """A piece of a text for a finding's detail, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
