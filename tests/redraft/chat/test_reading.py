"""From exports to a dataset that holds nobody: what is written where, and that nothing real is in it."""

from __future__ import annotations

import re
import stat
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.chat import reading
from redraft.chat.exports.opening import open_export
from redraft.chat.exports.raw import ExportReport, RawMessage, ReadOptions
from redraft.chat.privacy.common_words import AMBIGUOUS, NOT_NAMES
from redraft.chat.privacy.names import Names
from redraft.chat.reading import ReadReport, has_names, person_of, read_chat
from redraft.chat_records import ChatMessage
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import Rejection

START = datetime(2024, 3, 4, 9, tzinfo=UTC)
Line = tuple[str, str]


class Written:
    """An export that lies in memory."""

    def __init__(self, name: str, messages: Sequence[RawMessage | Rejection], seen: Sequence[str] = ()) -> None:
        self.name, self._messages, self.names_seen = name, messages, tuple(seen)
        self.authors = tuple({one.author: None for one in messages if isinstance(one, RawMessage) and one.author})

    def messages(self) -> Iterator[RawMessage | Rejection]:
        return iter(self._messages)

    def report(self) -> ExportReport:
        return ExportReport(format="fake", messages=len(self._messages), authors=len(self.authors), kinds={})


def raw(author: str, text: str, minute: int, line: int = 0, kind: str = "") -> RawMessage:
    at = START + timedelta(minutes=minute)
    return RawMessage(author, at, text, kind or ("text" if author else "system"), line or minute + 1)  # type: ignore[arg-type]


def chat(*lines: Line) -> list[RawMessage]:
    return [raw(author, text, minute) for minute, (author, text) in enumerate(lines)]


Reader = Callable[..., ReadReport]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reader:
    """Reads exports that lie in memory into `chat`: each list of them is one chat."""

    def reading_of(*groups: list[Written], person: str = "Bob", output: str = "chat", **options: object) -> ReadReport:
        there = {tmp_path / one.name: one for group in groups for one in group}
        monkeypatch.setattr(reading, "open_exports", lambda path, *_: (there[path],))
        monkeypatch.setattr(reading, "open_export", lambda path, *_: there[path])
        files = [[tmp_path / one.name for one in group] for group in groups]
        return read_chat(files, person, tmp_path / output, ReadOptions(), **options)  # type: ignore[arg-type]

    return reading_of


def rows(report: ReadReport) -> list[ChatMessage]:
    return list(Dataset.open(Path(report.dataset)).rows())


def everything_in(folder: Path) -> str:
    """All that files of a dataset say, and what they are called."""
    texts = [str(folder.name)]
    for file in sorted(folder.rglob("*")):
        texts.append(file.name)
        if file.suffix == ".parquet":
            texts += [repr(row) for row in pq.read_table(file).to_pylist()]
            texts.append(repr(pq.read_metadata(file).metadata))
        else:
            texts.append(file.read_text())
    return "\n".join(texts).casefold()


def test_authors_and_texts(read: Reader, tmp_path: Path) -> None:
    lines = chat(
        ("", 'Zoë created group "Project: Alpha"'), ("Zoë", "hi bob"), ("Bob", "@\u2068Yvo Roe\u2069 Zoe?"),
        ("", "Zoë added Tim"),
    )  # fmt: skip
    report = read([Written("WhatsApp Chat with Project: Alpha.txt", lines, ["Tim"])])
    found = rows(report)
    assert [(one.author, one.text, one.kind) for one in found] == [
        ("", 'Person2 created group "[GROUP]"', "system"),
        ("Person2", "hi Person1", "text"),
        ("Person1", "@Person3 Person2?", "text"),
        ("", "Person2 added Person4", "system"),
    ]
    assert [one.place for one in found] == [f"chat1 line {line}" for line in range(1, 5)]
    assert found[1].time == "2024-03-04T09:01:00+00:00"
    assert report.chats[0].people == {"Person2": 1, "Person1": 1}
    assert report.warnings == ("Person1 writes 1 messages: too few to learn from",)
    assert (report.person, person_of(Dataset.open(Path(report.dataset)))) == ("Person1", "Person1")
    for file in (report.names, report.review):
        assert Path(file).parent == tmp_path and stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    assert has_names(Path(report.dataset))


