"""Passes over all open jobs: fates told apart, bounded requests, and not being able to ask."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import Endpoint
from redraft.sandbox.process import SandboxProcess
from redraft.training import monitoring
from redraft.training.announcing import Announcement, announce
from redraft.training.control_plane import Retries
from redraft.training.due import due
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.monitoring import MonitorPass, MonitorRule, monitor_pass
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.stalls import StallRule, standing
from redraft.training.states import JobState

MakeFile = Callable[..., TrainingFile]
EAGER = MonitorRule(look_again=0, stall=StallRule(minutes=1 / 60))
FATES = {
    "job_fails": ["doomed*"], "job_stalls": ["silent*"], "job_unpaid": ["unpaid*"], "job_restarts": ["lossy*"],
    "job_state": ["odd*=paused"], "job_event": ["odd*=moved_to_the_moon"],
}  # fmt: skip


class Clock:
    """The real time, and how far it was set forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def fates() -> Iterator[SandboxProcess]:
    with SandboxProcess.start({"job_seconds": 2.0, "file_seconds": 0.1, **FATES}) as process:
        yield process


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def training(fates: SandboxProcess, tmp_path: Path, clock: Clock) -> Iterator[HostedTraining]:
    fates.post("/sandbox/reset?everything=1")
    endpoint = Endpoint(
        provider="together", base_url=fates.url, api_key="sk-monitor", identity="sandbox:test", simulated=True
    )
    with (
        Registry(tmp_path / "registry.sqlite", clock) as registry,
        HostedTraining(
            endpoint, registry, models=tmp_path / "models", tries=1, sleep=lambda _: time.sleep(0.01)
        ) as one,
    ):
        yield one


def submit(training: HostedTraining, file: TrainingFile, *names: str, **more: Any) -> dict[str, TrainingJob]:
    return {
        name: training.start_or_attach(file, TrainingSettings(model="meta/llama-8b", suffix=name), **more)
        for name in names
    }


def asked_of(sandbox: SandboxProcess) -> int:
    """How many requests it has had, but for its own pages."""
    requests: Any = sandbox.stats()["requests"]
    return sum(count for line, by in requests.items() if "/v1/" in line for count in by.values())


def until(training: HostedTraining, done: Callable[[], bool], rule: MonitorRule = EAGER) -> list[MonitorPass]:
    passes: list[MonitorPass] = []
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, [line for one in passes for line in (*one.lines, *one.faults)]
        passes.append(monitor_pass(training.plane, training.registry, rule, models=training.jobs.models))
        time.sleep(0.1)
    return passes


def test_every_fate_is_told_apart_and_told_once(training: HostedTraining, make_file: MakeFile) -> None:
    registry = training.registry
    names = ("good", "doomed", "silent", "unpaid", "lossy", "odd", "stopped")
    jobs = submit(training, make_file(), *names)
    training.jobs.cancel(jobs["stopped"])

    def settled() -> bool:
        return all(job.state.terminal or job.stalled_since for job in registry.list())

    passes = until(training, settled)
    now = {name: registry.get(job.job_key) or job for name, job in jobs.items()}
    stands = {name: standing(job, registry.events(job)) for name, job in now.items()}
    assert {name: one.kind for name, one in stands.items()} == {
        "good": "completed", "doomed": "failed", "silent": "stalled", "unpaid": "billing_limit", "lossy": "completed",
        "odd": "completed", "stopped": "cancelled",
    }  # fmt: skip
    assert "Simulated failure" in stands["doomed"].words and "billing limit" in stands["unpaid"].words
    assert now["silent"].state is JobState.RUNNING, "silence is no state of the provider"
    assert len({one.words for one in stands.values()}) == len(names)
    # Words that no document knows are shown as they come.
    assert any(f"{now['odd'].job_id} (arm) is paused (was " in line for one in passes for line in one.lines)
    assert "moved_to_the_moon" in {event.type for event in registry.events(now["odd"])}
    for job in now.values():
        there = training.plane.client.fine_tuning.list_events(job.job_id or "").to_dict()["data"]
        assert len(registry.events(job)) == len(there), f"{job.suffix}: an event is missing, or there twice"
    good = now["good"]
    assert registry.metrics(good, "train/loss") and good.progress == 1.0
    assert '"status": "completed"' in Path(good.record_path or "").read_text()
    # Each change is in one pass, and only there; what lost its machine is queued and runs once more.
    seen = Counter(line for one in passes for line in one.lines)
    assert all(count == 1 for line, count in seen.items() if str(now["lossy"].job_id) not in line), seen
    assert all(one.requests <= EAGER.max_requests for one in passes)

    told: list[Announcement] = []
    lines = announce(registry, told.append).lines
    assert {(one.payload["job"], one.what) for one in told} == {
        (job.suffix, "stalled" if name == "silent" else "completed" if job.state is JobState.COMPLETED else "failed")
        for name, job in now.items()
    }
    assert len(told) == len(lines) == len(names) and announce(registry, told.append).lines == ()
    payloads = {one.payload["job"]: one.payload for one in told}
    assert payloads[good.suffix]["model"] == good.model_output_name and payloads[good.suffix]["simulated"] is True
    assert payloads[now["unpaid"].suffix]["kind"] == "billing_limit"
    assert "sk-monitor" not in str(told)


