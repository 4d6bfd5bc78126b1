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
from redraft.training.registry import Registry
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


def test_always_new_makes_one_attempt_a_run(hosted: HostedTraining, sandbox, order: JobOrder) -> None:
    """A task that Prefect runs again is the same run; a run that died before anybody was told of its job left that."""
    first = hosted.start(order)
    anew = varied(order, policy=ALWAYS_NEW, run="run-2")
    second, again = hosted.start(anew), hosted.start(anew)
    assert (second.attempt, again.attempt) == (2, 2) and again.job_id == second.job_id
    assert first.suffix != second.suffix
    third = hosted.quote(varied(anew, run="run-3"))[0]
    assert third.attempt == 3 and third.job_id is None
    fourth = hosted.start(varied(anew, run="run-4"))
    assert fourth.attempt == 3 and fourth.run == "run-4", "an attempt that was never submitted is gone on with"
    assert hosted.start(varied(anew, run="run-4")).job_id == fourth.job_id
    assert hosted.start(varied(order, run="run-5")).job_id == fourth.job_id, "attach: to the latest attempt"
    assert sandbox.jobs() == {first.suffix: 1, second.suffix: 1, fourth.suffix: 1}


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
