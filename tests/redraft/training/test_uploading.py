"""The training file on its way: checked here, then there, sent once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from redraft.errors import InputError, TrainingError
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
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
