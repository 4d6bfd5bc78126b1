"""The batch APIs over their SDKs: what is sent is what the SDK would send, and every fault has its word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import pytest
import together
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from together.lib.cli.api.batches.submit import submit as batches_submit

from redraft.errors import ConfigurationError
from redraft.providers.batch_lines import file_line, whole_lines
from redraft.providers.batches import BATCHING, Line, Sought, UnknownBatchError, batch_api
from redraft.providers.endpoints import PROVIDERS, Endpoint
from redraft.providers.wire import CallFault, read_answer
from redraft.records import Message, Request
from redraft.sandbox.process import SandboxProcess

KEY = "sk-secret-0123456789"
MODELS = {"anthropic": "claude-haiku-5-5", "openai": "gpt-5-mini", "together": "m/x"}
each_provider = pytest.mark.parametrize("provider", BATCHING)


@pytest.fixture(scope="module")
def box() -> Iterator[SandboxProcess]:
    with SandboxProcess.start({"seed": 1, "batch_seconds": 0.1, "file_seconds": 0}) as one:
        yield one


class Config(NamedTuple):
    """What the commands of Together's SDK are handed."""

    client: together.AsyncTogether
    json: bool


def endpoint(provider: str, url: str, key: str = KEY) -> Endpoint:
    return Endpoint(provider=provider, base_url=f"{url}/openai/v1" if provider == "openai" else url, api_key=key)


@asynccontextmanager
async def opened(provider: str, url: str, key: str = KEY) -> AsyncIterator[Any]:
    api = batch_api(endpoint(provider, url, key))
    try:
        yield api
    finally:
        await api.close()


def written(api: Any, provider: str, folder: Path, count: int = 12) -> Path:
    """A file of requests; line separators of Unicode stand in its texts."""
    path = folder / "requests.jsonl"
    with path.open("wb") as file:
        for n in range(count):
            message = Message("user", f"question {n}: why\u2028is it dark?")
            request = Request(model=f"{provider}:{MODELS[provider]}", messages=(message,), template="t@1")
            file.write(api.line(f"row-{n}-key", request) + b"\n")
    return path


async def ended(api: Any, remote_id: str) -> Any:
    for _ in range(400):
        if (standing := await api.look(remote_id)).ended:
            return standing
        await asyncio.sleep(0.02)
    raise AssertionError("the batch did not end")


@each_provider
def test_round_trip(box, tmp_path, provider):
    async def run() -> None:
        async with opened(provider, box.url) as api:
            path = written(api, provider, tmp_path)
            file_id = await api.upload(path) if api.upload else None
            remote_id = await api.submit(path, file_id, "key")
            found = await api.find(Sought("key", file_id, 12, 0.0), ())
            assert remote_id in found and (len(found) == 1 or not api.certain)
            standing = await ended(api, remote_id)
            assert standing.failed is None
            async with aclosing(api.results(standing)) as lines:
                got = [line async for line in lines]
            assert {line.custom_id for line in got} == {f"row-{n}-key" for n in range(12)}
            assert all(read_answer(provider, line.raw).text for line in got)
            elsewhere = Sought("other", "file-other", 11, 0.0)
            assert await api.find(elsewhere, ()) == []

    asyncio.run(run())


def test_anthropic_is_sent_what_its_sdk_would_send(serve, tmp_path):
    """Streamed from a file, for the SDK's own `create` holds all of it in memory."""
    seen: list[tuple[str, dict[str, str], Any]] = []

    async def handler(request: web.Request) -> web.Response:
        names = ("authorization", "anthropic-version", "content-type", "content-length")
        headers = {name: request.headers.get(name, "") for name in names}
        seen.append((request.path, headers, json.loads(await request.read())))
        return web.json_response({"id": "msgbatch_1", "type": "message_batch"})

    async def run() -> None:
        async with serve(handler) as url, opened("anthropic", url) as api:
            path = written(api, "anthropic", tmp_path)
            assert await api.submit(path, None, "key") == "msgbatch_1"
            requests = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
            async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as sdk:
                await sdk.messages.batches.create(requests=requests)

    asyncio.run(run())
    ours, theirs = seen
    assert ours == theirs and len(ours[2]["requests"]) == 12


