"""Local runs: begun once, watched, stopped, killed and gone on with, without a model."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from filelock import FileLock

from redraft.calling.notices import LISTENERS
from redraft.cli import jobs_local
from redraft.errors import ConfigurationError, InputError, ProviderError, TrainingError
from redraft.training.announcing import Announcement, announce
from redraft.training.due import due
from redraft.training.local import machine, orders, prerequisites, reporting
from redraft.training.local.machine import TAKEN_OVER, machine_id, this_machine
from redraft.training.local.orders import LocalOrder, LocalSettings, LocalTraining
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.starting import ask_to_end, kept, reap, wait_for_end
from redraft.training.local.telling import TrainingState
from redraft.training.local.watching import folder_of, local_pass, look, refusal
from redraft.training.policies import ALWAYS_NEW, RESUBMIT_FAILED
from redraft.training.purged_models import PURGED, is_marked
from redraft.training.registry import Registry, TrainingJob
from redraft.training.stalls import StallRule, standing
from redraft.training.states import JobState

PRETENDED = Path(__file__).with_name("pretended_run.py")


class Runs:
    """Orders of runs that only pretend, and their processes, which end with the test."""

    def __init__(self, tmp_path: Path) -> None:
        self.ahead = timedelta(0)
        self.registry = Registry(tmp_path / "registry.sqlite", lambda: datetime.now(UTC) + self.ahead)
        self.folder = tmp_path / "models" / "toy"
        self.training = LocalTraining(self.registry, tmp_path / "models", lambda _: time.sleep(0.01))
        self.prepared: list[Path] = []
        self.settings = CurriculumSettings()
        self.processes: list[Any] = []

    def order(self, steps: int = 2, end: str = "completed", **more: Any) -> LocalOrder:
        settings = LocalSettings(base_model="t5", revision="r1", suffix="toy", settings=CurriculumSettings())
        launcher = (sys.executable, str(PRETENDED), str(steps), end)
        given = {"folder": self.folder, "content_sha256": "ab" * 32, "rows": 3, "settings": settings} | more
        return LocalOrder(launcher=launcher, **given)

    def start(self, *words: Any, **more: Any) -> TrainingJob:
        def prepare(folder: Path) -> None:
            self.prepared.append(folder)
            file = PlannedFile(name="extraction", file="rows.jsonl", sha256="ab" * 32)
            write_plan(folder, CurriculumPlan(model="t5", phases=(file,), evaluations=(file,), settings=self.settings))

        job, process = self.training.start(self.order(*words, **more), prepare)
        self.processes += [process] if process is not None else []
        return job

    def ended(self, job: TrainingJob) -> TrainingJob:
        assert wait_for_end(folder_of(job), 20, lambda _: time.sleep(0.01))
        return look(self.registry, job, self.training.models).job

    def kill(self, job: TrainingJob) -> None:
        os.killpg(self.processes[-1].pid, signal.SIGKILL)
        self.processes[-1].wait()

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reap()
        self.registry.close()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    one = Runs(tmp_path)
    yield one
    one.close()


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


def last_heard(runs: Runs, job: TrainingJob, minutes: float) -> TrainingJob:
    """The run gave its last sign so long ago."""
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    path = folder_of(job) / "state.json"
    state = msgspec.json.decode(path.read_bytes(), type=TrainingState)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(state, updated_at=at)))
    process = folder_of(job) / "process.json"
    process.write_bytes(msgspec.json.encode({**json.loads(process.read_bytes()), "at": at}))
    return runs.registry.record(job, submitting_since=at)


def test_a_run_of_another_machine_is_taken_over_once_it_is_silent(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container is that was restarted, and has another name since."""
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "")  # its host is another one, too
    told: list[str] = []
    LISTENERS.set((told.append,))
    job = runs.start(30)
    runs.kill(job)
    job = runs.registry.record(job, account="pod-1")
    job = last_heard(runs, job, 8)
    found = local_pass(runs.registry)
    assert (found.unreachable, found.changed) == (1, ())
    assert re.search(r"runs on the machine pod-1, .* takes it over here from 20.* UTC on", found.faults[0])
    with pytest.raises(ProviderError, match=r"last sign at 20.*, and if it gives no other"):
        runs.start(30)
    with FileLock(runs.folder / "lock"), pytest.raises(ProviderError, match="a process that is not here trains in"):
        jobs_local.resumed(runs.registry, job, "attach")

    job = last_heard(runs, job, 11)
    found = local_pass(runs.registry)
    assert found.lines[0].endswith("is taken over from the machine pod-1")
    assert [(one.state, one.account) for one in found.changed] == [(JobState.LOST, this_machine())]
    assert [event.type for event in runs.registry.events(job)].count(TAKEN_OVER) == 1
    assert re.search(
        r"was on the machine pod-1 and is taken over by .*: nobody trains in .*, and its last sign", told[0]
    )

    # Gone, it is of no machine: two that look at it do not take it from each other.
    job = runs.registry.record(found.changed[0], account="pod-3")
    found = local_pass(runs.registry)
    assert (found.faults, found.lines, found.changed) == ((), (), ())
    going = runs.start(30)
    assert (going.state, going.account, len(runs.prepared)) == (JobState.RUNNING, this_machine(), 1)
    assert len(told) == 2 and "pod-3" in told[1]
    assert ask_to_end(folder_of(going))
    runs.ended(going)


