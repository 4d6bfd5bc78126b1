"""What was acknowledged is on the disk, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import ConfigurationError, InputError, StorageError
from redraft.judging.labels.records import (
    Event,
    Head,
    Labelled,
    Noted,
    Opened,
    Revisited,
    Skipped,
    Undone,
    require_name,
)
from redraft.judging.labels.standing import standing
from redraft.judging.labels.storage import SheetWriter, read_sheet, read_sheets, sheet_path

AT = "2026-01-01T00:00:00Z"
HEAD = Head(at=AT, format="redraft.labels@1", by="ann", model_a="tuned", model_b="base", seed=0)
LINE = Labelled(at=AT, context_id="c1", shown="x", left="A", choice="left", verdict="win", seconds=1.5)

CONTEXTS = st.sampled_from(["c1", "c2", "c3"])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Labelled, at=st.just(AT), context_id=CONTEXTS, shown=st.just("x"), left=st.sampled_from(["A", "B"]),
              choice=st.sampled_from(["left", "right", "tie"]), verdict=st.sampled_from(["win", "loss", "tie"]),
              seconds=st.none() | st.floats(0, 1e6)),
    st.builds(Skipped, at=st.just(AT), context_id=CONTEXTS, shown=st.just("x"), left=st.sampled_from(["A", "B"])),
    st.builds(Undone, at=st.just(AT), context_id=CONTEXTS),
    st.builds(Noted, at=st.just(AT), context_id=CONTEXTS, note=st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(Revisited, at=st.just(AT)),
    st.builds(Opened, at=st.just(AT), count=st.integers(1, 99), criteria=st.sampled_from(["a@1", "b@2"])),
)  # fmt: skip


@settings(max_examples=40)  # each writes to the disk some ten times
@given(events=st.lists(EVENTS, min_size=1, max_size=8), more=EVENTS, cut=st.floats(0, 1))
def test_cut_anywhere_the_whole_lines_count_and_the_next_session_goes_on(
    events: list[Event], more: Event, cut: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels" / "ann.jsonl"
        with SheetWriter(path, HEAD) as writer:
            for event in events:
                writer.append(event)
            assert writer.standing == standing(events) and writer.version == len(events)
        assert read_sheet(path).events == tuple(events)
        content = path.read_bytes()
        first = content.index(b"\n") + 1
        kept = content[: first + round(cut * (len(content) - first))]
        path.write_bytes(kept)
        survived = tuple(events[: kept.count(b"\n") - 1])
        found = read_sheet(path)
        assert found.events == survived and found.torn == len(kept) - kept.rfind(b"\n") - 1
        with SheetWriter(path, HEAD) as writer:
            assert writer.standing == standing(survived)
            writer.append(more)
        assert read_sheet(path).events == (*survived, more)


def test_killed_between_two_labels_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "ann.jsonl"
    script = (
        "import sys\nfrom pathlib import Path\nfrom redraft.judging.labels.storage import SheetWriter\n"
        "from tests_storage import HEAD, LINE\n"
        "with SheetWriter(Path(sys.argv[1]), HEAD) as writer:\n"
        "    while True:\n        writer.append(LINE)\n        print(writer.version, flush=True)\n"
    )
    (tmp_path / "tests_storage.py").write_text(
        "from redraft.judging.labels.records import Head, Labelled\n"
        f"HEAD = {HEAD!r}\nLINE = {LINE!r}\n"
    )  # fmt: skip
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
    ) as process:
        assert process.stdout is not None
        for _ in range(20):
            told = int(process.stdout.readline())
        with pytest.raises(ConfigurationError, match="ann is labelling this already"), SheetWriter(path, HEAD):
            pass
        process.send_signal(signal.SIGKILL)
        told = int([str(told).encode(), *process.stdout.read().split()][-1])
    assert len(read_sheet(path).events) >= told >= 20
    with SheetWriter(path, HEAD) as writer:
        assert writer.version >= told


def test_a_full_disk_is_one_line_and_the_label_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "ann.jsonl"
    with SheetWriter(path, HEAD) as writer:
        writer.append(LINE)
        before, soft = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, soft[1]))
        try:
            with pytest.raises(StorageError, match=r"ann\.jsonl: the file would grow"):
                writer.append(LINE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, soft)
        assert path.read_bytes() == before, "no half line is left"
        assert writer.version == 1
        writer.append(LINE)
    assert len(read_sheet(path).events) == 2


def test_a_disk_that_fails_to_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    path = tmp_path / "labels" / "ann.jsonl"
    with SheetWriter(path, HEAD) as writer:
        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError, match="the disk reports an error"):
            writer.append(LINE)
        assert path.read_bytes() == b"" and not writer.version
        monkeypatch.undo()
        writer.append(LINE)
    assert read_sheet(path).head == HEAD


def test_cut_in_its_first_line_a_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "ann.jsonl"
    for left in (b"", b'{"kind":"head","at'):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(left)
        assert read_sheets(tmp_path) == [], "nothing was ever acknowledged"
        with SheetWriter(path, HEAD) as writer:
            writer.append(LINE)
        (sheet,) = read_sheets(tmp_path)
        assert sheet.events == (LINE,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}\n", "line 1"),
        (b"\xff\xfe\n", "line 1"),
        (b'{"kind":"undo","at":"","context_id":"c"}\n', "its first line"),
        (b"HEAD\nHEAD\n", "its first line"),
        (b'HEAD\n{"kind":"label","at":"","context_id":"c"}\n', "line 2"),
        (b"HEAD\nrubbish\nHEAD\n", "line 2"),
        (b"", "its first line"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    with SheetWriter(tmp_path / "labels" / "one.jsonl", HEAD) as writer:
        writer.append(LINE)
    first = (tmp_path / "labels" / "one.jsonl").read_bytes().splitlines()[0]
    path = tmp_path / "two.jsonl"
    path.write_bytes(content.replace(b"HEAD", first))
    with pytest.raises(InputError, match=rf"two\.jsonl.*{said}"):
        read_sheet(path)


def test_another_version_and_another_seed_are_told(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "ann.jsonl"
    with SheetWriter(path, HEAD) as writer:
        writer.append(LINE)
    other = Head(at=AT, format="redraft.labels@1", by="ann", model_a="tuned", model_b="base", seed=1)
    with pytest.raises(InputError, match="another person, seed"), SheetWriter(path, other):
        pass
    with SheetWriter(path, HEAD):
        pass  # the lock went with the refusal
    path.write_bytes(path.read_bytes().replace(b"labels@1", b"labels@2"))
    with pytest.raises(InputError, match=r"written as redraft\.labels@2, and this version"):
        read_sheet(path)


def test_each_person_and_pair_has_a_file_of_their_own(tmp_path: Path) -> None:
    models = ("tuned", "base")
    names = ["Ann", "ann", "ann b", "Änn", "Ann ", "../ann"]
    paths = {sheet_path(tmp_path, by, models) for by in names}
    assert len(paths) == len(names) and {one.parent for one in paths} == {tmp_path / "labels"}
    assert sheet_path(tmp_path, "ann", ("base", "tuned")) not in paths
    assert read_sheets(tmp_path) == []


def test_names(tmp_path: Path) -> None:
    assert require_name("  Ann   B. ") == "Ann B."
    assert require_name("Łukasz@example.org") == "Łukasz@example.org"
    for bad in ("", "  ", "a/b", "<b>", "a\u202eb", "x" * 65, ".", "-x", "a\x00"):
        with pytest.raises(ConfigurationError, match="cannot be the name"):
            require_name(bad)


def test_an_undone_label_is_gone_and_its_note_stays(make_label: Callable[..., Labelled]) -> None:
    one, two = make_label("c1", "left"), make_label("c2", "right", left="B")
    skipped = Skipped(at=AT, context_id="c3", shown="x", left="A")
    note = Noted(at=AT, context_id="c1", note="odd")
    now = standing([one, note, two, skipped, Undone(at=AT, context_id="c1")])
    assert list(now.labels) == ["c2"] and list(now.skipped) == ["c3"] and now.notes == {"c1": "odd"}
    assert standing([skipped, Revisited(at=AT)]).skipped == {}
    assert list(standing([one, two, one]).decided) == ["c2", "c1"], "the latest is the last"
    assert standing([note, Noted(at=AT, context_id="c1", note="")]).notes == {}