def test_a_sign_of_life_ends_a_stall(training: HostedTraining, make_file: MakeFile, clock: Clock) -> None:
    job = submit(training, make_file(), "slow")["slow"]
    registry = training.registry
    monitor_pass(training.plane, registry, EAGER)
    clock.ahead = timedelta(hours=1)  # as far as anybody knows, the job was silent for that long
    stale = registry.record(job, stalled_since=registry.stamp())
    assert standing(stale, registry.events(job)).kind == "stalled"
    until(training, lambda: (registry.get(job.job_key) or job).stalled_since is None)


def test_the_log_of_a_job_whose_end_somebody_else_saw_is_read_once(
    training: HostedTraining, fates: SandboxProcess, make_file: MakeFile
) -> None:
    job = submit(training, make_file(), "seen")["seen"]
    registry = training.registry
    while not job.state.terminal:
        job = training.jobs.refreshed(job)  # as a submission that attaches does: the state, and no more
    assert not registry.events(job)
    monitor_pass(training.plane, registry, EAGER)
    assert registry.events(job)[-1].type == "job_complete" and registry.metrics(job, "train/loss")
    assert monitor_pass(training.plane, registry, EAGER).requests == 0
    announce(registry, lambda _: None)
    assert monitor_pass(training.plane, registry, EAGER).requests == 0


def test_not_being_able_to_ask_is_a_state_with_since_when(
    training: HostedTraining, fates: SandboxProcess, make_file: MakeFile
) -> None:
    jobs = submit(training, make_file(), "one", "two")
    registry = training.registry
    fates.post("/sandbox/script", [{"match": "GET /v1/fine-tunes\n", "times": 2, "do": {"status": 503}}])
    first = monitor_pass(training.plane, registry, EAGER)
    since = {job.job_key: job.unreachable_since for job in registry.list()}
    second = monitor_pass(training.plane, registry, EAGER)
    assert first.unreachable == second.unreachable == 2 and "503" in first.faults[0]
    assert all(since.values()) and since == {job.job_key: job.unreachable_since for job in registry.list()}
    assert not any(job.state.terminal for job in registry.list()) and first.changed == second.changed == ()
    # One job that cannot be asked about holds up none of the others.
    script = {"match": f"GET /v1/fine-tunes/{jobs['one'].job_id}", "times": 1, "do": {"fault": "cut_json"}}
    fates.post("/sandbox/script", [script])
    third = monitor_pass(training.plane, registry, EAGER)
    assert third.unreachable == 1 and len(third.looks) == 1
    one, two = (registry.get(jobs[name].job_key) for name in ("one", "two"))
    assert one and two and one.unreachable_since == since[one.job_key] and two.unreachable_since is None
    monitor_pass(training.plane, registry, EAGER)
    assert all(job.unreachable_since is None for job in registry.list())


def test_a_pass_stays_within_its_requests_and_leaves_nobody_out(
    training: HostedTraining, fates: SandboxProcess, make_file: MakeFile
) -> None:
    names = [f"many-{number}" for number in range(7)]
    jobs = submit(training, make_file(), *names)
    asked = asked_of(fates)
    rule = MonitorRule(max_requests=10, look_again=60)
    passes = [monitor_pass(training.plane, training.registry, rule) for _ in range(3)]
    counted = sum(one.requests for one in passes)
    assert counted == asked_of(fates) - asked, "what is counted is what was asked"
    assert max(one.requests for one in passes) <= 10 and passes[0].waiting > 0
    assert all(job.watched_at for job in training.registry.list()), "each was looked at in turn"
    assert len({look.job.suffix for one in passes for look in one.looks}) == len(jobs)
    with pytest.raises(ConfigurationError, match="at least 4"):
        MonitorRule(max_requests=3)