def test_a_batch_of_together_is_made_as_its_sdk_makes_one(tmp_path, capsys):
    """At once: its file is not processed first, as training files are."""

    async def ours(url: str) -> str:
        async with opened("together", url) as api:
            path = written(api, "together", tmp_path)
            return await api.submit(path, await api.upload(path), "key")

    async def theirs(url: str) -> str:
        async with together.AsyncTogether(api_key=KEY, base_url=url, max_retries=0) as client:
            await batches_submit(str(tmp_path / "requests.jsonl"), "chat.completions", config=Config(client, json=True))
        return json.loads(capsys.readouterr().out)["job"]["id"]

    async def failed(url: str, remote_id: str) -> Any:
        async with opened("together", url) as api:
            return (await ended(api, remote_id)).failed

    sent = []
    with SandboxProcess.start({"seed": 1, "batch_seconds": 0.1, "file_seconds": 3600}) as box:
        for make in (ours, theirs):
            remote_id = asyncio.run(make(box.url))
            sent.append(box.stats()["requests"])
            with together.Together(api_key=KEY, base_url=box.url, max_retries=0) as client:
                assert {file.processing_status for file in client.files.list().data} == {"PENDING"}
            assert asyncio.run(failed(box.url, remote_id)) is None
            box.post("/sandbox/reset?everything=1")
    assert sent[0] == sent[1] and sent[0]["POST /v1/batches"] == {"201": 1}


@each_provider
def test_faults_have_their_words_and_no_key(serve, provider, tmp_path):
    answers = [
        (401, {"error": {"message": f"bad key {KEY}", "type": "authentication_error"}}, "key_refused"),
        (400, {"error": f"no, {KEY}"}, "bad_request"),
        (429, {"error": {"message": "slow down"}}, "rate_limited"),
        (500, {"error": {"message": "oops"}}, "server_error"),
        (402, {}, "spend_limit"),
        (200, "<html>", "malformed_answer"),
    ]
    left = list(answers)

    async def handler(request: web.Request) -> web.Response:
        status, body, _ = left.pop(0)
        if isinstance(body, str):
            return web.Response(text=body, content_type="application/json")
        return web.json_response(body, status=status)

    async def fault(url: str) -> CallFault:
        async with opened(provider, url) as api:
            with pytest.raises(CallFault) as caught:
                await api.submit(written(api, provider, tmp_path), "file-1", "key")
        return caught.value

    async def run() -> None:
        async with serve(handler) as url:
            for _, _, kind in answers:
                said = await fault(url)
                assert said.kind == kind and KEY not in said.detail
        assert (await fault(url)).kind == "unreachable", "nobody listens there any more"

    asyncio.run(run())


@each_provider
def test_an_unknown_batch_is_told_from_other_faults(box, provider):
    async def run() -> None:
        async with opened(provider, box.url) as api:
            with pytest.raises(UnknownBatchError):
                await api.look("msgbatch_none")

    asyncio.run(run())


def test_other_providers_have_none():
    for provider in PROVIDERS.keys() - set(BATCHING):
        with pytest.raises(ConfigurationError, match="has no batch API; use a model of anthropic, openai, together"):
            batch_api(endpoint(provider, "http://127.0.0.1:1"))


@given(content=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60), max_size=6))
def test_lines_are_whole_wherever_the_pieces_end(content, cuts):
    async def pieces() -> AsyncIterator[bytes]:
        places = [0, *sorted(cuts), len(content)]
        for begin, end in pairwise(places):
            yield content[begin:end]

    async def run() -> list[bytes]:
        return [line async for line in whole_lines(pieces())]

    assert asyncio.run(run()) == [line.strip() for line in content.split(b"\n") if line.strip()]


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"response": {"status_code": 200, "body": {"a": 1}}, "error": None}, ("answered", b'{"a":1}', "")),
        ({"response": {"body": {"a": 1}}}, ("answered", b'{"a":1}', "")),
        (
            {"response": {"status_code": 500, "body": {"error": {"message": "oops"}}}, "error": None},
            ("errored", None, "HTTP 500: oops"),
        ),
        ({"response": None, "error": {"code": "batch_expired", "message": "late"}}, ("expired", None, "late")),
        ({"error": {"code": "batch_cancelled", "message": "x"}}, ("cancelled", None, "x")),
        ({"error": {"code": "server_error", "message": f"for {KEY}"}}, ("errored", None, "for [key]")),
    ],
)
def test_lines_of_files(raw, line):
    encoded = json.dumps({"custom_id": "a", **raw}, separators=(",", ":")).encode()
    assert file_line(encoded, KEY) == Line("a", *line)


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff", b'{"custom_id": 3}'])
def test_a_line_that_is_none(raw):
    assert file_line(raw, KEY) is None
