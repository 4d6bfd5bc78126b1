"""What gates find in the turns of a conversation beside its first message, the document, and its last, the response.

Lengths, endings, traits and likeness are asked of these two alone: in between people and models say a few words.
Neighbour: `inspecting`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from redraft.documents.gates import Finding, document_findings, response_findings
from redraft.documents.overlap import EvaluationGrams

_OF_USERS = {"unfilled_placeholder", "error_string", "generator_leak_in_document", "pii_or_secret", "wrong_language"}
_OF_ASSISTANTS = {"unfilled_placeholder", "error_string_as_target", "generator_leak_in_response", "refusal",
                  "system_prompt_leak", "pii_or_secret", "wrong_language", "empty_target"}  # fmt: skip


class Turn(NamedTuple):
    """A message of a row; `number` is its place there, from 1."""

    number: int
    role: str
    content: str


def turns_between(said: Sequence[tuple[str, str]]) -> list[Turn]:
    """The messages (role, content) without system messages, the first of the user and the last of all."""
    first = next((place for place, (role, _) in enumerate(said) if role == "user"), None)
    return [
        Turn(place + 1, role, content)
        for place, (role, content) in enumerate(said[:-1])
        if role != "system" and place != first
    ]


def turn_findings(
    turns: Sequence[Turn], document: str, *, prompts: Sequence[str], language: str, tested: EvaluationGrams | None
) -> Iterator[Finding]:
    """Gaps, errors, talk of the generator, personal data, other languages, refusals and what is tested, of each turn;
    the detail names it. `document` is what the user said first."""
    before = document
    for turn in turns:
        if turn.role == "user":
            before = f"{before}\n\n{turn.content}"
            found, kept, part = document_findings("", turn.content, language=language), _OF_USERS, "document"
        else:
            found = response_findings(before, turn.content, prompts=prompts, least_words=0, language=language)
            kept, part = _OF_ASSISTANTS, "response"
        if tested is not None and (words := tested.hits(turn.content)):
            yield Finding("in_eval_prompts", part, f"message {turn.number}: words of an evaluation prompt: {words}")
        for one in found:
            if one.reason in kept:
                yield msgspec.structs.replace(one, detail=f"message {turn.number}: {one.detail}")
