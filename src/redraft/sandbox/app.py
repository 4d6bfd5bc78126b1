"""The web application: every route of every provider, and the mark that all of it is simulated.

Neighbours: `calls`, `files`, `fine_tunes`, `endpoints` and `batches` handle what providers offer, `control` what
only a sandbox does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from redraft.sandbox.accounts import Accounts
from redraft.sandbox.adapters import Adapters
from redraft.sandbox.anthropic_messages import MessagesForm
from redraft.sandbox.asking import Form
from redraft.sandbox.batch_routes import mount_batches
from redraft.sandbox.calls import Calls, authorise, json_object
from redraft.sandbox.catalogue import Catalogue
from redraft.sandbox.chat import ChatForm
from redraft.sandbox.control import Control
from redraft.sandbox.dialects import JSON, Denied, Dialect, Gemini, Ollama, OpenAI, OpenRouter, Together, Vllm
from redraft.sandbox.endpoint_events import EndpointEvents
from redraft.sandbox.endpoints import Endpoints
from redraft.sandbox.faults import HARMS, Doing, RouteFaults, Scripts
from redraft.sandbox.files import Files
from redraft.sandbox.fine_tunes import FineTunes
from redraft.sandbox.job_records import JobRecords
from redraft.sandbox.models import Models
from redraft.sandbox.options import Options
from redraft.sandbox.registry_routes import Registry
from redraft.sandbox.routing import Routing
from redraft.sandbox.spoiling import play, refusal, spoil, unpaid
from redraft.sandbox.state import State

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Guard = Callable[[Handler], Handler]
SIMULATED = "x-redraft-simulated"
STORAGE = "/sandbox/storage/"
CHAT_MOUNTS: tuple[tuple[str, Dialect], ...] = (
    ("/v1", Together()),
    ("/openai/v1", OpenAI()),
    ("/openrouter/v1", OpenRouter()),
    ("/openrouter/api/v1", OpenRouter()),
    ("/gemini/v1beta/openai", Gemini()),
    ("/vllm/v1", Vllm()),
    ("/ollama/v1", Ollama()),
)
LARGEST_BODY = 64 * 2**20
# Marks a request whose client has gone; the status goes nowhere.
_GONE, _CLIENT_GONE = "gone", 499


def make_app(options: Options) -> web.Application:
    """All parts, wired. The application closes its state on cleanup."""
    state, accounts, scripts = State(options.state), Accounts(), Scripts()
    if options.script:
        scripts.load(options.script)
    models = Models(options, state)
    calls = Calls(options, models, accounts, scripts)
    files = Files(options, state, accounts)
    catalogue = Catalogue(state, models)
    models.endpoint_answers = Routing(options, state, catalogue).answers
    random = RouteFaults(options.seed, options.route_faults)
    control = Control(options, state, scripts, random, calls, files, models, catalogue)
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_spared_the_gone])

    def guarded(handler: Handler) -> Handler:
        return _guarded(handler, options, scripts, random)

    _mount_calls(app, calls, models, guarded)
    tunes, records = FineTunes(options, state, files, models), JobRecords(options, state, files, models)
    _mount_training(app, files, tunes, records, guarded)
    endpoints = Endpoints(options, state, catalogue)
    adapters = Adapters(options, state, endpoints, catalogue)
    _mount_endpoints(app, Registry(catalogue), endpoints, EndpointEvents(options, endpoints), adapters, guarded)
    mount_batches(app, options, state, calls, files, guarded)
    _mount_control(app, control)
    identity = options.identity

    async def mark(request: web.Request, response: web.StreamResponse) -> None:
        response.headers[SIMULATED] = identity
        resource = request.match_info.route.resource
        if resource is not None and _GONE not in request and not resource.canonical.startswith("/sandbox/"):
            control.accounts.requests[f"{request.method} {resource.canonical}", response.status] += 1

    async def close(_: web.Application) -> None:
        state.close()

    app.on_response_prepare.append(mark)
    app.on_cleanup.append(close)
    return app


def _mount_calls(app: web.Application, calls: Calls, models: Models, guarded: Guard) -> None:
    def served(form: Form) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            return await calls.serve(request, form)

        return handler

    async def listing(request: web.Request) -> web.StreamResponse:
        if "anthropic-version" in request.headers:
            return _json(models.anthropic_listing())
        if request.path == "/v1/models":
            return _json(models.together_listing())
        return _json({"object": "list", "data": models.together_listing()})

    messages = MessagesForm()

    async def count_tokens(request: web.Request) -> web.StreamResponse:
        try:
            counted = messages.count(json_object(await request.read()))
        except Denied as denied:
            return refusal(messages.dialect, denied)
        return _json({"input_tokens": counted})

    for prefix, dialect in CHAT_MOUNTS:
        app.router.add_post(f"{prefix}/chat/completions", served(ChatForm(dialect)))
        app.router.add_get(f"{prefix}/models", guarded(listing))
    app.router.add_post("/v1/messages", served(messages))
    app.router.add_post("/v1/messages/count_tokens", guarded(count_tokens))


def _mount_training(app: web.Application, files: Files, tunes: FineTunes, records: JobRecords, guarded: Guard) -> None:
    routes: tuple[tuple[str, str, Handler], ...] = (
        ("POST", "/v1/files", files.announce),
        ("GET", "/v1/files", files.all),
        ("GET", "/v1/files/{id}", files.one),
        ("DELETE", "/v1/files/{id}", files.delete),
        ("GET", "/v1/files/{id}/content", files.content),
        ("POST", "/v1/files/{id}/preprocess", files.preprocess),
        ("GET", "/v1/fine-tunes/models/limits", tunes.limits),
        ("POST", "/v1/fine-tunes/estimate-price", tunes.estimate),
        ("POST", "/v1/fine-tunes/preview", records.preview),
        ("POST", "/v1/fine-tunes", tunes.create),
        ("GET", "/v1/fine-tunes", tunes.all),
        ("GET", "/v1/fine-tunes/{id}", tunes.one),
        ("DELETE", "/v1/fine-tunes/{id}", tunes.delete),
        ("POST", "/v1/fine-tunes/{id}/cancel", tunes.cancel),
        ("GET", "/v1/fine-tunes/{id}/events", records.events),
        ("GET", "/v1/fine-tunes/{id}/checkpoints", records.checkpoints),
        ("GET", "/v1/fine-tunes/{id}/metrics", records.metrics),
        ("GET", "/v1/fine-tunes/{id}/download-tokenized-dataset", records.tokenized),
        ("GET", "/v1/finetune/download", records.download),
    )
    for method, path, handler in routes:
        app.router.add_route(method, path, guarded(handler))
    app.router.add_put("/sandbox/storage/{id}", guarded(files.receive))
    app.router.add_get("/sandbox/storage/tokenized/{id}", guarded(records.fetch_tokenized))


def _mount_endpoints(
    app: web.Application,
    registry: Registry,
    endpoints: Endpoints,
    events: EndpointEvents,
    adapters: Adapters,
    guarded: Guard,
) -> None:
    project = "/v2/projects/{project}"
    below, under = f"{project}/endpoints", f"{project}/endpoints/{{endpoint}}/deployments"
    loaded = f"{under}/{{id}}/adapters"
    routes: tuple[tuple[str, str, Handler], ...] = (
        ("GET", "/v3/whoami", registry.whoami),
        ("GET", "/v1/projects", registry.projects),
        ("GET", "/v2/public/inference-instance-types", registry.hardware),
        ("GET", "/v2/public/inference-instance-types/{id}", registry.one_hardware),
        ("GET", "/v2/supported-models", registry.supported),
        ("GET", "/v2/supported-models/{id}", registry.one_supported),
        ("GET", f"{project}/models", registry.models),
        ("GET", f"{project}/models/{{id}}", registry.model),
        ("GET", f"{project}/configs", registry.configs),
        ("GET", f"{project}/configs/{{id}}", registry.config),
        ("POST", below, endpoints.create),
        ("GET", below, endpoints.all),
        ("GET", f"{below}/{{id}}", endpoints.one),
        ("PATCH", f"{below}/{{id}}", endpoints.change),
        ("DELETE", f"{below}/{{id}}", endpoints.delete),
        ("GET", f"{below}/{{id}}/events", events.all),
        ("POST", under, endpoints.create_deployment),
        ("GET", under, endpoints.deployments),
        ("GET", f"{under}/{{id}}", endpoints.deployment),
        ("PATCH", f"{under}/{{id}}", endpoints.change_deployment),
        ("DELETE", f"{under}/{{id}}", endpoints.delete_deployment),
        ("POST", loaded, adapters.create),
        ("GET", loaded, adapters.all),
        ("GET", f"{loaded}/{{adapter}}", adapters.one),
        ("PATCH", f"{loaded}/{{adapter}}", adapters.change),
        ("DELETE", f"{loaded}/{{adapter}}", adapters.delete),
    )
    for method, path, handler in routes:
        app.router.add_route(method, path, guarded(handler))


def _mount_control(app: web.Application, control: Control) -> None:
    app.router.add_get("/sandbox/identity", control.identity)
    app.router.add_get("/sandbox/stats", control.stats)
    app.router.add_get("/sandbox/calls", control.calls)
    app.router.add_get("/sandbox/truth", control.truth)
    app.router.add_post("/sandbox/script", control.script)
    app.router.add_post("/sandbox/limits", control.limits)
    app.router.add_post("/sandbox/reset", control.reset)


@web.middleware
async def _spared_the_gone(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A client that left, or was killed, before all of its request was here: nothing was asked, and nobody hears of it;
    to aiohttp it would be an error of this server's."""
    try:
        return await handler(request)
    except ConnectionResetError:
        if request.transport is not None:
            raise
        request[_GONE] = True
        return web.Response(status=_CLIENT_GONE)


