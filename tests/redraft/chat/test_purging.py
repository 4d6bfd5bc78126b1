"""A person leaves: messages, examples, answers and the name go, and whoever stays is as before."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.chat import purging
from redraft.chat.lineage import descendants, hashes_of, made_of
from redraft.chat.privacy.keeping import keep_names, load_names, names_file, review_file, write_private
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.purging import Purge
from redraft.chat.reading import read_chat
from redraft.chat.row_ids import Ids, ids_of
from redraft.chat.training_rows import write_files
from redraft.chat_records import ChatExample, ChatMessage, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError, StorageError
from redraft.records import Rejection, Response

TIME = "2024-03-04T09:00:00+00:00"


def message(number: int, author: str, text: str = "hi") -> ChatMessage:
    return ChatMessage(
        message_id=f"m{number}",
        chat="chat1",
        author=author,
        time=TIME,
        text=text,
        kind="text",
        place=f"chat1 line {number}",
    )


def example(number: int, used: Iterable[int], reply: str = "ok", key: str = "") -> ChatExample:
    return ChatExample(
        example_id=f"e{number}", chat="chat1", side="train", context=(ChatTurn("A", "@Person2 you"),), reply=reply,
        time=TIME, strategy="llm", context_ids=tuple(f"m{one}" for one in used),
        reply_ids=(f"m{number}",), request_key=key,
    )  # fmt: skip


def write(
    path: Path, kind: str, rows: Iterable[msgspec.Struct], parent: Dataset | None = None, **meta: object
) -> Dataset:
    parents = {} if parent is None else {"parents": [{"path": str(parent.path), "content_hash": parent.content_hash}]}
    with DatasetWriter(path, kind, 2) as writer:
        for row in rows:
            writer.reject(row) if isinstance(row, Rejection) else writer.add(row)
        return writer.finish({**parents, **meta})


class Tree:
    """Messages of three people, examples of them, responses to those; and examples of another chat."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "chat"
        names = Names()
        for name in ("Bob", "Zoë Roe", "Tim"):
            names.add(name)
        keep_names(self.path, names)
        write_private(review_file(self.path), b'{"word":"Zoe"}\n')
        rows = [
            message(1, "Person1"), message(2, "Person2"), message(3, "Person3", "hey Person2, Person21"),
            message(4, "Person1"),
            Rejection(reason="date", detail="x", place="chat1 line 5", row="Person2: hi"),
        ]  # fmt: skip
        chats = [{"chat": "chat1", "people": ["Person1", "Person2"]}]
        self.messages = write(self.path, "chat_messages", rows, person="Person1", chats=chats)
        made = [
            example(1, (), key="k1"), example(2, (1,), key="k2"), example(3, (1, 2), key="k3"),
            example(4, (1, 3), "no Person2"),
            Rejection(reason="choice", detail="y", place="select m2", row_id="m2", request_key="k5"),
        ]  # fmt: skip
        self.examples = write(folder / "deep" / "examples", "chat_examples", made, self.messages)
        answers = [
            Response(context_id=f"e{one}", model="m:x", text="Person2 it is", request_key=f"r{one}") for one in (1, 2)
        ]
        self.responses = write(folder / "responses", "responses", answers, self.examples)
        self.other = write(folder / "other", "chat_examples", [example(22, (21,))])


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "data")


def rows(path: Path) -> list[object]:
    return list(Dataset.open(path).rows())


def test_what_hangs_together_is_found(tree: Tree) -> None:
    found = descendants(tree.messages, [tree.folder])
    assert [one.path.name for one in found] == ["examples", "responses"]
    assert descendants(tree.other, [tree.folder]) == []
    with pytest.raises(InputError, match="no such folder"):
        descendants(tree.other, [tree.folder / "none"])


