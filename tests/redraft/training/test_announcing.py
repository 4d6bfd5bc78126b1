"""What the world is told: once, whoever tells, and again where the telling failed or nothing came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from redraft.errors import InputError
from redraft.training import evaluations
from redraft.training.announcing import Announcement, NotToldError, announce
from redraft.training.formats import TrainingFile
from redraft.training.job_names import job_named
from redraft.training.looking import current
from redraft.training.registry import JobEvent, Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def on(self, **time: float) -> None:
        self.at += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry(tmp_path / "registry.sqlite", clock) as one:
        yield one


@pytest.fixture
def make(registry: Registry) -> Callable[..., TrainingJob]:
    def planned(number: int = 0, state: JobState = JobState.COMPLETED, **more: Any) -> TrainingJob:
        job = registry.plan(
            TrainingFile(path=Path("arm_training.jsonl"), rows=3, sha256=f"{number:064}"),
            TrainingSettings(model="meta/llama", suffix="arm"),
            endpoint="e",
            simulated=True,
            **more,
        )
        return registry.record(job, state=state, job_id=f"ft-{number:04}", model_output_name=f"account/llama-{number}")

    return planned


def test_an_end_is_told_once_over_many_monitors(registry: Registry, make: Callable[..., TrainingJob]) -> None:
    jobs = [make(number, JobState.COMPLETED if number % 2 else JobState.ERROR) for number in range(12)]
    told: list[Announcement] = []
    threads = [threading.Thread(target=announce, args=(registry, told.append)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.payload["job_id"] for one in told) == sorted(str(job.job_id) for job in jobs)
    assert len({one.id for one in told}) == len({one.resource for one in told}) == len(jobs)
    assert {one.name for one in told} == {"redraft.training.completed", "redraft.training.failed"}
    assert announce(registry, told.append).lines == () and len(told) == len(jobs)


def test_what_could_not_be_told_is_told_by_the_next_round(registry: Registry, make: Callable[..., TrainingJob]) -> None:
    make(1)
    job = make(evaluation={"test_size": 5})  # the newest is told first
    tries: list[Announcement] = []

    def refuse(announcement: Announcement) -> None:
        tries.append(announcement)
        raise NotToldError("nobody is there")

    first = announce(registry, refuse)
    assert first.lines == () and len(tries) == 1 and "nobody is there; " in first.faults[0]
    assert evaluations.standing_of(registry.get(job.job_key) or job).announced_at is None
    told: list[Announcement] = []
    assert len(announce(registry, told.append).lines) == 2
    assert tries[0].id in {one.id for one in told}, "the same thing has the same id, so that a reader can tell"


def test_a_teller_that_died_is_followed_by_another(
    registry: Registry, make: Callable[..., TrainingJob], clock: Clock
) -> None:
    job = make()

    class Killed(BaseException):
        pass

    def die(_: Announcement) -> None:
        raise Killed

    claimed = registry.announcing(job, "completed")
    assert claimed.__enter__() is True  # and it is never heard of again
    told: list[Announcement] = []
    announce(registry, told.append)
    assert told == []
    clock.on(minutes=2)
    announce(registry, told.append)
    assert [one.what for one in told] == ["completed"]
    with pytest.raises(Killed):
        make(1) and announce(registry, die)


def test_a_stall_is_told_once_each_time(registry: Registry, make: Callable[..., TrainingJob], clock: Clock) -> None:
    job = make(0, JobState.RUNNING)
    told: list[Announcement] = []
    for since in ("2026-11-01T01:00:00+00:00", "2026-11-01T05:00:00+00:00"):
        registry.record(job, stalled_since=since)
        announce(registry, told.append)
        announce(registry, told.append)
        registry.record(job, stalled_since=None)
    assert [one.what for one in told] == ["stalled"] * 2 and told[0].id != told[1].id
    assert announce(registry, told.append).lines == ()


def test_an_end_during_the_telling_of_a_stall_is_no_missed_end(
    registry: Registry, make: Callable[..., TrainingJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = registry.record(make(0, JobState.RUNNING), stalled_since="2026-11-01T01:00:00+00:00")
    look = registry.open_jobs

    def and_then_it_ends() -> Any:
        found = look()
        registry.record(job, state=JobState.COMPLETED)
        return found

    monkeypatch.setattr(registry, "open_jobs", and_then_it_ends)
    told: list[Announcement] = []
    announce(registry, told.append)
    announce(registry, told.append)
    assert [one.what for one in told] == ["stalled", "completed"]


def test_an_old_end_is_no_news_unless_something_was_to_follow(
    registry: Registry, make: Callable[..., TrainingJob], clock: Clock
) -> None:
    make(0)
    waiting = make(1, evaluation={"test_size": 5})
    clock.on(days=8)
    told: list[Announcement] = []
    announce(registry, told.append)
    assert [one.payload["job_id"] for one in told] == [waiting.job_id]


def test_an_evaluation_that_does_not_begin_is_asked_for_again_and_then_shouted_about(
    registry: Registry, make: Callable[..., TrainingJob], clock: Clock
) -> None:
    job = make(evaluation={"conversations": "c.json", "judge": "j"})
    told: list[Announcement] = []
    for _ in range(20):
        announce(registry, told.append)
        clock.on(minutes=5)
    given_up = told.pop()
    assert given_up.name == "redraft.evaluation.failed" and given_up.labels["redraft.evaluation"] == "named"
    by_hand = f"prefect deployment run evaluate-trained/local --param job={job.suffix}"
    assert given_up.payload["kind"] == "evaluation_failed" and by_hand in given_up.payload["words"]
    assert len(told) == 1 + evaluations.MOST_ANNOUNCEMENTS and len({one.id for one in told}) == len(told)
    assert {one.name for one in told} == {"redraft.training.completed"}
    assert told[0].payload["evaluation"] == {
        "model1": "meta/llama", "model2": "account/llama-0", "output": f"results/evaluation-{job.suffix}",
        "conversations": "c.json", "judge": "j",
    }  # fmt: skip
    assert told[0].labels["redraft.evaluation"] == "named"
    # One that is under way, or done, is asked for no more; one whose process died is.
    begun = make(1, evaluation={"judge": "j"})
    announce(registry, told.append)
    begun = evaluations.note(registry, begun, state="started", at=registry.stamp())
    clock.on(minutes=30)
    with registry.locked(evaluations.lock_name(begun)):
        assert begun.job_key not in {one.job_key for one in evaluations.not_begun(registry)}
    assert begun.job_key in {one.job_key for one in evaluations.not_begun(registry)}
    evaluations.note(registry, begun, state="completed", at=registry.stamp(), said="the first is better")
    assert begun.job_key not in {one.job_key for one in evaluations.not_begun(registry)}


def test_an_evaluation_that_failed_is_told_once_each_time(
    registry: Registry, make: Callable[..., TrainingJob], clock: Clock
) -> None:
    job = make(evaluation={"judge": "j"})
    told: list[Announcement] = []

    def refuse(_: Announcement) -> None:
        raise NotToldError("nobody is there")

    announce(registry, told.append)
    for said in ("an endpoint only: --serve creates it", "the budget is reached"):
        evaluations.note(registry, current(registry, job), state="started", at=registry.stamp())
        evaluations.note_failed(registry, current(registry, job), "partial", said)
        assert "nobody is there" in announce(registry, refuse).faults[0]
        for _ in range(2):
            announce(registry, told.append)
            clock.on(hours=1)
        assert said in told[-1].payload["words"] and "(partial)" in told[-1].payload["words"]
    assert [one.what for one in told] == ["completed", "evaluation failed", "evaluation failed"]
    assert len({one.id for one in told}) == 3 and {one.resource for one in told} == {told[0].resource}
    nameless = registry.record(make(1, evaluation={"judge": "j"}), model_output_name=None)
    announce(registry, told.append)
    assert [(one.payload["job"], one.name) for one in told[3:]] == [
        (nameless.suffix, "redraft.training.completed"), (nameless.suffix, "redraft.evaluation.failed"),
    ]  # fmt: skip
    assert told[3].labels["redraft.evaluation"] == "none", "it starts what could only fail"


def test_there_is_nothing_to_evaluate_without_a_model_or_a_name(
    registry: Registry, make: Callable[..., TrainingJob]
) -> None:
    with pytest.raises(InputError, match="no evaluation was named"):
        evaluations.judge_parameters(make(0))
    with pytest.raises(InputError, match="is error, there is no model"):
        evaluations.judge_parameters(make(1, JobState.ERROR, evaluation={}))


def test_a_person_names_a_job_by_a_few_letters(registry: Registry, make: Callable[..., TrainingJob]) -> None:
    jobs = [make(number) for number in range(3)]
    registry.add_events(jobs[0], [JobEvent(created_at="", type="", message="")])
    for job in jobs:
        for name in (job.job_id, job.suffix, job.suffix[-8:], job.job_key[:12], f"together:{job.model_output_name}"):
            assert job_named(registry, str(name)).job_key == job.job_key
    with pytest.raises(InputError, match=r"'arm' may be ft-000[012], .* name one of them"):
        job_named(registry, "arm")  # the data set of all three
    with pytest.raises(InputError, match=r"may be ft-000[012], ft-000[012], ft-000[012]; name one of them"):
        job_named(registry, "ft-0")
    for nothing in ("", "ft-", "nobody"):
        with pytest.raises(InputError, match=r"there is no training job .* known are ft-"):
            job_named(registry, nothing)
    other = registry.plan(
        TrainingFile(path=Path("held_training.jsonl"), rows=3, sha256="f" * 64),
        TrainingSettings(model="meta/llama", suffix="a-long-one"), endpoint="e", simulated=True,
    )  # fmt: skip
    for name in ("held", "a-lo"):
        assert job_named(registry, name).job_key == other.job_key
