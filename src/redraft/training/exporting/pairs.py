"""Rewritten examples as preference pairs: the improved response before the one that the user complained of.

Neighbours: `rows` lays a pair out for a trainer; `redraft.training.formats` says which conversations can be trained on.
"""

from __future__ import annotations

import msgspec

from redraft.records import Example, Message, Rejection
from redraft.training.formats import training_row


class Pair(msgspec.Struct, frozen=True):
    """What the model saw, ending with the user, and two responses to it. Neither is empty; they differ."""

    context: tuple[Message, ...]
    preferred: str
    rejected: str


def conversation_of(example: Example) -> tuple[Message, ...] | Rejection:
    """The messages as they are trained on, the response to learn last; or why they cannot be. See `training_row`."""
    row = training_row(example)
    if isinstance(row, Rejection):
        return row
    return tuple(msgspec.convert(row["messages"], list[Message]))


def pair_of(example: Example) -> Pair | Rejection:
    """The example's pair, or why it has none.

    Reasons, beside those of `training_row`: `kept_as_it_was` for a response that was praised, so that there is no
    other; `empty_original`; `equal_responses` for two that differ in nothing but the white space around them.
    """
    if not example.improved:
        return _without(example, "kept_as_it_was", "the response was kept as it was; there is no other to prefer it to")
    messages = conversation_of(example)
    if isinstance(messages, Rejection):
        return messages
    preferred, rejected = messages[-1].content, example.original_response
    if not rejected.strip():
        return _without(example, "empty_original", "the response before the rewriting is empty")
    if preferred.strip() == rejected.strip():
        return _without(example, "equal_responses", "the rewritten response is the one from before")
    return Pair(context=messages[:-1], preferred=preferred, rejected=rejected)


def _without(example: Example, reason: str, detail: str) -> Rejection:
    place = f"export {example.conversation_id}"
    return Rejection(reason=reason, detail=detail, place=place, row_id=example.conversation_id)
