"""A person leaves what a study made: preferences, contexts, answers, judgments, and what is no dataset."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat import derived, leftovers, purging
from redraft.chat.derived import request_keys_in
from redraft.chat.lineage import hashes_of, made_of, note_derived
from redraft.chat.purging import Purge
from redraft.chat.training_rows import write_files
from redraft.chat_records import ChatExample, ChatMessage, ChatPreference, ChatSide, ChatTurn
from redraft.datasets.storage import MANIFEST, Dataset, DatasetWriter
from redraft.errors import StorageError
from redraft.records import Conversation, Judgment, Message, Response

TIME = "2024-03-04T09:00:00+00:00"
SAID = "the words of one who leaves"


def key(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()


def message(number: int, author: str, text: str) -> ChatMessage:
    return ChatMessage(
        message_id=f"m{number}", chat="chat1", author=author, time=TIME, text=text, kind="text", place=f"line {number}"
    )


def example(number: int, asked: ChatMessage, side: ChatSide) -> ChatExample:
    """Its id is that of its reply, as ours are."""
    return ChatExample(
        example_id=f"m{number}", chat="chat1", side=side, time=TIME, strategy="window", reply="fine",
        context=(ChatTurn("A", asked.text, (asked.message_id,)),), context_ids=(asked.message_id,),
        reply_ids=(f"m{number}",),
    )  # fmt: skip


def preference(one: ChatExample) -> ChatPreference:
    return ChatPreference(
        preference_id=f"{one.example_id}-1-2", example_id=one.example_id, prompt=one.context[0].text, chosen=" yes",
        rejected=f" {one.context[0].text}", chosen_sample=1, rejected_sample=2, judge="m:j",
        context_ids=one.context_ids, reply_ids=one.reply_ids,
    )  # fmt: skip


def write(path: Path, kind: str, rows: list[msgspec.Struct], *parents: Dataset, **meta: object) -> Dataset:
    with DatasetWriter(path, kind, 2) as writer:
        for row in rows:
            writer.add(row)
        named = [{"path": str(one.path), "content_hash": one.content_hash} for one in parents]
        return writer.finish({"parents": named, **meta})


class Study:
    """Person2 is asked for in the first example, Person3 in the second; what is no dataset lies apart from the rest."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.far = folder / "data", folder / "data" / "chat", folder / "far"
        asked = [message(1, "Person2", SAID), message(3, "Person3", "what do you say?")]
        own = [message(number, "Person1", "fine") for number in (2, 4)]
        self.messages = write(self.path, "chat_messages", [asked[0], own[0], asked[1], own[1]])
        rows = [example(2, asked[0], "train"), example(4, asked[1], "preference")]
        self.examples = write(self.folder / "examples" / "window", "chat_examples", [*rows], self.messages)
        write_files(self.examples)
        contexts = [Conversation(conversation_id=one.example_id, messages=(Message("user", one.context[0].text),))
                    for one in rows]  # fmt: skip
        self.contexts = write(self.far / "contexts", "conversations", [*contexts], self.examples)
        answers = [
            Response(context_id=one.example_id, model="local:lora", text=one.context[0].text, request_key=key("a"))
            for one in rows
        ]
        self.responses = write(self.folder / "responses-1", "responses", [*answers], self.contexts)
        judged = [
            Judgment(
                context_id=one.example_id, model_a="local:lora", model_b="local:dpo", judge="m:j", order="AB",
                status="ok", winner="A", raw=f"because of {one.context[0].text}", template="t",
                request_key=key(one.example_id),
            )
            for one in rows
        ]  # fmt: skip
        self.judgments = write(self.folder / "judgments", "judgments", [*judged], self.contexts, self.responses)
        chosen = [preference(one) for one in rows]
        self.preferences = write(
            self.folder / "preferences", "chat_preferences", [*chosen], self.examples, self.judgments
        )
        made = (self.examples, self.contexts, self.responses, self.judgments, self.preferences)
        self.kept = {one.path: list(one.rows())[1:] for one in made}
        self.pairs, self.report = self.far / "ranking" / "pairs.jsonl", self.far / "report.html"
        self.generations = self.far / "generations"
        note_derived(self.preferences, [self.pairs])
        note_derived(self.examples, [self.report, self.generations, self.contexts.path])
        self.generations.mkdir()
        self.pairs.parent.mkdir()
        self.pairs.write_text(SAID)
        self.report.write_text(SAID)
        (self.generations / "prompts.jsonl").write_text(SAID)
        (self.generations / "generations.jsonl").write_text(f'{{"request_key": "{key("g")}", "text": "x"}}\n')

    @property
    def whole(self) -> list[Path]:
        return [self.pairs, self.report, self.generations]


