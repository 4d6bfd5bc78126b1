"""One job at the provider, whatever happens on the way; against the sandbox over HTTP, with the real SDK."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.errors import ConfigurationError, InputError, ProviderError, RedraftError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.policies import AFTER_ANY_END, NEVER
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.watching import JobView, poll, watch

KEY = "sk-secret-0123456789"
SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]


@pytest.fixture
def hosted(endpoint: Endpoint, tmp_path: Path) -> Iterator[HostedTraining]:
    registry = Registry(tmp_path / "home" / "registry.sqlite")
    with HostedTraining(endpoint, registry, models=tmp_path / "models", settle=1.0, tries=4) as training:
        yield training


def jobs_at(sandbox: SandboxProcess) -> dict[str, int]:
    jobs = sandbox.stats()["jobs"]
    assert isinstance(jobs, dict)
    return jobs


def script(sandbox: SandboxProcess, match: str, times: int = 1, **do: Any) -> None:
    sandbox.post("/sandbox/script", [{"match": match, "times": times, "do": do}])


def file_answer(file_id: str, status: str) -> dict[str, Any]:
    """A file as the provider shows it."""
    return {
        "id": file_id,
        "object": "file",
        "bytes": 1,
        "created_at": 1,
        "filename": "x.jsonl",
        "purpose": "fine-tune",
        "FileType": "jsonl",
        "processing_status": status,
    }


CREATE = "^POST /v1/fine-tunes\n"


def test_a_job_is_submitted_once_watched_to_its_end_and_never_again(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile, tmp_path: Path
) -> None:
    file = make_file()
    job = hosted.start_or_attach(file, SETTINGS, dataset_path=tmp_path / "arm", dataset_hash="d")
    assert job.suffix == f"study-{job.job_key[:8]}"
    assert job.price is not None
    assert jobs_at(sandbox) == {job.suffix: 1}
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
    assert KEY not in json.dumps(record)


def test_the_settings_arrive_as_they_were_given(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile
) -> None:
    settings = TrainingSettings(
        model="together:meta/llama-8b", epochs=4, learning_rate=2e-5, lora_rank=16, batch_size=8, seed=7, checkpoints=2
    )
    job = hosted.start_or_attach(make_file(), settings)
    sent = hosted.jobs.retrieve(job.job_id or "")
    assert sent is not None
    assert (sent["n_epochs"], sent["learning_rate"], sent["batch_size"], sent["random_seed"]) == (4, 2e-5, 8, 7)
    assert sent["training_type"] == {
        "type": "Lora",
        "lora_r": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "lora_trainable_modules": "all-linear",
    }
    assert sent["suffix"] == job.job_key[:8]
    full = hosted.start_or_attach(make_file(), TrainingSettings(model="meta/llama-8b", lora=False))
    sent = hosted.jobs.retrieve(full.job_id or "")
    assert sent is not None
    assert sent["training_type"] == {"type": "Full"}


@pytest.mark.parametrize(
    "fault",
    [
        {"close": True, "after": True},  # made, but the answer is lost
        {"close": True},  # lost before it was made
        {"status": 500, "body": {"error": {"message": "sorry"}}},
        {"status": 502, "body": "<html>bad gateway</html>", "after": True},
        {"status": 503, "after": True},
        {"status": 429, "headers": {"retry-after": "0.2"}},
        {"status": 200, "body": '{"id": "ft-', "headers": {"content-type": "application/json"}, "after": True},
        {"status": 200, "body": "<html>welcome</html>", "headers": {"content-type": "text/html"}, "after": True},
        {"status": 200, "body": {}, "headers": {"content-type": "application/json"}, "after": True},
    ],
    ids=lambda fault: "-".join(f"{name}={str(value)[:12]}" for name, value in fault.items() if name != "headers"),
)
def test_after_a_fault_at_submission_there_is_exactly_one_job(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile, fault: dict[str, Any]
) -> None:
    script(sandbox, CREATE, **fault)
    job = hosted.start_or_attach(make_file(), SETTINGS)
    assert jobs_at(sandbox) == {job.suffix: 1}
    assert job.job_id
    assert job.last_error is None


def test_a_job_that_appears_late_is_waited_for(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile
) -> None:
    """The answer is lost and the list does not show the job at first: nothing may be submitted meanwhile."""
    script(sandbox, CREATE, close=True, after=True)
    script(
        sandbox,
        "^GET /v1/fine-tunes\n",
        times=2,
        status=200,
        body={"data": []},
        headers={"content-type": "application/json"},
    )
    # One list is asked for before the submission, the other right after the fault.
    job = hosted.start_or_attach(make_file(), SETTINGS)
    assert jobs_at(sandbox) == {job.suffix: 1}


def test_a_rerun_with_an_empty_registry_finds_the_job_by_its_suffix(
    hosted: HostedTraining, sandbox: SandboxProcess, endpoint: Endpoint, make_file: MakeFile, tmp_path: Path
) -> None:
    job = hosted.start_or_attach(make_file(), SETTINGS)
    with_version = msgspec.structs.replace(endpoint, base_url=f"{endpoint.base_url}/v1/")  # as people write it
    with HostedTraining(with_version, Registry(tmp_path / "other.sqlite")) as other:
        found = other.start_or_attach(make_file(), SETTINGS)
    assert found.job_id == job.job_id
    assert jobs_at(sandbox) == {job.suffix: 1}


WORKER = """
import sys
from pathlib import Path
import msgspec
from redraft.providers.endpoints import Endpoint
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
url, registry, path, sha = sys.argv[1:]
endpoint = Endpoint(provider="together", base_url=url, api_key="k", identity="sandbox:test", simulated=True)
file = TrainingFile(path=Path(path), rows=20, sha256=sha)
with HostedTraining(endpoint, Registry(Path(registry)), settle=5.0) as hosted:
    print("ready", flush=True)
    job = hosted.start_or_attach(file, TrainingSettings(model="meta/llama-8b", suffix="study"))
    print(job.job_id, flush=True)
