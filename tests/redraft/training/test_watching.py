"""A job followed to its end: completed, failed, cancelled, or not to be asked for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.errors import ProviderError, TrainingError
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.policies import ATTACH, RESUBMIT_FAILED
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.watching import JobView, poll, watch

SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]


def test_a_job_is_submitted_once_watched_to_its_end_and_never_again(
    hosted: HostedTraining, sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    file = make_file()
    job = hosted.start_or_attach(file, SETTINGS, dataset_path=tmp_path / "arm", dataset_hash="d")
    assert job.suffix == f"study-{job.job_key[:8]}"
    assert job.price is not None
    assert sandbox.jobs() == {job.suffix: 1}
    views: list[JobView] = []
    done = watch(hosted, job, interval=0.1, on_update=views.append)
    assert done.state is JobState.COMPLETED
    assert done.model_output_name and job.suffix in done.model_output_name
    assert done.progress == 1.0
    fractions = [view.progress for view in views if view.progress is not None]
    assert fractions == sorted(fractions)
    assert sum(len(view.events) for view in views) == views[-1].seen, "no event is shown twice"
    assert [event.type for view in views for event in view.events][-1] == "job_complete"
    # The same again asks nobody: the registry knows.
    before = sandbox.stats()["requests"]
    again = hosted.start_or_attach(file, SETTINGS)
    assert again == done
    assert sandbox.stats()["requests"] == before
    assert hosted.registry.by_model(done.model_output_name) == done
    record = json.loads(Path(done.record_path or "").read_text())
    assert (record["status"], record["model_output_name"]) == ("completed", done.model_output_name)
    assert record["simulated"] is True
    assert hosted.plane.endpoint.api_key not in json.dumps(record)


def test_an_interval_of_nothing_does_not_hammer_the_provider(hosted: HostedTraining, make_file: MakeFile) -> None:
    views: list[JobView] = []
    watch(hosted, hosted.start_or_attach(make_file("eager"), SETTINGS), interval=0, on_update=views.append)
    assert 2 <= len(views) <= 20, "a job of 0.6 s is looked at every 0.1 s"


def test_a_failed_job_says_why_and_a_rerun_is_a_new_attempt(
    hosted: HostedTraining, sandbox, make_file: MakeFile
) -> None:
    settings = TrainingSettings(model="meta/llama-8b", suffix="doomed")
    for attempt in (1, 2, 3):
        job = hosted.start_or_attach(make_file(), settings, policy=RESUBMIT_FAILED)
        assert job.attempt == attempt
        with pytest.raises(TrainingError, match=f"{job.job_id} ended as error: .*Simulated failure") as caught:
            watch(hosted, job, interval=0.1)
        assert "\n" not in str(caught.value)
    with pytest.raises(TrainingError, match="the last of 3 attempts"):
        hosted.start_or_attach(make_file(), settings, policy=RESUBMIT_FAILED)
    with pytest.raises(TrainingError, match="policy attach"):
        hosted.start_or_attach(make_file(), settings, policy=ATTACH)
    assert sorted(sandbox.jobs().values()) == [1, 1, 1]
    assert [j.attempt for j in hosted.registry.list()] == [3, 2, 1]


def test_cancel(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    job = hosted.jobs.cancel(hosted.start_or_attach(make_file(), SETTINGS))
    assert job.state in {JobState.CANCEL_REQUESTED, JobState.CANCELLED}
    with pytest.raises(TrainingError, match="ended as cancelled"):
        watch(hosted, job, interval=0.1)
    again = hosted.start_or_attach(make_file(), SETTINGS, policy=RESUBMIT_FAILED)
    assert again.attempt == 2
    done = watch(hosted, again, interval=0.1)
    assert hosted.jobs.cancel(done) == done


def test_not_being_able_to_ask_is_no_failure(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    job = hosted.start_or_attach(make_file(), SETTINGS)
    sandbox.script(f"^GET /v1/fine-tunes/{job.job_id}", times=4, status=503)
    view = poll(hosted, job)
    assert view.state is JobState.COULD_NOT_ASK
    assert view.job.state is job.state and view.job.unreachable_since is not None
    assert view.fault and "503" in view.fault
    sandbox.script(f"^GET /v1/fine-tunes/{job.job_id}", times=4, close=True)
    states: list[JobState] = []
    done = watch(hosted, job, interval=0.1, on_update=lambda v: states.append(v.state))
    assert states[0] is JobState.COULD_NOT_ASK
    assert done.state is JobState.COMPLETED
    patient = hosted.start_or_attach(make_file("other"), SETTINGS)
    sandbox.script(f"^GET /v1/fine-tunes/{patient.job_id}", times=0, status=503)
    with pytest.raises(ProviderError, match="run again to attach"):
        watch(hosted, patient, interval=0.1, patience=0.0)
    assert hosted.registry.list()[0].state is not JobState.ERROR


def test_an_unknown_status_is_noticed_and_watched_on(
    hosted: HostedTraining, sandbox, make_file: MakeFile, caplog: pytest.LogCaptureFixture
) -> None:
    job = hosted.start_or_attach(make_file(), SETTINGS)
    odd = {
        "id": job.job_id,
        "status": "paused",
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:00Z",
    }
    sandbox.script(
        f"^GET /v1/fine-tunes/{job.job_id}\n",
        times=2,
        status=200,
        body=odd,
    )
    states: list[JobState] = []
    watch(hosted, job, interval=0.1, on_update=lambda v: states.append(v.state))
    assert states[:2] == [JobState.UNKNOWN] * 2
    assert [r.getMessage() for r in caplog.records if "paused" in r.getMessage()] != []
    assert sum("paused" in r.getMessage() for r in caplog.records) == 1
