"""What is written is read again, equal rows have an equal hash, and a stopped or failed write leaves the old whole."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.datasets.conversations import read_conversations
from redraft.datasets.exporting import export, to_row
from redraft.datasets.storage import Dataset, DatasetWriter, assemble, find_shard, write_shard
from redraft.errors import InputError
from redraft.records import Conversation, Example, Judgment, Message, Rejection

texts = st.text(max_size=40)
messages = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=texts), max_size=4
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
conversations = st.builds(
    Conversation,
    conversation_id=texts.filter(bool),
    messages=messages.map(tuple),
    category=st.none() | texts,
    label=st.none() | st.integers(-1, 1),
    language=st.none() | texts,
    feedback_turn=st.none() | st.integers(0, 50),
    flags=st.lists(texts, max_size=2).map(tuple),
    extra=st.dictionaries(texts, values, max_size=3),
)
examples = st.builds(
    Example,
    conversation_id=texts,
    messages=messages.map(tuple),
    category=texts,
    improved=st.booleans(),
    generation_method=st.none() | texts,
    original_response=texts,
    improvement_timestamp=st.none() | texts,
    cost=st.none() | st.floats(0, 10),
    simulated=st.booleans(),
    extra=st.dictionaries(texts, values, max_size=3),
)
rejections = st.builds(
    Rejection,
    reason=st.sampled_from(["no_messages", "bad_role"]),
    detail=texts,
    place=texts,
    row=st.none() | texts,
)
OWN_COLUMNS = set(to_row(Conversation(conversation_id="", messages=()))) | {
    "messages",
    "conversations",
    "conversation",
    "id",
}


def talk(number: int, text: str = "hello") -> Conversation:
    said = (
        Message(role="user", content=text),
        Message(role="assistant", content="hi"),
        Message(role="user", content="no"),
    )
    return Conversation(conversation_id=f"c{number}", messages=said, category="UR2")


def write(target: Path, rows: list[Conversation], rows_per_shard: int = 500, **meta: object) -> Dataset:
    with DatasetWriter(target, "conversations", rows_per_shard) as writer:
        for row in rows:
            writer.add(row)
        return writer.finish(meta)


@given(rows=st.lists(conversations, max_size=5), refused=st.lists(rejections, max_size=3), per_shard=st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read_again(rows: list[Conversation], refused: list[Rejection], per_shard: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with DatasetWriter(Path(folder) / "d", "conversations", per_shard) as writer:
            for row in rows:
                writer.add(row)
            for rejection in refused:
                writer.reject(rejection)
            dataset = writer.finish()
        assert list(dataset.rows()) == rows
        assert list(dataset.rejections()) == refused
        assert (dataset.count, dataset.manifest["rejected"]) == (len(rows), len(refused))
        assert sum(dataset.manifest["reasons"].values()) == len(refused)


@given(rows=st.lists(examples, max_size=4))
@settings(max_examples=30, deadline=None)
def test_examples_keep_every_field(rows: list[Example]) -> None:
    with tempfile.TemporaryDirectory() as folder, DatasetWriter(Path(folder) / "d", "examples") as writer:
        for row in rows:
            writer.add(row)
        assert list(writer.finish().rows()) == rows


@given(rows=st.lists(conversations, min_size=1, max_size=4), suffix=st.sampled_from([".json", ".jsonl"]))
@settings(max_examples=40, deadline=None)
def test_an_export_reads_as_the_conversations_that_it_was_made_of(rows: list[Conversation], suffix: str) -> None:
    readable = [row for row in rows if row.messages and not OWN_COLUMNS & row.extra.keys()]
    with tempfile.TemporaryDirectory() as folder:
        dataset = write(Path(folder) / "d", readable)
        path = Path(folder) / f"out{suffix}"
        assert export(dataset, path) == len(readable)
        if readable:
            assert list(read_conversations(path)) == readable
            assert list(read_conversations(Path(folder) / "d")) == readable


def test_lone_surrogates_are_rejected_and_counted(tmp_path: Path) -> None:
    dataset = write(tmp_path / "d", [talk(1), talk(2, "half \ud83d a pair"), talk(3)])
    [rejection] = dataset.rejections()
    assert (dataset.count, rejection.reason, rejection.row_id) == (2, "unstorable", "c2")


def test_equal_rows_have_an_equal_hash_and_other_rows_another(tmp_path: Path) -> None:
    rows = [talk(i) for i in range(10)]
    first = write(tmp_path / "a", rows, 4, created_at="then")
    second = write(tmp_path / "b", rows, 4, created_at="now")
    assert first.content_hash == second.content_hash
    assert [p.read_bytes() for p in sorted((tmp_path / "a").glob("*.parquet"))] == [
        p.read_bytes() for p in sorted((tmp_path / "b").glob("*.parquet"))
    ]
    assert write(tmp_path / "c", [*rows[:9], talk(9, "other")], 4).content_hash != first.content_hash
    assert write(tmp_path / "e", rows[4:8] + rows[:4] + rows[8:], 4).content_hash != first.content_hash


def test_the_manifest_says_what_is_in_it_and_takes_nothing_over_its_own_counts(tmp_path: Path) -> None:
    dataset = write(tmp_path / "d", [talk(1)], parents=[{"content_hash": "x"}], simulated=True)
    assert dataset.manifest["schema"]["conversation_context"].startswith("list<")
    assert (dataset.manifest["parents"], dataset.manifest["simulated"]) == ([{"content_hash": "x"}], True)
    with pytest.raises(ValueError, match="count"):
        write(tmp_path / "d", [talk(1)], count=7)


def test_a_finished_shard_is_found_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, 3, "conversations", [talk(1)], [])
    assert find_shard(tmp_path, 3) == shard
    assert find_shard(tmp_path, 4) is None
    (tmp_path / shard.rows_file).write_bytes(b"short")
    assert find_shard(tmp_path, 3) is None


def test_shards_become_a_dataset_and_stay_where_they_are(tmp_path: Path) -> None:
    judged = Judgment(
        context_id="x", model_a="a", model_b="b", judge="j", order="AB", status="ok", winner="A", cost=0.1
    )
    shards = [write_shard(tmp_path / "work", index, "judgments", [judged], []) for index in range(2)]
    dataset = assemble(tmp_path / "d", tmp_path / "work", shards, "judgments", {})
    assert list(dataset.rows()) == [judged, judged]
    assert find_shard(tmp_path / "work", 0) == shards[0]


def test_a_new_dataset_replaces_the_old_one_and_its_files(tmp_path: Path) -> None:
    write(tmp_path / "d", [talk(i) for i in range(10)], 2)
    write(tmp_path / "d", [talk(99)])
    assert [row.conversation_id for row in Dataset.open(tmp_path / "d").rows()] == ["c99"]
    assert len(list((tmp_path / "d").iterdir())) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["d"]


def test_an_error_on_the_way_leaves_the_old_dataset_and_nothing_else(tmp_path: Path) -> None:
    before = write(tmp_path / "d", [talk(1)])
    with pytest.raises(RuntimeError), DatasetWriter(tmp_path / "d", "conversations", 1) as writer:
        writer.add(talk(2))
        raise RuntimeError
    assert Dataset.open(tmp_path / "d").content_hash == before.content_hash
    assert [entry.name for entry in tmp_path.iterdir()] == ["d"]


def test_other_peoples_files_and_folders_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    for name in ("file", "folder"):
        with pytest.raises(InputError, match="name a new folder"):
            DatasetWriter(tmp_path / name, "conversations")


def test_damage_is_named(tmp_path: Path) -> None:
    dataset = write(tmp_path / "d", [talk(i) for i in range(50)])
    rows = tmp_path / "d" / dataset.shards[0].rows_file
    content = bytearray(rows.read_bytes())
    content[60] ^= 0xFF
    rows.write_bytes(content)
    with pytest.raises(InputError, match="damaged Parquet"):
        list(Dataset.open(tmp_path / "d").rows())
    rows.unlink()
    with pytest.raises(InputError, match="missing or cut short"):
        Dataset.open(tmp_path / "d")


WRITER = """
import sys
from pathlib import Path
from redraft.datasets.storage import DatasetWriter
from redraft.records import Conversation, Message
from redraft.errors import StorageError
target = Path(sys.argv[1])
try:
    with DatasetWriter(target, "conversations", 100) as writer:
        for i in range(int(sys.argv[2])):
            noise = "".join(chr(0x4E00 + (i * 7919 + j * 104729) % 20000) for j in range(300))
            writer.add(Conversation(conversation_id=str(i), messages=(Message(role="user", content=noise),)))
            if i == 250:
                print("writing", flush=True)
        writer.finish()
