"""WhatsApp's exports are read as their truth says, in every country's spelling, and whatever the bytes are.

Names and texts are compared without the marks of direction around them (U+200E, U+200F before a text; those and U+202A
to U+202E in a name), which the files of the truth have in some places and not in others. Nothing else is changed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rendering_exports import UNSEEN, VARIANTS, Said, Variant, chats, plain, rendered

from redraft.chat.exports.raw import Export, RawMessage, ReadOptions
from redraft.chat.exports.whatsapp import open_whatsapp
from redraft.errors import ConfigurationError, InputError
from redraft.records import Rejection


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whatsapp")


def opened(file: Path, content: str | bytes, **options: str) -> Export | None:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_whatsapp(file, ReadOptions(**options))  # pyright: ignore[reportArgumentType]


def read(file: Path, content: str | bytes, **options: str) -> list[RawMessage]:
    export = opened(file, content, **options)
    assert export is not None
    messages = [one for one in export.messages() if isinstance(one, RawMessage)]
    report = export.report()
    assert (report.messages, sum(report.kinds.values())) == (len(messages), len(messages))
    return messages


def expected(said: Sequence[Said], variant: Variant) -> list[tuple[str, datetime, str]]:
    """What the reader is to say: times as exact as the export is, the blank lines at the file's end nobody's."""
    times = [one.time if variant.seconds else one.time.replace(second=0) for one in said]
    texts = [one.text.lstrip(UNSEEN[:2]) for one in said]
    texts[-1] = texts[-1].rstrip("\n")
    return [(plain(one.author), time, text) for one, time, text in zip(said, times, texts, strict=True)]


def got(messages: Sequence[RawMessage]) -> list[tuple[str, datetime, str]]:
    return [(one.author, one.time.replace(tzinfo=None), one.text) for one in messages]


def fixtures(folder: Path) -> dict[str, dict[str, int]]:
    return json.loads((folder / "data" / "whatsapp" / "expected.json").read_text())


def test_all_files_have_the_messages_that_are_stated(shared: Path) -> None:
    for name, counts in fixtures(shared).items():
        export = open_whatsapp(shared / "data" / "whatsapp" / f"{name}.txt", ReadOptions())
        assert export is not None, name
        messages = [one for one in export.messages() if isinstance(one, RawMessage)]
        assert len(messages) == counts["total"], name
        assert sum(bool(one.author) for one in messages) == counts["with_author"], name
        assert set(export.authors) == {one.author for one in messages} - {""}, name


def test_author_text_time_and_kind_are_the_truths(shared: Path) -> None:
    truths = sorted((shared / "data" / "whatsapp" / "generated").glob("*.truth.json"))
    assert truths
    for truth in truths:
        file = truth.with_name(truth.name.replace(".truth.json", ".txt"))
        stated = [
            (plain(one["author"] or ""), one["ts"], one["text"].lstrip(UNSEEN), one["kind"])
            for one in json.loads(truth.read_text())
        ]
        found = [(one.author, one.time.isoformat()[:19], one.text, one.kind) for one in _messages(file)]
        assert found == stated, file.name


def _messages(file: Path) -> list[RawMessage]:
    export = open_whatsapp(file, ReadOptions())
    assert export is not None
    return [one for one in export.messages() if isinstance(one, RawMessage)]


@pytest.mark.parametrize("name", VARIANTS)
@settings(max_examples=12)
@given(said=chats())
def test_a_chat_is_read_as_it_was_said(place: Path, name: str, said: list[Said]) -> None:
    variant = VARIANTS[name]
    messages = read(place / "chat.txt", rendered(said, variant), date_order=variant.order)
    assert got(messages) == expected(said, variant)


@settings(max_examples=60)
@given(said=chats(), name=st.sampled_from(sorted(VARIANTS)))
def test_an_order_that_is_decided_is_the_right_one(place: Path, said: list[Said], name: str) -> None:
    variant = VARIANTS[name]
    export = opened(place / "chat.txt", rendered(said, variant))
    assert export is not None
    report = export.report()
    if report.order_basis == "assumed":
        assert any("day from month" in warning for warning in report.warnings)
    else:
        assert report.date_order == variant.order
        messages = [one for one in export.messages() if isinstance(one, RawMessage)]
        assert got(messages) == expected(said, variant)


@settings(max_examples=40)
@given(said=chats(least=8), names=st.permutations(sorted(VARIANTS)))
def test_a_file_of_two_formats_is_read_in_both(place: Path, said: list[Said], names: list[str]) -> None:
    one, other = (VARIANTS[name] for name in names[:2])
    if one.order != other.order and "year-first" not in (one.order, other.order):
        other = one
    order = one.order if one.order != "year-first" else other.order
    half = len(said) // 2
    content = rendered(said[:half], one) + rendered(said[half:], other)
    messages = read(place / "chat.txt", content, date_order=order)
    halves = expected([*said[:half], said[-1]], one)[:-1] + expected(said[half:], other)
    assert got(messages) == halves


@settings(max_examples=20)
@given(said=chats(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]))
def test_the_encoding_makes_no_difference(place: Path, said: list[Said], encoding: str) -> None:
    # Whether bytes without a mark are of two bytes a character is told by their zeros.
    assume(not any("\x00" in one.text for one in said))
    variant = VARIANTS["ios_en_gb"]
    messages = read(place / "chat.txt", rendered(said, variant).encode(encoding), date_order="day-first")
    assert got(messages) == expected(said, variant)


@settings(max_examples=15)
@given(
    said=chats(), member=st.sampled_from(["_chat.txt", "WhatsApp Chat with Bob.txt", "Chat de WhatsApp con Bob.txt"])
)
def test_a_zip_file_is_read_as_its_text(place: Path, said: list[Said], member: str) -> None:
    variant = VARIANTS["android_de"]
    file = place / "chat.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", "a file that somebody sent")
        archive.writestr(member, rendered(said, variant))
        archive.writestr("IMG-20240304-WA0001.jpg", b"\xff\xd8")
    assert got(_messages(file)) == expected(said, variant)


@settings(max_examples=150)
@given(st.data())
def test_no_bytes_crash_the_reader(place: Path, data: st.DataObject) -> None:
    """Exports whose bytes were changed, cut and mixed: each is read, or refused in one line, or none."""
    name = data.draw(st.sampled_from(sorted(VARIANTS)))
    content = bytearray(rendered(data.draw(chats(most=8)), VARIANTS[name]).encode())
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=12))
    _survives(place / "fuzzed.txt", bytes(content))


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"1/1/20, 10:00 - A: x\n"]))
def test_no_bytes_at_all_crash_the_reader(place: Path, content: bytes, begins: bytes) -> None:
    _survives(place / "fuzzed.txt", begins + content)


@settings(max_examples=60)
@given(st.data())
def test_no_zip_file_crashes_the_reader(place: Path, data: st.DataObject) -> None:
    file = place / "fuzzed.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_chat.txt", "1/1/20, 10:00 - A: x\n" * 20)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(4, len(content)))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    _survives(file, bytes(content))


def _survives(file: Path, content: bytes) -> None:
    try:
        export = opened(file, content)
    except InputError as error:
        assert "\n" not in str(error) and str(file) in str(error)
        return
    for one in export.messages() if export else ():
        assert isinstance(one, Rejection) or (one.time.utcoffset() == timedelta(0) and one.text.encode() is not None)


@pytest.mark.parametrize(
    "content",
    ["", "\n\n", "a,b\n1,2\n", '[{"role": "user"}]\n', "# 1/2/24, 10:00 - x\n", "notes\n" * 50 + "1/2/24, 10:00 - A: x",
     "99/99/9999, 10:00 - A: x\n", "[2024-01-01T10:00:00Z] INFO start\n"],
)  # fmt: skip
def test_what_is_no_export_is_not_taken_for_one(place: Path, content: str) -> None:
    assert opened(place / "other.txt", content) is None


def test_a_file_in_another_encoding_is_refused_in_one_line(place: Path) -> None:
    lines = "".join(f"1/{day}/24, 10:00 - Jörg: schöne Grüße\n" for day in range(1, 29))
    with pytest.raises(InputError, match="neither UTF-8 nor UTF-16"):
        opened(place / "chat.txt", lines.encode("latin-1"))


def test_few_damaged_bytes_are_told_and_read(place: Path) -> None:
    lines = b"".join(b"1/%d/24, 10:00 - Bob: hi\n" % day for day in range(1, 29))
    export = opened(place / "chat.txt", lines.replace(b"hi", b"h\xffi", 1))
    assert export is not None
    first = next(export.messages())
    assert isinstance(first, RawMessage) and first.text == "h\ufffdi"
    assert any("damaged" in warning for warning in export.report().warnings)


def test_a_zip_file_with_several_chats_is_refused(place: Path) -> None:
    file = place / "several.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("WhatsApp Chat with A.txt", "1/1/20, 10:00 - A: x\n")
        archive.writestr("WhatsApp Chat with B.txt", "1/1/20, 10:00 - B: x\n")
    with pytest.raises(InputError, match="2 texts"):
        open_whatsapp(file, ReadOptions())


def test_a_date_that_is_none_is_a_rejection_and_joins_no_message(place: Path) -> None:
    lines = ["27/11/24, 10:00 - A: x", "31/02/24, 10:00 - A: lost", "its second line", "28/11/24, 25:00 - A: y"]
    content = "\n".join([*lines, "29/11/24, 10:00 - A: z\n"])
    export = opened(place / "chat.txt", content)
    assert export is not None
    one, date, time, last = export.messages()
    assert isinstance(one, RawMessage) and one.text == "x"
    assert isinstance(date, Rejection) and date.reason == "date" and date.place.endswith(" line 2")
    assert isinstance(time, Rejection) and time.reason == "time" and time.place.endswith(" line 4")
    assert isinstance(last, RawMessage) and last.text == "z"
    assert export.report().rejected == 2


def test_a_second_that_is_none_is_a_rejection(place: Path) -> None:
    export = opened(place / "chat.txt", "[27/11/24, 10:00:05] A: x\n[27/11/24, 10:00:75] A: y\n")
    assert export is not None
    assert [one.reason for one in export.messages() if isinstance(one, Rejection)] == ["time"]


def test_a_log_in_a_message_stays_in_it_though_its_lines_look_like_headers(place: Path) -> None:
    """Also where they are as new as the chat: their format is not the file's."""
    said = [Said("Bob", datetime(2024, 3, 4, 9) + timedelta(minutes=one), "ok") for one in range(60)]
    log = "log:\n[2016-04-29 10:30:00] INFO: started\n[2024-03-04 09:31:00] INFO: up\n2024-03-04 09:31:00: done"
    said[30] = said[30]._replace(text=log)
    variant = VARIANTS["android_en_gb"]
    assert got(read(place / "chat.txt", rendered(said, variant))) == expected(said, variant)


