"""The server of the label page: loopback only, under a path that cannot be guessed, for one person's session.

Neighbours: `views` is what it sends, `page/` the files that the browser gets. It never logs a request.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from importlib.resources import files

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from redraft.errors import ConfigurationError, InputError, StorageError
from redraft.judging.labels.session import Session
from redraft.labelling.views import Order, Told, View, obey, view_of

HOST = "127.0.0.1"
# A note and what stands around it.
LARGEST_BODY = 64 * 2**10

# What is asked for: the file, and its type.
_PAGES = {
    "": ("index.html", "text/html"),
    "label.js": ("label.js", "text/javascript"),
    "label.css": ("label.css", "text/css"),
}
# Nothing but the page's own files, no markup made by scripts, nobody's frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), display-capture=()",
}


def make_app(session: Session, told: Told, token: str) -> web.Application:
    """The page's application. All handlers run on one loop and never wait between reading and writing the session."""
    pages = {name: files(__package__ or "").joinpath("page", file).read_bytes() for name, (file, _) in _PAGES.items()}

    async def page(request: web.Request) -> web.Response:
        name = request.match_info.get("name", "")
        if name not in pages:
            raise web.HTTPNotFound
        return web.Response(body=pages[name], content_type=_PAGES[name][1], charset="utf-8")

    async def settled(_: web.Request) -> web.Response:
        return _json(told)

    async def state(_: web.Request) -> web.Response:
        return _json(view_of(session))

    async def act(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        try:
            order = msgspec.json.decode(await request.read(), type=Order)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            return _fault(400, str(fault))
        # Another tab, or a key pressed twice, speaks of a pair that is no longer in front.
        if order.version != session.version:
            return _json(view_of(session), 409)
        try:
            obey(session, order)
        except InputError as fault:
            return _fault(400, str(fault))
        except StorageError as fault:
            return _fault(507, str(fault))
        return _json(view_of(session))

    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_guard(token)])
    app.router.add_get("/{token}/told", settled)
    app.router.add_get("/{token}/state", state)
    app.router.add_post("/{token}/act", act)
    app.router.add_get("/{token}/", page)
    app.router.add_get("/{token}/{name}", page)

    async def harden(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)

    app.on_response_prepare.append(harden)
    return app


def _guard(token: str) -> Middleware:
    """Only who knows the token, under this machine's own name, from the page itself.

    The name keeps out pages of the web that resolve their own name to this machine.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        origin = request.headers.get("Origin")
        told = request.match_info.get("token", "").encode("utf-8", "surrogatepass")
        known = hmac.compare_digest(told, token.encode())
        if not known or request.host not in hosts or (origin and origin not in {f"http://{one}" for one in hosts}):
            return _fault(404, "not found")
        try:
            return await handler(request)
        except web.HTTPException as fault:
            return _fault(fault.status, fault.reason)

    return guard


class LabelServer:
    """A running page; `address` is what to open. Use it as an async context manager.

    Entering raises ConfigurationError where the port is taken. `port` 0 takes any free one.
    """

    def __init__(self, session: Session, told: Told, port: int = 0) -> None:
        self._token, self._port = secrets.token_urlsafe(24), port
        self._runner = web.AppRunner(make_app(session, told, self._token), access_log=None)
        self.address = ""

    async def __aenter__(self) -> LabelServer:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port).start()
        except OSError as fault:
            await self._runner.cleanup()
            raise ConfigurationError(f"cannot listen on {HOST}:{self._port}: {fault.strerror or fault}") from None
        self.address = f"http://{HOST}:{self._runner.addresses[0][1]}/{self._token}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def _json(value: View | Told | Mapping[str, str], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def _fault(status: int, said: str) -> web.Response:
    return _json({"fault": said}, status)
