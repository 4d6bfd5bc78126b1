"""When a job counts as silent, and that nothing a provider may say breaks the words."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.training.answers import measurements
from redraft.training.formats import TrainingFile
from redraft.training.job_facts import fact_rows, in_words, overview_row, state_words, time_left
from redraft.training.registry import JobEvent, Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.stalls import StallRule, silent_since, standing, usual_gap
from redraft.training.states import JobState

START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    with Registry(tmp_path_factory.mktemp("stalls") / "registry.sqlite", lambda: START) as registry:
        return registry.plan(
            TrainingFile(path=Path("arm_training.jsonl"), rows=3, sha256="a" * 64),
            TrainingSettings(model="meta/llama"),
            endpoint="e",
            simulated=False,
        )


def at(minutes: float, kind: str = "epoch_complete") -> JobEvent:
    time = (START + timedelta(minutes=minutes)).isoformat()
    return JobEvent(created_at=time, type=kind, message="m", seen_at=time)


@given(st.floats(0.1, 500), st.integers(3, 30), st.floats(1, 20), st.floats(0, 300))
def test_a_job_is_silent_after_so_many_times_its_usual_gap(
    job: TrainingJob, gap: float, count: int, factor: float, least: float
) -> None:
    running = msgspec.structs.replace(job, state=JobState.RUNNING)
    events = [at(gap * number) for number in range(count)]
    rule, last = StallRule(factor=factor, minutes=least), START + timedelta(minutes=gap * (count - 1))
    limit = timedelta(minutes=max(least, gap * factor))
    second = timedelta(seconds=1)
    assert silent_since(running, events, last + limit - second, rule) is None
    since = silent_since(running, events, last + limit + second, rule)
    assert since is not None and abs(since - last) < second
    # Nobody knows of a job that cannot be asked about; one that has ended may be silent.
    away = msgspec.structs.replace(running, unreachable_since=START.isoformat())
    ended = msgspec.structs.replace(running, state=JobState.COMPLETED)
    assert silent_since(away, events, last + 2 * limit, rule) is silent_since(ended, events, last + limit * 2, rule)


def test_waiting_for_a_machine_is_no_silence(job: TrainingJob) -> None:
    queued = msgspec.structs.replace(job, state=JobState.QUEUED)
    rule = StallRule(factor=5, minutes=30)
    assert silent_since(queued, [at(0), at(1), at(2)], START + timedelta(minutes=140), rule) is None
    assert silent_since(queued, [at(0), at(1), at(2)], START + timedelta(minutes=160), rule) is not None


def test_a_burst_of_events_is_one_sign() -> None:
    assert usual_gap([at(0), at(0), at(0), at(10), at(20)]) == timedelta(minutes=10)
    assert usual_gap([at(0), at(0), at(3)]) is None
    assert usual_gap([JobEvent(created_at="yesterday", type="", message="")]) is None


@pytest.mark.parametrize(
    ("state", "kinds", "kind", "words"),
    [
        (JobState.CANCELLED, ["billing_limit", "job_stopped"], "billing_limit", "raise it, then submit again"),
        (JobState.ERROR, ["billing_limit"], "billing_limit", "billing limit"),
        (JobState.RUNNING, ["training_start", "billing_limit"], "held", "held up"),
        (JobState.RUNNING, ["billing_limit", "epoch_complete"], "open", "is running"),
        (JobState.CANCELLED, ["cancel_requested", "job_stopped"], "cancelled", "on request"),
        (JobState.CANCELLED, ["job_stopped"], "cancelled", "by the provider"),
        (JobState.ERROR, ["epoch_complete", "refund"], "failed", "failed (error): m"),
        (JobState.USER_ERROR, [], "failed", "the provider gives no reason"),
        (JobState.LOST, [], "lost", "does not know"),
    ],
)
def test_each_end_has_its_own_words(job: TrainingJob, state: JobState, kinds: list[str], kind: str, words: str) -> None:
    stands = standing(msgspec.structs.replace(job, state=state), [at(n, one) for n, one in enumerate(kinds)])
    assert stands.kind == kind and words in stands.words


words = st.text(st.characters(codec="utf-8") | st.sampled_from(string.punctuation), max_size=30)
anything = st.none() | st.booleans() | st.integers() | st.floats() | words


@given(
    st.sampled_from(JobState),
    st.lists(st.builds(JobEvent, created_at=words, type=words, message=words, level=st.none() | words), max_size=4),
    st.lists(st.dictionaries(words | st.sampled_from(["train/global_step", "train/loss"]), anything, max_size=4)),
    st.none() | st.floats(0, 1),
)
def test_nothing_that_a_provider_may_say_breaks_what_people_see(
    job: TrainingJob, state: JobState, events: list[JobEvent], rows: list[dict[str, object]], progress: float | None
) -> None:
    odd = msgspec.structs.replace(job, state=state, progress=progress, provider_status="paused")
    metrics = measurements(rows)
    now = START + timedelta(hours=1)
    assert overview_row(odd, events, now)["state"] and fact_rows(odd, events, metrics, now)
    assert ("paused" in state_words(odd)) is (state is JobState.UNKNOWN)
    assert time_left(odd, events, now) is None or state is JobState.RUNNING


def test_time_left_is_by_the_pace_so_far(job: TrainingJob) -> None:
    half = msgspec.structs.replace(job, state=JobState.RUNNING, progress=0.25)
    events = [at(0, "training_start"), at(10, "training_start")]  # the machine was lost once
    left = time_left(half, events, START + timedelta(minutes=30))
    assert left == timedelta(minutes=60) and in_words(left) == "60 min"
    assert in_words(timedelta(seconds=45)) == "45 s" and in_words(timedelta(minutes=200)) == "3 h 20 min"
