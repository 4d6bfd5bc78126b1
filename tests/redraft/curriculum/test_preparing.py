"""Rows that are really trained: cut around their answer for this model, never away from it, and gated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.answering.inputs import model_input, parted
from redraft.answering.tokenizing import EstimatedTokens
from redraft.curriculum.looking_ahead import steps_of
from redraft.curriculum.preparing import Fitting, in_words, looked_ahead, prepare
from redraft.curriculum.sources import read_files, read_folder
from redraft.datasets.curriculum_files import rows_of
from redraft.errors import ConfigurationError, InputError
from redraft.training.local import reporting
from redraft.training.local.phases import precision
from redraft.training.local.plan import read_plan
from redraft.training.local.prerequisites import require_setup
from redraft.training.local.settings import CurriculumSettings
from tasks.curriculum_wish import wish_for

MakeToy = Callable[..., Path]


def fitting(tokens: int, answer: int = 40) -> Fitting:
    return Fitting(EstimatedTokens(), CurriculumSettings(max_input_tokens=tokens, max_output_tokens=answer))


@pytest.mark.parametrize("tokens", [40, 60, 90])
def test_rows_that_are_too_long_are_cut_around_their_answer(
    toy_curriculum: MakeToy, tmp_path: Path, tokens: int
) -> None:
    source, fit = read_folder(toy_curriculum(20, 5, fill=8)), fitting(tokens)
    found = prepare(tmp_path / "run", source, fit, "t5", "r1")
    plan = read_plan(tmp_path / "run")
    assert [one.name for one in plan.phases] == [one.name for one in plan.evaluations] == list(source.counts)
    assert (plan.model, plan.revision, plan.simulated) == ("t5", "r1", True)
    assert all(one.cut == one.rows for one in found)
    for one in (*plan.phases, *plan.evaluations):
        rows = list(rows_of(tmp_path / "run" / one.file, one.name))
        longest = EstimatedTokens().lengths([fit.settings.prefixes[one.name] + row.input for row in rows])
        assert max(longest) <= tokens
        for row in rows:
            context, question = parted(row.input) or ("", "")
            assert question.startswith("Where does")
            assert row.answer in context
    assert looked_ahead(source, fitting(tokens)) == [msgspec.structs.replace(one, sha256="") for one in found]
    assert in_words(found)[0].startswith("extraction, trained: 20 of 20 rows were too long for this model and cut")


def test_rows_that_fit_stay_as_they_were(toy_curriculum: MakeToy, tmp_path: Path) -> None:
    source = read_folder(toy_curriculum(6, 3))
    found = prepare(tmp_path / "run", source, fitting(200), "t5", None)
    assert in_words(found) == []
    for given, planned in zip(source.trained, read_plan(tmp_path / "run").phases, strict=True):
        rows = list(rows_of(tmp_path / "run" / planned.file, planned.name))
        assert rows == [row for _, row in given.read()]
    assert fitting(200).longest == {"input": 0, "output": 0}
    assert steps_of(found, CurriculumSettings(batch_size=4)) == {"extraction": 2, "conversation": 2, "refusal": 2}
    rehearsing = CurriculumSettings(batch_size=4, replay_fraction=0.5)
    assert steps_of(found, rehearsing) == {"extraction": 2, "conversation": 3, "refusal": 3}


def test_what_cannot_be_trained_is_refused_before_there_is_a_plan(toy_curriculum: MakeToy, tmp_path: Path) -> None:
    source = read_folder(toy_curriculum(4, 2, fill=3))
    with pytest.raises(InputError, match=r"layer1_squad.jsonl: no row has room for its answer"):
        prepare(tmp_path / "run", source, fitting(12), "t5", None)
    with pytest.raises(InputError, match=r"layer1_squad.jsonl row 1: output of \d+ tokens, and 2 are allowed"):
        looked_ahead(source, fitting(200, answer=2))
    with pytest.raises(InputError, match="no such file"):
        read_plan(tmp_path / "run")

    def stop() -> None:
        raise InputError("nobody wants it any more")

    with pytest.raises(InputError, match="nobody wants it"):
        prepare(tmp_path / "run", source, Fitting(EstimatedTokens(), CurriculumSettings(), stop), "t5", None)


def test_a_long_row_of_ones_own_without_an_answer_is_not_cut_blindly(tmp_path: Path) -> None:
    long = "Nobody knows who built house {}. " + "The garden has a wall of grey stone. " * 20
    rows = [{"input": model_input(long.format(number), "Who?"), "output": "Nobody knows who built it, it says."}
            for number in range(60)]  # fmt: skip
    path = tmp_path / "said.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    with pytest.raises(InputError, match=r'said.jsonl row \d+: too long for the model, and names no "answer"'):
        looked_ahead(read_files({"conversation": path}), fitting(60))


def test_held_out_rows_without_an_answer_are_told(tmp_path: Path) -> None:
    def own(answers: int) -> list[str]:
        rows = [
            {"input": model_input(f"Ann lives in house {n}.", "Where does Ann live?"), "output": f"Ann lives in {n}."}
            | ({"answer": f"house {n}"} if n < answers else {})
            for n in range(100)
        ]
        path = tmp_path / "said.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        return in_words(
            prepare(tmp_path / f"run {answers}", read_files({"conversation": path}), fitting(200), "t5", None)
        )

    assert own(100) == []
    (told,) = own(0)
    assert 'rows name no "answer", so whether what the model writes is right and grounded cannot be measured' in told
    (told,) = own(50)
    assert told.startswith("conversation, held out: ") and "is measured on the other " in told


def test_the_gate_refuses_an_answer_that_does_not_stand_there(toy_curriculum: MakeToy, tmp_path: Path) -> None:
    import hashlib

    folder = toy_curriculum(3, 2)
    path = folder / "layer1_squad.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"answer":"', b'"answer":"Old '))
    manifest = folder / "curriculum.json"
    told = msgspec.json.decode(manifest.read_bytes())
    told["phases"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_bytes(msgspec.json.encode(told))
    with pytest.raises(InputError, match="3 rows are not grounded in what is left of their context at 200 estimated"):
        prepare(tmp_path / "run", read_folder(folder), fitting(200), "t5", None)


@pytest.mark.parametrize(
    ("settings", "launcher", "said"),
    [
        ({"processes": 2}, "", r'nothing starts them: give --launcher "torchrun --nproc_per_node 2"'),
        ({"processes": 2}, "torchrun --nproc_per_node 2", ""),
        ({}, "torchrun --nproc_per_node 2", "starts 2 processes, and planned is 1: give --processes 2"),
        ({"processes": 3}, "accelerate launch --num_processes=2", "starts 2 processes, and planned are 3"),
        ({"processes": 4}, "torchrun --nnodes 2 --nproc_per_node 2", ""),
        ({}, "docker run --gpus all image python", ""),
        ({"wandb_project": "p"}, "", "W&B needs its client: pip install wandb"),
    ],
)
def test_what_no_training_could_begin_with_is_refused_before_there_is_one(
    settings: dict[str, Any], launcher: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "find_spec", lambda name: None)
    if not said:
        require_setup(CurriculumSettings(**settings), launcher.split())
        return
    with pytest.raises(ConfigurationError, match=said):
        require_setup(CurriculumSettings(**settings), launcher.split())
    monkeypatch.setattr(reporting, "find_spec", lambda name: name)
    if "wandb_project" in settings:
        with pytest.raises(ConfigurationError, match="needs WANDB_API_KEY"):
            reporting.require_wandb("p", {})
        reporting.require_wandb("p", {"WANDB_API_KEY": "k"})


def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(ConfigurationError, match="fp16 needs a GPU; take fp32 or bf16 on the CPU"):
        CurriculumSettings(device="cpu", precision="fp16")
    with pytest.raises(ConfigurationError, match="fp16 needs a GPU, and there is none"):
        precision(CurriculumSettings(precision="fp16"), on_cpu=True)
    assert precision(CurriculumSettings(precision="bf16"), on_cpu=True) == {"bf16": True, "fp16": False}


@pytest.mark.parametrize(
    ("curriculum", "output", "names"),
    [
        ("toy", "models/toy", ("toy", "toy")),
        ("results/one/answers/curriculum", "results/one/training", ("one-answers-curriculum", "one")),
        ("results/two/answers/curriculum", "results/two/training", ("two-answers-curriculum", "two")),
    ],
)
def test_a_run_is_named_by_its_study_and_by_what_it_is_trained_on(
    toy_curriculum: MakeToy, tmp_path: Path, curriculum: str, output: str, names: tuple[str, str]
) -> None:
    folder = tmp_path / curriculum
    folder.parent.mkdir(parents=True, exist_ok=True)
    toy_curriculum(4, 2).rename(folder)
    wish = wish_for(str(folder), {}, "tiny", None, str(tmp_path / output), CurriculumSettings())
    order = wish.order()
    assert (order.name, order.settings.suffix, order.settings.base_model) == (*names, "tiny")
    assert not (tmp_path / output).exists()
