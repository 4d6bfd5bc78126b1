"""Files and training jobs over HTTP: what is refused, how jobs end, and what survives a crash."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
ROW = {"messages": [{"role": "user", "content": "q", "weight": 0}, {"role": "assistant", "content": "a", "weight": 1}]}


def announce(http_call, url: str, checksum: str, name: str = "train.jsonl"):
    fields = {"purpose": "fine-tune", "file_name": name, "file_type": "jsonl", "checksum": checksum}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    body = ("".join(parts) + "--b--\r\n").encode()
    return http_call(url, "/v1/files", body, Content_Type="multipart/form-data; boundary=b")


def upload(http_call, url: str, content: bytes) -> str:
    """The id of the file, announced, sent and handed over for processing."""
    got = announce(http_call, url, hashlib.sha256(content).hexdigest())
    if got.status == 409:
        return got.body["file_id"]
    place = got.headers["location"].removeprefix(url)
    assert http_call(url, place, content, "PUT", key="").status == 200
    assert http_call(url, f"/v1/files/{got.headers['x-together-file-id']}/preprocess", b"").status == 200
    return got.headers["x-together-file-id"]


def wait(http_call, url: str, path: str, field: str, *ends: str) -> dict:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        body = http_call(url, path).body
        if body[field] in ends:
            return body
        time.sleep(0.02)
    raise AssertionError(f"{path} is still {body[field]}")


def ready(http_call, url: str) -> str:
    file_id = upload(http_call, url, json.dumps(ROW).encode())
    wait(http_call, url, f"/v1/files/{file_id}", "processing_status", "COMPLETED")
    return file_id


def submit(http_call, url: str, file_id: str, **more: object) -> dict:
    got = http_call(url, "/v1/fine-tunes", {"training_file": file_id, "model": BASE, "n_epochs": 1} | more)
    assert got.status == 200, got.raw
    return got.body


def test_the_bytes_must_be_what_was_announced(sandbox, http_call):
    got = announce(http_call, sandbox.url, "0" * 64)
    place = got.headers["location"].removeprefix(sandbox.url)
    assert got.status == 302
    assert http_call(sandbox.url, place, b"{}", "PUT").status == 400
    assert http_call(sandbox.url, place.split("?")[0], b"{}", "PUT").status == 403
    assert http_call(sandbox.url, f"/v1/files/{got.headers['x-together-file-id']}/preprocess", b"").status == 400
    assert sandbox.stats()["uploads"] == 0


def test_an_upload_that_broke_off_can_be_begun_again(sandbox, http_call):
    content = json.dumps(ROW).encode()
    first = announce(http_call, sandbox.url, hashlib.sha256(content).hexdigest())
    file_id = upload(http_call, sandbox.url, content)
    assert first.headers["x-together-file-id"] == file_id
    assert announce(http_call, sandbox.url, hashlib.sha256(content).hexdigest()).body == {"file_id": file_id}


def test_a_file_passes_through_its_states_and_a_bad_one_names_its_line(sandbox, http_call):
    file_id = upload(http_call, sandbox.url, json.dumps(ROW).encode())
    assert http_call(sandbox.url, f"/v1/files/{file_id}").body["processing_status"] in {"PENDING", "QUEUED"}
    got = http_call(sandbox.url, "/v1/fine-tunes", {"training_file": file_id, "model": BASE})
    assert (got.status, got.body["error"]["code"]) == (400, "file_not_processed")
    estimate = http_call(sandbox.url, "/v1/fine-tunes/estimate-price", {"training_file": file_id}).body
    assert estimate == {"estimation_available": False, "unavailable_reason": "train_file_not_validated"}
    float_weight = json.dumps(ROW).replace('"weight": 1', '"weight": 0.5')
    bad = upload(http_call, sandbox.url, f"{json.dumps(ROW)}\n{float_weight}\n".encode())
    shown = wait(http_call, sandbox.url, f"/v1/files/{bad}", "processing_status", "INVALID_FORMAT")
    assert shown["validation_report"]["error"].startswith("Line 2: `messages[1]` has the weight 0.5")
    assert http_call(sandbox.url, "/v1/fine-tunes", {"training_file": bad, "model": BASE}).status == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"training_file": "file-none"}, 404),
        ({"model": "unknown/model"}, 404),
        ({"model": None, "from_checkpoint": "ft-none"}, 404),
        ({"model": None}, 400),
        ({"n_epochs": 0}, 400),
        ({"n_epochs": "3"}, 400),
        ({"learning_rate": 1.0}, 400),
        ({"suffix": "s" * 41}, 400),
        ({"batch_size": 7}, 400),
        ({"n_evals": 2}, 400),
        ({"training_type": {"type": "Lora", "lora_r": 65, "lora_alpha": 8}}, 400),
    ],
)
def test_bad_settings_make_no_job(sandbox, http_call, change, status):
    body = {"training_file": ready(http_call, sandbox.url), "model": BASE, "n_epochs": 1} | change
    assert http_call(sandbox.url, "/v1/fine-tunes", body).status == status
    assert sandbox.stats()["jobs"] == {}


def test_creating_twice_makes_two_jobs(sandbox, http_call):
    file_id = ready(http_call, sandbox.url)
    sandbox.post("/sandbox/script", [{"match": "POST /v1/fine-tunes\n", "do": {"status": 500, "after": True}}])
    body = {"training_file": file_id, "model": BASE, "n_epochs": 1, "suffix": "twin"}
    assert http_call(sandbox.url, "/v1/fine-tunes", body).status == 500, "the answer is lost, the job is not"
    second = submit(http_call, sandbox.url, file_id, suffix="twin")
    jobs = http_call(sandbox.url, "/v1/fine-tunes").body["data"]
    assert len({job["id"] for job in jobs}) == len({job["model_output_name"] for job in jobs}) == 2
    assert second["id"] in {job["id"] for job in jobs} and sandbox.stats()["jobs"] == {"twin": 2}


def test_jobs_are_cancelled_and_fail_on_demand(sandbox, http_call):
    file_id = ready(http_call, sandbox.url)
    job = submit(http_call, sandbox.url, file_id, suffix="stop")
    assert http_call(sandbox.url, f"/v1/fine-tunes/{job['id']}/cancel", b"").body["status"] == "cancel_requested"
    ended = wait(http_call, sandbox.url, f"/v1/fine-tunes/{job['id']}", "status", "cancelled")
    assert [event["type"] for event in ended["events"]][-2:] == ["cancel_requested", "job_stopped"]
    broken = submit(http_call, sandbox.url, file_id, suffix="broken-one")
    ended = wait(http_call, sandbox.url, f"/v1/fine-tunes/{broken['id']}", "status", "error", "completed")
    assert ended["status"] == "error"
    assert [event["type"] for event in ended["events"]][-2:] == ["job_error", "refund"]
    assert ended["events"][-2]["level"] == "error"
    assert http_call(sandbox.url, f"/v1/fine-tunes/{broken['id']}/cancel", b"").status == 400
    time.sleep(0.5)
    for one in (job, broken):
        asked = {"model": one["model_output_name"], "messages": [{"role": "user", "content": "x"}]}
        assert http_call(sandbox.url, "/v1/chat/completions", asked).status == 404, "no model came of it"
    assert sandbox.stats()["trained"] == []


def test_files_jobs_and_models_survive_a_kill(start, http_call, tmp_path):
    options = {"state": str(tmp_path / "state.db"), "job_seconds": 4.0, "file_seconds": 0.1}
    first = start(**options)
    file_id = ready(http_call, first.url)
    job = submit(http_call, first.url, file_id, suffix="lasting")
    assert job["status"] == "pending"
    first.kill()
    second = start(**options)
    shown = http_call(second.url, f"/v1/fine-tunes/{job['id']}").body
    assert shown["created_at"] == job["created_at"] and shown["status"] in {"pending", "queued", "running", "uploading"}
    assert upload(http_call, second.url, json.dumps(ROW).encode()) == file_id
    assert http_call(second.url, f"/v1/files/{file_id}/content").raw == json.dumps(ROW).encode()
    wait(http_call, second.url, f"/v1/fine-tunes/{job['id']}", "status", "completed")
    second.kill()
    third = start(**options)
    asked = {"model": job["model_output_name"], "messages": [{"role": "user", "content": "x"}]}
    assert http_call(third.url, "/v1/chat/completions", asked).status == 200
    more = submit(http_call, third.url, file_id, model=None, from_checkpoint=job["id"])
    assert more["model"] == BASE
    stats = third.stats()
    assert stats["jobs"] == {"lasting": 1, "": 1} and stats["uploads"] == 0 and stats["paid_calls"] == 1
