"""Plans that cannot be carried out are refused in one line, and a run keeps the plan that it began with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.errors import ConfigurationError, InputError
from redraft.training.adapting.plans import GeneratePlan, LoraPlan, Plan, PlannedRows, Tokens, read_plan, write_plan
from redraft.training.adapting.preferences import PreferencePlan
from redraft.training.adapting.settings import GenerationSettings, LoraSettings
from redraft.training.local.orders import LocalSettings
from redraft.training.local.plan import CurriculumPlan, PlannedFile, program_of
from redraft.training.local.plan import write_plan as write_curriculum
from redraft.training.local.starting import command_of, launcher_of

ROWS = PlannedRows(file="rows.jsonl", sha256="00")
PLANS: list[Plan] = [
    LoraPlan(model="m", rows=ROWS, held_out=ROWS, tokens=Tokens(special=("<A>",)), settings=LoraSettings(rank=8)),
    GeneratePlan(model="m", rows=ROWS, simulated=True, settings=GenerationSettings(outputs=5)),
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_is_read_as_it_was_written(tmp_path: Path, plan: Plan) -> None:
    write_plan(tmp_path / "run", plan)
    assert read_plan(tmp_path / "run") == plan and type(read_plan(tmp_path / "run")) is type(plan)
    assert read_plan(tmp_path / "run").digest == plan.digest
    write_plan(tmp_path / "run", plan)
    with pytest.raises(InputError, match="another plan was begun here"):
        write_plan(tmp_path / "run", msgspec.structs.replace(plan, model="other"))
    other = PLANS[1 - PLANS.index(plan)]
    with pytest.raises(InputError, match="another plan was begun here"):
        write_plan(tmp_path / "run", other)


@pytest.mark.parametrize("kind", ["reward", "dpo", "rl"])
def test_several_processes_learn_no_preferences(tmp_path: Path, kind: str) -> None:
    """They would each learn from all rows, and none says so."""
    settings = {"processes": 2, **({"beta": 0.1} if kind == "rl" else {})}
    more = {"reward": "r"} if kind == "rl" else {}
    plan = {"kind": kind, "model": "m", "rows": {"file": "x", "sha256": "0"}, "settings": settings, **more}
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(plan))
    with pytest.raises(InputError, match=r"plan\.json: .*unknown field `processes`"):
        read_plan(tmp_path, PreferencePlan)


def test_a_plan_says_which_program_does_it(tmp_path: Path) -> None:
    assert program_of(tmp_path) == "redraft.curriculum"
    write_plan(tmp_path / "lora", PLANS[0])
    assert command_of(tmp_path / "lora") == [
        sys.executable, "-m", "redraft.training.adapting", str(tmp_path / "lora")
    ]  # fmt: skip
    file = PlannedFile(name="extraction", file="x", sha256="00")
    write_curriculum(tmp_path / "curriculum", CurriculumPlan(model="m", phases=(file,), evaluations=(file,)))
    words = command_of(tmp_path / "curriculum", ("torchrun", "--nproc_per_node", "2"))
    assert words == ["torchrun", "--nproc_per_node", "2", "-m", "redraft.curriculum", str(tmp_path / "curriculum")]
    begun = {"pid": 1, "at": "", "command": [*("docker", "run"), *command_of(tmp_path / "lora")[1:]]}
    (tmp_path / "lora/process.json").write_bytes(msgspec.json.encode(begun))
    assert launcher_of(tmp_path / "lora") == ("docker", "run")


def test_of_a_jobs_key_are_the_settings_that_matter() -> None:
    def key(**settings: Any) -> dict[str, Any]:
        return LocalSettings(
            base_model="m", revision="r", suffix="s", settings=LoraSettings(**settings)
        ).parameters()  # fmt: skip

    always = {"epochs": 3, "learning_rate": 2e-4, "batch_size": 8, "rank": 16, "alpha": 32.0}
    more = {"target_modules": "all-linear", "seed": 0}
    assert key() == {"model": "m", "revision": "r", "suffix": "s", **always, **more}
    assert key(max_tokens=512) == {**key(), "max_tokens": 512}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rank": 0}, "rank 0: must be a whole number, at least 1"),
        ({"dropout": 1.0}, "dropout 1.0: must be a number, at least 0 and below 1"),
        ({"alpha": float("inf")}, "alpha inf: must be a number, above 0"),
        ({"target_modules": "q proj"}, "target modules 'q proj': must be module names with commas"),
        ({"precision": "fp16", "device": "cpu"}, "precision fp16 needs a GPU"),
    ],
)
def test_lora_settings_out_of_bounds(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        LoraSettings(**given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"temperature": -1}, "temperature -1: must be a number, at least 0"),
        ({"top_p": 0.0}, "top p 0.0: must be a number, above 0 and at most 1"),
        ({"max_new_tokens": 64, "max_tokens": 64}, "leaves no room for a prompt"),
    ],
)
def test_generation_settings_out_of_bounds(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        GenerationSettings(**given)


def test_plans_that_contradict_themselves() -> None:
    with pytest.raises(ConfigurationError, match="early stopping needs held-out rows"):
        LoraPlan(model="m", rows=ROWS, settings=LoraSettings(early_stopping_patience=1))
    with pytest.raises(ConfigurationError, match="no model is named"):
        GeneratePlan(model=" ", rows=ROWS)
    with pytest.raises(ConfigurationError, match="<A> is there more than once"):
        Tokens(special=("<A>", "<B>", "<A>"))
    with pytest.raises(ConfigurationError, match="one is empty"):
        Tokens(stop=("",))


def test_a_folder_without_a_usable_plan(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"plan\.json: no such file"):
        read_plan(tmp_path)
    (tmp_path / "plan.json").write_text('{"kind": "lora", "model": "m", "rows": {"file": "", "sha256": ""}, "rank": 1}')
    with pytest.raises(InputError, match="unknown field `rank`"):
        read_plan(tmp_path)
    (tmp_path / "plan.json").write_text('{"kind": "other"}')
    with pytest.raises(InputError, match="Invalid value 'other'"):
        read_plan(tmp_path)


def test_nothing_heavy_is_imported_before_the_work() -> None:
    code = (
        "import sys, redraft.training.adapting.process as _; print([n for n in ('torch', 'peft') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("words", [[], ["--help"], ["a", "b"]])
def test_the_program_takes_one_folder(words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from redraft.training.adapting.process import main

    assert main(words) == 2 and "usage: python -m redraft.training.adapting FOLDER" in capsys.readouterr().err
