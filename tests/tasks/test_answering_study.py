"""What a study asks of a training's memory before anything is paid: nothing of one that has begun already."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from redraft.curriculum.looking_ahead import Memory
from redraft.datasets.curriculum_files import HELD_OUT, PHASES, TRAINED
from redraft.errors import ConfigurationError
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.telling import Teller
from tasks.answering_study import TrainingAhead, has_begun

SETTINGS = CurriculumSettings(batch_size=4)
TOO_MUCH = Memory(needed=9_000_000_000, free=4_000_000_000, device="CPU")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that was planned."""
    folder = tmp_path / "training"
    files = [
        tuple(PlannedFile(name=phase, file=names[phase], sha256="ab" * 32) for phase in PHASES)
        for names in (TRAINED, HELD_OUT)
    ]
    write_plan(folder, CurriculumPlan(model="t5", phases=files[0], evaluations=files[1], settings=SETTINGS))
    return folder


def test_a_run_that_goes_on_or_has_its_model_has_begun(run: Path) -> None:
    assert not has_begun(run.parent, "t5", SETTINGS)
    assert not has_begun(run, "t5", SETTINGS)
    with FileLock(run / "lock"):
        assert has_begun(run, "t5", SETTINGS)
        assert not has_begun(run, "t5-base", SETTINGS)
        assert not has_begun(run, "t5", CurriculumSettings(batch_size=8))
    Teller(run).now(state="stopped")
    assert not has_begun(run, "t5", SETTINGS)
    Teller(run).now(state="completed")
    assert not has_begun(run, "t5", SETTINGS)
    (run / "model").mkdir()
    assert has_begun(run, "t5", SETTINGS)


def test_memory_is_asked_of_what_is_to_begin_here() -> None:
    with pytest.raises(ConfigurationError, match=r"needs about 9\.0 GB of memory and 4\.0 GB are free"):
        TrainingAhead(tokenizer="t5", memory=TOO_MUCH).require_memory(SETTINGS)
    TrainingAhead(tokenizer="t5", memory=TOO_MUCH, begun=True).require_memory(SETTINGS)
    TrainingAhead(tokenizer="t5", memory=TOO_MUCH, elsewhere=True).require_memory(SETTINGS)
    TrainingAhead(tokenizer="t5", memory=TOO_MUCH).require_memory(CurriculumSettings(allow_memory=True))
