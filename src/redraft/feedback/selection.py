"""Which conversations a study can learn from, and what to know about each: reasons and flags.

Comes after `taxonomy.categorise`. Neighbours: `privacy`, `languages`, `safety`, `injection` supply the flags,
`rewriting` takes what is selected.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from redraft.datasets.languages import mismatch
from redraft.datasets.privacy import redact, redact_values
from redraft.feedback.injection import has_injection
from redraft.feedback.safety import is_unsafe
from redraft.records import Conversation, Message, Rejection

# Raise it when other rows, masks or flags come out of the same input: what was made before is then made anew.
VERSION = 1
KEEP, REWRITE = frozenset({"UR5"}), frozenset({"UR2", "UR3"})
# About 75,000 tokens of English: models read 128,000, and the answer and other scripts need room.
MAX_BYTES = 300_000


def action(conversation: Conversation) -> Literal["keep", "rewrite"]:
    """What happens to a selected conversation: praised responses are kept, the others replaced."""
    return "keep" if conversation.category in KEEP else "rewrite"


def select(conversation: Conversation, max_bytes: int = MAX_BYTES) -> Conversation | Rejection:
    """The conversation with personal data masked and flags set, or why it is of no use.

    Reasons: no_response, no_feedback_turn (ends with the assistant), empty_feedback, no_question (nothing that the
    response answers), not_selected (UR1, UR4), empty_response (praise for nothing), too_long (over `max_bytes` of
    UTF-8). Flags: pii_redacted, language_mismatch, injection (in the feedback), unsafe.
    """
    fault = _fault(conversation, max_bytes)
    if fault:
        reason, detail = fault
        place = f"select {conversation.conversation_id}"
        return Rejection(reason=reason, detail=detail, place=place, row_id=conversation.conversation_id)
    return _flagged(conversation)


def _fault(conversation: Conversation, max_bytes: int) -> tuple[str, str] | None:
    messages = conversation.messages
    place = max((i for i, message in enumerate(messages) if message.role == "assistant"), default=None)
    if place is None:
        return "no_response", "no assistant message"
    if messages[-1].role != "user":
        return "no_feedback_turn", f"ends with a message of the {messages[-1].role}, not with the user's feedback"
    if not any(message.content.strip() for message in messages[place + 1 :] if message.role == "user"):
        return "empty_feedback", "the feedback is empty"
    if conversation.category not in KEEP | REWRITE:
        return "not_selected", f"category {conversation.category} is neither kept nor rewritten"
    if place == 0 or messages[place - 1].role != "user":
        return "no_question", "no user message stands before the response"
    if conversation.category in KEEP and not messages[place].content.strip():
        return "empty_response", "the response that was praised is empty"
    size = sum(len(message.content.encode()) for message in messages)
    if size > max_bytes:
        return "too_long", f"{size:,} bytes of text; at most {max_bytes:,} fit a model's context"
    return None


def _flagged(conversation: Conversation) -> Conversation:
    flags = list(conversation.flags)
    messages = tuple(Message(role=message.role, content=redact(message.content)) for message in conversation.messages)
    extra = {name: redact_values(value) for name, value in conversation.extra.items()}
    if messages != conversation.messages or extra != conversation.extra:
        flags.append("pii_redacted")
    asked = [message.content for message in messages if message.role == "user"]
    if mismatch(conversation.language, " ".join(asked)):
        flags.append("language_mismatch")
    if has_injection(asked[-1]):
        flags.append("injection")
    if is_unsafe(asked[:-1]):
        flags.append("unsafe")
    return msgspec.structs.replace(conversation, messages=messages, extra=extra, flags=tuple(dict.fromkeys(flags)))