def test_a_pass_ends_in_time_whether_the_provider_answers_or_not(
    training: HostedTraining, fates: SandboxProcess, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = submit(training, make_file(), *(f"slow-{number}" for number in range(6)))
    monkeypatch.setattr(monitoring, "REQUEST_SECONDS", 0.3)
    hangs = {"match": "GET /v1/fine-tunes/ft-", "times": 0, "do": {"status": 503, "delay_ms": 2500}}
    fates.post("/sandbox/script", [hangs])
    rule = MonitorRule(look_again=0, max_seconds=0.7)
    began = time.monotonic()
    found = monitor_pass(training.plane, training.registry, rule)
    assert time.monotonic() - began < 6, "of six jobs at 2.5 s each"
    assert 1 <= found.unreachable <= 3 and found.waiting == len(jobs) - found.unreachable
    assert "Timeout" in found.faults[0]
    fates.post("/sandbox/reset")
    # Nobody waits for what the provider asks to wait for where that is beyond the time of the pass.
    training.plane.retries = Retries(tries=5, sleep=time.sleep, random=random.Random(1))  # noqa: S311
    wait = {"match": "GET /v1/fine-tunes\n", "times": 0, "do": {"status": 429, "headers": {"retry-after": "20"}}}
    fates.post("/sandbox/script", [wait])
    began = time.monotonic()
    assert "429" in monitor_pass(training.plane, training.registry, rule).faults[0]
    assert time.monotonic() - began < 10
    with pytest.raises(ConfigurationError, match="max_seconds"):
        MonitorRule(max_seconds=0)


def test_the_logs_of_many_that_end_at_once_are_all_read(
    training: HostedTraining, fates: SandboxProcess, make_file: MakeFile
) -> None:
    jobs = submit(training, make_file(), *(f"end-{number}" for number in range(5)))
    last = list(jobs.values())[-1]
    while (training.jobs.retrieve(str(last.job_id)) or {})["status"] != "completed":
        time.sleep(0.1)
    rule = MonitorRule(max_requests=10, look_again=0)
    while training.registry.open_jobs():
        monitor_pass(training.plane, training.registry, rule)
        announce(training.registry, lambda _: None)
    for job in training.registry.list():
        assert training.registry.events(job)[-1].type == "job_complete", f"nobody read the end of {job.suffix}"


def test_jobs_that_can_never_be_asked_about_hold_up_nobody(
    training: HostedTraining, fates: SandboxProcess, make_file: MakeFile
) -> None:
    jobs = submit(training, make_file(), *(f"mute-{number}" for number in range(5)), "heard")
    for name, job in jobs.items():
        if name != "heard":
            script = {"match": f"GET /v1/fine-tunes/{job.job_id}", "times": 0, "do": {"status": 503}}
            fates.post("/sandbox/script", [script])
    rule = MonitorRule(max_requests=6, look_again=0)
    passes = until(
        training, lambda: (training.registry.get(jobs["heard"].job_key) or jobs["heard"]).state.terminal, rule
    )
    assert len(passes) < 40 and not any(job.state.failed for job in training.registry.list()), (
        "that nobody could ask is no failure"
    )


def test_a_job_that_the_provider_does_not_know_is_lost_after_an_hour_only(
    training: HostedTraining, fates: SandboxProcess, make_file: MakeFile, clock: Clock
) -> None:
    job = submit(training, make_file(), "gone")["gone"]
    plane, registry = training.plane, training.registry
    plane.endpoint = msgspec.structs.replace(plane.endpoint, simulated=False)
    fates.post(
        "/sandbox/script",
        [
            {"match": "^GET /v1/fine-tunes/ft-", "times": 0, "do": {"status": 404}},
            {"match": "^GET /v1/fine-tunes\n", "times": 0, "do": {"status": 200, "body": {"data": []}}},
        ],
    )
    for minutes, state in ((0, job.state), (30, job.state), (90, JobState.LOST)):
        clock.ahead = timedelta(minutes=minutes)
        found = monitor_pass(plane, registry, EAGER)
        assert registry.list()[0].state is state, f"after {minutes} minutes"
    clock.ahead = timedelta(days=8)
    assert not due(registry, timedelta(0)), "nobody looks for it for ever"
    clock.ahead = timedelta(minutes=90)
    assert "is this the account that submitted it?" in found.lines[0]
    announce(registry, lambda _: None)
    assert monitor_pass(plane, registry, EAGER).requests == 0, "it is looked for once an hour"
    assert not due(registry) and due(registry, timedelta(0)), "or when a person asks"
    clock.ahead = timedelta(minutes=155)
    assert due(registry)
    found = monitor_pass(plane, registry, EAGER)
    assert found.requests == 1 and not due(registry), "it was looked for, and is not there"
    fates.post("/sandbox/reset")
    found = monitor_pass(plane, registry, msgspec.structs.replace(EAGER, seek_again=0))
    assert found.changed and not registry.lost_jobs(), "the key is the right one again"
    assert registry.list()[0].last_error is None, "and what was said of it is over"


def test_jobs_elsewhere_are_not_asked_about(training: HostedTraining, make_file: MakeFile) -> None:
    submit(training, make_file(), "here")
    plane = training.plane
    plane.endpoint = msgspec.structs.replace(plane.endpoint, identity="sandbox:other")
    found = monitor_pass(plane, training.registry, EAGER)
    assert found.requests == 0 and "is at sandbox:test, not asked" in found.faults[0]
    assert training.registry.list()[0].unreachable_since is None
