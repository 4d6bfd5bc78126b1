"""OpenAI's chat protocol over HTTP: models, chat completions, health. What is not done is refused, in OpenAI's form.

Neighbours: `asked` reads bodies, `batches` has the answers made, `server` runs this.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from redraft.serving.answering import LocalModel, Reply
from redraft.serving.asked import Refused, read_asked
from redraft.serving.batches import Batches
from redraft.serving.folders import ModelFolder

T = TypeVar("T")
# Longer than any model here reads.
LARGEST_BODY = 16 * 2**20
# Tells answers of two models apart that were served under one name.
MODEL_HEADER = "x-redraft-model"
_LOCAL_NAMES = ["127.0.0.1", "localhost"]


def make_app(models: Mapping[str, LocalModel], batches: Batches, *, loopback: bool) -> FastAPI:
    """The application. With `loopback` it answers to this machine's own names alone: a page of the web whose name
    resolves to this machine is kept out."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    if loopback:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=_LOCAL_NAMES)
    # Where models lie is nobody's business beyond this machine.
    listed = [
        _entry(model) | ({"root": str(model.folder.path.resolve())} if loopback else {}) for model in models.values()
    ]

    @app.get("/health")
    async def health() -> Response:
        return _json({"status": "ok"})

    @app.get("/v1/models")
    async def all_models() -> Response:
        return _json({"object": "list", "data": listed})

    @app.get("/v1/models/{name}")
    async def one_model(name: str) -> Response:
        _served(models, name)
        return _json(next(entry for entry in listed if entry["id"] == name))

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        asked = read_asked(await _body(request))
        folder = _served(models, asked.model).folder
        reply = await _unless_gone(request, batches.ask(asked))
        return _json(_completion(folder, reply), headers={MODEL_HEADER: folder.fingerprint})

    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _unknown)
    return app


def _served(models: Mapping[str, LocalModel], name: str) -> LocalModel:
    if (model := models.get(name)) is None:
        said = f"no model {name!r} is served here; there is {', '.join(models)}"
        raise Refused(404, said, "model", "model_not_found")
    return model


def _entry(model: LocalModel) -> dict[str, Any]:
    folder = model.folder
    return {
        "id": folder.name, "object": "model", "created": folder.created, "owned_by": "redraft",
        "system_fingerprint": folder.fingerprint, "simulated": folder.card.simulated,
        "max_input_tokens": model.max_input_tokens,
    }  # fmt: skip


def _completion(folder: ModelFolder, reply: Reply) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text, "refusal": None}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}", "object": "chat.completion", "created": int(time.time()),
        "model": folder.name, "system_fingerprint": folder.fingerprint,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason, "logprobs": None}],
        "usage": {
            "prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens,
            "total_tokens": reply.prompt_tokens + reply.completion_tokens,
        },
    }  # fmt: skip


async def _body(request: Request) -> bytes:
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise Refused(413, f"the body is longer than {LARGEST_BODY >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; where the caller hangs up before, the work is cancelled and nothing is generated for it."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Refused(499, "the caller has gone")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return _json(refused.body, refused.status)


async def _unknown(_: Request, raised: Exception) -> Response:
    assert isinstance(raised, HTTPException)
    return _json(Refused(raised.status_code, str(raised.detail)).body, raised.status_code)


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")
