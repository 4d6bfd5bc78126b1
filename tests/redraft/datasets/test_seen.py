"""Ids are remembered on disk, and an id with other content is told from a repeated row."""

from __future__ import annotations

import msgspec

from redraft.datasets.seen import Seen, content_digest
from redraft.records import Conversation, Message

ONE = Conversation(conversation_id="a", messages=(Message(role="user", content="x"),), category="UR2")


def test_new_duplicate_and_clash() -> None:
    other = msgspec.structs.replace(ONE, messages=(Message(role="user", content="y"),))
    relabelled = msgspec.structs.replace(ONE, category="UR3")
    noted = msgspec.structs.replace(ONE, extra={"note": 1})
    with Seen() as seen:
        found = [seen.check(c.conversation_id, content_digest(c)) for c in (ONE, noted, other, relabelled)]
        assert found == ["new", "duplicate", "clash", "clash"]
        assert seen.check("b", content_digest(ONE)) == "new"


def test_where_one_message_ends_matters() -> None:
    joined = (Message(role="user", content="ab"), Message(role="user", content="c"))
    cut = (Message(role="user", content="a"), Message(role="user", content="bc"))
    assert content_digest(msgspec.structs.replace(ONE, messages=joined)) != content_digest(
        msgspec.structs.replace(ONE, messages=cut)
    )