ROSTER = ("Annika Müller", "Pavel Çelik", "+49 151 23456789", "李小雷 🌸", "محمد علوي")
SECRETS = (
    "annika",
    "müller",
    "muller",
    "mueller",
    "pavel",
    "çelik",
    "celik",
    "23456789",
    "李小雷",
    "小雷",
    "محمد",
    "علوي",
)
KINDS = ("text", "edited", "media", "deleted", "call", "poll", "location", "contact", "placeholder", "viewonce")
pieces = st.sampled_from(
    [
        "Annika", "ANNIKA's", "mueller", "@pavel", "@\u2068Pavel Çelik\u2069", "0151 23456789", "+49 (0)151/23456789",
        "pavel.celik@example.org", "https://x.org/annika?token=1", "小雷好", "ومحمد", "CV Annika.pdf (file attached)",
        "ok", "\n",
        "the salad", "MÜLLER, Annika", "annikas", "a.mueller@example.org", "wa.me/4915123456789", "Annika_Müller",
    ]
)  # fmt: skip
spoken = st.tuples(st.sampled_from(ROSTER), st.lists(pieces, max_size=6).map(" ".join), st.sampled_from(KINDS))
lines_of_the_app = st.tuples(
    st.just(""),
    st.sampled_from(["Annika Müller added Pavel Çelik", 'محمد علوي changed the group to "Müller"', "Pavel Çelik left"]),
    st.just("system"),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(spoken | lines_of_the_app, max_size=12))
def test_nothing_real_is_in_the_dataset(read: Reader, tmp_path: Path, messages: list[tuple[str, str, str]]) -> None:
    there = [raw(ROSTER[0], "hi", 0)]
    there += [raw(author, text, minute, kind=kind) for minute, (author, text, kind) in enumerate(messages, 1)]
    broken = Rejection(
        reason="date", detail="no day: Annika", place="WhatsApp Chat with Annika.txt line 3", row="31/31/24, Pavel: hi"
    )
    written = Written("WhatsApp Chat with Annika.txt", [*there, broken], ROSTER)
    first = read([written], person="annika")
    told = everything_in(Path(first.dataset))
    assert [secret for secret in SECRETS if secret in told] == []
    assert [secret for secret in SECRETS if secret in repr(first).casefold()] == []
    again = read([written], person="annika")
    assert again == first and everything_in(Path(again.dataset)) == told


def test_pseudonyms_stay_in_later_readings(read: Reader) -> None:
    first = read([Written("a", chat(("Zoë", "hi"), ("Bob", "ho")))])
    later = read([Written("b", chat(("New", "ha"), ("Zoë", "hi"), ("Bob", "ho")))], person="Zoë")
    assert later.person == "Person2"
    assert [one.author for one in rows(later)] == ["Person3", "Person2", "Person1"]
    assert rows(later)[1].message_id != rows(first)[0].message_id  # another minute
    same = read([Written("b", [raw("New", "earlier", -9), *chat(("Zoë", "hi"), ("Bob", "ho"))])])
    assert [one.message_id for one in rows(same)][1:] == [one.message_id for one in rows(read([Written("a", chat(
        ("Zoë", "hi"), ("Bob", "ho")))]))]  # fmt: skip


def test_each_message_has_an_id_of_its_own(read: Reader) -> None:
    twice = [
        raw("Bob", "ok", 0, 1),
        raw("Bob", "ok", 0, 2),
        raw("Bob", "on", 1, 3),
        raw("Bob", "ok", 0, 4),
        raw("Bob", "ok", 0, 5),
    ]
    ids = [one.message_id for one in rows(read([Written("a", twice)]))]
    assert len(set(ids)) == 5
    # Another key, other ids: nobody can try texts out.
    assert not set(ids) & {one.message_id for one in rows(read([Written("a", twice)], output="other"))}


def test_an_edited_message_is_what_its_author_wrote(read: Reader) -> None:
    edited = raw("Bob", "soup then <This message was edited>", 1, kind="edited")
    (_, found) = rows(read([Written("a", [raw("Zoë", "lunch?", 0), edited])]))
    assert (found.text, found.kind) == ("soup then", "edited")


def test_several_chats_and_exports(read: Reader) -> None:
    hello, bye = raw("Bob", "hello", 0), raw("Zoë", "bye", 5)
    report = read(
        [Written("a", [hello]), Written("b", [hello, bye])], [Written("c", [raw("Bob", "elsewhere", 0), bye])]
    )
    assert [(one.chat, one.text) for one in rows(report)] == [
        ("chat1", "hello"), ("chat1", "bye"), ("chat2", "elsewhere"), ("chat2", "bye")
    ]  # fmt: skip
    assert len({one.message_id for one in rows(report)}) == 4
    assert [one.messages for one in report.chats] == [2, 2]


def test_the_other_one_who_never_writes(read: Reader) -> None:
    named = raw("Yvo Roe", "Messages are encrypted", 0, kind="system_named")
    assert rows(read([Written("a", [named, raw("Bob", "hey yvo", 1)])]))[1].text == "hey Person2"
    group = [*(raw(name, "hi", 1) for name in ("Bob", "Tim", "Ann")), raw("Bob", "hey yvo", 2)]
    assert [one.text for one in rows(read([Written("b", [named, *group])], output="b"))][-1] == "hey yvo"
    assert (
        rows(read([Written("WhatsApp Chat with Yvo Roe (2).txt", [raw("Bob", "yvo?", 1)])], output="c"))[0].text
        == "Person2?"
    )


