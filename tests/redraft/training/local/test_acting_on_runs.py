"""Local runs cancelled, resumed and looked at by the jobs commands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from redraft.cli import jobs_local
from redraft.errors import ConfigurationError, InputError, TrainingError
from redraft.training.due import due
from redraft.training.local import prerequisites, reporting
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.starting import wait_for_end
from redraft.training.local.watching import folder_of
from redraft.training.stalls import standing
from redraft.training.states import JobState
from tests.redraft.training.local.pretended_runs import Runs


def test_the_jobs_commands_cancel_resume_and_find_a_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.folder.parent.parent)
    monkeypatch.setattr(prerequisites, "find_spec", lambda name: name)
    job = runs.start(40)
    with pytest.raises(TrainingError, match="is running, there is no model yet"):
        jobs_local.lies_there(job)
    after = jobs_local.cancelled(runs.registry, job)
    assert after.state is JobState.CANCELLED
    assert standing(after, runs.registry.events(after)).words == "was cancelled on request"
    assert jobs_local.cancelled(runs.registry, after).state is JobState.CANCELLED
    assert jobs_local.looked_at(runs.registry) == ()
    with pytest.raises(
        TrainingError, match=r"policy attach\); --policy resubmit-failed goes on from its last checkpoint"
    ):
        jobs_local.resumed(runs.registry, after, "attach")
    with pytest.raises(InputError, match="always-new"):
        jobs_local.resumed(runs.registry, after, "always-new")
    going = jobs_local.resumed(runs.registry, after, "resubmit-failed")
    assert (going.state, going.attempt, going.suffix == after.suffix) == (JobState.RUNNING, 2, False)
    assert jobs_local.resumed(runs.registry, going, "attach").attempt == 2
    # It was begun as before, by the same launcher, and ends where that says.
    done = runs.ended(going)
    assert jobs_local.lies_there(done).startswith(str(runs.folder / "model"))


@pytest.mark.parametrize(
    ("settings", "found", "said"),
    [
        ({"processes": 2}, True, "planned are 2: give --processes 1, as the batches"),
        ({"wandb_project": "p"}, True, "W&B needs its client: pip install wandb"),
        ({}, False, r"needs torch, transformers, accelerate: install redraft\[local\]"),
    ],
)
def test_what_no_training_could_begin_with_is_refused_before_it_is_resumed(
    settings: dict[str, Any], found: bool, said: str, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.folder.parent.parent)
    monkeypatch.setattr(prerequisites, "find_spec", lambda name: name if found else None)
    monkeypatch.setattr(reporting, "find_spec", lambda name: None)
    runs.settings = CurriculumSettings(**settings)
    # A launcher that says how many processes it starts.
    job = jobs_local.cancelled(runs.registry, runs.start(40, "--nproc_per_node 1"))
    before = (runs.folder / "process.json").read_bytes()
    with pytest.raises(ConfigurationError, match=said) as fault:
        jobs_local.resumed(runs.registry, job, "resubmit-failed")
    assert "\n" not in str(fault.value) and (runs.folder / "process.json").read_bytes() == before
    assert [(one.attempt, one.state) for one in runs.registry.list()] == [(1, JobState.CANCELLED)]


def test_where_only_local_runs_go_on_nobody_is_asked(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither credentials nor a server: a pass reads the folder."""
    from tasks.open_jobs import look_at_open_jobs

    monkeypatch.chdir(runs.folder.parent.parent)
    job = runs.start(1)
    assert not due(runs.registry).hosted
    wait_for_end(folder_of(job), 20)
    found = asyncio.run(look_at_open_jobs(runs.registry, None))
    assert [one.state for one in found.changed] == [JobState.COMPLETED]
    assert (found.watched, found.requests, found.faults, found.unreachable) == (1, 0, (), 0)
    assert found.lines[0].endswith(f"is completed, model {runs.folder / 'model'} (was running)")
    assert not due(runs.registry)
