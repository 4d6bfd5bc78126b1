"""What is sent: for the same call the providers' own SDKs send the same body and headers, to the same path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, get_args

import anthropic
import openai
import pytest
import together
from aiohttp import web
from openai.types import ChatModel

from redraft.providers import wire
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import PROVIDERS, Endpoint
from redraft.records import Message, Request

KEY = "sk-secret-0123456789"
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["1", "2"]}, "räson": {"type": "string"}},
    "required": ["verdict", "räson"],
    "additionalProperties": False,
}
TALK = (Message("user", "Why is it dark? 🌑"), Message("assistant", "It is night."), Message("user", 'No, "really"?\n'))
SYSTEM = Message("system", "Be kind.\nBe brief.")
DICTS = [{"role": message.role, "content": message.content} for message in TALK]
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}

# feature → what is asked of redraft
ASKED: dict[str, dict[str, Any]] = {
    "plain": {},
    "system": {"messages": (SYSTEM, *TALK)},
    "temperature": {"temperature": 0.0},
    "top_p": {"top_p": 0.9},
    "seed": {"seed": 7},
    "stop": {"stop": ("\n\n", "END")},
    "effort": {"effort": "low"},
    "max_tokens": {"max_tokens": 5},
    "schema": {"output_schema": SCHEMA},
}
ASKED["all"] = {name: value for asked in list(ASKED.values()) for name, value in asked.items()}

# feature → what a caller of the OpenAI SDK, or of Together's, writes for the same
OPENAI: dict[str, dict[str, Any]] = {
    "plain": {},
    "system": {"messages": [{"role": "system", "content": SYSTEM.content}, *DICTS]},
    "temperature": {"temperature": 0.0},
    "top_p": {"top_p": 0.9},
    "seed": {"seed": 7},
    "stop": {"stop": ["\n\n", "END"]},
    "effort": {"reasoning_effort": "low"},
    "max_tokens": {"max_tokens": 5},
    "schema": {"response_format": FORM},
}
# Claude takes no temperature, top_p or seed any more; its SDK cannot send them.
CLAUDE: dict[str, dict[str, Any]] = {
    "system": {"system": SYSTEM.content},
    "stop": {"stop_sequences": ["\n\n", "END"]},
    "effort": {"output_config": {"effort": "low"}},
    "max_tokens": {"max_tokens": 5},
    "schema": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
}
CLAUDE["all"] = {
    **{name: value for feature in ("system", "stop", "max_tokens") for name, value in CLAUDE[feature].items()},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
}
# Said by every client of itself, and nothing of who asks or what for.
OF_THE_CLIENT = ("host", "user-agent", "connection", "content-length", "accept-encoding", "x-stainless-", "idempotency")
OPENAI_ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m", "prompt": [],
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}  # fmt: skip
CLAUDE_ANSWER = {
    "id": "1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
    "content": [{"type": "text", "text": "Yes."}], "usage": {"input_tokens": 3, "output_tokens": 2},
}  # fmt: skip


class Sent(NamedTuple):
    line: str
    headers: dict[str, str]
    body: Any


class Recorder:
    """Answers in the provider's form and keeps what was sent."""

    def __init__(self) -> None:
        self.seen: list[Sent] = []

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        told = {name: value for name, value in headers.items() if not name.startswith(OF_THE_CLIENT)}
        self.seen.append(Sent(f"{request.method} {request.path_qs}", told, await request.json()))
        return web.json_response(CLAUDE_ANSWER if "messages" in request.path else OPENAI_ANSWER)


def arguments(provider: str, feature: str) -> dict[str, Any]:
    """What is written for the SDK: what the provider's documents say, not what redraft does."""
    asked: dict[str, Any] = {"model": "m/one", "max_tokens": 77, "messages": DICTS}
    if provider == "anthropic":
        return asked | CLAUDE.get(feature, {})
    for name in OPENAI if feature == "all" else (feature,):
        asked |= OPENAI[name]
    if provider == "openai":  # the older name is deprecated there, and refused by reasoning models
        asked["max_completion_tokens"] = asked.pop("max_tokens")
    if provider == "gemini":  # "Unknown name "seed": Cannot find field."
        asked.pop("seed", None)
    if provider == "local":  # `redraft serve` refuses what would not reach the model
        asked.pop("reasoning_effort", None)
    if provider == "openrouter" and "response_format" in asked:
        asked["extra_body"] = {"provider": {"require_parameters": True}}
    return asked


