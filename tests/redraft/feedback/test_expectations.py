"""Every expectation of the sample file with traps holds, from the file's row to the request and the example."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.datasets.conversations import read_conversations
from redraft.datasets.seen import Seen, content_digest
from redraft.feedback.rewriting import alternative_request, feedback_request, keep, rewritten, split
from redraft.feedback.selection import action, select
from redraft.feedback.taxonomy import SchemeCheck, categorise
from redraft.records import Completion, Conversation, Example, Rejection

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "feedback"
FILE, EXPECTED = SHARED / "synth_seed_format.json", SHARED / "synth_seed_format.expected.json"
WHEN = "2026-01-01T00:00:00Z"

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="the sample data beside the checkout is missing")


def answer(text: str) -> Completion:
    return Completion(
        request_key="k",
        text=text,
        model="m",
        answered_model="m",
        provider="together",
        finish_reason="stop",
        input_tokens=1,
        output_tokens=1,
        cost=0.0,
        latency=0.0,
        attempts=1,
        created_at=WHEN,
        simulated=True,
    )


def through(conversation: Conversation | Rejection, seen: Seen) -> Conversation | Rejection:
    if isinstance(conversation, Rejection):
        return conversation
    met = seen.check(conversation.conversation_id, content_digest(conversation))
    if met != "new":
        return Rejection(reason=met, detail="", place="", row_id=conversation.conversation_id)
    labelled = categorise(conversation)
    return labelled if isinstance(labelled, Rejection) else select(labelled)


def results() -> dict[str, Conversation | Rejection]:
    """Name in the expectations → what came of the row; the second row of an id has `#dup` or `#idclash` behind it."""
    found: dict[str, Conversation | Rejection] = {}
    with Seen() as seen:
        for read in read_conversations(FILE):
            name = read.conversation_id if isinstance(read, Conversation) else str(read.row_id)
            result = through(read, seen)
            if name in found:
                assert isinstance(result, Rejection)
                name += "#dup" if result.reason == "duplicate" else "#idclash"
            found[name] = result
    return found


def is_rejected(result: Conversation | Rejection) -> bool:
    return isinstance(result, Rejection)


def is_rewritten(result: Conversation | Rejection) -> bool:
    """The response goes, what was before it stays, what came after it is dropped; the source is not touched."""
    assert isinstance(result, Conversation)
    before = json.dumps([[m.role, m.content] for m in result.messages])
    asked = feedback_request(result, "m", 100), alternative_request(result, "m", 100)
    example = rewritten(result, answer("A better answer."), "feedback", WHEN)
    assert isinstance(example, Example)
    assert json.dumps([[m.role, m.content] for m in result.messages]) == before
    place = max(i for i, message in enumerate(result.messages) if message.role == "assistant")
    return (
        action(result) == "rewrite"
        and example.messages[:-1] == result.messages[:place] == asked[1].messages
        and example.messages[-1].content == "A better answer."
        and example.original_response == result.messages[place].content
    )


def is_kept(result: Conversation | Rejection) -> bool:
    assert isinstance(result, Conversation)
    example = keep(result)
    return action(result) == "keep" and example.messages == result.messages[:-1] and not example.improved


def is_skipped(result: Conversation | Rejection) -> bool:
    return isinstance(result, Rejection) and result.reason == "not_selected"


def becomes_ur2(result: Conversation | Rejection) -> bool:
    return isinstance(result, Conversation) and result.category == "UR2"


def goes_when_the_model_says_na(result: Conversation | Rejection) -> bool:
    assert isinstance(result, Conversation)
    dropped = rewritten(result, answer("N/A"), "feedback", WHEN)
    return isinstance(dropped, Rejection) and dropped.reason == "not_feedback"


def does_not_follow_the_injection(result: Conversation | Rejection) -> bool:
    assert isinstance(result, Conversation)
    followed = rewritten(result, answer("HACKED"), "feedback", WHEN)
    return is_rewritten(result) and isinstance(followed, Rejection) and followed.reason == "followed_injection"


def is_redacted(result: Conversation | Rejection) -> bool:
    assert isinstance(result, Conversation)
    sent = feedback_request(result, "m", 100).messages[-1].content
    return "pii_redacted" in result.flags and not any(secret in sent for secret in ("bob@", "23456789", "+49"))


def is_flagged(flag: str) -> Callable[[Conversation | Rejection], bool]:
    return lambda result: isinstance(result, Conversation) and flag in result.flags


def is_duplicate(result: Conversation | Rejection) -> bool:
    return isinstance(result, Rejection) and result.reason == "duplicate"


def has_our_roles(result: Conversation | Rejection) -> bool:
    return isinstance(result, Conversation) and [m.role for m in result.messages] == ["user", "assistant", "user"]


def replaces_the_last_response(result: Conversation | Rejection) -> bool:
    assert isinstance(result, Conversation)
    parts = split(result)
    return is_rewritten(result) and [message.content for message in parts.feedback] == ["hm", "that's wrong"]


HOLDS: dict[str, Callable[[Conversation | Rejection], bool]] = {
    "rewrite": is_rewritten,
    "keep": is_kept,
    "skip": is_skipped,
    "reject": is_rejected,
    "reject_or_normalise": is_rejected,
    "reject_or_flag": is_rejected,
    "reject_or_truncate_reported": is_rejected,
    "normalise_to_UR2": becomes_ur2,
    "normalise": has_our_roles,
    "rewrite_last_assistant": replaces_the_last_response,
    "drop_if_model_says_NA": goes_when_the_model_says_na,
    "rewrite_no_injection": does_not_follow_the_injection,
    "redact": is_redacted,
    "flag_language": is_flagged("language_mismatch"),
    "flag_safety": is_flagged("unsafe"),
    "dedup": is_duplicate,
}


def test_every_expectation_holds() -> None:
    expected = {name: entry["expect"] for name, entry in json.loads(EXPECTED.read_text()).items()}
    found = results()
    assert found.keys() == expected.keys()
    broken = [name for name, expect in expected.items() if not HOLDS[expect](found[name])]
    assert broken == []


def test_no_flag_is_set_where_none_is_expected() -> None:
    flagged = {name for name, result in results().items() if isinstance(result, Conversation) and result.flags}
    assert flagged == {"public_langwrong_034", "public_pii_035", "public_inject_036", "public_jail_037"}


def test_single_contradictions_do_not_condemn_the_file() -> None:
    check = SchemeCheck("don-yehiya", "synth")
    for read in read_conversations(FILE):
        if isinstance(read, Conversation):
            check.see(read)
    check.finish()
