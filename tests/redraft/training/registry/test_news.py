"""What the provider tells: each event and measurement kept once, whatever is in it; and who tells the world."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.training.registry import ANNOUNCING_SECONDS, JobEvent, Metric, Registry, TrainingJob
from redraft.training.states import JobState

Plan = Callable[..., TrainingJob]


def told(step: int, **more: Any) -> JobEvent:
    return JobEvent(**{"created_at": f"2026-11-01T00:00:{step:02}Z", "type": "t", "message": "m", "step": step, **more})


def test_an_event_is_new_once_for_each_job(registry: Registry, plan: Plan) -> None:
    job, other = plan(registry), plan(registry, attempt=2)
    late, early = told(5, level="info", total_steps=9, token_count=2**40), told(1)
    assert [event.step for event in registry.add_events(job, [late])] == [5]
    new = registry.add_events(job, [early, late, early])
    assert [event.step for event in new] == [1]
    assert registry.add_events(job, [late, early]) == []
    assert [event.step for event in registry.events(job)] == [1, 5], "by the provider's time"
    kept = registry.events(job)[1]
    assert kept.seen_at and msgspec.structs.replace(kept, seen_at=None) == late
    assert registry.events(other) == [] and len(registry.add_events(other, [late])) == 1


ANYTHING = st.one_of(
    st.text(st.characters(exclude_categories=[])), st.integers(), st.none(), st.booleans(), st.floats()
)
EVENTS = st.lists(
    st.builds(
        JobEvent, created_at=ANYTHING, type=ANYTHING, message=ANYTHING, level=ANYTHING, step=ANYTHING,
        total_steps=ANYTHING, token_count=ANYTHING,
    ),
    max_size=4,
)  # fmt: skip


def test_whatever_a_provider_says_is_kept(registry: Registry, plan: Plan) -> None:
    number = count()

    @settings(max_examples=40, deadline=None)
    @given(events=EVENTS)
    def check(events: list[JobEvent]) -> None:
        check_kept(registry, plan(registry, sha=f"{next(number)}"), events)

    check()


def check_kept(registry: Registry, job: TrainingJob, events: list[JobEvent]) -> None:
    new = registry.add_events(job, events)
    assert sorted(registry.events(job), key=repr) == sorted(new, key=repr)
    assert registry.add_events(job, events) == []
    for event in events:
        text = str(event.message)
        if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
            assert text in [one.message for one in new]
        is_whole = isinstance(event.step, int) and not isinstance(event.step, bool) and abs(event.step) < 2**63
        assert (event.step if is_whole else None) in [one.step for one in new]


def test_measurements_are_kept_as_they_came_last(registry: Registry, plan: Plan) -> None:
    job = plan(registry)
    rows = [Metric(step=step, name=name, value=1 / step) for step in (1, 2) for name in ("train/loss", "eval/loss")]
    assert registry.add_metrics(job, rows) == 4
    assert registry.add_metrics(job, [*rows, Metric(step=3, name="train/loss", value=math.nan)]) == 1
    assert registry.add_metrics(job, [Metric(step=3, name="train/loss", value=math.nan)]) == 0
    assert registry.add_metrics(job, [Metric(step=2, name="train/loss", value=math.inf)]) == 1
    assert str([metric.value for metric in registry.metrics(job, "train/loss")]) == "[1.0, inf, nan]"
    assert [(metric.step, metric.name) for metric in registry.metrics(job)][:2] == [(1, "eval/loss"), (1, "train/loss")]
    assert registry.metrics(plan(registry, attempt=2)) == [] and registry.add_metrics(job, []) == 0
    many = [Metric(step=step, name="long", value=0.5) for step in range(2500)]
    assert registry.add_metrics(job, many) == 2500
    assert registry.metrics(job, "long") == many


def test_one_caller_tells_the_world(registry: Registry, plan: Plan) -> None:
    job = registry.record(plan(registry), state=JobState.RUNNING)
    assert [registry.announce(job, "stalled") for _ in range(3)] == [True, False, False]
    job = registry.record(job, state=JobState.COMPLETED)
    assert [one.job_key for one in registry.unannounced()] == [job.job_key], "a stall is not its end"
    assert [registry.announce(job, "completed") for _ in range(3)] == [True, False, False]
    assert registry.unannounced() == []


def test_who_failed_to_tell_is_replaced_at_once_and_who_died_after_a_minute(
    registry: Registry, plan: Plan, clock: Any
) -> None:
    job = registry.record(plan(registry), state=JobState.ERROR)
    with pytest.raises(ConnectionError), registry.announcing(job, "failed") as mine:
        assert mine
        with registry.announcing(job, "failed") as also:
            assert not also
        raise ConnectionError
    assert [one.attempt for one in registry.unannounced()] == [1]
    dying = registry.announcing(job, "failed")
    assert dying.__enter__()
    assert not registry.announce(job, "failed")
    clock.at += timedelta(seconds=ANNOUNCING_SECONDS)
    assert [registry.announce(job, "failed") for _ in range(2)] == [True, False]
    assert registry.unannounced() == []
    dying.__exit__(None, None, None)
