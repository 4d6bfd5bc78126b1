"""One job at the provider, whatever happens on the way; against the sandbox over HTTP, with the real SDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.providers.endpoints import Endpoint
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.watching import watch

KEY = "sk-secret-0123456789"
SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]
CREATE = "^POST /v1/fine-tunes\n"


def test_the_settings_arrive_as_they_were_given(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
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
    hosted: HostedTraining, sandbox, make_file: MakeFile, fault: dict[str, Any]
) -> None:
    sandbox.script(CREATE, **fault)
    job = hosted.start_or_attach(make_file(), SETTINGS)
    assert sandbox.jobs() == {job.suffix: 1}
    assert job.job_id
    assert job.last_error is None


def test_a_rerun_with_an_empty_registry_finds_the_job_by_its_suffix(
    hosted: HostedTraining, sandbox, endpoint: Endpoint, make_file: MakeFile, tmp_path: Path
) -> None:
    job = hosted.start_or_attach(make_file(), SETTINGS)
    with_version = msgspec.structs.replace(endpoint, base_url=f"{endpoint.base_url}/v1/")  # as people write it
    with HostedTraining(with_version, Registry(tmp_path / "other.sqlite")) as other:
        found = other.start_or_attach(make_file(), SETTINGS)
    assert found.job_id == job.job_id
    assert sandbox.jobs() == {job.suffix: 1}


WORKER = """
import sys
from pathlib import Path
import msgspec
from redraft.providers.endpoints import Endpoint
from redraft.training.doubt import Doubt
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
url, registry, path, sha = sys.argv[1:]
endpoint = Endpoint(provider="together", base_url=url, api_key="k", identity="sandbox:test", simulated=True)
file = TrainingFile(path=Path(path), rows=20, sha256=sha)
with HostedTraining(endpoint, Registry(Path(registry)), doubt=Doubt(request=6.0, settle=1.0)) as hosted:
    print("ready", flush=True)
    job = hosted.start_or_attach(file, TrainingSettings(model="meta/llama-8b", suffix="study"))
    print(job.job_id, flush=True)
"""


def worker(forked: Callable[..., Any], sandbox, registry: Path, file: TrainingFile) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, sandbox.url, str(registry), str(file.path), file.sha256]
    return forked(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_make_one_job(sandbox, make_file: MakeFile, tmp_path: Path, forked) -> None:
    file, path = make_file(), tmp_path / "registry.sqlite"
    with worker(forked, sandbox, path, file) as one, worker(forked, sandbox, path, file) as two:
        outs = [process.communicate(timeout=60)[0].split()[-1] for process in (one, two)]
    assert outs[0] == outs[1]
    assert list(sandbox.jobs().values()) == [1]


def test_two_arms_side_by_side(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    files = [make_file("feedback"), make_file("alternative"), make_file("feedback")]
    with ThreadPoolExecutor() as pool:
        jobs = list(pool.map(lambda file: watch(hosted, hosted.start_or_attach(file, SETTINGS), interval=0.1), files))
    assert jobs[0].job_id == jobs[2].job_id
    assert [job.state for job in hosted.registry.list()] == [JobState.COMPLETED] * 2
    assert sandbox.jobs() == {jobs[0].suffix: 1, jobs[1].suffix: 1}


def test_a_rehearsal_that_was_restarted_is_tried_anew(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    job = hosted.start_or_attach(make_file(), SETTINGS)
    sandbox.post("/sandbox/reset?everything=1")
    again = hosted.start_or_attach(make_file(), SETTINGS)
    assert again.attempt == 2
    assert again.suffix != job.suffix
    assert watch(hosted, again, interval=0.1).state is JobState.COMPLETED
