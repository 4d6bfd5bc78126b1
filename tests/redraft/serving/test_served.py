"""What OpenAI's SDK and redraft's own client get from `redraft serve`, over HTTP, of models whose answers are known."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import openai
import pytest
from click.testing import CliRunner
from conftest import Served

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.cli import main
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault
from redraft.records import Completion, Message, Outcome, Request

RED = "the house is red"
BOTH = "red green"


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="none", base_url=served.url, max_retries=0, timeout=60, _strict_response_validation=True
    ) as one:
        yield one


def ask(client: openai.OpenAI, text: str, model: str = "colours", **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


def text_of(client: openai.OpenAI, text: str, model: str = "colours", **more: Any) -> str:
    return ask(client, text, model, **more).choices[0].message.content


def refusal(client: openai.OpenAI, **more: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(
            **{"model": "colours", "messages": [{"role": "user", "content": RED}], **more}  # type: ignore[arg-type]
        )
    return caught.value


@pytest.mark.parametrize(
    ("model", "text", "answer", "tokens"),
    [
        ("colours", RED, "It is red .", (5, 5)),
        ("colours", "the house", "I do not know .", (3, 6)),
        # Its redraft.json puts `blue: ` before every text.
        ("prefixed", "the house", "It is blue .", (5, 5)),
        ("chat", RED, "It is red .", (6, 5)),
        ("chat", "the house", "I do not know .", (4, 6)),
    ],
)
def test_known_answers(client: openai.OpenAI, model: str, text: str, answer: str, tokens: tuple[int, int]) -> None:
    got = ask(client, text, model)
    assert (got.model, got.choices[0].message.content, got.choices[0].finish_reason) == (model, answer, "stop")
    assert (got.usage.prompt_tokens, got.usage.completion_tokens) == tokens
    assert got.usage.total_tokens == sum(tokens)


def test_what_ends_an_answer(client: openai.OpenAI) -> None:
    cut = ask(client, RED, max_tokens=2)
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("It is", "length")
    assert cut.usage.completion_tokens == 2
    learned = ask(client, RED, "brief", max_tokens=2048)
    assert (learned.choices[0].message.content, learned.choices[0].finish_reason) == ("It is", "length")
    whole = ask(client, RED, max_completion_tokens=5)
    assert whole.choices[0].finish_reason == "stop", "the closing mark is the fifth"
    stopped = ask(client, RED, stop=["d .", "is"])
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("It ", "stop")
    assert text_of(client, RED, stop="never") == "It is red ."
    # 40 places for what is read and written: 36 words and two marks leave two.
    long = ask(client, "red " * 36, "chat", max_tokens=2048)
    assert (long.choices[0].message.content, long.choices[0].finish_reason) == ("It is", "length")


def test_temperature_draws_by_the_seed(client: openai.OpenAI) -> None:
    for model in ("colours", "chat"):
        drawn = {seed: text_of(client, BOTH, model, temperature=1, seed=seed) for seed in range(6)}
        assert set(drawn.values()) == {"It is green .", "It is red ."}
        assert {seed: text_of(client, BOTH, model, temperature=1, seed=seed) for seed in drawn} == drawn
        narrow = {text_of(client, BOTH, model, temperature=1, top_p=0.3, seed=seed) for seed in range(6)}
        assert narrow == {text_of(client, BOTH, model)} == {"It is green ."}
    assert len({text_of(client, BOTH, temperature=1) for _ in range(12)}) == 2, "without a seed each draw is its own"


def test_calls_that_are_answered_together_are_answered_as_if_alone(client: openai.OpenAI) -> None:
    words = ["the house is blue", "a house", "white " * 9, BOTH]
    settings: list[dict[str, Any]] = [{"max_tokens": 3}, {"temperature": 1, "seed": 3}, {"stop": ["not", "is b"]}]
    calls = [(word, model, more) for word in words for more in settings for model in ("colours", "prefixed", "chat")]

    def answer(call: tuple[str, str, dict[str, Any]]) -> tuple[str, str, int]:
        got = ask(client, call[0], call[1], **call[2])
        return got.choices[0].message.content, got.choices[0].finish_reason, got.usage.completion_tokens

    alone = [answer(call) for call in calls]
    with ThreadPoolExecutor(30) as threads:
        assert list(threads.map(answer, calls)) == alone
    assert len({text for text, _, _ in alone}) >= 6


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"n": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"stream": True}, "stream"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools"),
    ({"presence_penalty": 0.1}, "presence_penalty"), ({"logit_bias": {"1": 3}}, "logit_bias"),
    ({"reasoning_effort": "low"}, "reasoning_effort"), ({"extra_body": {"top_k": 5}}, "top_k"),
    ({"temperature": 1e-320}, "temperature"), ({"temperature": 3}, "temperature"),
    ({"temperature": -1}, "temperature"), ({"top_p": 0}, "top_p"),
    ({"max_tokens": 0}, "max_tokens"), ({"max_tokens": 3, "max_completion_tokens": 4}, "max_completion_tokens"),
    ({"seed": 1.5}, "seed"), ({"stop": ["a"] * 5}, "stop"), ({"stop": [""]}, "stop[0]"), ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": RED, "name": "me"}]}, "messages[0].name"),
    ({"messages": [{"role": "tool", "content": RED}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
     "messages[0].content[0].type"),
    # A T5 reads one text: nothing is folded into it, and nothing left out.
    ({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": RED}]}, "messages"),
    ({"messages": [{"role": "user", "content": RED}] * 2}, "messages"),
    ({"messages": [{"role": "assistant", "content": RED}]}, "messages"),
    ({"messages": [{"role": "user", "content": " "}]}, "messages"),
    # This chat model's template has no place for one, and a conversation that has ended none for an answer.
    ({"model": "chat", "messages": [{"role": "system", "content": "Be."}, {"role": "user", "content": RED}]},
     "messages"),
    ({"model": "chat", "messages": [{"role": "user", "content": RED}, {"role": "assistant", "content": "Yes."}]},
     "messages"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "param"), REFUSED, ids=[f"{param}-{place}" for place, (_, param) in enumerate(REFUSED)]
)
def test_what_is_not_done_is_refused_by_name(client: openai.OpenAI, more: dict[str, Any], param: str) -> None:
    refused = refusal(client, **more)
    assert isinstance(refused, openai.BadRequestError) and isinstance(refused.body, dict)
    assert refused.param == param and refused.type == "invalid_request_error"
    said = refused.body["message"]
    assert param.split("[")[0] in said or "message" in said


def test_what_changes_nothing_is_taken(client: openai.OpenAI) -> None:
    neutral: dict[str, Any] = {
        "n": 1, "stream": False, "logprobs": False, "frequency_penalty": 0, "tools": [], "tool_choice": "none",
        "response_format": {"type": "text"}, "user": "me", "metadata": {"run": "1"}, "stop": None, "seed": 7,
        "messages": [
            {"role": "system", "content": ""},
            {"role": "user", "content": [{"type": "text", "text": "the house "}, {"type": "text", "text": "red"}]},
        ],
    }  # fmt: skip
    assert client.chat.completions.create(model="colours", **neutral).choices[0].message.content == "It is red ."
    talk: Any = [
        {"role": "user", "content": "the house is red"}, {"role": "assistant", "content": "a house"},
        {"role": "user", "content": "red green"},
    ]  # fmt: skip
    assert client.chat.completions.create(model="chat", messages=talk).choices[0].message.content == "It is red ."


@pytest.mark.parametrize(("model", "most"), [("colours", 40), ("prefixed", 12), ("chat", 39)])
def test_what_is_too_long_is_refused_and_never_cut(client: openai.OpenAI, model: str, most: int) -> None:
    marks = {"colours": 1, "prefixed": 3, "chat": 2}[model]
    assert text_of(client, "red " * (most - marks), model)
    refused = refusal(client, model=model, messages=[{"role": "user", "content": "red " * (most - marks + 1)}])
    assert (refused.status_code, refused.code) == (400, "context_length_exceeded")
    assert f"at most {most} tokens" in str(refused) and f"has {most + 1}" in str(refused)


def test_models_are_listed_with_what_they_are(client: openai.OpenAI, served: Served) -> None:
    listed = {one.id: one for one in client.models.list().data}
    assert list(listed) == ["colours", "prefixed", "brief", "chat"]
    assert [one.model_extra["simulated"] for one in listed.values()] == [False, True, False, False]
    assert [one.model_extra["root"] for one in listed.values()][3] == str(served.folder / "llama")
    prints = [one.model_extra["system_fingerprint"] for one in listed.values()]
    assert len(set(prints)) == 4 and client.models.retrieve("chat").model_extra == listed["chat"].model_extra
    got = client.chat.completions.with_raw_response.create(model="chat", messages=[{"role": "user", "content": RED}])
    assert got.headers["x-redraft-model"] == got.parse().system_fingerprint == prints[3]
    for missing in (lambda: ask(client, RED, "nobody"), lambda: client.models.retrieve("nobody")):
        with pytest.raises(openai.NotFoundError, match=r"there is colours, prefixed, brief, chat") as caught:
            missing()
        assert caught.value.code == "model_not_found"


def raw(url: str, body: bytes | None, path: str = "/v1/chat/completions", **headers: str) -> tuple[int, Any]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        read = answer.read()
        return answer.status, json.loads(read) if read.startswith(b"{") else read.decode()
    finally:
        connection.close()


def test_what_is_no_call(served: Served) -> None:
    assert raw(served.url, None, "/health") == (200, {"status": "ok"})
    for body in (b"", b"{", b"[]", b'{"model": "\xff"}', b"[" * 100_000):
        status, said = raw(served.url, body)
        assert status == 400 and "the body is no JSON" in said["error"]["message"]
    for body, field in ((b"{}", "model"), (b'{"model": "chat"}', "messages"), (b'{"messages": 1}', "messages")):
        status, said = raw(served.url, body)
        assert (status, said["error"]["param"]) == (400, field)
    assert raw(served.url, b" " * (17 * 2**20))[0] == 413
    status, said = raw(served.url, None, "/v1/nothing")
    assert status == 404 and said["error"]["message"] == "Not Found"
    assert raw(served.url, None)[0] == 405
    # A page whose name resolves to this machine.
    assert raw(served.url, None, "/v1/models", Host="evil.example")[0] == 400


def test_a_caller_who_hangs_up_keeps_nobody_waiting(client: openai.OpenAI, served: Served) -> None:
    place = urlsplit(served.url)
    body = json.dumps({"model": "colours", "messages": [{"role": "user", "content": RED}]})
    for _ in range(50):
        with socket.create_connection((place.hostname, place.port)) as gone:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
            gone.sendall((head + body).encode())
    assert text_of(client, RED) == "It is red ."


def local(served: Served) -> Endpoint:
    return Endpoint(provider="local", base_url=served.url, api_key="none")


def request(model: str, text: str = RED, **more: Any) -> Request:
    return Request(model=f"local:{model}", messages=(Message("user", text),), template="t@1", **more)


def test_answers_are_filed_under_what_the_model_is_made_of(served: Served) -> None:
    async def both() -> tuple[Endpoint, Endpoint, Endpoint]:
        async with ChatClient() as client:
            known = [await client.identify(local(served), name) for name in ("colours", "prefixed", "nobody")]
            assert (await client.attempt(request("colours"), known[0])).text == "It is red ."
            # Another model under the name, as after a server's restart; and a server that came later than the run.
            for wrong in (known[0], local(served)):
                with pytest.raises(CallFault) as caught:
                    await client.attempt(request("prefixed"), wrong)
                assert caught.value.kind == "other_model"
            return known[0], known[1], known[2]

    plain, prefixed, nobody = asyncio.run(both())
    assert plain.name.startswith("local@sha256:") and not plain.simulated
    assert prefixed.simulated and prefixed.name != plain.name, "the same weights, another prefix"
    assert nobody.name == served.url


def test_a_run_marks_answers_of_what_was_trained_on_simulated_data(served: Served, tmp_path: Path) -> None:
    async def source(_: str) -> Endpoint:
        return local(served)

    async def asked(requests: list[Request]) -> dict[str, Outcome]:
        async with ChatClient() as client, Ledger(tmp_path / "ledger.sqlite") as ledger:
            caller = Caller(client, source, ledger, Lanes(LimitSettings()))
            found = {request.model: outcome async for request, outcome in caller.run(requests)}
            await caller.settled()
            return found

    requests = [
        request(name, "the house", temperature=0.0, max_tokens=2048) for name in ("colours", "prefixed", "chat")
    ]
    first = asyncio.run(asked(requests))
    texts = {name: (one.text, one.simulated, one.cost) for name, one in first.items() if isinstance(one, Completion)}
    assert texts == {
        "local:colours": ("I do not know .", False, 0.0), "local:prefixed": ("It is blue .", True, 0.0),
        "local:chat": ("I do not know .", False, 0.0),
    }  # fmt: skip
    assert all(one.reused for one in asyncio.run(asked(requests)).values())
    long = asyncio.run(asked([request("colours", "red " * 60)]))["local:colours"]
    assert not isinstance(long, Completion) and long.reason == "bad_request" and "at most 40 tokens" in long.detail
    shaped = asyncio.run(asked([msgspec.structs.replace(requests[0], output_schema={"type": "object"})]))
    assert "response_format" in getattr(shaped["local:colours"], "detail", "")


def test_a_taken_port_is_said_before_anything_is_loaded(served: Served) -> None:
    port = urlsplit(served.url).port
    done = CliRunner().invoke(main, ["serve", str(served.folder / "colours"), "--port", str(port)])
    assert done.exit_code == 2 and "Traceback" not in done.output
    assert f"redraft: bad input: cannot listen on 127.0.0.1:{port} (Address already in use)" in done.output
