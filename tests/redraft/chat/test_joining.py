"""What the person writes in a row becomes one; every message of the person is in a unit or a rejection."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from made_chats import PERSON, chats, message

from redraft.chat.joining import Cutting, Unit, units
from redraft.chat_records import ChatMessage
from redraft.records import Rejection

CUTTING = Cutting(240 * 60, 3 * 60)


@given(chats(), st.sampled_from([None, 3 * 60.0]))
def test_every_message_is_in_one_unit_or_counted(messages: list[ChatMessage], join: float | None) -> None:
    found = list(units(messages, PERSON, Cutting(240 * 60, join)))
    made = [one for one in found if isinstance(one, Unit)]
    known = {one.message_id: one for one in messages}
    usable = [one.message_id for one in messages if one.author and one.kind in ("text", "edited") and one.text.strip()]
    assert [row_id for unit in made for row_id in unit.ids] == usable, "in the order of the chat, none twice"
    refused = [one for one in found if isinstance(one, Rejection)]
    own = {one.message_id for one in messages if one.author == PERSON}
    assert sorted(one.row_id or "" for one in refused) == sorted(own - set(usable))
    for one in refused:
        assert one.reason == (
            known[one.row_id or ""].kind if known[one.row_id or ""].kind not in ("text", "edited") else "empty"
        )
    for unit in made:
        parts = [known[row_id] for row_id in unit.ids]
        assert unit.text == "\n".join(part.text for part in parts) and unit.time == parts[0].time
        assert {part.author for part in parts} == {unit.author}
        assert len(parts) == 1 or (unit.author == PERSON and join is not None)
        for one, next_one in pairwise(parts):
            gap = datetime.fromisoformat(next_one.time) - datetime.fromisoformat(one.time)
            assert join is not None and gap.total_seconds() <= join


def ids(messages: list[ChatMessage], cutting: Cutting = CUTTING) -> list[tuple[str, ...]]:
    return [one.ids for one in units(messages, PERSON, cutting) if isinstance(one, Unit)]


def test_a_row_ends_with_a_gap_another_author_or_a_session() -> None:
    row = [message(0, PERSON, 0), message(1, PERSON, 3), message(2, PERSON, 6.5), message(3, PERSON, 7)]
    assert ids(row) == [("m0", "m1"), ("m2", "m3")]
    assert ids(row, Cutting(60, 3600)) == [("m0",), ("m1",), ("m2", "m3")], "a pause ends it too"
    for kind in ("text", "media", "deleted"):
        between = [message(0, PERSON, 0), message(1, "Person2", 0, kind=kind), message(2, PERSON, 1)]
        assert ("m0", "m2") not in ids(between), kind


def test_what_nobody_wrote_and_own_pictures_do_not_end_a_row() -> None:
    between = [message(1, "", 0, kind="system"), message(2, PERSON, 1, kind="media")]
    assert ids([message(0, PERSON, 0), *between, message(3, PERSON, 2)]) == [("m0", "m3")]


def test_a_session_begins_after_a_pause_that_no_picture_fills() -> None:
    row = [message(0, "Person2", 0), message(1, "Person2", 200, kind="media"), message(2, "Person2", 400),
           message(3, "Person2", 641), message(4, "Person2", 300)]  # fmt: skip
    found = [one.begins for one in units(row, PERSON, CUTTING) if isinstance(one, Unit)]
    assert found == [True, False, True, False], "a clock put back begins none"


def test_a_session_that_begins_with_a_picture_begins_with_the_next_words() -> None:
    row = [message(0, "Person2", 0), message(1, "Person2", 500, kind="media"), message(2, PERSON, 501)]
    assert [one.begins for one in units(row, PERSON, CUTTING) if isinstance(one, Unit)] == [True, True]
