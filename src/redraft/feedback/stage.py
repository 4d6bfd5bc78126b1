"""The stage that rewrites: conversations in, examples and rejections out, one of them for every conversation.

Pure builders and readers are in `rewriting`; this puts `redraft.calling` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec

from redraft.calling.engine import Caller
from redraft.calling.progress import Progress
from redraft.feedback import rewriting
from redraft.records import Completion, Conversation, Example, Outcome, Rejection, Request

TEMPLATES: dict[str, str] = {"feedback": rewriting.FEEDBACK_TEMPLATE, "alternative": rewriting.ALTERNATIVE_TEMPLATE}
Method = Literal["feedback", "alternative"]
REWRITE_TOKENS = 2048


def stage_name(method: Method) -> str:
    """What the calls of a method are filed under."""
    return f"rewrite ({method})"


def rewrite_requests(
    conversations: Iterable[Conversation], method: Method, model: str, fallbacks: tuple[str, ...] = ()
) -> Iterator[Request]:
    """What is asked for these conversations: one request for each but the praised ones, which are kept."""
    for conversation in conversations:
        if conversation.category != "UR5":
            request = rewriting.rewrite_request(conversation, method, model, REWRITE_TOKENS)
            yield msgspec.structs.replace(request, fallbacks=fallbacks) if fallbacks else request


async def rewrite_conversations(
    conversations: Sequence[Conversation],
    method: Method,
    model: str,
    caller: Caller,
    progress: Progress,
    fallbacks: tuple[str, ...] = (),
) -> tuple[list[Example], list[Rejection]]:
    """Positive conversations unchanged, negative ones with a new response, in the order of the input."""
    done: dict[str, Example | Rejection] = {}
    by_id = {conversation.conversation_id: conversation for conversation in conversations}
    for conversation in conversations:
        if conversation.category == "UR5":
            done[conversation.conversation_id] = _kept(conversation)
            progress.advance()
    requests = rewrite_requests(conversations, method, model, fallbacks)
    async with aclosing(caller.run(requests, stage=stage_name(method))) as outcomes:
        async for request, outcome in outcomes:
            progress.count(outcome)
            done[request.row_id] = rewriting.rewritten(by_id[request.row_id], outcome, method, _time(outcome))
            progress.advance()
    rows = [done[conversation.conversation_id] for conversation in conversations]
    return [r for r in rows if isinstance(r, Example)], [r for r in rows if isinstance(r, Rejection)]


def _kept(conversation: Conversation) -> Example | Rejection:
    """Users praise harmful answers too: what the safety words flag is kept aside, not learned."""
    if "unsafe" not in conversation.flags:
        return rewriting.keep(conversation)
    return Rejection(
        reason="unsafe",
        detail="a praised response to a request that the safety words flag",
        place=f"keep {conversation.conversation_id}",
        row_id=conversation.conversation_id,
    )


def _time(outcome: Outcome) -> str:
    return outcome.created_at if isinstance(outcome, Completion) else ""
