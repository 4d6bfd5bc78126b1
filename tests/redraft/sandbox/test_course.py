"""A job and a deployment over all of their time: what was told once stays, and only the clock adds to it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.sandbox import jobs
from redraft.sandbox.course import TERMINAL, TURNS, Course
from redraft.sandbox.deployments import Minutes, hours_run, scaled, state_of
from redraft.sandbox.state import DeploymentRecord, JobRecord

START = 1_790_000_000.0
LENGTH = 100.0
ORDER = [
    "pending",
    "queued",
    "running",
    "cancel_requested",
    "compressing",
    "uploading",
    "completed",
    "cancelled",
    "error",
]


@st.composite
def records(draw: st.DrawFn) -> JobRecord:
    chosen: dict[str, object] = {
        "training_file": "f",
        "model": "m",
        "n_epochs": draw(st.integers(1, 20)),
        "n_checkpoints": draw(st.integers(0, 50)),
        "batch_size": draw(st.integers(8, 64)),
        "training_type": draw(st.sampled_from([{"type": "Full"}, {"type": "Lora", "lora_r": 8}])),
    }
    if draw(st.booleans()):
        chosen |= {"validation_file": "v", "n_evals": draw(st.integers(4, 20))}
        chosen["early_stopping_enabled"] = draw(st.booleans())
    job = JobRecord(
        id="ft-00000000-0000-0000-0000-000000000000",
        number=1,
        created_at=START,
        seconds=LENGTH,
        settings=chosen,
        base="m",
        output_name="sandbox/m",
        suffix="",
        lines=draw(st.integers(1, 200)),
        size=1000,
        tokens=250,
        turns=tuple(draw(st.sets(st.sampled_from(TURNS), max_size=2))),
        odd_event=draw(st.sampled_from(["", "new_kind"])),
    )
    course = Course(job)
    share = draw(st.none() | st.floats(0, 0.999))
    # An ended job cannot be cancelled.
    job.cancelled_at = None if share is None else START + share * (course.at(0.5 if course.breaks else 1.0) - START)
    return job


@given(records(), st.lists(st.floats(0, 1.3), min_size=2, max_size=12).map(sorted))
@settings(max_examples=120, deadline=None)
def test_what_was_told_once_stays(job, shares):
    course = Course(job)
    times = [START + share * LENGTH for share in shares]
    for before, after in pairwise(times):
        told, later = jobs.events(course, before), jobs.events(course, after)
        assert later[: len(told)] == told, "events are only ever added at the end"
        measured, more = (jobs.metrics(course, now, jobs.Window()) for now in (before, after))
        assert more[: len(measured)] == measured
        saved = jobs.checkpoints(course, before)
        assert jobs.checkpoints(course, after)[: len(saved)] == saved
        states = [course.status(now) for now in (before, after)]
        assert states[0] not in TERMINAL or states[0] == states[1], "an end is final"
        so_far = course.states(after)
        assert so_far[-1][0] == states[1] and course.states(before) == [one for one in so_far if one[1] <= before]
        if "restarts" not in job.turns and states[1] != "cancel_requested":  # which may be asked at any time
            assert ORDER.index(states[0]) <= ORDER.index(states[1])
    stamps = [str(event["created_at"]) for event in jobs.events(course, times[-1])]
    assert stamps == sorted(stamps)
    if job.cancelled_at is None and course.status(START + 2 * LENGTH) == "completed":
        assert course.steps_done(START + 2 * LENGTH) == course.schedule.last
        assert jobs.events(course, START + 2 * LENGTH)[-1]["type"] == "job_complete"


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 3)), max_size=8), st.sampled_from([0, 30]))
@settings(max_examples=200, deadline=None)
def test_hours_are_those_in_which_replicas_were_ready(commands, timeout):
    minutes, now, expected = Minutes(0.5), START, 0.0
    record = DeploymentRecord(
        id="d",
        endpoint="e",
        name="n",
        model="m",
        played="m",
        config="c",
        created_at=START,
        updated_at=START,
        seconds=2.0,
        fails=False,
        autoscaling={},
        inactive_timeout=timeout,
    )
    for pause, replicas in commands:
        ran = record.spans[-1] if record.spans and record.spans[-1].stop is None else None
        if ran is not None:
            end = now + pause if not timeout else min(now + pause, ran.start + 2 + timeout * 0.5)
            expected += ran.replicas * max(0.0, end - max(now, ran.start + 2)) / 0.5 / 60
        now += pause
        record = scaled(record, replicas, now, minutes)
    assert hours_run(record, now, minutes) == pytest.approx(expected, abs=1e-6)
    if record.spans and record.spans[-1].stop is None:
        ready = record.spans[-1].start + 2
        assert state_of(record, ready - 0.01, minutes) == "DEPLOYMENT_STATE_PROVISIONING"
        assert state_of(record, ready, minutes) == "DEPLOYMENT_STATE_READY"
        assert (state_of(record, ready + 15.3, minutes) == "DEPLOYMENT_STATE_STOPPED") == (timeout > 0)
