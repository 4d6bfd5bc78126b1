"""Several processes use one registry at once, and die at any moment."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from redraft.errors import TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.provider_jobs import ProviderJobs
from redraft.training.registry import Registry, TrainingJob
from redraft.training.states import JobState

Start = Callable[..., Any]
Plan = Callable[..., TrainingJob]
# What the provider says of the job, one after the other: a restart takes it back.
LIFE = ["queued", "running", "queued", "running", "queued", "running", "compressing", "uploading", "completed"]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Nobody answers there: what the provider says is made up here."""
    endpoint = Endpoint(provider="together", base_url="http://127.0.0.1:1", api_key="k")
    one = ControlPlane(endpoint, Retries(sleep=time.sleep, random=random.Random(0)))  # noqa: S311
    yield one
    one.close()


def submit_again(address: str, life: Path, seed: int, plane: ControlPlane) -> None:
    """As a submission that attaches does again and again: it reads the job, asks, and is slow to write it down."""
    chance = random.Random(seed)  # noqa: S311
    with Registry(address) as registry:
        job, jobs = registry.list()[0], ProviderJobs(plane, registry, None)
        while not job.state.terminal:
            status = life.read_text().split()[-1]
            time.sleep(chance.choice([0, 0.02, 0.2]))
            job = jobs.told(job, {"id": "ft-1", "status": status})


def test_four_who_watch_one_job_record_each_change_once(
    address: str, plan: Plan, start: Start, plane: ControlPlane, tmp_path: Path
) -> None:
    """Two as the monitor does, two as those that submit."""
    life, next_life = tmp_path / "life", tmp_path / "next"
    with Registry(address) as registry, ThreadPoolExecutor() as pool:
        job = registry.record(plan(registry), state=JobState.PENDING)
        life.write_text(LIFE[0])
        submitting = [pool.submit(submit_again, address, life, seed, plane) for seed in range(2)]
        processes = [start("watch", address, life, seed) for seed in range(2)]
        assert [process.stdout.readline() for process in processes] == ["watching\n"] * 2
        for number in range(1, len(LIFE) + 1):
            next_life.write_text("\n".join(LIFE[:number]))
            next_life.replace(life)
            until = time.monotonic() + 30
            while len(registry.changes(job)) <= number:  # old answers are still on their way when the next one comes
                assert time.monotonic() < until, registry.changes(job)
                time.sleep(0.005)
        said: list[str] = []
        for process in processes:
            out, errors = process.communicate()
            assert (process.returncode, errors) == (0, "")
            said += out.splitlines()
        for one in submitting:
            one.result(60)
        changes = registry.changes(job)
        assert [change.to_state.value for change in changes] == ["pending", *LIFE]
        assert [change.from_state.value for change in changes] == ["planned", "pending", *LIFE[:-1]]
        seen = [int(line.split()[1]) for line in said if line.startswith("moved")]
        assert len(seen) == len(set(seen)) and set(seen) <= {change.ordinal for change in changes}
        assert sorted(line for line in said if line.startswith("event")) == [
            f"event {number:02}" for number in range(len(LIFE))
        ]
        assert said.count("announced") == 1
        assert registry.unannounced() == registry.open_jobs() == []


def test_what_was_recorded_before_a_kill_is_there_after_it(address: str, plan: Plan, start: Start) -> None:
    with Registry(address) as registry:
        job = plan(registry)
        process = start("count", address)
        while (line := process.stdout.readline().strip()) != "20":
            assert line
        process.kill()
        told = [20, *(int(line) for line in process.stdout.read().split("\n")[:-1] if line)]
        kept = registry.get(job.job_key)
        assert kept and kept.progress in {float(told[-1]), float(told[-1] + 1)}


def test_a_lock_is_held_until_its_process_ends(address: str, start: Start) -> None:
    with Registry(address) as registry:
        process = start("hold", address, "job-1")
        assert process.stdout.readline() == "held\n"
        assert registry.is_locked("job-1") and not registry.is_locked("job-2")
        with pytest.raises(TrainingError, match=r"another process holds .*job-1"), registry.locked("job-1", 0.1):
            pass
        process.kill()
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
