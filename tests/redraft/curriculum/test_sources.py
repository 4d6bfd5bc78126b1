"""What a curriculum is trained on, held against what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.answering.inputs import model_input, parted
from redraft.curriculum.sources import read_files, read_folder
from redraft.errors import InputError

MakeToy = Callable[..., Path]


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    path = folder / "curriculum.json"
    manifest = msgspec.json.decode(path.read_bytes())
    change(manifest)
    path.write_bytes(msgspec.json.encode(manifest))
    return folder


def test_a_folder_is_read_as_it_was_written(toy_curriculum: MakeToy) -> None:
    source = read_folder(toy_curriculum(4, 2))
    assert source.counts == {"extraction": 4, "conversation": 4, "refusal": 4}
    assert [one.rows for one in source.held_out] == [2, 2, 2]
    assert (source.simulated, source.dataset_hash) == (True, "ab" * 32)
    assert source.sha256 == read_folder(toy_curriculum(4, 2)).sha256 != read_folder(toy_curriculum(5, 2)).sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["phases"].reverse(), "phases refusal, conversation, extraction; a curriculum has extraction,"),
        (lambda one: one["phases"].pop(), "phases extraction, conversation; a curriculum has"),
        (lambda one: one["held_out"].clear(), "toy: nothing is held out, so no phase could be measured; make the"),
        (lambda one: one["held_out"].pop(), "held-out files extraction, conversation; a curriculum has"),
        (lambda one: one["phases"][0].update(sha256="0" * 64), "layer1_squad.jsonl: is not the file that"),
        (lambda one: one["phases"][1].update(file="gone.jsonl"), "gone.jsonl: no such file"),
        (lambda one: one.pop("phases"), "missing required field `phases`"),
    ],
)
def test_a_folder_that_is_not_what_it_says_is_refused(
    toy_curriculum: MakeToy, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read_folder(changed(toy_curriculum(3, 2), change))


def test_a_mixed_file_and_an_empty_phase_are_refused(toy_curriculum: MakeToy) -> None:
    import hashlib

    folder = toy_curriculum(3, 2)
    mixed = (folder / "layer1_squad.jsonl").read_bytes() + (folder / "train_conversational_positive.jsonl").read_bytes()
    for content, said in ((mixed, r"layer1_squad.jsonl row 4: belongs to the phase conversation"), (b"", "no rows")):
        (folder / "layer1_squad.jsonl").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        with pytest.raises(InputError, match=said):
            read_folder(changed(folder, lambda one, digest=digest: one["phases"][0].update(sha256=digest)))


def test_an_empty_held_out_file_is_told_as_one_that_measures_nothing(toy_curriculum: MakeToy) -> None:
    import hashlib

    folder = toy_curriculum(3, 2)
    (folder / "heldout_extraction.jsonl").write_bytes(b"")
    digest = hashlib.sha256(b"").hexdigest()
    with pytest.raises(InputError, match=r"phase extraction would be measured on nothing; .*--test-share"):
        read_folder(changed(folder, lambda one: one["held_out"][0].update(sha256=digest)))


def own(path: Path, rows: list[tuple[str, str]]) -> Path:
    lines = [{"input": given, "output": said} for given, said in rows]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


def test_of_files_of_ones_own_contexts_are_held_out_in_all_alike(tmp_path: Path) -> None:
    contexts = [f"House {number} is painted green." for number in range(200)]
    spans = own(tmp_path / "a.jsonl", [(model_input(one, "Which colour?"), "green") for one in contexts])
    said = own(tmp_path / "b.jsonl", [(model_input(one, "What colour?"), "It is green.") for one in contexts])
    source = read_files({"extraction": spans, "conversation": said})

    def seen(files: Any) -> set[str]:
        return {(parted(row.input) or ("", ""))[0] for one in files for _, row in one.read()}

    trained, held = seen(source.trained), seen(source.held_out)
    assert trained | held == set(contexts)
    assert not trained & held
    assert 5 <= len(held) <= 40
    assert sum(one.rows for one in (*source.trained, *source.held_out)) == 400


def test_rows_of_ones_own_in_the_wrong_file_are_refused(tmp_path: Path) -> None:
    answer = (model_input("Ann lives in Rome.", "Where?"), "Rome")
    refusal = (model_input("Ann.", "Where?"), "I'm sorry, that is not mentioned.")
    with pytest.raises(InputError, match=r"x.jsonl row 2: .*phases are never mixed"):
        read_files({"refusal": own(tmp_path / "x.jsonl", [refusal, answer])})
    with pytest.raises(InputError, match=r"x.jsonl row 1: the output does not stand in the context"):
        read_files({"extraction": own(tmp_path / "x.jsonl", [refusal])})
    with pytest.raises(InputError, match="too few contexts"):
        read_files({"extraction": own(tmp_path / "x.jsonl", [answer])})
    with pytest.raises(InputError, match="no rows"):
        read_files({"extraction": own(tmp_path / "x.jsonl", [])})
    said = (answer[0], "Ann lives in Rome, as far as is known.")
    with pytest.raises(InputError, match=r"x.jsonl row 2: the output is a bare span of its context.*never mixed"):
        read_files({"conversation": own(tmp_path / "x.jsonl", [said, answer])})
    many = [(model_input(f"Ann lives in house {n}.", "Where?"), f"Ann lives in house {n}.") for n in range(60)]
    one, other = own(tmp_path / "one.jsonl", many), own(tmp_path / "other.jsonl", many)
    with pytest.raises(InputError, match=r"other.jsonl: the phase conversation has the same rows as the phase extract"):
        read_files({"extraction": one, "conversation": other})
    with pytest.raises(InputError, match="nothing to train on"):
        read_files({})
