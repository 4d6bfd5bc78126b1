"""Several processes use one registry at once, and die at any moment."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.errors import TrainingError
from redraft.training.registry import Registry, TrainingJob
from redraft.training.states import JobState

Start = Callable[..., subprocess.Popen[str]]
Plan = Callable[..., TrainingJob]
WATCHERS = 4
# What the provider says of the job, one after the other: a restart takes it back.
LIFE = ["queued", "running", "queued", "running", "queued", "running", "compressing", "uploading", "completed"]


def test_four_who_watch_one_job_record_each_change_once(address: str, plan: Plan, start: Start, tmp_path: Path) -> None:
    life, next_life = tmp_path / "life", tmp_path / "next"
    with Registry(address) as registry:
        job = registry.record(plan(registry), state=JobState.PENDING)
        life.write_text(LIFE[0])
        processes = [start("watch", address, life, seed) for seed in range(WATCHERS)]
        for number in range(1, len(LIFE) + 1):
            next_life.write_text("\n".join(LIFE[:number]))
            next_life.replace(life)
            until = time.monotonic() + 30
            while len(registry.changes(job)) <= number:  # old answers are still on their way when the next one comes
                assert time.monotonic() < until, registry.changes(job)
                time.sleep(0.005)
        said: list[str] = []
        for process in processes:
            out, errors = process.communicate(timeout=60)
            assert (process.returncode, errors) == (0, "")
            said += out.splitlines()
        changes = registry.changes(job)
        assert [change.to_state.value for change in changes] == ["pending", *LIFE]
        assert [change.from_state.value for change in changes] == ["planned", "pending", *LIFE[:-1]]
        assert sorted(line for line in said if line.startswith("moved")) == sorted(
            f"moved {change.ordinal}" for change in changes[1:]
        )
        assert sorted(line for line in said if line.startswith("event")) == [
            f"event {number:02}" for number in range(len(LIFE))
        ]
        assert said.count("announced") == 1
        assert registry.unannounced() == registry.open_jobs() == []


def test_what_was_recorded_before_a_kill_is_there_after_it(address: str, plan: Plan, start: Start) -> None:
    with Registry(address) as registry:
        job = plan(registry)
        process = start("count", address)
        assert process.stdout
        while (line := process.stdout.readline().strip()) != "20":
            assert line
        process.kill()
        told = [20, *(int(line) for line in process.stdout.read().split("\n")[:-1] if line)]
        kept = registry.get(job.job_key)
        assert kept and kept.progress in {float(told[-1]), float(told[-1] + 1)}


def test_a_lock_is_held_until_its_process_ends(address: str, start: Start) -> None:
    with Registry(address) as registry:
        process = start("hold", address, "job-1")
        assert process.stdout and process.stdout.readline() == "held\n"
        assert registry.is_locked("job-1") and not registry.is_locked("job-2")
        with pytest.raises(TrainingError, match=r"another process holds .*job-1"), registry.locked("job-1", 0.1):
            pass
        process.send_signal(signal.SIGKILL)
        with registry.locked("job-1", 10):
            assert registry.is_locked("job-1")
        assert not registry.is_locked("job-1")


def test_many_threads_at_once_lose_nothing(tmp_path: Path, plan: Plan) -> None:
    path = tmp_path / "jobs.sqlite"
    faults: list[Exception] = []

    def work(number: int) -> None:
        try:
            with Registry(path) as registry:
                for i in range(5):
                    job = plan(registry, sha=f"{number}{i}")
                    registry.record(job, state=JobState.RUNNING)
        except Exception as error:  # noqa: BLE001 - carried over to the main thread
            faults.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with Registry(path) as registry:
        assert [job.state for job in registry.list()] == [JobState.RUNNING] * 30
