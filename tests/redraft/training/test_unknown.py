"""A job that the provider says it does not know: not now, for an hour, or with another account's key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from redraft.cli import jobs_acting
from redraft.errors import ConfigurationError, TrainingError
from redraft.training.formats import TrainingFile
from redraft.training.policies import RESUBMIT_FAILED
from redraft.training.registry import TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.watching import poll, watch

SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
HOUR = 3600.0
OTHER = {"type": "project_api_key", "project": {"id": "proj_other"}}
Made = tuple[Any, TrainingFile, TrainingJob]


@pytest.fixture
def made(open_at: Callable[..., Any], make_file: Callable[..., TrainingFile]) -> Made:
    one, file = open_at(), make_file()
    return one, file, one.training.start_or_attach(file, SETTINGS)


def hide(sandbox) -> None:
    """The jobs of the account are not there: another's key, or a replica that lags behind."""
    sandbox.script("^GET /v1/fine-tunes/ft-", times=0, status=404)
    sandbox.script("^POST /v1/fine-tunes/ft-", times=0, status=404)
    sandbox.script("^GET /v1/fine-tunes\n", times=0, status=200, body={"data": []})


def show(sandbox) -> None:
    """They are, as ever."""
    sandbox.post("/sandbox/reset")


def test_one_answer_that_there_is_no_such_job_changes_nothing(made: Made, sandbox) -> None:
    one, file, job = made
    hide(sandbox)
    view = poll(one.training, job)
    assert view.state is JobState.COULD_NOT_ASK and view.job.state is job.state and view.job.unknown_since
    assert view.fault and "does not know the job" in view.fault and "is this the account" in view.fault
    again = one.training.start_or_attach(file, SETTINGS, policy=RESUBMIT_FAILED)
    assert (again.attempt, again.job_id, again.state) == (1, job.job_id, job.state)
    show(sandbox)
    found = one.training.start_or_attach(file, SETTINGS)
    assert found.unknown_since is None and sandbox.jobs() == {job.suffix: 1}
    hide(sandbox)
    one.at = one.at.replace(hour=20)
    assert poll(one.training, job).state is JobState.COULD_NOT_ASK, "not for an hour: it was seen in between"


def test_lost_is_no_end_where_the_right_key_is_used_again(made: Made, sandbox) -> None:
    one, file, job = made
    hide(sandbox)
    with pytest.raises(TrainingError, match=r"is lost|ended as lost: the provider does not know the job .* is this"):
        watch(one.training, job, interval=600, patience=3 * HOUR)
    (lost,) = one.registry.list()
    assert lost.state is JobState.LOST and one.now == pytest.approx(HOUR, abs=900)
    with pytest.raises(TrainingError, match=r"is lost .*resubmit-failed submits it anew and pays again, so make sure"):
        one.training.start_or_attach(file, SETTINGS)
    assert len(sandbox.jobs()) == 1
    show(sandbox)
    found = one.training.start_or_attach(file, SETTINGS, policy=RESUBMIT_FAILED)
    assert (found.attempt, found.job_id, found.state.failed, found.last_error) == (1, job.job_id, False, None)
    assert sandbox.jobs() == {job.suffix: 1}
    assert watch(one.training, one.registry.record(found), interval=5).state is JobState.COMPLETED


def test_what_was_lost_for_an_hour_is_submitted_anew_on_demand_only(made: Made, sandbox) -> None:
    one, file, job = made
    hide(sandbox)
    one.registry.moved(job, JobState.LOST)  # of a registry that does not know since when
    with pytest.raises(TrainingError, match="submitted anew only once it has not known it for an hour"):
        one.training.start_or_attach(file, SETTINGS, policy=RESUBMIT_FAILED)
    one.sleep(HOUR)
    again = one.training.start_or_attach(file, SETTINGS, policy=RESUBMIT_FAILED)
    assert again.attempt == 2 and sandbox.jobs() == {job.suffix: 1, again.suffix: 1}


def test_another_accounts_key_is_told_apart(made: Made, open_at: Callable[..., Any], sandbox) -> None:
    _, file, job = made
    hide(sandbox)
    sandbox.script("^GET /v3/whoami\n", times=0, status=200, body=OTHER)
    other = open_at(2 * HOUR)
    for act in (
        lambda: poll(other.training, job),
        lambda: other.training.start_or_attach(file, SETTINGS, policy=RESUBMIT_FAILED),
    ):
        with pytest.raises(ConfigurationError, match=rf"{job.job_id} was submitted from .* the key is for proj_other"):
            act()
    assert other.registry.list()[0] == job, "that account's word on the job is none"


def test_what_could_not_be_cancelled_is_said_and_can_be_later(
    made: Made, sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    one, _, job = made

    async def endpoint(_: str | None) -> Any:
        return one.training.plane.endpoint

    # Where the credentials come from is tested with the commands.
    monkeypatch.setattr(jobs_acting, "_endpoint", endpoint)
    monkeypatch.setattr(jobs_acting, "_models", lambda: tmp_path / "models")
    hide(sandbox)
    for state in (job.state, JobState.LOST):
        one.registry.moved(one.registry.list()[0], state)
        with pytest.raises(TrainingError, match=rf"does not know the job {job.job_id}.*; nothing was cancelled"):
            jobs_acting.cancelled(one.registry, one.registry.list()[0], None)
    show(sandbox)
    after = jobs_acting.cancelled(one.registry, one.registry.list()[0], None)
    ends = {JobState.CANCEL_REQUESTED, JobState.CANCELLED, JobState.COMPLETED}  # the last on a busy machine
    assert after.state in ends and after.unknown_since is None
