"""Overlapping exports of one chat become the chat: nothing twice, nothing lost, in order, whatever comes first."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redraft.chat.exports import merging
from redraft.chat.exports.merging import merged
from redraft.chat.exports.opening import open_export
from redraft.chat.exports.raw import Export, RawMessage, ReadOptions
from redraft.chat_records import ChatKind
from redraft.records import Rejection

START = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)
# So that no export looks as if it knew less of the time than it does.
OFFSETS = {0.25: 0.01, 1.0: 7.0, 7.0: 3.0, 60.0: 0.0}
BAD = Rejection(reason="bad_time", detail="no time", place="chat.txt line 7")


class Held:
    """An export that is a list."""

    authors: tuple[str, ...] = ()
    names_seen: tuple[str, ...] = ()

    def __init__(self, messages: Sequence[RawMessage | Rejection]) -> None:
        self.held = messages

    def messages(self) -> Iterator[RawMessage | Rejection]:
        return iter(self.held)


def exports(*parts: Sequence[RawMessage | Rejection]) -> list[Export]:
    return [cast("Export", Held(part)) for part in parts]


def union(*parts: Sequence[RawMessage | Rejection]) -> list[RawMessage]:
    return [message for message in merged(exports(*parts)) if isinstance(message, RawMessage)]


def said(seconds: float, author: str, text: str, line: int = 1, kind: ChatKind = "text") -> RawMessage:
    return RawMessage(author, START + timedelta(seconds=seconds), text, kind, line)


def bare(messages: Sequence[RawMessage]) -> list[tuple[datetime, str, str]]:
    return [(message.time, message.author, message.text) for message in messages]


def by_minute(message: RawMessage) -> RawMessage:
    return msgspec.structs.replace(message, time=message.time.replace(second=0, microsecond=0))


@st.composite
def chats(draw: st.DrawFn, unit: float = 60.0, distinct: bool = False) -> list[RawMessage]:
    """A chat in order, with many messages of one time and of one text."""
    steps = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=1, max_size=14))
    times = list(itertools.accumulate(steps))
    return [
        said(
            OFFSETS[unit] + time * unit,
            draw(st.sampled_from("AB")),
            f"{line}" if distinct else draw(st.sampled_from(["ok", "x", "y"])),
            line,
        )
        for line, time in enumerate(times, start=1)
    ]


@st.composite
def covers(draw: st.DrawFn, length: int) -> list[tuple[int, int]]:
    """Ranges of which each overlaps the next; together they are everything."""
    cuts = sorted(draw(st.sets(st.integers(0, length), max_size=3)) | {0, length})
    ranges = [
        (draw(st.integers(0, max(0, start - 1))), draw(st.integers(end, length)))
        for start, end in itertools.pairwise(cuts)
    ]
    return draw(st.permutations(ranges))


@settings(max_examples=80)
@given(st.data(), st.sampled_from([0.25, 1.0, 60.0]))
def test_parts_of_a_chat_make_the_chat_where_all_messages_differ(data: st.DataObject, unit: float) -> None:
    """Also where parts begin and end within one minute."""
    chat = data.draw(chats(unit, distinct=True))
    parts = [chat[start:end] for start, end in data.draw(covers(len(chat)))]
    assert bare(union(*parts)) == bare(chat)


@settings(max_examples=80)
@given(st.data(), st.sampled_from([0.25, 1.0, 60.0]))
def test_parts_that_hold_whole_minutes_make_the_chat_with_its_repetitions(data: st.DataObject, unit: float) -> None:
    chat = data.draw(chats(unit))
    groups = [list(group) for _, group in itertools.groupby(chat, key=lambda message: message.time)]
    parts = [list(itertools.chain(*groups[start:end])) for start, end in data.draw(covers(len(groups)))]
    assert bare(union(*parts)) == bare(chat)


def within(chat: list[RawMessage]) -> list[RawMessage]:
    """The chat with a message before it and one behind, so that a part shows at which end something is missing."""
    return [said(-120, "A", "first", 0), *chat, said(6000, "A", "last", 99)]


@settings(max_examples=80)
@given(st.data())
def test_one_part_that_has_the_whole_minute_is_enough(data: st.DataObject) -> None:
    """The others may begin or end anywhere: equal messages are matched from the end that they have."""
    chat = within(data.draw(chats()))
    start, end = data.draw(st.integers(0, len(chat) - 1)), data.draw(st.integers(1, len(chat)))
    assert bare(union(*data.draw(st.permutations([chat, chat[start:], chat[:end]])))) == bare(chat)


@settings(max_examples=50)
@given(st.data())
def test_an_export_that_begins_in_the_minute_in_which_another_ends_goes_on_there(data: st.DataObject) -> None:
    chat = within(data.draw(chats(distinct=True)))
    cut = data.draw(st.integers(1, len(chat) - 1))
    assert bare(union(chat[:cut], chat[cut:])) == bare(union(chat[cut:], chat[:cut])) == bare(chat)


@settings(max_examples=50)
@given(st.data())
def test_the_order_of_the_files_does_not_matter(data: st.DataObject) -> None:
    parts = [data.draw(chats(data.draw(st.sampled_from([0.25, 1.0, 60.0])))) for _ in range(3)]
    first = list(merged(exports(*parts)))
    assert all(list(merged(exports(*order))) == first for order in itertools.permutations(parts))


@settings(max_examples=50)
@given(st.data())
def test_each_message_is_there_as_often_as_in_the_part_that_has_it_most_often(data: st.DataObject) -> None:
    parts = [data.draw(chats()) for _ in range(data.draw(st.integers(2, 4)))]
    most = Counter[tuple[datetime, str, str]]()
    for part in parts:
        most |= Counter(bare(part))
    found = union(*parts)
    assert Counter(bare(found)) == most
    assert [message.time for message in found] == sorted(message.time for message in found)


@settings(max_examples=50)
@given(st.data())
def test_minutes_and_seconds_are_one_chat_and_the_seconds_are_kept(data: st.DataObject) -> None:
    seconds = data.draw(chats(7.0, distinct=True))
    assume(any(message.time.second for message in seconds))
    minutes = [by_minute(message) for message in seconds]
    assert bare(union(*data.draw(st.permutations([seconds, minutes])))) == bare(seconds)


@settings(max_examples=50)
@given(st.data())
def test_what_only_the_coarse_export_has_stands_in_its_place_and_time_never_goes_back(data: st.DataObject) -> None:
    chat = data.draw(chats(7.0, distinct=True))
    fine = chat[: data.draw(st.integers(0, len(chat)))]
    assume(any(message.time.second for message in fine))
    coarse = [by_minute(message) for message in chat]
    found = union(*data.draw(st.permutations([fine, coarse])))
    assert [message.text for message in found] == [message.text for message in chat]
    assert bare(found[: len(fine)]) == bare(fine)
    assert [message.time for message in found] == sorted(message.time for message in found)
    assert [by_minute(message).time for message in found] == [message.time for message in coarse]


def test_exports_of_android_and_of_an_iphone_are_one_chat(tmp_path: Path) -> None:
    android, iphone = tmp_path / "android.txt", tmp_path / "_chat.txt"
    android.write_text("".join(f"31/12/2023, 14:{n:02} - {'Ada' if n % 2 else 'Ben'}: ok\n" for n in range(20)))
    iphone.write_text(
        "".join(f"[31/12/2023, 14:{n:02}:{3 * n:02}] {'Ada' if n % 2 else 'Ben'}: ok\n" for n in range(10, 20))
        + "[31/12/2023, 14:19:58] Ada: bye\n"
    )
    opened = [open_export(path, ReadOptions()) for path in (iphone, android)]
    found = [message for message in merged(opened) if isinstance(message, RawMessage)]
    assert [message.text for message in found] == ["ok"] * 20 + ["bye"]
    assert [message.time.second for message in found] == [0] * 10 + [3 * n for n in range(10, 20)] + [58]


def test_media_with_and_without_its_file_is_one_and_the_file_is_kept() -> None:
    named = [
        said(0, "A", "IMG-1.jpg (file attached)\nlook", 1, "media"),
        said(0, "A", "IMG-2.jpg (file attached)", 2, "media"),
    ]
    omitted = [said(0, "A", "<Media omitted>", 1, "media"), said(0, "A", "<Media omitted>", 2, "media")]
    assert bare(union(omitted, named)) == bare(union(named, omitted)) == bare(named)
    assert len(union(omitted, omitted)) == 2


def test_late_messages_are_put_in_place_and_very_late_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "WINDOW", 3)
    late = [
        said(60, "A", "b"),
        said(120, "A", "c"),
        said(0, "A", "a"),
        *(said(60 * n, "A", str(n)) for n in range(3, 9)),
    ]
    late.append(said(30, "A", "very late"))
    found = union(late, late)
    assert [message.text for message in found[:3]] == ["a", "b", "c"]
    assert Counter(bare(found)) == Counter(bare(late))


def test_an_hour_that_comes_twice_stays_in_order() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = datetime(2024, 10, 27, 2, 30, tzinfo=berlin)
    twice = [
        RawMessage("A", at, "before", "text", 1),
        RawMessage("A", at.replace(minute=10, fold=1), "after", "text", 2),
    ]
    assert [message.text for message in union(twice, twice[:1])] == ["before", "after"]


def test_rejections_pass_and_one_or_no_export_stays_as_it_is() -> None:
    chat = [said(60, "A", "b"), BAD, said(0, "A", "a"), said(0, "A", "a")]
    assert list(merged(exports(chat))) == chat
    assert list(merged([])) == []
    assert Counter(isinstance(one, Rejection) for one in merged(exports(chat, [BAD]))) == {True: 2, False: 3}


def test_the_length_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "WINDOW", 100)

    class Long(Held):
        def messages(self) -> Iterator[RawMessage | Rejection]:
            return (said(20 * number, "A", f"message {number} " * 5, number) for number in range(3000))

    tracemalloc.start()
    count = sum(1 for _ in merged([cast("Export", Long([])), cast("Export", Long([]))]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3000
    assert peak < 500_000