def said_in(folder: Path) -> list[Path]:
    """Where the words stand that are to go, or the pseudonym does."""
    found: list[Path] = []
    for file in folder.rglob("*"):
        if file.name == MANIFEST:
            rows = repr([*Dataset.open(file.parent).rows(), *Dataset.open(file.parent).rejections()])
            found += [file] if SAID in rows or "Person2" in rows else []
        elif file.is_file() and file.suffix != ".parquet":
            found += [file] if SAID.encode() in file.read_bytes() or b"Person2" in file.read_bytes() else []
    return found


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def test_nothing_of_a_study_is_left(study: Study) -> None:
    assert len(said_in(study.folder.parent)) > 8
    purge = Purge("Person2", study.path, [study.folder])
    assert list(purge.derived) == study.whole, "datasets among what was noted lose rows"
    assert set(purge.request_keys()) == {key("a"), key("m2"), key("g")}
    purge.carry_out()
    assert said_in(study.folder.parent) == [] and not any(path.exists() for path in study.whole)
    for dataset in (study.examples, study.contexts, study.responses, study.judgments, study.preferences):
        assert list(Dataset.open(dataset.path).rows()) == study.kept[dataset.path], "those of Person3 stay as they are"
    parents = Dataset.open(study.preferences.path).manifest["parents"]
    assert [one["content_hash"] for one in parents] == [
        Dataset.open(one.path).content_hash for one in (study.examples, study.judgments)
    ]
    assert Dataset.open(study.examples.path).manifest["sides"] == {"train": 0, "preference": 1, "test": 0}
    assert {path.name for path in study.examples.path.parent.glob("*.jsonl")} == {
        "window-preference.chat.jsonl", "window-preference.markers.jsonl"
    }  # fmt: skip


def test_what_somebody_is_not_in_stays(study: Study) -> None:
    purge = Purge("Person4", study.path, [study.folder])
    assert purge.derived == () and purge.hashes == ()
    purge.carry_out()
    assert all(path.exists() for path in study.whole)


def test_what_was_made_of_a_dataset_that_is_no_more_may_hold_anybody(study: Study) -> None:
    """Trainings on it, too."""
    before = study.preferences.content_hash
    write(study.preferences.path, "chat_preferences", [], study.examples)
    purge = Purge("Person2", study.path, [study.folder])
    assert study.pairs in purge.derived and before in purge.hashes
    assert before not in Purge("Person4", study.path, [study.folder]).hashes


def test_runs_that_were_put_aside_go_with_those_that_took_their_place(study: Study) -> None:
    aside, other = (study.far / name for name in ("generations-0a1b2c3d", "generations-lora"))
    for folder in (aside, other, study.far / "generations-0a1b2c3d-2"):
        folder.mkdir()
    Purge("Person2", study.path, [study.folder]).carry_out()
    assert {path.name for path in study.far.iterdir() if path.name.startswith("gen")} == {other.name}


def test_what_a_dead_process_had_begun_to_write_there_goes(study: Study) -> None:
    alone = study.folder.parent / "alone" / "pairs.jsonl"
    alone.parent.mkdir()
    note_derived(study.preferences, [alone])
    half, other = (alone.with_name(f".pairs.jsonl.{process}-0a1b2c") for process in (999_999_999, os.getpid()))
    half.write_text(SAID)
    other.touch()
    Purge("Person2", study.path, [study.folder]).carry_out()
    assert not half.exists() and other.exists()


def test_datasets_beside_what_was_noted_are_looked_through(study: Study) -> None:
    other = write(study.far / "judgments-of-another", "responses", list(study.responses.rows()), study.contexts)
    Purge("Person2", study.path, [study.folder]).carry_out()
    assert Dataset.open(other.path).count == 1


def test_who_trained_on_the_pairs_is_found(study: Study) -> None:
    found = Purge("Person2", study.path, [study.folder]).files
    assert {str(study.pairs), hashlib.sha256(SAID.encode()).hexdigest()} <= found
    assert str(study.preferences.path) in found, "another may have lain there before"
    assert str(study.preferences.path) not in Purge("Person4", study.path, [study.folder]).files


def test_it_is_noted_once_and_where_the_messages_are(study: Study) -> None:
    before = made_of(study.path)
    note_derived(study.examples, [study.report, study.generations, study.contexts.path])
    assert made_of(study.path) == before
    note_derived(study.messages, [study.far / "x.json"])
    assert made_of(study.path)[-1].derived == (str(study.far / "x.json"),)
    lonely = write(study.far / "lonely", "chat_preferences", [])
    orphan = write(study.far / "orphan", "chat_preferences", [], lonely)
    lonely.path.joinpath(MANIFEST).unlink()
    note_derived(orphan, [study.report])
    assert not list(study.far.glob("*-made.jsonl")), "nobody knows whose it is"


