"""Batches in the sandbox: the SDKs' strict validation accepts every shape, and what was answered is counted as paid."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import together

from redraft.sandbox.process import SandboxProcess

TEXTS = [f"question {n}: why is it dark?" for n in range(40)]
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def quick():
    with SandboxProcess.start({"seed": 1, "batch_seconds": 0.3, "file_seconds": 0}) as one:
        yield one


@pytest.fixture
def sandbox(quick: SandboxProcess) -> SandboxProcess:
    quick.post("/sandbox/reset?everything=1")
    return quick


def claude(sandbox: SandboxProcess) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=sandbox.url, max_retries=0, _strict_response_validation=True)


def llama(sandbox: SandboxProcess) -> together.Together:
    return together.Together(api_key="k", base_url=sandbox.url, max_retries=0, _strict_response_validation=True)


def gpt(sandbox: SandboxProcess) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="k", base_url=f"{sandbox.url}/openai/v1", max_retries=0, _strict_response_validation=True
    )


def messages(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def until(look: Callable[[], Any], ended: Callable[[Any], bool]) -> Any:
    for _ in range(400):
        if ended(shown := look()):
            return shown
        time.sleep(0.02)
    raise AssertionError("the batch did not end")


def anthropic_batch(client: anthropic.Anthropic) -> anthropic.types.messages.MessageBatch:
    asked = [
        {
            "custom_id": f"row-{n}",
            "params": {"model": "claude-haiku-5-5", "max_tokens": 300, "messages": messages(text)},
        }
        for n, text in enumerate(TEXTS)
    ]
    return client.messages.batches.create(requests=asked)


def input_file(folder: Path, *, method: bool, model: str = "m/x") -> Path:
    lines = []
    for n, text in enumerate(TEXTS):
        line = {"custom_id": f"row-{n}", "body": {"model": model, "max_tokens": 300, "messages": messages(text)}}
        lines.append(json.dumps(line | ({"method": "POST", "url": CHAT} if method else {})))
    path = folder / "batch.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def together_batch(client: together.Together, folder: Path) -> str:
    file = client.files.upload(input_file(folder, method=False), purpose="batch-api", check=False)
    made = client.batches.create(endpoint=CHAT, input_file_id=file.id)
    assert made.job is not None and made.job.status == "VALIDATING" and made.job.input_file_id == file.id
    return made.job.id


def openai_batch(client: openai.OpenAI, folder: Path, **more: Any) -> str:
    file = client.files.create(file=input_file(folder, method=True), purpose="batch")
    return client.batches.create(completion_window="24h", endpoint=CHAT, input_file_id=file.id, **more).id


def rows(content: bytes) -> dict[str, Any]:
    return {line["custom_id"]: line for line in map(json.loads, content.splitlines())}


def test_anthropic_round_trip(sandbox):
    with claude(sandbox) as client:
        made = anthropic_batch(client)
        assert made.processing_status == "in_progress" and made.results_url is None
        assert made.request_counts.processing == 40 and made.request_counts.succeeded == 0
        ended = until(lambda: client.messages.batches.retrieve(made.id), lambda b: b.processing_status == "ended")
        assert ended.request_counts.succeeded == 40 and ended.request_counts.processing == 0
        results = list(client.messages.batches.results(made.id))
        assert {one.custom_id for one in results} == {f"row-{n}" for n in range(40)}
        assert [one.custom_id for one in results] != [f"row-{n}" for n in range(40)], "in no order"
        batched = next(one.result.message.content[0].text for one in results if one.custom_id == "row-7")
        assert sandbox.stats()["paid_calls"] == 40
        called = client.messages.create(model="claude-haiku-5-5", max_tokens=300, messages=messages(TEXTS[7]))
    assert called.content[0].text == batched, "one truth for calls and batches"


def test_anthropic_lists_the_newest_first_in_pages(sandbox):
    with claude(sandbox) as client:
        ids = [anthropic_batch(client).id for _ in range(5)][::-1]
        assert [one.id for one in client.messages.batches.list(limit=2)] == ids, "the SDK goes through all pages"
        page = client.messages.batches.list(limit=2, before_id=ids[3])
        assert [one.id for one in page.data] == ids[1:3] and page.has_more


def test_anthropic_cancel_and_refusals(start):
    slow = start(batch_seconds=1.5)
    with claude(slow) as client:
        made = anthropic_batch(client)
        assert client.messages.batches.cancel(made.id).processing_status == "canceling"
        until(lambda: client.messages.batches.retrieve(made.id), lambda b: b.processing_status == "ended")
        assert {one.result.type for one in client.messages.batches.results(made.id)} == {"canceled"}
        assert slow.stats()["paid_calls"] == 0
        twice = {"custom_id": "a", "params": {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": messages("x")}}
        with pytest.raises(anthropic.BadRequestError, match="unique"):
            client.messages.batches.create(requests=[twice, twice])
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.retrieve("msgbatch_none")


def test_together_round_trip(sandbox, tmp_path):
    with llama(sandbox) as client:
        job = together_batch(client, tmp_path)
        ended = until(lambda: client.batches.retrieve(job), lambda b: b.status == "COMPLETED")
        assert ended.progress == 100 and ended.error_file_id is None
        found = rows(client.files.content(ended.output_file_id).read())
        assert [one.id for one in client.batches.list()] == [job]
        called = client.chat.completions.create(model="m/x", max_tokens=300, messages=messages(TEXTS[3]))
    assert found.keys() == {f"row-{n}" for n in range(40)}
    assert found["row-3"]["response"]["body"]["choices"] == [called.choices[0].to_dict() | {"logprobs": None}]


def test_together_words_its_errors_in_a_string(sandbox, http_call):
    answer = http_call(sandbox.url, "/v1/batches", {"endpoint": CHAT, "input_file_id": "file-none"})
    assert answer.status == 404 and answer.body == {"error": "File not found: file-none"}


def test_openai_round_trip(sandbox, tmp_path):
    with gpt(sandbox) as client:
        job = openai_batch(client, tmp_path, metadata={"redraft": "b1"})
        ended = until(lambda: client.batches.retrieve(job), lambda b: b.status == "completed")
        assert ended.request_counts.completed == 40 and ended.metadata == {"redraft": "b1"}
        found = rows(client.files.content(ended.output_file_id).read())
        assert found.keys() == {f"row-{n}" for n in range(40)}
        assert all(line["response"]["status_code"] == 200 and line["error"] is None for line in found.values())
        more = [openai_batch(client, tmp_path) for _ in range(3)]
        assert [one.id for one in client.batches.list(limit=2)] == [*more[::-1], job]
        assert client.files.delete(ended.input_file_id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(ended.input_file_id)


def test_openai_refuses_a_whole_file_for_one_wrong_line(sandbox, tmp_path):
    path = tmp_path / "wrong.jsonl"
    path.write_text(json.dumps({"custom_id": "a", "body": {}}) + "\n")
    with gpt(sandbox) as client:
        file = client.files.create(file=path, purpose="batch")
        job = client.batches.create(completion_window="24h", endpoint=CHAT, input_file_id=file.id)
        assert job.status == "failed" and "line 1" in job.errors.data[0].message
        assert job.output_file_id is None
        assert client.batches.cancel(job.id).status == "failed"


def test_errors_and_expiry_have_their_lines(start, tmp_path):
    faulty = start(batch_seconds=0.2, batch_error_rate=0.3, batch_expire_rate=0.3)
    with claude(faulty) as client:
        made = anthropic_batch(client)
        ended = until(lambda: client.messages.batches.retrieve(made.id), lambda b: b.processing_status == "ended")
        kinds = [one.result.type for one in client.messages.batches.results(made.id)]
    assert {"succeeded", "errored", "expired"} == set(kinds)
    assert ended.request_counts.errored == kinds.count("errored")
    assert faulty.stats()["paid_calls"] == kinds.count("succeeded")
    with gpt(faulty) as client:
        job = openai_batch(client, tmp_path)
        ended = until(lambda: client.batches.retrieve(job), lambda b: b.status == "expired")
        good = rows(client.files.content(ended.output_file_id).read())
        bad = rows(client.files.content(ended.error_file_id).read())
    assert len(good) + len(bad) == 40 and not good.keys() & bad.keys()
    codes = {line["error"]["code"] if line["error"] else line["response"]["status_code"] for line in bad.values()}
    assert codes == {"batch_expired", 500}
    with llama(faulty) as client:
        other = together_batch(client, tmp_path)
        ended = until(lambda: client.batches.retrieve(other), lambda b: b.status == "EXPIRED")
        good = rows(client.files.content(ended.output_file_id).read())
        bad = rows(client.files.content(ended.error_file_id).read())
    assert 0 < len(good) + len(bad) < 40, "what expired stands in neither"
    assert all(line["error"]["code"] for line in bad.values())


def test_batches_outlive_the_sandbox(start, tmp_path):
    state = str(tmp_path / "state.sqlite")
    first = start(state=state, batch_seconds=1)
    with claude(first) as client:
        made = anthropic_batch(client)
    first.kill()
    second = start(state=state, batch_seconds=1)
    with claude(second) as client:
        until(lambda: client.messages.batches.retrieve(made.id), lambda b: b.processing_status == "ended")
        assert len(list(client.messages.batches.results(made.id))) == 40
    second.kill()
    with claude(start(state=state)) as client:
        assert len(list(client.messages.batches.results(made.id))) == 40, "kept, not made anew"


def test_a_script_that_waits_leaves_a_batch_whole(start):
    one = start()
    with claude(one) as client:
        one.post("/sandbox/script", [{"match": "some other request", "do": {"status": 500}}])
        assert anthropic_batch(client).request_counts.processing == 40
        one.post("/sandbox/script", [{"match": TEXTS[39], "do": {"status": 500, "after": True}}])
        with pytest.raises(anthropic.InternalServerError):
            anthropic_batch(client)
        assert len(client.messages.batches.list().data) == 2, "the second was made, though its answer is a fault"