def test_a_person_leaves_everything(tree: Tree) -> None:
    purge = Purge("zoe roe", tree.path, [tree.folder])
    assert purge.pseudonym == "Person2"
    assert [(one.kind, one.rows, one.removed, one.changed) for one in purge.affected] == [
        ("chat_messages", 4, 1, 1), ("chat_examples", 4, 2, 2), ("responses", 2, 1, 1)
    ]  # fmt: skip
    assert sorted(set(purge.request_keys())) == ["k1", "k2", "k3", "k5", "r1", "r2"]
    assert purge.hashes == (tree.messages.content_hash, tree.examples.content_hash, tree.responses.content_hash)
    purge.carry_out()
    assert rows(tree.path) == [
        message(1, "Person1"),
        message(3, "Person3", "hey [REMOVED], Person21"),
        message(4, "Person1"),
    ]
    assert [(one.example_id, one.reply, one.context[0].text) for one in rows(tree.examples.path)] == [  # type: ignore[attr-defined]
        ("e1", "ok", "@[REMOVED] you"), ("e4", "no [REMOVED]", "@[REMOVED] you")
    ]  # fmt: skip
    assert [one.text for one in rows(tree.responses.path)] == ["[REMOVED] it is"]  # type: ignore[attr-defined]
    assert rows(tree.other.path) == [example(22, (21,))]
    for path in (tree.path, tree.examples.path):
        assert list(Dataset.open(path).rejections()) == []
    assert "Zoë" not in names_file(tree.path).read_text() and not review_file(tree.path).exists()
    manifest = Dataset.open(tree.path).manifest
    assert (manifest["person"], manifest["chats"][0]["people"]) == ("Person1", ["Person1"])


def test_lineage_holds_after_it(tree: Tree) -> None:
    Purge("Person2", tree.path, [tree.folder]).carry_out()
    messages, examples = Dataset.open(tree.path), Dataset.open(tree.examples.path)
    assert examples.manifest["parents"][0]["content_hash"] == messages.content_hash != tree.messages.content_hash
    assert hashes_of(messages) == [messages.content_hash, tree.messages.content_hash]
    again = Purge("Person2", tree.path, [tree.folder])
    assert [(one.removed, one.changed) for one in again.affected] == [(0, 0)] * 3
    again.carry_out()
    assert Dataset.open(tree.path).content_hash == messages.content_hash
    assert len(descendants(messages, [tree.folder])) == 2