def test_two_exports_that_somebody_joined_in_the_wrong_order(read: Reader) -> None:
    """A split by time is one only where the messages are in the order of time."""
    year = 60 * 24 * 365
    later = [raw("Bob", f"late {at}", year + at) for at in range(3)]
    earlier = [raw("Al", f"early {at}", at, line=90 + at) for at in range(3)]
    report = read([Written("a", [*later, *earlier])])
    found = rows(report)
    assert [row.text for row in found] == [*(f"early {at}" for at in range(3)), *(f"late {at}" for at in range(3))]
    assert [row.time for row in found] == sorted(row.time for row in found)
    assert "3 messages stood behind later ones" in report.chats[0].exports[0].warnings[0]
    in_order = read([Written("b", [*earlier, *later])], output="other")
    assert [row.text for row in rows(in_order)] == [row.text for row in found]
    assert in_order.chats[0].exports[0].warnings == ()


def test_who_is_not_there(read: Reader, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobody called 'Bobby' writes there; did you mean 'Bob'"):
        read([Written("a", chat(("Bob", "x"), ("Zoë", "y")))], person="Bobby")
    with pytest.raises(InputError, match="nobody called 'Tim'"):
        read([Written("a", chat(("Bob", "x")), ["Tim"])], person="Tim")
    assert not list(tmp_path.iterdir())
    read([Written("a", chat(("Bob", "x")), ["Tim"])])
    with pytest.raises(InputError, match="'Tim' writes nothing there"):
        read([Written("a", chat(("Bob", "x")), ["Tim"])], person="Tim")
    with pytest.raises(InputError, match="no file to read"):
        read(person="Bob")


def test_what_a_person_mends(read: Reader) -> None:
    written = Written(
        "a", chat(("Bob", "so Wanda met rosi"), ("Rose", "so Wanda and Wanda left"), ("Bob", "Rose said Rose"))
    )
    report = read([written])
    assert '"word":"Wanda"' in Path(report.review).read_text()
    report = read([written], also=["Wanda", "rosi=Rose"], keep=["Rose"])
    assert [one.text for one in rows(report)] == [
        "so Person3 met Person2",
        "so Person3 and Person3 left",
        "Rose said Rose",
    ]
    assert rows(read([written])) == rows(report)  # it is kept
    assert read([written]).doubts == 0


def test_a_purged_person_is_left_out(read: Reader, tmp_path: Path) -> None:
    written = Written("a", chat(("Bob", "hey zoë"), ("Zoë", "hi")))
    read([written])
    names = reading.load_names(tmp_path / "chat")
    names.forget("Person2")
    reading.keep_names(tmp_path / "chat", names)
    report = read([written])
    assert ([one.text for one in rows(report)], report.left_out) == (["hey [REMOVED]"], 1)


def test_memory_does_not_grow_with_the_chat(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS_PER_SHARD", 250)

    class Long(Written):
        def messages(self) -> Iterator[RawMessage | Rejection]:
            return (raw("Bob" if n % 2 else "Zoë", f"message {n} of zoë", n) for n in range(self.length))

    peaks = list[int]()
    for length in (500, 500, 2_500):  # the first fills what is kept for good
        written = Long("a", chat(("Bob", "x"), ("Zoë", "y")))
        written.length = length
        tracemalloc.start()
        read([written])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 300_000


def test_ids_tell_nothing() -> None:
    assert len(Names().digest("a")) == 32 and "cafe" * 3 not in Names().digest("cafe" * 3)


def test_kin_in_lines_of_the_app(read: Reader) -> None:
    """In texts a word such as mom is left as a word; in the app's own lines it is who did something."""
    lines = chat(("", "Mom added Bob"), ("Mom", "hi"), ("Bob", "my mom said so"))
    assert [one.text for one in rows(read([Written("a", lines)]))] == ["Person2 added Person1", "hi", "my mom said so"]


def test_no_author_of_the_fixtures_survives(shared: Path, tmp_path: Path) -> None:
    for file in sorted((shared / "data" / "whatsapp").rglob("*.txt")):
        export = open_export(file, ReadOptions())
        report = read_chat([[file]], export.authors[0], tmp_path / file.stem)
        told = everything_in(Path(report.dataset)).replace(file.stem, "")
        parts = {word for name in export.authors for word in re.findall(r"[^\W\d_]{2,}", name.casefold())}
        survived = {word for word in parts - NOT_NAMES - AMBIGUOUS if re.search(rf"(?<![^\W_]){word}(?![^\W_])", told)}
        # Stands for the group, and is said of its subject.
        assert survived <= {"pokemon"}, file.name