except StorageError as error:
    print(error)
    sys.exit(7)
"""


def limited() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_is_one_clear_line_and_leaves_the_old_dataset(tmp_path: Path) -> None:
    before = write(tmp_path / "d", [talk(1)])
    command = [sys.executable, "-c", WRITER, str(tmp_path / "d"), "1000"]
    # A limit on the size of files is refused by the same call that a full disk refuses.
    full = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited)
    assert (full.returncode, full.stderr) == (7, "")
    assert full.stdout.splitlines()[-1].endswith("run it again")
    assert len(full.stdout.splitlines()) == 1
    assert Dataset.open(tmp_path / "d").content_hash == before.content_hash
    assert [entry.name for entry in tmp_path.iterdir()] == ["d"]


FULL = """
import os, sys
from pathlib import Path
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.datasets.exporting import export
from redraft.datasets.seen import Seen
from redraft.errors import StorageError
from redraft.records import Conversation, Message
disk = Path(sys.argv[1])

def write(rows):
    with DatasetWriter(disk / "d", "conversations", 50) as writer:
        for i in range(rows):
            said = (Message(role="user", content=os.urandom(300).hex()),)
            writer.add(Conversation(conversation_id=str(i), messages=said))
        return writer.finish()

def remember():
    with Seen(disk) as seen:
        for i in range(100000):
            seen.check(str(i), bytes(16))