def test_what_went_meanwhile_is_not_missed(tree: Tree) -> None:
    purge = Purge("Person2", tree.path, [tree.folder])
    shutil.rmtree(tree.responses.path)
    purge.carry_out()
    assert len(rows(tree.path)) == 3 and not tree.responses.path.exists()


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_what_stopped_in_the_middle_is_done_by_a_second_run(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    whole = Tree(tree.folder.parent / "whole")
    Purge("Person2", whole.path, [whole.folder]).carry_out()
    rewrite, count = Purge._rewrite, 0

    def dying(self: Purge, dataset: Dataset) -> Dataset:
        nonlocal count
        count += 1
        if count == killed_at:
            raise StorageError("full")
        return rewrite(self, dataset)

    monkeypatch.setattr(Purge, "_rewrite", dying)
    with pytest.raises(StorageError):
        Purge("Person2", tree.path, [tree.folder]).carry_out()
    monkeypatch.setattr(Purge, "_rewrite", rewrite)
    monkeypatch.setattr(purging, "reparent", lambda *_: (_ for _ in ()).throw(StorageError("full")))
    with pytest.raises(StorageError):
        Purge("Zoë Roe", tree.path, [tree.folder]).carry_out()
    monkeypatch.undo()
    Purge("Zoë Roe", tree.path, [tree.folder]).carry_out()
    for done, wanted in ((tree.path, whole.path), (tree.examples.path, whole.examples.path)):
        assert rows(done) == rows(wanted)
    parent = Dataset.open(tree.examples.path).manifest["parents"][0]["content_hash"]
    assert parent == Dataset.open(tree.path).content_hash
    assert load_names(tree.path).of("Zoë Roe") is None


def test_nobody_of_that_name(tree: Tree) -> None:
    with pytest.raises(InputError, match="nobody called 'Eve'"):
        Purge("Eve", tree.path, [tree.folder])
    with pytest.raises(InputError, match="holds chat_examples; give the dataset"):
        Purge("Bob", tree.examples.path, [tree.folder])
    names_file(tree.path).unlink()
    with pytest.raises(InputError, match="name the person as PersonN"):
        Purge("Zoë Roe", tree.path, [tree.folder])
    Purge("Person2", tree.path, [tree.folder]).carry_out()
    assert not names_file(tree.path).exists()


@pytest.mark.parametrize("killed_at", [1, 2])
def test_training_files_are_never_left_as_they_were(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    write_files(tree.examples)
    there = sorted(tree.examples.path.parent.glob("examples-*.jsonl"))
    assert there and all("@Person2" in file.read_text() for file in there)
    count = 0

    def dying(*_: object) -> dict[str, int]:
        nonlocal count
        count += 1
        raise StorageError("full")

    monkeypatch.setattr(purging, "write_files" if killed_at == 1 else "reparent", dying)
    with pytest.raises(StorageError):
        Purge("Zoë Roe", tree.path, [tree.folder]).carry_out()
    monkeypatch.undo()
    assert count and not any("Person2" in file.read_text() for file in there if file.exists())
    Purge("Zoë Roe", tree.path, [tree.folder]).carry_out()
    assert all("[REMOVED]" in file.read_text() and "Person2" not in file.read_text() for file in there)


def test_who_was_purged_is_known_by_name(tree: Tree) -> None:
    Purge("Zoë Roe", tree.path, [tree.folder]).carry_out()
    again = Purge("zoe roe", tree.path, [tree.folder])
    assert (again.pseudonym, [(one.removed, one.changed) for one in again.affected]) == ("Person2", [(0, 0)] * 3)


def test_what_was_made_of_an_earlier_reading_is_found(tree: Tree) -> None:
    """By the hash that the dataset had, and where no manifest tells it by the ids of messages."""
    later = [message(1, "Person1", "changed"), message(2, "Person2"), message(4, "Person1")]
    write(tree.path, "chat_messages", later, replaces=[tree.messages.content_hash])
    purge = Purge("Person2", tree.path, [tree.folder])
    # e4 holds a message that is not there any more: whose it was nobody can tell.
    assert [(one.rows, one.removed) for one in purge.affected] == [(3, 1), (4, 3), (2, 1)]
    write(tree.path, "chat_messages", later)
    purge = Purge("Person2", tree.path, [tree.folder])
    assert [(one.rows, one.removed) for one in purge.affected] == [(3, 1), (4, 2), (2, 1)]
    purge.carry_out()
    assert [one.example_id for one in rows(tree.examples.path)] == ["e1", "e4"]  # type: ignore[attr-defined]
    assert rows(tree.other.path) == [example(22, (21,))]


def test_examples_elsewhere_are_found_where_they_were_written(tree: Tree, tmp_path: Path) -> None:
    far = write(tmp_path / "far" / "examples", "chat_examples", [example(1, (2,)), example(4, (1,))], tree.messages)
    for _ in range(2):
        write_files(far)
    assert len(made_of(tree.path)) == 1  # noted once
    trained = tmp_path / "far" / "examples-train.chat.jsonl"
    before = hashlib.sha256(trained.read_bytes()).hexdigest()
    purge = Purge("Person2", tree.path, [tree.folder])
    assert {str(trained), before} <= purge.files
    purge.carry_out()
    assert [one.example_id for one in rows(far.path)] == ["e4"]  # type: ignore[attr-defined]
    assert not Purge("Person2", tree.path, [tree.folder]).files
    # What was written there once may have held anybody.
    shutil.rmtree(far.path)
    assert before in Purge("Person3", tree.path, [tree.folder]).files


def test_work_and_what_was_left_half_made_goes(tree: Tree, tmp_path: Path) -> None:
    work = tmp_path / "work"
    candidates = write(work / "chat-candidates-1", "chat_examples", [example(1, (2,))], tree.messages)
    left = [
        tree.folder / "deep" / ".more.shards-999999999-0a1b2c" / "rows-1.parquet",
        tree.folder / ".chat-names.json.999999999-0a1b2c",
    ]
    kept = tree.folder / f".chat.shards-{os.getpid()}-0a1b2c" / "rows-1.parquet"
    for file in (*left, kept):
        file.parent.mkdir(exist_ok=True)
        file.write_text("Person2")
    purge = Purge("Person2", tree.path, [tree.folder, work], work)
    assert set(purge.leftovers) == {left[0].parent.resolve(), left[1].resolve()}
    purge.carry_out()
    assert not candidates.path.exists() and not any(work.iterdir())
    assert not any(file.exists() for file in left) and kept.exists()


def test_what_they_were_called_is_masked_in_a_later_reading(tmp_path: Path) -> None:
    """Also where they write nothing any more, by aliases, and in cases; other people's words stay theirs."""
    names = Names()
    for name in ("Jonas Weber", "Tom Okafor Weber", "Will von Stein"):
        names.add(name)
    names.mend(["Tommo=Tom Okafor Weber"], ["Okay"])
    for pseudonym in ("Person2", "Person3"):
        names.forget(pseudonym)
    keep_names(tmp_path / "chat", names)
    assert not any(word in names_file(tmp_path / "chat").read_text().lower() for word in ("tom", "okafor", "stein"))
    again = load_names(tmp_path / "chat")
    again.add("Jonas Weber")
    masked = Replacer(again).text("hey tommo and Tommos, Okafor said Weber will von will. ask Will!")
    assert masked == "hey [REMOVED] and [REMOVED], [REMOVED] said Person1 will von will. ask [REMOVED]!"
    assert (again.forgotten("tom okafor weber"), again.forgotten("Tom")) == ("Person2", "")
    with pytest.raises(InputError, match="'Tommo' was removed"):
        again.find("Tommo", ["Jonas Weber"])
    with pytest.raises(InputError, match="'okafor' was removed"):
        again.add("Tom Okafor Weber")
        again.find("okafor", ["Jonas Weber", "Tom Okafor Weber"])


def test_a_reading_knows_what_it_replaces(tmp_path: Path) -> None:
    export = tmp_path / "WhatsApp Chat with Zoe.txt"
    lines = [f"12/03/2024, 10:0{minute} - {who}: hi Lola" for minute, who in enumerate(("Bob", "Zoe", "Bob"))]
    export.write_text("\n".join([*lines, "13/03/2024, 10:00 - Bob: end"]) + "\n")
    first = read_chat([[export]], "Bob", tmp_path / "chat").content_hash
    again = read_chat([[export]], "Bob", tmp_path / "chat")
    assert "replaces" not in Dataset.open(tmp_path / "chat").manifest and again.content_hash == first
    read_chat([[export]], "Bob", tmp_path / "chat", also=["Lola"])
    assert hashes_of(Dataset.open(tmp_path / "chat"))[1:] == [first]


authors = st.sampled_from(["Person1", "Person2", "Person12", "Person3"])
texts = st.lists(st.sampled_from(["Person2", "Person1", "Person12", "Person2's", "@Person2", "hi", "好Person2好"])).map(
    " ".join
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(authors, texts), max_size=9), st.lists(st.sets(st.integers(0, 8)), max_size=5))
def test_nothing_of_them_is_left_and_nothing_else_goes(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str]], chosen: list[set[int]]
) -> None:
    folder = tmp_path_factory.mktemp("purge")
    messages = [message(number, author, text) for number, (author, text) in enumerate(said)]
    examples = [example(number, used) for number, used in enumerate(chosen)]
    source = write(folder / "chat", "chat_messages", messages)
    write(folder / "examples", "chat_examples", examples, source)
    Purge("Person2", folder / "chat", [folder]).carry_out()
    theirs = {f"m{number}" for number, (author, _) in enumerate(said) if author == "Person2"}
    left = rows(folder / "chat")
    assert [one.message_id for one in left] == [one.message_id for one in messages if one.author != "Person2"]  # type: ignore[attr-defined]
    told = repr([*left, *rows(folder / "examples")]).replace("Person2'", "Person2 ").replace("Person12", "")
    assert "Person2" not in told
    kept = [one.example_id for one in examples if not theirs & {*one.context_ids, *one.reply_ids}]
    assert [one.example_id for one in rows(folder / "examples")] == kept  # type: ignore[attr-defined]


@given(st.sets(st.text()), st.sets(st.text()))
def test_a_set_of_ids(there: set[str], others: set[str]) -> None:
    ids = Ids()
    for one in there:
        ids.add(one)
    ids.settle()
    assert all(one in ids for one in there)
    assert not any(one in ids for one in others - there)


def test_what_names_a_row() -> None:
    assert ids_of(message(1, "Person1")) == ["m1"]
    assert ids_of(Response(context_id="e1", model="m", text="x")) == ["e1"]
