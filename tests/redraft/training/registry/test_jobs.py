"""Attempts at jobs: written down once, moved from state to state, each change on record once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import ConfigurationError
from redraft.training.registry import Registry, StateChange, TrainingJob
from redraft.training.states import JobState

Plan = Callable[..., TrainingJob]
STORED = [state for state in JobState if state is not JobState.COULD_NOT_ASK]


def test_a_job_is_written_down_once_and_moves(registry: Registry, plan: Plan) -> None:
    job = plan(registry, evaluation={"contexts": "c"}, run="run-1")
    assert (job.state, job.name, job.simulated, job.run) == (JobState.PLANNED, "arm", True, "run-1")
    assert (job.evaluation, job.dataset_path, job.dataset_hash) == ({"contexts": "c"}, "data/arm.parquet", "d" * 64)
    assert job.counts == {"rows": 3, "rejections": {"empty_response": 1}, "merged": 0}
    assert job.parameters["epochs"] == 3
    assert job.suffix == f"study-{job.job_key[:8]}"
    moved = registry.record(job, state="running", job_id="ft-1", progress=0.5, estimate=1.5, evaluation=None)
    assert (moved.state, moved.progress, moved.estimate, moved.evaluation) == (JobState.RUNNING, 0.5, 1.5, None)
    assert moved.updated_at > job.updated_at
    assert plan(registry) == moved, "planning again changes nothing"
    assert registry.get(job.job_key) == moved
    second = plan(registry, attempt=2)
    assert second.suffix != job.suffix
    assert registry.get(job.job_key) == second
    assert registry.get("0" * 64) is None
    assert [j.attempt for j in registry.list()] == [2, 1]


def test_a_job_is_found_by_its_model(registry: Registry, plan: Plan) -> None:
    job = registry.record(plan(registry), state=JobState.COMPLETED, model_output_name="me/llama-study-1")
    assert registry.by_model("together:me/llama-study-1") == registry.by_model("me/llama-study-1") == job
    assert registry.by_model("other") is None


def test_open_are_those_that_the_provider_has_or_may_have(registry: Registry, plan: Plan) -> None:
    for number, state in enumerate(STORED):
        job = plan(registry, sha=f"{number}")
        if state is not JobState.PLANNED:
            registry.record(job, state=state)
    ended = {state for state in STORED if state.terminal}
    assert {job.state for job in registry.open_jobs()} == {
        state for state in STORED if state not in {*ended, JobState.PLANNED, JobState.UPLOADING_FILE}
    }
    assert {job.state for job in registry.unannounced()} == ended


def test_since_when_a_job_cannot_be_asked_about_stays_until_it_can(registry: Registry, plan: Plan) -> None:
    jobs = [plan(registry, sha="1"), plan(registry, sha="2")]
    registry.unreachable(jobs)
    since = registry.list()[0].unreachable_since
    registry.unreachable(jobs)
    assert [job.unreachable_since for job in registry.list()] == [since, since] != [None, None]
    registry.watched(jobs[:1])
    first = registry.get(jobs[0].job_key)
    assert first and first.watched_at and first.unreachable_since is None
    second = registry.get(jobs[1].job_key)
    assert second and second.watched_at is None and second.unreachable_since == since


def test_what_a_job_does_not_have_or_keeps_is_refused(registry: Registry, plan: Plan) -> None:
    job = plan(registry)
    for field in ("colour", "job_key", "attempt", "moves"):
        with pytest.raises(ConfigurationError, match=f"no field {field}"):
            registry.record(job, **{field: 1})


def test_an_end_is_final_for_older_news(registry: Registry, plan: Plan) -> None:
    job = registry.record(plan(registry), state=JobState.RUNNING)
    done = registry.record(job, state=JobState.COMPLETED, model_output_name="m-1")
    assert registry.record(job, state=JobState.RUNNING, model_output_name=None) == done
    assert registry.record(job, state=JobState.LOST, last_error="gone") == done
    assert registry.moved(job, JobState.ERROR, last_error="late") == (done, False)
    assert registry.record(job, progress=1.0).state is JobState.COMPLETED


def test_lost_is_an_end_only_until_the_provider_tells_of_the_job(registry: Registry, plan: Plan) -> None:
    job = registry.record(plan(registry), state=JobState.RUNNING, job_id="ft-1")
    registry.unknown(job)
    unknown = registry.unknown(job)
    since = unknown.unknown_since
    assert since and since == unknown.unreachable_since < registry.stamp(), "since when stays"
    registry.watched([job])
    assert registry.unknown(job).unknown_since != since, "one answer that tells of it begins the time anew"
    lost, mine = registry.moved(registry.unknown(job), JobState.LOST, last_error="not known")
    assert (lost.state, mine, registry.lost_jobs()) == (JobState.LOST, True, [lost])
    assert registry.announce(lost, "failed") and registry.unannounced() == []
    assert registry.record(lost, state=JobState.PLANNED).state is JobState.LOST
    found, mine = registry.moved(lost, JobState.RUNNING)
    assert (found.state, found.last_error, found.unknown_since, mine) == (JobState.RUNNING, None, None, True)
    assert registry.moved(job, JobState.LOST) == (found, False), "older news are no loss either"
    done, _ = registry.moved(found, JobState.COMPLETED, model_output_name="m-2")
    assert registry.unannounced() == [done], "its end is still to be told"


def test_only_who_took_a_job_last_goes_on_with_it(registry: Registry, plan: Plan) -> None:
    one = registry.claim(plan(registry))
    one, mine = registry.step(one, state=JobState.UPLOADING_FILE)
    assert mine and registry.record(one, last_error="noted").claims == one.claims
    other = registry.claim(one)
    assert registry.step(one, state=JobState.SUBMITTING) == (other, False)
    other, mine = registry.step(other, state=JobState.SUBMITTING)
    assert mine and other.state is JobState.SUBMITTING
    found = registry.record(other, job_id="ft-1")  # a monitor saw it in the provider's list
    assert registry.step(other, submitting_since="2026-11-01") == (found, False)
    assert registry.step(found, last_error=None)[1]


def test_older_news_of_a_job_that_has_moved_change_nothing(registry: Registry, plan: Plan) -> None:
    job = registry.record(plan(registry), state=JobState.RUNNING)
    queued, mine = registry.moved(job, JobState.QUEUED)  # restarted
    again, _ = registry.moved(queued, JobState.RUNNING)
    assert mine
    # The state is the one it was when this watcher asked, and yet its news are old.
    assert registry.moved(job, JobState.QUEUED, progress=0.1) == (again, False)
    same, mine = registry.moved(job, JobState.RUNNING, progress=0.2)
    assert (same.progress, mine) == (0.2, False)
    ended, mine = registry.moved(job, JobState.ERROR)
    assert (ended.state, mine) == (JobState.ERROR, True)
    assert [change.to_state.value for change in registry.changes(job)] == ["running", "queued", "running", "error"]


STEPS = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from(STORED)), max_size=12)


def test_the_changes_tell_how_the_state_came_about(tmp_path: Path, plan: Plan) -> None:
    """Three who each know the job as they last saw it, and write whatever they believe."""
    number = count()

    @settings(max_examples=40, deadline=None)
    @given(steps=STEPS)
    def check(steps: list[tuple[int, bool, JobState]]) -> None:
        job = plan(registry, sha=f"{next(number)}")
        seen, made = [job] * 3, 0
        for who, is_own, state in steps:
            before = registry.get(job.job_key) or job
            if is_own:
                seen[who] = registry.record(seen[who], state=state)
                mine = before.state != seen[who].state
            else:
                fresh = seen[who].moves == before.moves
                seen[who], mine = registry.moved(seen[who], state)
                assert mine == (before.state != seen[who].state)
                assert fresh or (state.terminal and state is not JobState.LOST) or not mine
            assert seen[who] == registry.get(job.job_key)
            assert not mine or not before.state.terminal or before.state is JobState.LOST
            made += mine
        changes = registry.changes(job)
        assert_a_chain(changes, registry.get(job.job_key) or job)
        assert len(changes) == made

    with Registry(tmp_path / "r.sqlite") as registry:
        check()


def assert_a_chain(changes: Sequence[StateChange], job: TrainingJob) -> None:
    state = JobState.PLANNED
    for ordinal, change in enumerate(changes, start=1):
        assert (change.ordinal, change.from_state) == (ordinal, state)
        assert change.to_state != state
        state = change.to_state
    assert (job.state, job.moves) == (state, len(changes))