def test_a_run_whose_folder_is_not_here_is_looked_at_there(runs: Runs) -> None:
    job = runs.start(30)
    runs.kill(job)
    runs.registry.record(job, account="gpu-7")
    last_heard(runs, runs.registry.list()[0], 60)
    (runs.folder / "run.json").write_text('{"job_key": "another"}')
    found = local_pass(runs.registry)
    assert (found.unreachable, found.changed) == (1, ())
    assert f"runs on the machine gpu-7, and is looked at there: its folder {runs.folder} is not" in found.faults[0]
    with pytest.raises(ProviderError, match="gpu-7"):
        look(runs.registry, runs.registry.list()[0])


def test_an_earlier_attempt_here_is_not_the_one_on_another_machine(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "m1")
    job = runs.start(30)
    runs.kill(job)
    # It was begun once more on another machine, whose disk has the same folder.
    runs.registry.record(job, account="gpu-7", submitting_since=runs.registry.stamp())
    found = local_pass(runs.registry)
    assert (found.unreachable, found.changed, found.lines) == (1, (), ())
    assert "its folder" in found.faults[0] and "is not here" in found.faults[0]


def test_a_machine_that_has_another_name_now_keeps_its_runs(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its process runs here.
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "")
    monkeypatch.chdir(runs.folder.parent.parent)
    job = runs.start(50)
    runs.registry.record(job, account="old-name")
    (found,) = local_pass(runs.registry).looks
    assert (found.job.state, found.job.account) == (JobState.RUNNING, this_machine())
    runs.registry.record(job, account="old-name")
    after = jobs_local.cancelled(runs.registry, runs.registry.list()[0])
    assert (after.state, after.account) == (JobState.CANCELLED, this_machine())
    # It was begun on this very machine, and was killed a moment ago.
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "m1")
    going = jobs_local.resumed(runs.registry, after, "resubmit-failed")
    os.killpg(json.loads((runs.folder / "process.json").read_bytes())["pid"], signal.SIGKILL)
    assert wait_for_end(runs.folder, 20, lambda _: time.sleep(0.01))
    runs.registry.record(going, account="old-name")
    (lost,) = local_pass(runs.registry).changed
    assert (lost.state, lost.account) == (JobState.LOST, this_machine())


def test_a_machine_is_known_by_its_own_number_and_a_container_by_its_hosts_kernel(tmp_path: Path) -> None:
    assert machine_id(tmp_path, {}) == machine_id(tmp_path, {"container": "x"}) == ""
    boot = tmp_path / "proc" / "sys" / "kernel" / "random" / "boot_id"
    for path, said in ((tmp_path / "etc" / "machine-id", "0f3a\n"), (boot, "77-b1\n")):
        path.parent.mkdir(parents=True)
        path.write_text(said)
    known, inside = machine_id(tmp_path, {}), machine_id(tmp_path, {"container": "x"})
    assert len(known) == 16 and "0f3a" not in known and known != inside != ""
    assert machine_id(tmp_path, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}) == inside
    (tmp_path / ".dockerenv").touch()
    assert machine_id(tmp_path, {}) == inside
    # Started anew, the host is known no more; nothing is taken over at once then.
    boot.write_text("78-c2\n")
    assert machine_id(tmp_path, {}) not in {"", known, inside}


def test_one_keeper_at_a_time(tmp_path: Path) -> None:
    with kept(tmp_path) as mine:
        assert mine
        with kept(tmp_path) as other:
            assert not other
    with kept(tmp_path) as mine:
        assert mine


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