def _guarded(handler: Handler, options: Options, scripts: Scripts, random: RouteFaults) -> Handler:
    """The handler behind the key check, the scripts and the random faults, with refusals in Together's words."""
    together = Together()

    async def inner(request: web.Request) -> web.StreamResponse:
        line = f"{request.method} {request.path}"
        doing = scripts.take(line, await _readable(request)) if scripts else None
        if doing is None and random.active:
            doing = random.draw(line)
        if doing and not doing.after:
            if doing.replaces:
                return await play(request, doing)
            await asyncio.sleep(doing.delay_ms / 1000)
            if doing.fault and not HARMS[doing.fault].paid:
                return unpaid(together, doing.fault, doing)
        try:
            if not request.path.startswith(STORAGE):  # the signature in the address is the key
                authorise(request, options)
            response = await handler(request)
        except Denied as denied:
            response = refusal(together, denied)
        return await _ended(request, doing, response) if doing else response

    return inner


async def _ended(request: web.Request, doing: Doing, response: web.StreamResponse) -> web.StreamResponse:
    """The answer to a request that took effect, as the script or the fault leaves it."""
    if doing.after:
        await asyncio.sleep(doing.delay_ms / 1000)
    if doing.fault and not HARMS[doing.fault].paid:
        return unpaid(Together(), doing.fault, doing)
    if doing.fault and isinstance(response, web.Response) and isinstance(response.body, bytes):
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        return await spoil(request, doing.fault, response.body, headers, response.status) or response
    return await play(request, doing) if doing.replaces else response


async def _readable(request: web.Request) -> bytes:
    # Uploads are not read here: their handlers read them as streams.
    return await request.read() if request.content_type == JSON and request.can_read_body else b""


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)
