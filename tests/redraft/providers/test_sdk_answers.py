"""What comes back from the sandbox: the providers' own SDKs, with strict validation, read of it what redraft reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import msgspec
import openai
import pytest
import together

from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import Answer, CallFault
from redraft.records import Message, Request
from redraft.sandbox.process import BASE_PATHS, SandboxProcess

KEY = "sk-secret-0123456789"
SCHEMA = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}, "required": ["mood"]}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "schema": {"output_schema": SCHEMA},
    "everything": {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ("END",), "effort": "low"},
    "truncated": {"max_tokens": 3},
    "refused": {},
    "empty": {},
}
FAULTS = {
    "limited": "rate_limited",
    "limited_seconds": "rate_limited",
    "limited_ms": "rate_limited",
    "limited_date": "rate_limited",
    "ramp_limit": "rate_limited",
    "spend_limit": "spend_limit",
    "error_500": "server_error",
    "error_502": "server_error",
    "error_503": "overloaded",
    "error_529": "overloaded",
}
# Finish reasons that strict validation does not know: Gemini's own words, and a content filter at Together.
UNKNOWN_TO_THE_SDK = {("gemini", "refused"), ("together", "refused")}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start({"seed": 1}) as process:
        names = [{"match": f"question {name}", "times": 0, "do": {"fault": name}} for name in ("refused", "empty")]
        faults = [{"match": f"question {name}", "times": 0, "do": {"fault": name}} for name in FAULTS]
        for one in faults:
            one["match"] += "!"
            one["do"]["retry_after"] = 30
        process.post("/sandbox/script", names + faults)
        yield process


def asked(provider: str, name: str, **more: Any) -> Request:
    model = "claude-haiku-5-5" if provider == "anthropic" else "m/one"
    return Request(model=f"{provider}:{model}", messages=(Message("user", f"question {name}"),), template="t@1", **more)


async def identified(client: ChatClient, sandbox: SandboxProcess, provider: str) -> Endpoint:
    return await client.identify(Endpoint(provider=provider, base_url=sandbox.url + BASE_PATHS[provider], api_key=KEY))


@asynccontextmanager
async def sdk(endpoint: Endpoint, strict: bool) -> AsyncIterator[tuple[Any, Callable[..., Awaitable[Any]]]]:
    kinds: dict[str, Any] = {"anthropic": anthropic.AsyncAnthropic, "together": together.AsyncTogether}
    client = kinds.get(endpoint.provider, openai.AsyncOpenAI)(
        api_key=KEY, base_url=endpoint.base_url, max_retries=0, _strict_response_validation=strict
    )
    async with client:
        yield client, client.messages.create if endpoint.provider == "anthropic" else client.chat.completions.create


def written(provider: str, case: str) -> dict[str, Any]:
    """The same call, as it is written for the SDK."""
    more = CASES[case]
    limit = more.get("max_tokens", 1024)
    said: dict[str, Any] = {"messages": [{"role": "user", "content": f"question {case}"}]}
    if provider == "anthropic":
        said |= {"model": "claude-haiku-5-5", "max_tokens": limit}
        if case == "everything":
            said |= {"stop_sequences": ["END"], "output_config": {"effort": "low"}}
        if case == "schema":
            said["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
        return said
    said |= {"model": "m/one", "max_completion_tokens" if provider == "openai" else "max_tokens": limit}
    if case == "everything":
        said |= {"temperature": 0.5, "top_p": 0.9, "stop": ["END"], "reasoning_effort": "low"}
        said |= {} if provider == "gemini" else {"seed": 3}
    if case == "schema":
        form = {"name": "answer", "schema": SCHEMA, "strict": True}
        said["response_format"] = {"type": "json_schema", "json_schema": form}
        said |= {"extra_body": {"provider": {"require_parameters": True}}} if provider == "openrouter" else {}
    return said


@pytest.mark.parametrize("provider", BASE_PATHS)
def test_the_sdk_reads_the_same(sandbox: SandboxProcess, provider: str) -> None:
    async def both() -> list[tuple[str, Any, Answer]]:
        found: list[tuple[str, Any, Answer]] = []
        async with ChatClient() as client:
            endpoint = await identified(client, sandbox, provider)
            async with sdk(endpoint, strict=True) as (strict, create), sdk(endpoint, strict=False) as (_, lenient):
                assert strict._strict_response_validation
                for case, more in CASES.items():
                    ask = lenient if (provider, case) in UNKNOWN_TO_THE_SDK else create
                    mine = await client.attempt(asked(provider, case, **more), endpoint)
                    found.append((case, await ask(**written(provider, case)), mine))
        return found

    for case, theirs, mine in asyncio.run(both()):
        assert mine.model == theirs.model
        if provider == "anthropic":
            assert mine.text == "".join(block.text for block in theirs.content)
            assert mine.finish_reason == theirs.stop_reason
            assert (mine.input_tokens, mine.output_tokens) == (theirs.usage.input_tokens, theirs.usage.output_tokens)
            assert bool(theirs.stop_details) == (case == "refused")
        else:
            choice, usage = theirs.choices[0], theirs.usage
            assert (mine.text, mine.finish_reason) == (choice.message.content or "", choice.finish_reason)
            assert (mine.input_tokens, mine.output_tokens) == (usage.prompt_tokens, usage.completion_tokens)
        filtered = "refused" if provider in {"anthropic", "openai"} else "filtered"
        expected = {"truncated": "truncated", "refused": filtered, "empty": "empty"}.get(case)
        assert mine.fault == expected, case
        assert mine.category or (provider, case) != ("gemini", "refused")


@pytest.mark.parametrize("provider", BASE_PATHS)
def test_errors_mean_to_the_sdk_what_they_mean_to_us(sandbox: SandboxProcess, provider: str) -> None:
    """The status and, where a time is named, the seconds that the SDK would wait."""

    async def both(client: ChatClient, endpoint: Endpoint, fault: str, theirs: Any, create: Any) -> None:
        request = asked(provider, f"{fault}!")
        with pytest.raises(CallFault) as mine:
            await client.attempt(request, endpoint)
        assert mine.value.kind == FAULTS[fault]
        message = {"role": "user", "content": request.messages[0].content}
        with pytest.raises((together.APIStatusError, anthropic.APIStatusError, openai.APIStatusError)) as error:
            await create(model="claude-haiku-5-5", max_tokens=9, messages=[message])
        assert mine.value.detail.startswith(f"HTTP {error.value.status_code}")
        waits = theirs._parse_retry_after_header(error.value.response.headers)
        if fault in {"limited_seconds", "limited_ms", "limited_date"}:
            assert waits == pytest.approx(30, abs=2)
        if (provider, fault) == ("gemini", "ramp_limit"):
            assert waits is None and mine.value.retry_after == pytest.approx(30, abs=2), "it stands in the body"
        else:
            assert mine.value.retry_after == (waits and pytest.approx(waits, abs=2))

    async def every() -> None:
        async with ChatClient() as client:
            endpoint = await identified(client, sandbox, provider)
            async with sdk(endpoint, strict=True) as (theirs, create):
                for fault in FAULTS:
                    await both(client, endpoint, fault, theirs, create)

    asyncio.run(every())


@pytest.mark.parametrize("model", ["o3", "gpt-5-mini", "gpt-5-chat-latest", "gpt-4o"])
def test_openai_answers_whatever_is_asked_of_a_reasoning_model(sandbox: SandboxProcess, model: str) -> None:
    """A judge is asked at temperature 0, whatever model it is."""

    async def ask() -> Answer:
        async with ChatClient() as client:
            endpoint = await identified(client, sandbox, "openai")
            request = asked("openai", "reasoning", output_schema=SCHEMA, **CASES["everything"])
            return await client.attempt(msgspec.structs.replace(request, model=f"openai:{model}"), endpoint)

    assert asyncio.run(ask()).text in ('{"mood":"good"}', '{"mood":"bad"}')


def test_claude_says_which_limit_it_was(sandbox: SandboxProcess) -> None:
    with anthropic.Anthropic(api_key=KEY, base_url=sandbox.url, max_retries=0) as client:
        for fault, code in (("spend_limit", "enforced_spend_limit_reached"), ("ramp_limit", "ramp_limit_exceeded")):
            with pytest.raises(anthropic.RateLimitError) as caught:
                client.messages.create(
                    model="claude-haiku-5-5",
                    max_tokens=9,
                    messages=[{"role": "user", "content": f"question {fault}!"}],
                )
            assert caught.value.error_code == code
