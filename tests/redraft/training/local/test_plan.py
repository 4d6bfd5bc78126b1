"""Plans that cannot be trained are refused in one line, and a run keeps the plan that it began with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.errors import ConfigurationError, InputError
from redraft.records import Phase
from redraft.training.local.plan import (
    ADAPTING,
    CURRICULUM,
    CurriculumPlan,
    PlannedFile,
    PlannedSetup,
    program_of,
    read_plan,
    setup_in,
    write_plan,
)
from redraft.training.local.settings import CurriculumSettings


def files(*names: Phase) -> tuple[PlannedFile, ...]:
    return tuple(PlannedFile(name=name, file=f"{name}.jsonl", sha256="00") for name in names)


def plan(*names: Phase, **more: Any) -> CurriculumPlan:
    return CurriculumPlan(**{"model": "m", "phases": files(*names), "evaluations": files(*names)} | more)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = plan("extraction", "conversation", "refusal", settings=CurriculumSettings(replay_fraction=0.5))
    write_plan(tmp_path / "run", written)
    assert read_plan(tmp_path / "run") == written
    assert read_plan(tmp_path / "run").digest == written.digest
    write_plan(tmp_path / "run", written)
    with pytest.raises(InputError, match="another plan was begun here"):
        write_plan(tmp_path / "run", plan("extraction"))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (
            ("conversation", "extraction"),
            "phases conversation, extraction: out of order; the order is extraction, conv",
        ),
        (("extraction", "extraction"), "extraction is there more than once"),
        ((), "no phases"),
    ],
)
def test_phases_have_one_order(names: tuple[Phase, ...], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        plan(*names)


def test_every_phase_is_evaluated() -> None:
    with pytest.raises(ConfigurationError, match="no evaluation of the phase refusal"):
        plan("extraction", "refusal", evaluations=files("extraction", "conversation"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"batch_size": 0}, "batch size 0: must be a whole number, at least 1"),
        ({"replay_fraction": 1.0}, "replay fraction 1.0: must be a number, at least 0 and below 1"),
        ({"precision": "fp8"}, "precision 'fp8': must be auto or fp32 or bf16 or fp16"),
        ({"checkpoint_steps": 5001}, "checkpoint steps 5001: must be a whole number, at least 1 and at most 5,000"),
        ({"early_stopping_patience": 2, "early_stopping_share": 0.0}, "early stopping needs rows"),
    ],
)
def test_settings_out_of_bounds(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        CurriculumSettings(**given)


def test_a_folder_without_a_usable_plan(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"plan\.json: no such file"):
        read_plan(tmp_path)
    (tmp_path / "plan.json").write_text('{"model": "m", "phases": [], "evaluations": [], "epoch": 1}')
    with pytest.raises(InputError, match="unknown field `epoch`"):
        read_plan(tmp_path)
    out_of_order = msgspec.to_builtins(plan("extraction", "refusal"))
    out_of_order["phases"] = out_of_order["phases"][::-1]
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(out_of_order))
    with pytest.raises(ConfigurationError, match="out of order"):
        read_plan(tmp_path)


def test_where_a_run_trains_is_read_of_plans_of_every_kind(tmp_path: Path) -> None:
    settings = CurriculumSettings(processes=2)
    write_plan(tmp_path / "one", msgspec.structs.replace(plan("extraction"), settings=settings))
    assert setup_in(tmp_path / "one") == PlannedSetup(processes=2)
    adapting = {"kind": "rl", "settings": {"beta": 0.1, "wandb_project": "p"}, "model": "m"}
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(adapting))
    assert setup_in(tmp_path) == PlannedSetup(wandb_project="p")
    assert (program_of(tmp_path / "one"), program_of(tmp_path)) == (CURRICULUM, ADAPTING)
    (tmp_path / "plan.json").write_bytes(b"{")
    with pytest.raises(InputError, match=r"plan\.json: "):
        setup_in(tmp_path)