dataset = write(20)
for fill in (lambda: write(3000), lambda: [export(dataset, disk / f"{i}.json") for i in range(99)], remember):
    try:
        fill()
    except StorageError as error:
        print(error)
assert Dataset.open(disk / "d").content_hash == dataset.content_hash
print(sorted({entry.suffix or entry.name for entry in disk.iterdir()}))
"""


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    # A small disk in a mount namespace of its own: nothing outside sees it.
    mount = f"mount -t tmpfs -o size=200k none {tmp_path} && exec "
    apart = [str(unshare), "--user", "--map-root-user", "--mount", "sh", "-c"]
    if unshare is None or subprocess.run([*apart, f"{mount} true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    command = [*apart, f'{mount} "$@"', "sh", sys.executable, "-c", FULL, str(tmp_path)]
    full = subprocess.run(command, capture_output=True, text=True)
    assert (full.returncode, full.stderr) == (0, "")
    *faults, left = full.stdout.splitlines()
    assert [fault.split(": ")[0] for fault in faults[:1]] == [str(tmp_path / "d")]
    assert len(faults) == 3
    assert all("full" in fault for fault in faults)
    assert left == "['.json', 'd']"


CLOSED = """
import sys
from pathlib import Path
from redraft.datasets.storage import DatasetWriter
from redraft.errors import StorageError
try:
    with DatasetWriter(Path(sys.argv[1]) / "d", "conversations"):
        print("opened")
except StorageError as error:
    print(error)
"""


def test_a_closed_folder_is_one_clear_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLOSED, str(tmp_path)]
    if os.geteuid() == 0:  # root may write everywhere, unless it gives that right away
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root cannot give up its rights here: there is no setpriv")
        command = [setpriv, "--bounding-set=-dac_override,-dac_read_search,-fowner", *command]
    tmp_path.chmod(0o500)
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        tmp_path.chmod(0o700)
    assert "no permission" in said and len(said.splitlines()) == 1


def test_a_killed_writer_leaves_the_old_dataset_and_the_next_writer_clears_its_rest(tmp_path: Path) -> None:
    before = write(tmp_path / "d", [talk(1)])
    command = [sys.executable, "-c", WRITER, str(tmp_path / "d"), "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05)
        process.kill()
    assert Dataset.open(tmp_path / "d").content_hash == before.content_hash
    assert len(list(tmp_path.iterdir())) == 2
    write(tmp_path / "d", [talk(2)])
    assert [entry.name for entry in tmp_path.iterdir()] == ["d"]


def test_export_refuses_other_suffixes_and_leaves_an_old_file_on_failure(tmp_path: Path) -> None:
    dataset = write(tmp_path / "d", [talk(1)])
    with pytest.raises(InputError, match=r"\.json or \.jsonl"):
        export(dataset, tmp_path / "out.csv")
    export(dataset, tmp_path / "out.json")
    old = (tmp_path / "out.json").read_bytes()
    (tmp_path / "d" / dataset.shards[0].rows_file).write_bytes(b"x")
    with pytest.raises(InputError):
        export(dataset, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == old
