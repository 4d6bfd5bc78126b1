"""Where the batches of each provider are mounted, behind the key check, with refusals in that provider's words.

Neighbours: `app` calls this, the providers' `*_batches` handle what is mounted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from redraft.sandbox.anthropic_batches import AnthropicBatches
from redraft.sandbox.batches import Batches
from redraft.sandbox.calls import Calls
from redraft.sandbox.dialects import JSON, Anthropic, Denied, Dialect, OpenAI, Together
from redraft.sandbox.files import Files
from redraft.sandbox.openai_batches import OpenAIBatches
from redraft.sandbox.options import Options
from redraft.sandbox.state import State
from redraft.sandbox.together_batches import TogetherBatches

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TogetherWords(Together):
    """Together's batches word their errors in a string, unlike everything else there."""

    def error(self, denied: Denied) -> bytes:
        return msgspec.json.encode({"error": denied.message})


def mount_batches(
    app: web.Application,
    options: Options,
    state: State,
    calls: Calls,
    files: Files,
    guarded: Callable[[Handler], Handler],
) -> None:
    batches = Batches(options, state, calls)
    claude = AnthropicBatches(options, state, batches)
    together = TogetherBatches(options, state, files, batches, Together())
    openai = OpenAIBatches(options, state, files, batches, OpenAI())
    routes: tuple[tuple[Dialect, str, str, Handler], ...] = (
        (Anthropic(), "POST", "/v1/messages/batches", claude.create),
        (Anthropic(), "GET", "/v1/messages/batches", claude.all),
        (Anthropic(), "GET", "/v1/messages/batches/{id}", claude.one),
        (Anthropic(), "POST", "/v1/messages/batches/{id}/cancel", claude.cancel),
        (Anthropic(), "GET", "/v1/messages/batches/{id}/results", claude.results),
        (TogetherWords(), "POST", "/v1/batches", together.create),
        (TogetherWords(), "GET", "/v1/batches", together.all),
        (TogetherWords(), "GET", "/v1/batches/{id}", together.one),
        (TogetherWords(), "POST", "/v1/batches/{id}/cancel", together.cancel),
        (OpenAI(), "POST", "/openai/v1/files", openai.upload),
        (OpenAI(), "GET", "/openai/v1/files/{id}", openai.file),
        (OpenAI(), "DELETE", "/openai/v1/files/{id}", openai.delete),
        (OpenAI(), "GET", "/openai/v1/files/{id}/content", openai.content),
        (OpenAI(), "POST", "/openai/v1/batches", openai.create),
        (OpenAI(), "GET", "/openai/v1/batches", openai.all),
        (OpenAI(), "GET", "/openai/v1/batches/{id}", openai.one),
        (OpenAI(), "POST", "/openai/v1/batches/{id}/cancel", openai.cancel),
    )
    for dialect, method, path, handler in routes:
        app.router.add_route(method, path, guarded(_worded(handler, dialect)))

    async def resume(_: web.Application) -> None:
        await batches.resume()

    async def stop(_: web.Application) -> None:
        await batches.stop()

    app.on_startup.append(resume)
    app.on_cleanup.append(stop)


def _worded(handler: Handler, dialect: Dialect) -> Handler:
    async def inner(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Denied as denied:
            return web.Response(status=denied.status, body=dialect.error(denied), content_type=JSON)

    return inner