"""


def worker(sandbox: SandboxProcess, registry: Path, file: TrainingFile) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, sandbox.url, str(registry), str(file.path), file.sha256]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603


SLOW = {"delay_ms": 2500}
NEVER_ANSWERED = {"close": True, "delay_ms": 60_000}
# The request at which the submitting process is killed, and what the provider makes of that request.
MOMENTS = {
    "before the job is made": (CREATE, NEVER_ANSWERED),
    "while the job is being made": (CREATE, SLOW),
    "after the job was made": (CREATE, NEVER_ANSWERED | {"after": True}),
    "after the file was announced": ("^POST /v1/files\n", NEVER_ANSWERED | {"after": True}),
    "while the provider checks the file": ("^GET /v1/files/", NEVER_ANSWERED),
    "before the file is checked": ("/preprocess", NEVER_ANSWERED),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_leaves_one_job_to_the_rerun(
    sandbox: SandboxProcess, make_file: MakeFile, tmp_path: Path, moment: str
) -> None:
    match, doing = MOMENTS[moment]
    file, path = make_file(), tmp_path / "registry.sqlite"
    script(sandbox, match, **doing)
    with worker(sandbox, path, file) as first:
        expected = JobState.SUBMITTING if match == CREATE else JobState.UPLOADING_FILE
        deadline = time.monotonic() + 20
        while not (path.exists() and [j.state for j in Registry(path).list()] == [expected]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
        os.kill(first.pid, signal.SIGKILL)
        shot = time.monotonic()
    assert Registry(path).list()[0].job_id is None
    with worker(sandbox, path, file) as second:
        out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    job = Registry(path).list()[0]
    assert out.split() == ["ready", job.job_id]
    if doing == SLOW:  # a request that outlived its sender must not add a job later either
        time.sleep(max(0.0, shot + SLOW["delay_ms"] / 1000 + 0.3 - time.monotonic()))
    assert jobs_at(sandbox) == {job.suffix: 1}


def test_two_processes_at_once_make_one_job(sandbox: SandboxProcess, make_file: MakeFile, tmp_path: Path) -> None:
    file, path = make_file(), tmp_path / "registry.sqlite"
    with worker(sandbox, path, file) as one, worker(sandbox, path, file) as two:
        outs = [process.communicate(timeout=60)[0].split()[-1] for process in (one, two)]
    assert outs[0] == outs[1]
    assert list(jobs_at(sandbox).values()) == [1]


def test_two_arms_side_by_side(hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile) -> None:
    files = [make_file("feedback"), make_file("alternative"), make_file("feedback")]
    with ThreadPoolExecutor() as pool:
        jobs = list(pool.map(lambda file: watch(hosted, hosted.start_or_attach(file, SETTINGS), interval=0.1), files))
    assert jobs[0].job_id == jobs[2].job_id
    assert [job.state for job in hosted.registry.list()] == [JobState.COMPLETED] * 2
    assert jobs_at(sandbox) == {jobs[0].suffix: 1, jobs[1].suffix: 1}


def one_line(error: RedraftError) -> str:
    text = str(error)
    assert "\n" not in text
    assert KEY not in text
    assert "Bearer" not in text and "headers" not in text.lower()
    return text


def test_a_wrong_key_is_one_line_without_the_key(sandbox: SandboxProcess, make_file: MakeFile, tmp_path: Path) -> None:
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="wrong", simulated=True)
    with HostedTraining(endpoint, Registry(tmp_path / "r.sqlite")) as hosted:
        with pytest.raises(ConfigurationError) as caught:
            hosted.start_or_attach(make_file(), SETTINGS)
        assert "401" in one_line(caught.value)
        assert "wrong" not in str(caught.value).replace("[key]", "")


def test_no_key_and_another_provider_are_one_line(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "r.sqlite")
    with pytest.raises(ConfigurationError, match="TOGETHER_API_KEY"):
        HostedTraining(Endpoint(provider="together", base_url="http://127.0.0.1:1", api_key=""), registry)
    with pytest.raises(ConfigurationError, match="Together only"):
        HostedTraining(Endpoint(provider="gemini", base_url="http://127.0.0.1:1", api_key="k"), registry)


def test_an_unreachable_provider_is_one_line(make_file: MakeFile, tmp_path: Path) -> None:
    endpoint = Endpoint(provider="together", base_url="http://user:pw@127.0.0.1:9/v1", api_key=KEY)
    waits: list[float] = []
    registry = Registry(tmp_path / "r.sqlite")
    with HostedTraining(endpoint, registry, sleep=waits.append, models=tmp_path / "m") as hosted:
        with pytest.raises(ProviderError, match="cannot be reached") as caught:
            hosted.start_or_attach(make_file(), SETTINGS)
        one_line(caught.value)
    assert len(waits) == 5
    assert waits == sorted(waits)
    assert registry.list()[0].state is JobState.PLANNED
    for path in [tmp_path / "r.sqlite", *(tmp_path / "m").iterdir()]:
        assert b"pw@" not in path.read_bytes(), "no password of the URL is written down"
    assert "pw@" not in str(caught.value)


def test_a_bad_file_is_refused_before_anything_is_sent(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile
) -> None:
    file = make_file()
    file.path.write_text(file.path.read_text().replace('"weight":1', '"weight":1.0', 1))
    before = sandbox.stats()["uploads"]
    with pytest.raises(InputError, match=r"line 1: messages\[1\].weight"):
        hosted.start_or_attach(file, SETTINGS)
    job = hosted.registry.list()[0]
    assert job.state is JobState.PLANNED
    assert job.last_error and "line 1" in job.last_error
    assert sandbox.stats()["uploads"] == before
    file.path.write_text(file.path.read_text().replace('"weight":1.0', '"weight":1', 1).replace("answer", "Answer"))
    with pytest.raises(InputError, match="has changed"):
        hosted.start_or_attach(file, SETTINGS)


def test_a_file_that_the_provider_rejects_is_one_line(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile
) -> None:
    file = make_file()
    said = "Line 7: `messages[1]` must\ncontain a `role` field"
    report = {"valid": False, "error": said, "error_type": "INVALID_FORMAT"}
    answer = file_answer("file-1", "INVALID_FORMAT") | {"validation_report": report}
    script(sandbox, "^GET /v1/files/", status=200, body=answer)
    with pytest.raises(TrainingError, match="Line 7") as caught:
        hosted.start_or_attach(file, SETTINGS)
    one_line(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TrainingSettings(model="unknown/model"), "404"),
        (TrainingSettings(model="meta/llama-8b", epochs=1000), "epochs 1000"),
        (TrainingSettings(model="meta/llama-8b", learning_rate=0.5), "learning rate 0.5"),
        (TrainingSettings(model="meta/llama-8b", batch_size=4096), "batch size 4096"),
        (TrainingSettings(model="meta/llama-8b", lora_rank=4096), "LoRA rank 4096"),
    ],
)
def test_what_the_model_does_not_allow_is_one_line(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile, settings: TrainingSettings, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        hosted.start_or_attach(make_file(), settings)
    one_line(caught.value)
    assert jobs_at(sandbox) == {}


@pytest.mark.parametrize(("status", "kind"), [(400, TrainingError), (403, ConfigurationError), (422, TrainingError)])
def test_a_refused_submission_is_one_line_and_not_repeated(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile, status: int, kind: type[RedraftError]
) -> None:
    body = {"error": {"message": f"your key {KEY}\nis not entitled", "type": "x", "param": None, "code": None}}
    script(sandbox, CREATE, times=5, status=status, body=body)
    with pytest.raises(kind, match="not entitled") as caught:
        hosted.start_or_attach(make_file(), SETTINGS)
    one_line(caught.value)
    assert hosted.registry.list()[0].state is JobState.PLANNED
    requests = sandbox.stats()["requests"]
    assert isinstance(requests, dict)
    assert jobs_at(sandbox) == {}


def test_an_account_without_credit_is_told_before_the_job_exists(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile
) -> None:
    estimate = {
        "estimation_available": True,
        "allowed_to_proceed": False,
        "estimated_total_price": 12.5,
        "user_limit": 5,
    }
    script(sandbox, "estimate-price", status=200, body=estimate)
    with pytest.raises(ConfigurationError, match=r"\$12\.50.*\$5\.00"):
        hosted.start_or_attach(make_file(), SETTINGS)
    assert jobs_at(sandbox) == {}


def test_a_failed_job_says_why_and_a_rerun_is_a_new_attempt(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile
) -> None:
    settings = TrainingSettings(model="meta/llama-8b", suffix="doomed")
    for attempt in (1, 2, 3):
        job = hosted.start_or_attach(make_file(), settings)
        assert job.attempt == attempt
        with pytest.raises(TrainingError, match=f"{job.job_id} ended as error: .*Simulated failure") as caught:
            watch(hosted, job, interval=0.1)
        one_line(caught.value)
    with pytest.raises(TrainingError, match="the last of 3 attempts"):
        hosted.start_or_attach(make_file(), settings)
    with pytest.raises(TrainingError, match="Never resubmit"):
        hosted.start_or_attach(make_file(), settings, policy=NEVER)
    assert sorted(jobs_at(sandbox).values()) == [1, 1, 1]
    assert [j.attempt for j in hosted.registry.list()] == [3, 2, 1]


def test_cancel(hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile) -> None:
    job = hosted.jobs.cancel(hosted.start_or_attach(make_file(), SETTINGS))
    assert job.state in {JobState.CANCEL_REQUESTED, JobState.CANCELLED}
    with pytest.raises(TrainingError, match="ended as cancelled"):
        watch(hosted, job, interval=0.1)
    again = hosted.start_or_attach(make_file(), SETTINGS)
    assert again.attempt == 2
    done = watch(hosted, again, interval=0.1)
    assert hosted.jobs.cancel(done) == done


def test_not_being_able_to_ask_is_no_failure(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile
) -> None:
    job = hosted.start_or_attach(make_file(), SETTINGS)
    script(sandbox, f"^GET /v1/fine-tunes/{job.job_id}", times=4, status=503)
    view = poll(hosted, job)
    assert view.state is JobState.COULD_NOT_ASK
    assert view.job == job
    assert view.fault and "503" in view.fault
    script(sandbox, f"^GET /v1/fine-tunes/{job.job_id}", times=4, close=True)
    states: list[JobState] = []
    done = watch(hosted, job, interval=0.1, on_update=lambda v: states.append(v.state))
    assert states[0] is JobState.COULD_NOT_ASK
    assert done.state is JobState.COMPLETED
    patient = hosted.start_or_attach(make_file("other"), SETTINGS)
    script(sandbox, f"^GET /v1/fine-tunes/{patient.job_id}", times=0, status=503)
    with pytest.raises(ProviderError, match="run again to attach"):
        watch(hosted, patient, interval=0.1, patience=0.0)
    assert hosted.registry.list()[0].state is not JobState.ERROR


def test_an_unknown_status_is_noticed_and_watched_on(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile, caplog: pytest.LogCaptureFixture
) -> None:
    job = hosted.start_or_attach(make_file(), SETTINGS)
    odd = {
        "id": job.job_id,
        "status": "paused",
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:00Z",
    }
    script(
        sandbox,
        f"^GET /v1/fine-tunes/{job.job_id}\n",
        times=2,
        status=200,
        body=odd,
        headers={"content-type": "application/json"},
    )
    states: list[JobState] = []
    watch(hosted, job, interval=0.1, on_update=lambda v: states.append(v.state))
    assert states[:2] == [JobState.UNKNOWN] * 2
    assert [r.getMessage() for r in caplog.records if "paused" in r.getMessage()] != []
    assert sum("paused" in r.getMessage() for r in caplog.records) == 1


def test_a_job_that_the_provider_forgot(
    hosted: HostedTraining, sandbox: SandboxProcess, endpoint: Endpoint, make_file: MakeFile, tmp_path: Path
) -> None:
    """A restarted rehearsal is tried anew; where money was paid, a person has to say so."""
    job = hosted.start_or_attach(make_file(), SETTINGS)
    real = Endpoint(provider="together", base_url=sandbox.url, api_key=KEY, identity="real", simulated=False)
    with HostedTraining(real, Registry(tmp_path / "real.sqlite"), settle=0.2) as paid:
        paid_settings = TrainingSettings(model="meta/llama-8b", suffix="paid")
        paid.start_or_attach(make_file(), paid_settings)
        sandbox.post("/sandbox/reset?everything=1")
        with pytest.raises(TrainingError, match="does not know the job"):
            paid.start_or_attach(make_file(), paid_settings)
        assert jobs_at(sandbox) == {}
        assert paid.start_or_attach(make_file(), paid_settings, policy=AFTER_ANY_END).attempt == 2
    again = hosted.start_or_attach(make_file(), SETTINGS)
    assert again.attempt == 2
    assert again.suffix != job.suffix
    assert watch(hosted, again, interval=0.1).state is JobState.COMPLETED


@pytest.mark.parametrize("deleted", [200, 404])
def test_the_remains_of_a_cut_off_upload_are_removed(
    hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile, deleted: int
) -> None:
    """The provider answers that it has these bytes, but that file will never be finished."""
    remains = file_answer("file-old", "PENDING")
    script(sandbox, "^POST /v1/files\n", status=409, body={"file_id": "file-old"})
    script(sandbox, "^GET /v1/files/file-old", times=0, status=200, body=remains)
    script(sandbox, "^DELETE /v1/files/file-old", status=deleted, body={"id": "file-old", "deleted": True})
    job = hosted.start_or_attach(make_file(), SETTINGS)
    assert job.file_id not in {None, "file-old"}
    assert jobs_at(sandbox) == {job.suffix: 1}


def test_the_same_bytes_are_uploaded_once(hosted: HostedTraining, sandbox: SandboxProcess, make_file: MakeFile) -> None:
    one = hosted.start_or_attach(make_file(), SETTINGS)
    two = hosted.start_or_attach(make_file(), TrainingSettings(model="meta/llama-8b", epochs=1))
    assert one.file_id == two.file_id
    assert one.job_id != two.job_id
    assert sandbox.stats()["uploads"] == 1