def test_a_pasted_chat_of_others_stays_in_the_message(place: Path) -> None:
    said = [Said("AB"[one % 2], datetime(2024, 3, 4, 9) + timedelta(minutes=one), "ok") for one in range(20)]
    others = [Said("Carol", datetime(2023, 1, 1), "I quit"), Said("", datetime(2023, 1, 1), "Dan left")]
    variant = VARIANTS["ios_en_gb"]
    said[7] = said[7]._replace(text="look:\n" + rendered(others, variant).rstrip("\n"))
    export = opened(place / "chat.txt", rendered(said, variant))
    assert export is not None and set(export.authors) == {"A", "B"}
    assert got(_messages(place / "chat.txt")) == expected(said, variant)
    assert any("pasted" in warning for warning in export.report().warnings)


def test_late_messages_of_members_stay_messages(place: Path) -> None:
    said = [Said("AB"[one % 2], datetime(2024, 3, 4, 9) + timedelta(minutes=one), "ok") for one in range(20)]
    said[7] = said[7]._replace(time=datetime(2024, 3, 1))
    said[9], said[15] = said[9]._replace(author="C", time=datetime(2024, 3, 2)), said[15]._replace(author="C")
    variant = VARIANTS["ios_en_gb"]
    assert got(read(place / "chat.txt", rendered(said, variant))) == expected(said, variant)


