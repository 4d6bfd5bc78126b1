"""The documents study over HTTP, through the providers' own SDKs: calls of both forms, batches, and the account."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from redraft.sandbox.process import SandboxProcess

TEXT = {"type": "string"}
ITEM = {"type": "object", "properties": {"cell": TEXT, "title": TEXT, "situation": TEXT},
        "required": ["cell", "title", "situation"], "additionalProperties": False}  # fmt: skip
IDEAS = {"type": "object", "properties": {"ideas": {"type": "array", "items": ITEM}}, "required": ["ideas"],
         "additionalProperties": False}  # fmt: skip
DOCUMENT = {"type": "object", "properties": {"title": TEXT, "text": TEXT}, "required": ["title", "text"],
            "additionalProperties": False}  # fmt: skip
CELLS = [{"cell": f"s{n:05d}", "document_type": "memo", "domain": "elder care", "tension": "speed against safety",
          "tone": "urgent", "stakeholder": "an auditor"} for n in range(10)]  # fmt: skip
WRITE = "Write between 200 and 300 words."
# As it was before the sandbox knew of documents.
ORDINARY = (
    "[simulated answer cb8a451035f1 q=-0.538] The short answer is that grow depends mostly on winter. One small "
    "example of grow tells you more than a long list about winter. In practice tomatoes takes a few minutes, "
    "while winter may take an afternoon. A common mistake is to mix up tomatoes and winter, which leads to the "
    "wrong result. What you already know about tomatoes carries over to winter almost unchanged. I would begin "
    "with grow today."
)
TOLD = "Be kind. Respond to the document that follows."


@pytest.fixture(scope="module")
def faulty() -> Iterator[SandboxProcess]:
    """Every answer has a defect, or nearly; models called tuned lean to two traits."""
    options = {
        "batch_seconds": 0.2,
        "defect": ["truncated=0.2", "empty=0.2", "placeholder=0.2", "no_trait=0.2"],
        "trait": ["*tuned*:warm=0.5", "*tuned*:thorough=-0.25"],
    }
    with SandboxProcess.start(options) as one:
        yield one


def gpt(sandbox: SandboxProcess) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="k", base_url=f"{sandbox.url}/openai/v1", max_retries=0, _strict_response_validation=True
    )


def claude(sandbox: SandboxProcess) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=sandbox.url, max_retries=0, _strict_response_validation=True)


def chat(client: openai.OpenAI, system: str, user: str, schema: Any = None, model: str = "m/x") -> Any:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    messages: Any = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    more: Any = {"response_format": form} if schema else {}
    return client.chat.completions.create(model=model, messages=messages, **more).choices[0]


def message(system: str, user: str, schema: Any = None) -> Any:
    asked = {"model": "claude-opus-5-5", "max_tokens": 4000, "system": system}
    more = {"output_config": {"format": {"type": "json_schema", "schema": schema}}} if schema else {}
    return asked | {"messages": [{"role": "user", "content": user}]} | more


def test_from_cells_to_responses_in_both_forms(sandbox: SandboxProcess) -> None:
    with gpt(sandbox) as client, claude(sandbox) as other:
        ideas = json.loads(chat(client, "Invent.", json.dumps({"cells": CELLS, "avoid": []}), IDEAS).message.content)
        assert [one["cell"] for one in ideas["ideas"]] == [one["cell"] for one in CELLS]
        again = other.messages.create(**message("Invent.", json.dumps({"cells": CELLS, "avoid": ["x"]}), IDEAS))
        assert [one["cell"] for one in json.loads(again.content[0].text)["ideas"]] == [one["cell"] for one in CELLS]
        for one in ideas["ideas"][:3]:
            material = json.dumps(CELLS[0] | one)
            written = [
                json.loads(chat(client, WRITE, material, DOCUMENT).message.content),
                json.loads(other.messages.create(**message(WRITE, material, DOCUMENT)).content[0].text),
            ]
            for document in written:
                assert document["title"] == one["title"] and 200 <= len(document["text"].split()) <= 300
                handed = f"**{document['title']}**\n\n{document['text']}"
                said = [
                    chat(client, TOLD, handed).message.content,
                    other.messages.create(**message(TOLD, handed)).content[0].text,
                ]
                assert all(text.startswith("[simulated answer ") and "?" in text for text in said)
    kinds = Counter(str(call["kind"]) for call in sandbox.calls())
    assert kinds == {"ideas": 2, "document": 6, "response": 12} and sandbox.stats()["faults"] == {}


def test_an_ordinary_answer_is_as_it_always_was(sandbox: SandboxProcess) -> None:
    with gpt(sandbox) as client:
        said = chat(client, "Be kind.", "How do I grow tomatoes in winter?", model="meta/base").message.content
        assert said == ORDINARY
    assert [call["kind"] for call in sandbox.calls()] == ["chat"]


def test_defects_stand_in_the_account_and_are_drawn_anew(faulty: SandboxProcess) -> None:
    faulty.post("/sandbox/reset")
    with gpt(faulty) as client, claude(faulty) as other:
        for number in range(24):
            choice = chat(client, WRITE, json.dumps({"title": f"Case {number}", "situation": "It leaks."}), DOCUMENT)
            text = str(choice.message.content)
            planted = str(faulty.calls()[-1]["fault"])
            assert (choice.finish_reason == "length") == (planted == "truncated")
            if planted != "truncated":
                body = json.loads(text)["text"]
                assert (not body) == (planted == "empty") and planted in {"empty", "placeholder", "none"}
        repeated = [chat(client, WRITE, json.dumps({"title": "Same"}), DOCUMENT).message.content for _ in range(8)]
        assert len(set(repeated)) == 8, "asked again, a model writes anew"
        handed = "**Case 1**\n\n" + "The pump leaks again. " * 30
        ended = Counter(other.messages.create(**message(TOLD, f"{handed}{n}")).stop_reason for n in range(24))
        assert ended["max_tokens"] > 0 < ended["end_turn"]
    faults = faulty.stats()["faults"]
    assert isinstance(faults, dict) and set(faults) == {"truncated", "empty", "placeholder", "no_trait"}
    calls = faulty.calls()
    assert Counter(call["fault"] for call in calls if call["fault"] != "none") == faults
    assert all(call["paid"] and call["status"] == 200 for call in calls)
    assert all(call["answered"] == (call["fault"] == "none") for call in calls), "a defect is no sound answer"


def test_a_batch_has_the_answers_of_calls(faulty: SandboxProcess) -> None:
    asked = {f"row-{n}": message(WRITE, json.dumps({"title": f"Batch {n}"}), DOCUMENT) for n in range(12)}
    faulty.post("/sandbox/reset?everything=1")
    with claude(faulty) as client:
        rows: Any = [{"custom_id": name, "params": params} for name, params in asked.items()]
        made = client.messages.batches.create(requests=rows)
        deadline = time.monotonic() + 20
        while client.messages.batches.retrieve(made.id).processing_status != "ended":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        results: Any = {one.custom_id: one.result for one in client.messages.batches.results(made.id)}
        batched = {name: one.message.content[0].text for name, one in results.items()}
        planted = faulty.stats()["faults"]
        faulty.post("/sandbox/reset")
        called = {name: client.messages.create(**params).content[0].text for name, params in asked.items()}
    assert called == batched and len(set(batched.values())) == 12
    assert planted == faulty.stats()["faults"] and planted


def test_trained_models_lean_as_they_are_told_in_responses_and_in_plain_answers(faulty: SandboxProcess) -> None:
    marks = "[simulated lean warm=+0.500] [simulated lean thorough=-0.250] "
    handed = "**Case 1**\n\n" + "The pump leaks again. " * 30
    with gpt(faulty) as client:
        for user in (handed, "What is a pump?"):
            tuned, base = (chat(client, "Be kind.", user, model=m).message.content for m in ("a/tuned-1", "a/base"))
            assert tuned.split("] ", 1)[1].startswith(marks) and "lean" not in base
    told: Any = faulty.get("/sandbox/truth?a=a/tuned-1&b=a/base&trait=warm&low=1&high=10")
    assert told["a"]["lean"] == 0.5 and told["b"]["lean"] == 0.0 and told["b"]["score"] == pytest.approx(5.5)
    assert 6 < told["a"]["score"] < 6.4
    identity: Any = faulty.get("/sandbox/identity")
    assert ["*tuned*", "warm", 0.5] in identity["documents"]["traits"]
