"""What happens where an equal job is there already, by the policy's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from redraft.errors import ConfigurationError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.doubt import Doubt
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining, JobOrder
from redraft.training.policies import ALWAYS_NEW, ATTACH, RESUBMIT_FAILED, policy_named
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState

MakeFile = Callable[..., TrainingFile]
ENDS = (JobState.ERROR, JobState.CANCELLED, JobState.USER_ERROR)  # see test_unknown for what is lost


@pytest.fixture
def order(make_file: MakeFile) -> JobOrder:
    return JobOrder(file=make_file(), settings=TrainingSettings(model="meta/llama-8b", suffix="study"), run="run-1")


def varied(order: JobOrder, **changes: object) -> JobOrder:
    return msgspec.structs.replace(order, **changes)


@pytest.mark.parametrize("end", ENDS)
def test_only_resubmit_failed_makes_another_attempt_after_a_failure(
    sandbox, endpoint: Endpoint, order: JobOrder, tmp_path: Path, end: JobState
) -> None:
    paid = msgspec.structs.replace(endpoint, simulated=False)
    with HostedTraining(paid, Registry(tmp_path / "r.sqlite"), doubt=Doubt(request=1.2, settle=0.2)) as hosted:
        job = hosted.registry.record(hosted.start(order), state=end, last_error="said so")
        with pytest.raises(TrainingError, match=rf"ended as {end} \(said so\) and stays so \(policy attach\)"):
            hosted.start(order)
        assert sandbox.jobs() == {job.suffix: 1}
        for attempt in (2, 3):
            job = hosted.start(varied(order, policy=RESUBMIT_FAILED))
            assert job.attempt == attempt and hosted.start(varied(order, policy=RESUBMIT_FAILED)).job_id == job.job_id
            hosted.registry.record(job, state=end)
        with pytest.raises(TrainingError, match="the last of 3 attempts"):
            hosted.start(varied(order, policy=RESUBMIT_FAILED))
    assert set(sandbox.jobs().values()) == {1} and len(sandbox.jobs()) == 3


def test_always_new_makes_another_attempt_once_the_latest_was_answered_with(
    hosted: HostedTraining, sandbox, order: JobOrder
) -> None:
    """A command that was killed, or a task that Prefect runs again, finds what it left; asked again there is more."""

    def answered(job: TrainingJob) -> TrainingJob:
        return hosted.registry.record(job, answered_at=hosted.registry.stamp())

    first = answered(hosted.start(order))
    anew = varied(order, policy=ALWAYS_NEW, run="run-2")
    second, again = hosted.start(anew), hosted.start(varied(anew, run="run-3"))
    assert (second.attempt, again.attempt) == (2, 2) and again.job_id == second.job_id
    assert first.suffix != second.suffix
    answered(again)
    third = hosted.quote(varied(anew, run="run-4"))[0]
    assert third.attempt == 3 and third.job_id is None
    fourth = hosted.start(varied(anew, run="run-5"))
    assert fourth.attempt == 3 and fourth.run == "run-5", "an attempt that was never submitted is gone on with"
    assert hosted.start(varied(order, run="run-6")).job_id == fourth.job_id, "attach: to the latest attempt"
    hosted.registry.record(fourth, state=JobState.ERROR)
    fifth = hosted.start(varied(anew, run="run-7"))
    assert fifth.attempt == 4, "one that failed is left by nobody"
    assert set(sandbox.jobs().values()) == {1} and len(sandbox.jobs()) == 4


def test_a_quote_submits_nothing_and_is_nothing_for_a_job_that_is_there(
    hosted: HostedTraining, sandbox, order: JobOrder
) -> None:
    job, price = hosted.quote(order)
    assert price is not None and price.known and job.price == price.provider and sandbox.jobs() == {}
    assert hosted.start(order, budget=price.known).suffix == job.suffix
    assert hosted.quote(order)[1] is None
    assert sandbox.jobs() == {job.suffix: 1}


def test_another_evaluation_replaces_the_one_before_and_the_same_keeps_its_standing(
    hosted: HostedTraining, sandbox, order: JobOrder
) -> None:
    named = varied(order, evaluation={"test_size": 20})
    job = hosted.registry.record(hosted.start(named), evaluation={"test_size": 20, "standing": {"state": "started"}})
    assert hosted.start(named).evaluation == hosted.start(order).evaluation == job.evaluation
    assert hosted.start(varied(order, evaluation={"test_size": 30})).evaluation == {"test_size": 30}


def test_policies_have_plain_names() -> None:
    assert [policy_named(name) for name in ("attach", "resubmit-failed", "always-new")] == [
        ATTACH,
        RESUBMIT_FAILED,
        ALWAYS_NEW,
    ]
    with pytest.raises(ConfigurationError, match="no policy 'always'; there are attach, resubmit-failed, always-new"):
        policy_named("always")
