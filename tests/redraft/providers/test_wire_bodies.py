"""What is sent: for the same call the providers' own SDKs send the same body, to the same path, with the same keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import pytest
import together
from aiohttp import web

from redraft.providers import wire
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Message, Request

KEY = "sk-secret-0123456789"
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["1", "2"]}, "räson": {"type": "string"}},
    "required": ["verdict"],
    "additionalProperties": False,
}
TALK = (Message("user", "Why is it dark? 🌑"), Message("assistant", "It is night."), Message("user", 'No, "really"?\n'))
SYSTEM = Message("system", "Be kind.\nBe brief.")
DICTS = [{"role": message.role, "content": message.content} for message in TALK]

# what is asked of redraft, what is asked of the SDK beside model, max_tokens and messages
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "plain": ({"messages": TALK}, {}, {}),
    "system": (
        {"messages": (SYSTEM, *TALK)},
        {"messages": [{"role": "system", "content": SYSTEM.content}, *DICTS]},
        {"system": SYSTEM.content},
    ),
    # Claude takes no temperature any more; its SDK cannot send one.
    "temperature": ({"messages": TALK, "temperature": 0.0}, {"temperature": 0.0}, {}),
    "schema": (
        {"messages": TALK, "output_schema": SCHEMA},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            }
        },
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
}
OPENAI_ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m", "prompt": [],
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}  # fmt: skip
CLAUDE_ANSWER = {
    "id": "1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
    "content": [{"type": "text", "text": "Yes."}], "usage": {"input_tokens": 3, "output_tokens": 2},
}  # fmt: skip


class Recorder:
    """Answers in the provider's form and keeps method, path, the headers that count, and the body."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        names = ("authorization", "x-api-key", "anthropic-version", "content-type")
        self.seen.append(
            {
                "line": f"{request.method} {request.path_qs}",
                "headers": {name: request.headers.get(name) for name in names},
                "body": await request.json(),
            }
        )
        return web.json_response(CLAUDE_ANSWER if "messages" in request.path else OPENAI_ANSWER)


async def ours(url: str, provider: str, asked: dict[str, Any]) -> str:
    endpoint = Endpoint(provider=provider, base_url=url, api_key=KEY)
    async with ChatClient() as client:
        answer = await client.attempt(
            Request(model=f"{provider}:m/one", template="t@1", max_tokens=77, **asked), endpoint
        )
    assert (answer.input_tokens, answer.output_tokens, answer.fault) == (3, 2, None)
    return answer.text


async def by_together(url: str, asked: dict[str, Any]) -> str | None:
    async with together.AsyncTogether(api_key=KEY, base_url=url, max_retries=0) as client:
        said = await client.chat.completions.create(**{"model": "m/one", "max_tokens": 77, "messages": DICTS} | asked)
    return said.choices[0].message.content


async def by_anthropic(url: str, asked: dict[str, Any]) -> str:
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client:
        said = await client.messages.create(model="m/one", max_tokens=77, messages=DICTS, **asked)
    return said.content[0].text


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("provider", ["together", "anthropic"])
def test_the_sdk_sends_the_same(serve: Callable[..., Any], provider: str, case: str) -> None:
    asked, for_together, for_anthropic = CASES[case]
    recorder = Recorder()

    async def both() -> tuple[str, str | None]:
        async with serve(recorder.answer) as url:
            sdk = by_together(url, for_together) if provider == "together" else by_anthropic(url, for_anthropic)
            return await ours(url, provider, asked), await sdk

    assert asyncio.run(both()) == ("Yes.", "Yes.")
    mine, theirs = recorder.seen
    assert mine == theirs
    assert mine["headers"]["authorization"] == f"Bearer {KEY}"


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
