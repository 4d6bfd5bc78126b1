"""The training file on its way: checked here, then there, sent once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from redraft.errors import InputError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.doubt import Doubt
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState

SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]


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


def test_a_bad_file_is_refused_before_anything_is_sent(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
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


def test_a_file_that_the_provider_rejects_is_one_line(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    file = make_file()
    said = "Line 7: `messages[1]` must\ncontain a `role` field"
    report = {"valid": False, "error": said, "error_type": "INVALID_FORMAT"}
    answer = file_answer("file-1", "INVALID_FORMAT") | {"validation_report": report}
    sandbox.script("^GET /v1/files/", status=200, body=answer)
    with pytest.raises(TrainingError, match="Line 7") as caught:
        hosted.start_or_attach(file, SETTINGS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("deleted", [200, 404])
def test_the_remains_of_a_cut_off_upload_are_removed(
    hosted: HostedTraining, sandbox, make_file: MakeFile, deleted: int
) -> None:
    """The provider answers that it has these bytes, but that file will never be finished."""
    remains = file_answer("file-old", "PENDING")
    sandbox.script("^POST /v1/files\n", status=409, body={"file_id": "file-old"})
    sandbox.script("^GET /v1/files/file-old", times=0, status=200, body=remains)
    sandbox.script("^DELETE /v1/files/file-old", status=deleted, body={"id": "file-old", "deleted": True})
    job = hosted.start_or_attach(make_file(), SETTINGS)
    assert job.file_id not in {None, "file-old"}
    assert sandbox.jobs() == {job.suffix: 1}


def test_the_same_bytes_are_uploaded_once(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    one = hosted.start_or_attach(make_file(), SETTINGS)
    two = hosted.start_or_attach(make_file(), TrainingSettings(model="meta/llama-8b", epochs=1))
    assert one.file_id == two.file_id
    assert one.job_id != two.job_id
    assert sandbox.stats()["uploads"] == 1


def test_a_file_known_here_is_not_announced_again(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    first = hosted.start_or_attach(make_file(), SETTINGS)
    sandbox.script("^POST /v1/files", times=0, status=400, body={"error": {"message": "not again"}})
    second = hosted.start_or_attach(make_file(), TrainingSettings(model="meta/llama-8b", epochs=1))
    assert second.file_id == first.file_id
    known = hosted.registry.file_of(first.training_sha256, first.endpoint)
    assert known and known.file_id == first.file_id and known.size == make_file().path.stat().st_size


def test_a_file_that_was_deleted_there_is_sent_again(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    first = hosted.start_or_attach(make_file(), SETTINGS)
    hosted.plane.client.files.delete(first.file_id or "")
    second = hosted.start_or_attach(make_file(), TrainingSettings(model="meta/llama-8b", epochs=1))
    assert second.file_id not in {None, first.file_id}
    known = hosted.registry.file_of(first.training_sha256, first.endpoint)
    assert known and known.file_id == second.file_id


def test_equal_bytes_of_jobs_at_the_same_time_are_sent_once(
    endpoint: Endpoint, sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    file, path = make_file(), tmp_path / "shared.sqlite"

    def start(epochs: int) -> str | None:
        with (
            Registry(path) as registry,
            # Short waits: a fault shows as one, not as a test that seems to hang.
            HostedTraining(
                endpoint, registry, doubt=Doubt(request=12.0, settle=1.0), tries=4, sleep=lambda _: time.sleep(0.05)
            ) as hosted,
        ):
            return hosted.start_or_attach(file, TrainingSettings(model="meta/llama-8b", epochs=epochs)).file_id

    with ThreadPoolExecutor() as pool:
        assert len(set(pool.map(start, range(1, 5)))) == 1
    assert sandbox.stats()["uploads"] == 1 and len(sandbox.jobs()) == 4
