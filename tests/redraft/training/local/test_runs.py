"""Local runs: begun once, watched, stopped, killed and gone on with, without a model."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from redraft.errors import ConfigurationError, InputError, TrainingError
from redraft.training.announcing import Announcement, announce
from redraft.training.local.starting import ask_to_end, kept
from redraft.training.local.watching import folder_of, local_pass, look, refusal
from redraft.training.policies import ALWAYS_NEW, RESUBMIT_FAILED
from redraft.training.purged_models import PURGED, is_marked
from redraft.training.stalls import StallRule, standing
from redraft.training.states import JobState
from tests.redraft.training.local.pretended_runs import PRETENDED, Runs


def test_an_equal_order_attaches_and_a_completed_run_is_not_trained_again(runs: Runs) -> None:
    job = runs.start(8)
    assert (job.state, job.local, job.job_id) == (JobState.RUNNING, True, job.suffix)
    assert runs.start(8).job_key == job.job_key
    done = runs.ended(job)
    assert (done.state, done.progress, done.model_output_name) == (
        JobState.COMPLETED, 1.0, str(runs.folder / "model")
    )  # fmt: skip
    assert runs.start(8).state is JobState.COMPLETED
    assert len(runs.processes) == len(runs.prepared) == 1
    record = msgspec.json.decode(Path(done.record_path or "").read_bytes())
    assert (record["provider"], record["status"]) == ("local", "completed")
    assert [one.value for one in runs.registry.metrics(done, "train/loss")] == [1 / step for step in range(1, 9)]
    assert [one.type for one in runs.registry.events(done)].count("checkpoint") == 8


def test_a_killed_process_is_lost_until_the_same_order_goes_on_with_it(runs: Runs) -> None:
    job = runs.start(12)
    while look(runs.registry, job).job.progress in (None, 0.0):
        time.sleep(0.02)
    runs.kill(job)
    found = local_pass(runs.registry)
    assert [one.state for one in found.changed] == [JobState.LOST]
    lost = found.changed[0]
    assert "its process is gone (phase extraction, step" in found.lines[0]
    assert "the same command resumes it" in found.lines[0]
    assert standing(lost, []).kind == "stopped"
    told: list[Announcement] = []
    announce(runs.registry, told.append)
    assert [(one.what, one.payload["kind"]) for one in told] == [("failed", "stopped")]
    assert not local_pass(runs.registry).changed  # told once
    again = runs.start(12)
    assert (again.state, again.attempt, again.last_error) == (JobState.RUNNING, 1, None)
    assert runs.ended(again).state is JobState.COMPLETED
    steps = [event.step for event in runs.registry.events(again) if event.type == "checkpoint"]
    assert sorted(set(steps)) == list(range(1, 13))
    assert len(steps) <= 13  # it went on where it stopped
    announce(runs.registry, told.append)
    assert [one.what for one in told] == ["failed", "completed"]
    assert len(runs.prepared) == 1


def test_a_run_that_is_told_to_end_writes_its_place_and_goes_on_from_there(runs: Runs) -> None:
    job = runs.start(50)
    assert ask_to_end(folder_of(job))
    stopped = runs.ended(job)
    assert stopped.state is JobState.LOST
    assert "stopped in order" in (stopped.last_error or "")
    assert not ask_to_end(folder_of(job))
    going = runs.start(3)
    assert runs.ended(going).state is JobState.COMPLETED


def test_a_run_that_a_person_runs_by_hand_is_found_to_go_on(runs: Runs) -> None:
    job = runs.start(50)
    runs.kill(job)
    assert local_pass(runs.registry).changed[0].state is JobState.LOST
    words = [sys.executable, str(PRETENDED), "50", "completed", "-m", "redraft.curriculum", str(folder_of(job))]
    runs.processes.append(subprocess.Popen(words, start_new_session=True))
    deadline = time.monotonic() + 20
    while not (found := local_pass(runs.registry)).changed:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert found.changed[0].state is JobState.RUNNING
    assert ask_to_end(folder_of(job))
    runs.ended(job)


def test_an_error_stays_until_it_is_tried_again(runs: Runs) -> None:
    failed = runs.ended(runs.start(1, "error"))
    assert (failed.state, failed.last_error) == (JobState.ERROR, "the rows are no rows")
    assert "failed (extraction): the rows are no rows" in standing(failed, runs.registry.events(failed)).words
    with pytest.raises(TrainingError, match="resubmit-failed"):
        runs.start(1)
    again = runs.ended(runs.start(2, policy=RESUBMIT_FAILED))
    assert (again.state, again.attempt) == (JobState.COMPLETED, 2)
    assert folder_of(again) == runs.folder
    # The log of the attempt before is in the same file, and not its own.
    assert "error" not in {event.type for event in runs.registry.events(again)}


@pytest.mark.parametrize("steps", [0, 4])
def test_what_cannot_begin_is_tried_again_by_the_same_order(runs: Runs, steps: int) -> None:
    """Whether the process says so at once, or after it was seen to be there."""
    if steps:
        refused = runs.ended(runs.start(steps, "refused"))
        assert refused.last_error == "it did not begin: torch cannot be imported"
    else:
        with pytest.raises(ConfigurationError, match="torch cannot be imported; nothing was trained, and the same com"):
            runs.start(0, "refused")
    (job,) = runs.registry.list()
    assert (job.state, refusal(job)) == (JobState.LOST, "torch cannot be imported")
    again = runs.ended(runs.start(1))
    assert (again.state, again.attempt, again.last_error, refusal(again)) == (JobState.COMPLETED, 1, None, None)


def test_always_new_puts_the_earlier_run_aside(runs: Runs) -> None:
    first = runs.ended(runs.start(1))
    first = runs.registry.record(first, answered_at=runs.registry.stamp())
    second = runs.ended(runs.start(1, policy=ALWAYS_NEW))
    assert (second.attempt, second.state, folder_of(second)) == (2, JobState.COMPLETED, runs.folder)
    aside = next(job for job in runs.registry.list() if job.attempt == 1)
    assert Path(aside.model_output_name or "").is_dir()
    assert folder_of(aside).name == f"toy-{first.job_key[:8]}"


def test_what_learnt_from_somebody_who_has_left_is_trained_anew(runs: Runs) -> None:
    first = runs.ended(runs.start(1))
    (folder_of(first) / PURGED).touch()
    second = runs.ended(runs.start(1))
    assert (second.attempt, second.state, folder_of(second)) == (2, JobState.COMPLETED, runs.folder)
    assert not is_marked(runs.folder / "model") and len(runs.prepared) == 2
    aside = next(job for job in runs.registry.list() if job.attempt == 1)
    assert is_marked(Path(aside.model_output_name or ""))


def test_a_process_that_does_not_begin_says_why(runs: Runs) -> None:
    with pytest.raises(TrainingError, match=r"did not begin: there is no model here; all that it said is in .*process"):
        runs.start(1, "nothing")
    job = runs.registry.list()[0]
    assert (job.state, local_pass(runs.registry).changed) == (JobState.LOST, ())
    with pytest.raises(ConfigurationError, match="launcher 'no-such-launcher': No such file"):
        runs.training.begun(job, ("no-such-launcher",))
    assert runs.ended(runs.start(1)).state is JobState.COMPLETED


def test_what_another_run_left_in_the_folder_is_put_aside_and_nothing_else_is_touched(runs: Runs) -> None:
    first = runs.ended(runs.start(1))
    going = runs.start(50, content_sha256="cd" * 32)
    aside = runs.folder.with_name(f"toy-{first.job_key[:8]}")
    known = runs.registry.get(first.job_key)
    assert known is not None and known.model_output_name == str(aside / "model")
    assert runs.start(1).model_output_name == known.model_output_name  # found where it is now, and not trained again
    with pytest.raises(InputError, match="another run goes on there; redraft jobs cancel toy"):
        runs.start(1, content_sha256="ef" * 32)
    assert ask_to_end(folder_of(going))
    runs.ended(going)
    other = runs.folder.with_name("mine")
    other.mkdir()
    (other / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="no run of ours"):
        runs.start(1, content_sha256="ef" * 32, folder=other)
    assert not [job for job in runs.registry.list() if job.training_sha256.startswith("ef")]
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_silence_is_noted_and_ends_with_the_next_sign(runs: Runs) -> None:
    job = runs.start(2, "silence")
    while (look(runs.registry, job).job.progress or 0) < 1:
        time.sleep(0.02)
    rule = StallRule(minutes=10)
    assert local_pass(runs.registry, rule).changed == ()
    runs.ahead = timedelta(minutes=11)
    found = local_pass(runs.registry, rule)
    assert "has given no sign since" in found.lines[0]
    assert local_pass(runs.registry, rule).lines == ()
    assert ask_to_end(folder_of(job))
    runs.ended(job)


def test_one_keeper_at_a_time(tmp_path: Path) -> None:
    with kept(tmp_path) as mine:
        assert mine
        with kept(tmp_path) as other:
            assert not other
    with kept(tmp_path) as mine:
        assert mine