@asynccontextmanager
async def sdk(provider: str, url: str) -> AsyncIterator[Callable[..., Any]]:
    if provider == "anthropic":
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client:
            yield client.messages.create
    elif provider == "together":
        async with together.AsyncTogether(api_key=KEY, base_url=url, max_retries=0) as client:
            yield client.chat.completions.create
    else:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0) as client:
            yield client.chat.completions.create


@pytest.fixture(scope="module")
def pairs(serve: Callable[..., Any]) -> dict[tuple[str, str], list[Sent]]:
    """What redraft and the SDK sent, for every provider and feature."""

    async def collect() -> dict[tuple[str, str], list[Sent]]:
        recorder, found = Recorder(), {}
        async with serve(recorder.answer) as url, ChatClient() as client:
            for provider in PROVIDERS:
                base = url if provider in {"anthropic", "together"} else f"{url}/{provider}/v1"
                endpoint = Endpoint(provider=provider, base_url=base, api_key=KEY)
                async with sdk(provider, base) as create:
                    for feature, asked in ASKED.items():
                        recorder.seen = []
                        request = {"max_tokens": 77, "messages": TALK} | asked
                        answer = await client.attempt(
                            Request(model=f"{provider}:m/one", template="t@1", **request), endpoint
                        )
                        assert (answer.text, answer.input_tokens, answer.output_tokens) == ("Yes.", 3, 2)
                        await create(**arguments(provider, feature))
                        found[provider, feature] = recorder.seen
        return found

    return asyncio.run(collect())


@pytest.mark.parametrize("feature", ASKED)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_sdk_sends_the_same(pairs: dict[tuple[str, str], list[Sent]], provider: str, feature: str) -> None:
    mine, theirs = pairs[provider, feature]
    assert mine == theirs
    assert mine.headers["authorization"] == f"Bearer {KEY}"


def test_the_version_header_is_that_of_the_installed_sdk() -> None:
    sent = wire.headers(Endpoint(provider="anthropic", base_url="http://127.0.0.1:1", api_key=KEY))
    with anthropic.Anthropic(api_key=KEY) as client:
        assert sent["anthropic-version"] == client.default_headers["anthropic-version"]


@pytest.mark.parametrize(
    ("provider", "base", "whole"),
    [
        ("together", "https://api.together.ai", "https://api.together.ai/v1/chat/completions"),
        # What the training side takes, and what tutorials for the older SDK say.
        ("together", "https://api.together.xyz/v1/", "https://api.together.xyz/v1/chat/completions"),
        ("anthropic", "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("openrouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
        ("gemini", "https://g.dev/v1beta/openai/", "https://g.dev/v1beta/openai/chat/completions"),
        ("vllm", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/chat/completions"),
    ],
)
def test_the_address_of_calls(provider: str, base: str, whole: str) -> None:
    assert wire.url(Endpoint(provider=provider, base_url=base, api_key=KEY)) == whole


def test_openai_takes_the_newer_name_of_the_token_limit() -> None:
    bodies = [wire.body(Request(model=f"{p}:m", messages=TALK, template="t@1")) for p in ("openai", "openrouter")]
    assert [sorted(body) for body in bodies] == [
        ["max_completion_tokens", "messages", "model"],
        ["max_tokens", "messages", "model"],
    ]


def sampling(model: str) -> set[str]:
    """Which parameters of sampling are sent to a model when all are asked for."""
    request = Request(model=model, messages=TALK, template="t@1", temperature=0.0, top_p=0.9, stop=("END",), seed=7)
    return wire.body(request).keys() & {"temperature", "top_p", "stop", "seed"}


def test_a_reasoning_model_of_openai_is_not_sent_what_it_refuses() -> None:
    older = ("gpt-4", "gpt-3.5", "gpt-audio", "chatgpt-", "codex-", "gpt-5-chat")
    known = {name: "older" if name.startswith(older) else "reasoning" for name in get_args(ChatModel)}
    assert {known[name] for name in ("o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5.4-nano", "gpt-6-sol")} == {"reasoning"}
    assert known["gpt-5-chat-latest"] == "older"
    for name, kind in known.items():
        sent = {"seed"} if kind == "reasoning" else {"temperature", "top_p", "stop", "seed"}
        assert sampling(f"openai:{name}") == sampling(f"openrouter:openai/{name}") == sent, name
    assert sampling("openai:ft:o4-mini-2025-04-16:me::1") == {"seed"}
    for model in ("openai:ft:gpt-4o:me::1", "together:openai/gpt-oss-20b", "vllm:gpt-5", "openrouter:qwen/o3"):
        assert sampling(model) == {"temperature", "top_p", "stop", "seed"}, model
