"""The providers' own SDKs, with strict response validation on, accept every answer that redraft relies on."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import anthropic
import openai
import pytest
import together

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
VERDICT = {
    "type": "object",
    "properties": {
        "analysis": {"type": "string"},
        "violations": {
            "type": "object",
            "properties": {"answer_1": {"type": "boolean"}, "answer_2": {"type": "boolean"}},
            "required": ["answer_1", "answer_2"],
        },
        "verdict": {"type": "string", "enum": ["answer_1", "answer_2", "tie"]},
        "strength": {"type": "string", "enum": ["slight", "clear"]},
    },
    "required": ["analysis", "violations", "verdict", "strength"],
}


@pytest.fixture
def client(sandbox):
    with together.Together(api_key="k", base_url=sandbox.url, max_retries=0, _strict_response_validation=True) as one:
        yield one


@pytest.fixture
def claude(sandbox):
    with anthropic.Anthropic(api_key="k", base_url=sandbox.url, max_retries=0, _strict_response_validation=True) as one:
        yield one


@pytest.fixture
def training_file(tmp_path: Path) -> Path:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"q{n}", "weight": 0},
                {"role": "assistant", "content": "a", "weight": 1},
            ]
        }
        for n in range(20)
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def processed(client: together.Together, path: Path) -> str:
    file = client.files.upload(path, purpose="fine-tune")
    while client.files.retrieve(file.id).processing_status != "COMPLETED":
        time.sleep(0.02)
    return file.id


def test_together_chat(client, sandbox):
    raw = client.chat.completions.with_raw_response.create(
        model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How do trees drink?"}],
        temperature=0.7,
        max_tokens=300,
    )
    answer = raw.parse()
    assert raw.headers["x-redraft-simulated"] == sandbox.get("/sandbox/identity")["identity"]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content.startswith("[simulated answer ")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 20


def test_together_structured_answers_and_tools(client):
    asked = [
        {
            "role": "user",
            "content": "[simulated answer 00aa00aa00aa q=+2.000] x\n[simulated answer 00aa00aa00aa q=-2.000]",
        }
    ]
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": VERDICT, "strict": True}}
    answer = client.chat.completions.create(model="j", messages=asked, response_format=form)
    verdict = json.loads(answer.choices[0].message.content)
    assert list(verdict) == ["analysis", "violations", "verdict", "strength"]
    assert (verdict["verdict"], verdict["strength"]) == ("answer_1", "clear")
    tool = {"type": "function", "function": {"name": "rate", "parameters": VERDICT}}
    answer = client.chat.completions.create(
        model="j", messages=asked, tools=[tool], tool_choice={"type": "function", "function": {"name": "rate"}}
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments)["verdict"] == "answer_1"


def test_together_files(client, training_file):
    file = client.files.upload(training_file, purpose="fine-tune")
    assert file.processing_status == "PENDING"
    file_id = processed(client, training_file)
    assert file_id == file.id, "identical bytes keep their id"
    shown = client.files.retrieve(file_id)
    assert shown.validation_report.valid and shown.validation_report.nlines == 20
    assert shown.validation_report.dataset_has_message_weights
    assert [one.id for one in client.files.list().data] == [file_id]
    assert client.files.content(file_id).read() == training_file.read_bytes()
    assert client.files.delete(file_id).deleted
    with pytest.raises(together.NotFoundError):
        client.files.retrieve(file_id)


def test_together_fine_tuning(client, training_file, sandbox):
    file_id = processed(client, training_file)
    limits = client.fine_tuning.model_limits(model_name=BASE)
    assert limits.lora_training.max_rank == 64
    price = client.fine_tuning.estimate_price(training_file=file_id, model=BASE, n_epochs=3)
    assert price.estimation_available and price.estimated_total_price > 0
    job = client.fine_tuning.create(
        training_file=file_id, model=BASE, n_epochs=3, lora=True, suffix="feedback-one", train_on_inputs=False
    )
    assert job.status == "pending"
    seen = []
    while not seen or seen[-1] != "completed":
        shown = client.fine_tuning.retrieve(job.id)
        if shown.status not in seen:
            seen.append(shown.status)
        time.sleep(0.02)
    order = ["pending", "queued", "running", "compressing", "uploading", "completed"]
    assert seen == [status for status in order if status in seen] and {"running", "completed"} <= set(seen)
    name = client.fine_tuning.retrieve(job.id).to_dict()["model_output_name"]
    assert name.startswith("sandbox/Meta-Llama-3.1-8B-Instruct-Reference-feedback-one-")
    kinds = [event.type for event in client.fine_tuning.list_events(job.id).data]
    assert kinds[0] == "job_pending" and kinds[-1] == "job_complete" and kinds.count("epoch_complete") == 3
    assert {one.checkpoint for one in client.fine_tuning.list_checkpoints(job.id).data} == {"model", "adapter"}
    assert [one.id for one in client.fine_tuning.list().data] == [job.id]
    answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])
    assert answer.model == name
    assert client.fine_tuning.delete(job.id).message
    assert client.fine_tuning.list().data == []
    assert sandbox.stats()["jobs"] == {"feedback-one": 1}, "a deleted job was paid all the same"


def test_together_async_client(sandbox, training_file):
    async def run() -> None:
        async with together.AsyncTogether(
            api_key="k", base_url=sandbox.url, max_retries=0, _strict_response_validation=True
        ) as client:
            file = await client.files.upload(training_file, purpose="fine-tune")
            await asyncio.sleep(0.15)
            assert (await client.files.retrieve(file.id)).processing_status == "COMPLETED"
            job = await client.fine_tuning.create(
                training_file=file.id, model=BASE, lora=False, suffix="full", train_on_inputs=False
            )
            assert job.x_model_output_name and job.status == "pending"
            cancelled = await client.fine_tuning.cancel(job.id)
            assert cancelled.status in {"cancel_requested", "cancelled"}
            assert (await client.fine_tuning.retrieve(job.id)).training_type.type == "Full"
            assert (await client.fine_tuning.list()).data[0].id == job.id
            assert (await client.fine_tuning.list_events(job.id)).data

    asyncio.run(run())


def test_anthropic_messages(claude):
    message = claude.messages.create(
        model="claude-haiku-5-5",
        max_tokens=500,
        system="Be kind.",
        messages=[{"role": "user", "content": "Why is it dark?"}],
    )
    assert message.stop_reason == "end_turn" and message.content[0].text.startswith("[simulated answer ")
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 20
    judged = claude.messages.create(
        model="claude-sonnet-5-5",
        max_tokens=500,
        messages=[{"role": "user", "content": "compare these two"}],
        output_config={"format": {"type": "json_schema", "schema": VERDICT}},
    )
    assert json.loads(judged.content[0].text)["verdict"] in {"answer_1", "answer_2", "tie"}
    used = claude.messages.create(
        model="claude-opus-5-5",
        max_tokens=500,
        messages=[{"role": "user", "content": "compare these two"}],
        tools=[{"name": "rate", "input_schema": VERDICT}],
        tool_choice={"type": "tool", "name": "rate"},
    )
    assert used.stop_reason == "tool_use" and "verdict" in used.content[0].input
    counted = claude.messages.count_tokens(model="claude-haiku-5-5", messages=[{"role": "user", "content": "a" * 40}])
    assert counted.input_tokens == 10
    assert next(model.id for model in claude.models.list()) == "claude-haiku-5-5"


def test_anthropic_cut_at_max_tokens(claude):
    message = claude.messages.create(
        model="claude-haiku-5-5", max_tokens=8, messages=[{"role": "user", "content": "Tell me about rivers"}]
    )
    assert message.stop_reason == "max_tokens" and message.usage.output_tokens <= 8


def test_anthropic_refusal_on_request(claude, start):
    one = start(refusal_rate=1)
    with anthropic.Anthropic(api_key="k", base_url=one.url, max_retries=0, _strict_response_validation=True) as client:
        message = client.messages.create(
            model="claude-haiku-5-5", max_tokens=99, messages=[{"role": "user", "content": "hello"}]
        )
    assert message.stop_reason == "refusal" and message.stop_details.type == "refusal" and message.content == []


@pytest.mark.parametrize(
    ("model", "key", "error"),
    [
        ("unknown/model", "k", "NotFoundError"),
        ("sandbox/never-trained", "k", "NotFoundError"),
        ("some/model", "wrong", "AuthenticationError"),
    ],
)
def test_errors_are_the_sdks_own(sandbox, model, key, error):
    asked = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 9}
    with (
        together.Together(api_key=key, base_url=sandbox.url, max_retries=0) as client,
        pytest.raises(getattr(together, error)) as caught,
    ):
        client.chat.completions.create(**asked)
    assert caught.value.body["error"]["message"]
    with (
        anthropic.Anthropic(api_key=key, base_url=sandbox.url, max_retries=0) as client,
        pytest.raises(getattr(anthropic, error)) as caught,
    ):
        client.messages.create(**asked)
    assert caught.value.body["type"] == "error"


def test_sampling_parameters_are_refused_where_the_real_models_refuse_them(claude):
    asked = {"max_tokens": 99, "messages": [{"role": "user", "content": "hello"}], "extra_body": {"temperature": 0.2}}
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        claude.messages.create(model="claude-haiku-5-5", **asked)
    assert claude.messages.create(model="claude-haiku-4-5", **asked).stop_reason == "end_turn"


@pytest.mark.parametrize("model", ["o3-mini", "gpt-5.4-mini", "ft:o4-mini-2025-04-16:me::1"])
def test_reasoning_models_of_openai_refuse_what_the_real_ones_refuse(sandbox, model):
    hello = [{"role": "user", "content": "hello"}]
    with openai.OpenAI(api_key="k", base_url=f"{sandbox.url}/openai/v1", max_retries=0) as client:
        for refused in ({"temperature": 0.0}, {"top_p": 0.9}, {"stop": ["END"]}, {"max_tokens": 99}):
            with pytest.raises(openai.BadRequestError, match=f"'{next(iter(refused))}' is not supported"):
                client.chat.completions.create(model=model, messages=hello, **refused)
            assert client.chat.completions.create(model="gpt-4.1", messages=hello, **refused).choices[0].message.content
        taken = {"temperature": 1, "top_p": 1, "seed": 3, "reasoning_effort": "low", "max_completion_tokens": 99}
        assert client.chat.completions.create(model=model, messages=hello, **taken).choices[0].message.content