def test_an_hour_that_comes_twice_is_told_from_the_order(place: Path) -> None:
    clocks = ["01:50", "02:10", "02:50", "02:49", "02:05", "02:55", "03:05"]
    content = "".join(f"27/10/2024, {clock} - A: x\n" for clock in clocks)
    messages = read(place / "chat.txt", content, zone="Europe/Berlin")
    assert [one.time.isoformat()[11:] for one in messages] == [
        "01:50:00+02:00", "02:10:00+02:00", "02:50:00+02:00", "02:49:00+02:00", "02:05:00+01:00", "02:55:00+01:00",
        "03:05:00+01:00",
    ]  # fmt: skip
    export = open_whatsapp(place / "chat.txt", ReadOptions(zone="Europe/Berlin"))
    assert export is not None
    assert any(warning.startswith("5 messages stand in an hour") for warning in export.report().warnings)


def test_an_hour_that_never_was_keeps_its_digits_and_is_told(place: Path) -> None:
    export = opened(place / "chat.txt", "31/03/2024, 02:30 - A: x\n31/03/2024, 03:30 - A: y\n", zone="Europe/Berlin")
    assert export is not None
    times = [one.time.isoformat() for one in export.messages() if isinstance(one, RawMessage)]
    assert times == ["2024-03-31T02:30:00+01:00", "2024-03-31T03:30:00+02:00"]
    assert any("left out" in warning for warning in export.report().warnings)


@pytest.mark.parametrize(("messages", "told"), [(39_997, False), (40_000, True)])
def test_an_export_that_may_have_been_cut_is_told(place: Path, messages: int, told: bool) -> None:
    export = opened(place / "chat.txt", "13/1/24, 10:00 - A: x\n" * messages)
    assert export is not None
    assert any("40,000" in warning for warning in export.report().warnings) is told


def test_a_zone_or_an_order_that_cannot_be_is_refused(place: Path) -> None:
    with pytest.raises(ConfigurationError, match="Europe/Berlin"):
        opened(place / "chat.txt", "13/1/24, 10:00 - A: x\n", zone="Moon")
    with pytest.raises(InputError, match="month-first"):
        opened(place / "chat.txt", "13/1/24, 10:00 - A: x\n", date_order="month-first")
