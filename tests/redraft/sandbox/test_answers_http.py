"""The answering study over HTTP, through the providers' own SDKs: calls of both forms, a batch, and the account."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from redraft.answering.inputs import model_input
from redraft.sandbox.process import SandboxProcess

ASKS = "Write one or two sentences of 8 to 30 words that answer the question and keep the answer's own words."
REFUSES = "The question cannot be answered. Write a polite refusal in one sentence, in the manner that is given."
CONTEXT = "The Normans settled in Normandy, a region in France. Their leader Rollo was baptised in 911."
ROWS = [
    {"context": CONTEXT, "question": "In what country is Normandy located?", "answer": "France"},
    {"context": CONTEXT, "question": "When was Rollo baptised?", "answer": "911"},
    {"context": CONTEXT, "question": "Who was the leader of the Normans?", "answer": "Rollo"},
]  # fmt: skip
NEGATIVE = {"context": CONTEXT, "question": "Who painted the town hall of Rouen?", "manner": "apologetic and warm"}


@pytest.fixture(scope="module")
def faulty() -> Iterator[SandboxProcess]:
    """Four of five answers have a defect."""
    options = {
        "batch_seconds": 0.2,
        "answer_defect": ["bare=0.2", "preamble=0.2", "truncated=0.2", "empty=0.2"],
        "answer_stubborn": 0.25,
    }
    with SandboxProcess.start(options) as one:
        yield one


def gpt(sandbox: SandboxProcess) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="k", base_url=f"{sandbox.url}/openai/v1", max_retries=0, _strict_response_validation=True
    )


def claude(sandbox: SandboxProcess) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=sandbox.url, max_retries=0, _strict_response_validation=True)


def chat(client: openai.OpenAI, system: str, user: str, model: str = "m/x") -> Any:
    told: Any = [{"role": "system", "content": system}] if system else []
    return client.chat.completions.create(model=model, messages=[*told, {"role": "user", "content": user}])


def message(system: str, user: str) -> dict[str, Any]:
    asked = {"model": "claude-haiku-4-5", "max_tokens": 200, "system": system}
    return asked | {"messages": [{"role": "user", "content": user}]}


def test_positives_become_sentences_and_negatives_refusals_in_both_forms(sandbox: SandboxProcess) -> None:
    with gpt(sandbox) as client, claude(sandbox) as other:
        for row in ROWS:
            user = json.dumps(row)
            said = [
                chat(client, ASKS, user).choices[0].message.content,
                other.messages.create(**message(ASKS, f"Rewrite this:\n{user}")).content[0].text,
            ]
            for text in said:
                assert row["answer"] in text and 8 <= len(text.split()) <= 30 and "[simulated" not in text
        answer = chat(client, REFUSES, json.dumps(NEGATIVE))
        told = other.messages.create(**message(REFUSES, json.dumps(NEGATIVE))).content[0].text
        for text in (answer.choices[0].message.content, told):
            assert "town hall" in text or "Rouen" in text
            assert 8 <= len(text.split()) <= 30
        asked: Any = [{"role": "user", "content": model_input(CONTEXT, "When was Rollo baptised?")}]
        raw = client.chat.completions.with_raw_response.create(model="a/base", messages=asked)
        assert raw.headers["x-redraft-simulated"], "what is simulated says so where the text does not"
        assert "[simulated" not in str(raw.parse().choices[0].message.content)
    kinds = Counter(str(call["kind"]) for call in sandbox.calls())
    assert kinds == {"sentence": 6, "refusal": 2, "question": 1} and sandbox.stats()["faults"] == {}


def test_defects_stand_in_the_account_and_mostly_go_when_asked_again(faulty: SandboxProcess) -> None:
    faulty.post("/sandbox/reset")
    spoiled = again = 0
    with gpt(faulty) as client:
        for number in range(60):
            row = ROWS[1] | {"context": f"{CONTEXT} {number}"}
            choice = chat(client, ASKS, json.dumps(row)).choices[0]
            planted = str(faulty.calls()[-1]["fault"])
            assert (choice.finish_reason == "length") == (planted == "truncated")
            assert (choice.message.content == "911") == (planted == "bare")
            spoiled += planted != "none"
            asked = row | {"earlier_attempt": choice.message.content, "what_was_wrong": ["too short"]}
            chat(client, ASKS, json.dumps(asked))
            again += faulty.calls()[-1]["fault"] != "none"
    assert 35 <= spoiled <= 58 and 5 <= again <= 26


def test_a_batch_has_the_answers_of_calls(faulty: SandboxProcess) -> None:
    asked = {f"row-{n}": message(ASKS, json.dumps(ROWS[n % 3] | {"context": f"{CONTEXT} {n}"})) for n in range(12)}
    faulty.post("/sandbox/reset?everything=1")
    with claude(faulty) as client:
        rows: Any = [{"custom_id": name, "params": params} for name, params in asked.items()]
        made = client.messages.batches.create(requests=rows)
        deadline = time.monotonic() + 20
        while client.messages.batches.retrieve(made.id).processing_status != "ended":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        results: Any = {one.custom_id: one.result for one in client.messages.batches.results(made.id)}
        batched = {name: [part.text for part in one.message.content] for name, one in results.items()}
        planted = faulty.stats()["faults"]
        faulty.post("/sandbox/reset")
        called = {name: [part.text for part in client.messages.create(**one).content] for name, one in asked.items()}
    assert called == batched and planted == faulty.stats()["faults"] and planted
