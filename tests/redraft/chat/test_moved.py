"""A study is moved or copied elsewhere before a person leaves it; what lies nowhere is told, and looked for again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from redraft.chat.lineage import made_file, made_of, note_derived, note_made
from redraft.chat.moved import Moves
from redraft.chat.purging import Purge
from redraft.datasets.storage import Dataset
from tests.redraft.chat import test_purging_studies
from tests.redraft.chat.test_purging_studies import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "study")


def said_in(folder: Path) -> list[Path]:
    """But for the notes, where a purge that is not over has the pseudonym."""
    return [file for file in test_purging_studies.said_in(folder) if file.name != "chat-made.jsonl"]


def test_a_place_is_known_by_what_was_beside_it() -> None:
    moves = Moves()
    moves.learn(Path("/a/results/ranking/contexts"), Path("/b/elsewhere/ranking/contexts"))
    moves.learn(Path("/a/x"), Path("/a/x"))
    moves.learn(Path(), Path("/a/x"))
    assert moves.of(Path("/a/results/report.html")) == [
        Path("/a/results/report.html"), Path("/b/elsewhere/report.html")
    ]  # fmt: skip
    assert moves.of(Path("/a/report.html")) == [Path("/a/report.html")]


@pytest.mark.parametrize("old", [False, True], ids=["now", "noted by an older redraft"])
@pytest.mark.parametrize("how", ["moved", "copied"])
def test_nothing_of_a_study_that_lies_elsewhere_is_left(study: Study, tmp_path: Path, how: str, old: bool) -> None:
    """Of a copy and what it was copied from both lose what was noted; the first messages are purged by themselves."""
    if old:
        lines = [json.loads(line) for line in made_file(study.path).read_text().splitlines()]
        made_file(study.path).write_text(
            "".join(json.dumps({name: value for name, value in one.items() if name != "messages"}) + "\n"
                    for one in lines)
        )  # fmt: skip
    new = tmp_path / "deep" / "elsewhere"
    new.parent.mkdir()
    (shutil.move if how == "moved" else shutil.copytree)(study.folder.parent, new)
    purge = Purge("Person2", new / "data" / "chat", [new / "data"])
    assert purge.lost == []
    purge.carry_out()
    assert said_in(new) == [] and not list(new.rglob("pairs.jsonl"))
    assert not any(path.exists() for path in study.whole)
    assert Dataset.open(new / "data" / "examples" / "window").count == 1


def test_a_part_that_was_moved_is_found_by_its_datasets(study: Study, tmp_path: Path) -> None:
    study.far.rename(tmp_path / "elsewhere")
    assert Purge("Person2", study.path, [study.folder]).lost == [study.far]
    purge = Purge("Person2", study.path, [study.folder, tmp_path / "elsewhere"])
    assert purge.lost == [] and tmp_path / "elsewhere" / "ranking" / "pairs.jsonl" in purge.derived
    purge.carry_out()
    assert said_in(tmp_path) == []


def test_what_was_lost_is_looked_for_again(study: Study, tmp_path: Path) -> None:
    """By a purge of the same person, until it is found."""
    shutil.move(study.far, tmp_path / "elsewhere")
    for _ in range(2):
        purge = Purge("Person2", study.path, [study.folder])
        assert purge.lost == [study.far]
        purge.carry_out()
    assert Purge("Person4", study.path, [study.folder]).lost == []
    assert said_in(tmp_path / "elsewhere") and study.path not in {file.parent for file in said_in(study.folder)}
    Purge("Person2", study.path, [study.folder, tmp_path / "elsewhere"]).carry_out()
    assert said_in(tmp_path) == []
    assert Purge("Person2", study.path, [study.folder]).lost == []


def test_what_a_purge_removed_is_not_missed(study: Study) -> None:
    """Nor what was never made, where its folder is there; but what is noted after that is."""
    note_derived(study.examples, [study.far / "never.html"])
    purge = Purge("Person2", study.path, [study.folder])
    assert purge.lost == []
    purge.carry_out()
    shutil.rmtree(study.pairs.parent)
    assert Purge("Person3", study.path, [study.folder]).lost == []
    examples = Dataset.open(study.examples.path)
    note_derived(examples, [study.folder / "gone" / "report.html"])
    assert Purge("Person3", study.path, [study.folder]).lost == [study.folder / "gone"]


def test_a_dataset_that_is_nowhere_is_missed(study: Study, tmp_path: Path) -> None:
    study.examples.path.rename(tmp_path / "other")
    assert study.examples.path in Purge("Person2", study.path, [study.folder]).lost
    assert Purge("Person2", study.path, [study.folder, tmp_path / "other"]).lost == []
    for folders, lost in (([], True), ([], True), ([tmp_path / "other"], False), ([], False)):
        purge = Purge("Person2", study.path, [study.folder, *folders])
        assert (study.examples.path in purge.lost) == lost
        purge.carry_out()
    assert said_in(tmp_path) == []


def test_what_is_made_again_after_a_purge_is_noted_again(study: Study) -> None:
    note_derived(study.messages, [study.far / "x" / "y.json"])
    (study.far / "x").mkdir()
    line = made_of(study.path)[-1]
    Purge("Person2", study.path, [study.folder]).carry_out()
    note_made(study.path, line)
    assert made_of(study.path)[-1] == line and made_of(study.path)[-2] != line