def test_a_note_can_not_take_the_messages_with_it(study: Study) -> None:
    note_derived(study.examples, [study.path, study.folder, study.folder.parent])
    purge = Purge("Person2", study.path, [study.folder])
    assert list(purge.derived) == study.whole


STEPS: list[tuple[object, str, int]] = [
    (derived, "remove", 2), (leftovers.shutil, "rmtree", 1), (purging, "write_files", 1), (purging, "reparent", 2),
    (purging.Purge, "_rewrite", 3),
]  # fmt: skip


@pytest.mark.parametrize(("place", "name", "at"), STEPS, ids=[name for _, name, _ in STEPS])
def test_what_stopped_in_the_middle_is_done_by_a_second_run(
    study: Study, monkeypatch: pytest.MonkeyPatch, place: object, name: str, at: int
) -> None:
    step: Callable[..., object] = getattr(place, name)
    count = 0

    def dying(*given: object, **named: object) -> object:
        nonlocal count
        count += 1
        if count == at:
            raise StorageError("full")
        return step(*given, **named)

    monkeypatch.setattr(place, name, dying)
    with pytest.raises(StorageError, match="full"):
        Purge("Person2", study.path, [study.folder]).carry_out()
    monkeypatch.undo()
    # As the process that had died would have left it.
    for path in study.far.rglob(f".*.gone-{os.getpid()}-*"):
        path.rename(path.with_name(path.name.replace(f"-{os.getpid()}-", "-999999999-")))
    Purge("Person2", study.path, [study.folder]).carry_out()
    assert said_in(study.folder.parent) == [] and not any(path.exists() for path in study.whole)
    messages = Dataset.open(study.path)
    assert Dataset.open(study.examples.path).manifest["parents"][0]["content_hash"] == messages.content_hash
    assert len(hashes_of(messages)) == 2


@pytest.mark.parametrize("after", [1, 2, 3], ids=["rows", "rows and manifest", "before the old rows went"])
def test_a_dataset_that_was_swapped_in_half_is_no_obstacle(study: Study, after: int) -> None:
    """One that others made lies beside what was noted; the process that wrote it anew was killed between two files."""
    other = write(study.far / "judgments-of-another", "responses", list(study.responses.rows()), study.contexts)
    aside = study.far / ".judgments-of-another.new-999999999-0a1b2c"
    copy = write(study.far / "copy", "responses", list(study.responses.rows())[1:], study.contexts)
    copy.path.rename(aside)
    files = sorted(aside.iterdir(), key=lambda file: file.name == MANIFEST)
    for file in files[: min(after, 2)]:
        file.rename(other.path / file.name)
    if after == 1:
        assert (aside / MANIFEST).exists()
    if after == 3:
        aside.rmdir()
    purge = Purge("Person2", study.path, [study.folder])
    purge.carry_out()
    assert said_in(study.folder.parent) == [] and not aside.exists() and Dataset.open(other.path).count == 1
    assert len(list(other.path.glob("rows-*"))) == 1, "what no manifest names may hold anybody"


def test_examples_by_another_strategy_stay_where_their_contexts_are_others(study: Study) -> None:
    """They have the ids of those that go."""
    second = message(3, "Person3", "what do you say?")
    other = write(study.folder / "examples" / "llm", "chat_examples", [example(2, second, "train")], study.messages)
    late = write(
        study.folder / "late", "chat_examples", [example(4, message(2, "Person1", ""), "test")], study.messages
    )
    Purge("Person2", study.path, [study.folder]).carry_out()
    assert [Dataset.open(one.path).count for one in (other, late)] == [1, 1]


@given(st.lists(st.tuples(st.text(max_size=2).map(key), st.integers(0, 80)), max_size=6), st.integers(1, 99))
def test_keys_are_found_wherever_a_piece_ends(
    tmp_path_factory: pytest.TempPathFactory, keys: list[tuple[str, int]], piece: int
) -> None:
    file = tmp_path_factory.mktemp("keys") / "said.jsonl"
    file.write_bytes(
        b"\n".join(msgspec.json.encode({"x": "x" * size, "request_keys": [one, ""]}) for one, size in keys)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived, "_AT_ONCE", piece)
        assert set(request_keys_in([file, file.parent / "none.json"])) == {one for one, _ in keys}
