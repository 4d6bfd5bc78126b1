"""How a page is served to the browser on this machine alone: loopback, a path that cannot be guessed, a strict policy.

Neighbours: `labelling` and `browsing` bring what is served. A request is never logged.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Self

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from redraft.errors import ConfigurationError

HOST = "127.0.0.1"
_PAGES: web.AppKey[dict[str, tuple[bytes, str]]] = web.AppKey("pages")
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
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


def page_app(package: str, script: str, token: str, largest_body: int = 0) -> web.Application:
    """An application that serves `page/` of a package: index.html, and `script` with the endings .js and .css.

    What else it answers is added by the caller, under `/{token}/`, before `add_page`.
    """
    app = web.Application(client_max_size=largest_body, middlewares=[_guard(token)])
    folder = files(package).joinpath("page")
    names = {"": "index.html", f"{script}.js": f"{script}.js", f"{script}.css": f"{script}.css"}
    app[_PAGES] = {
        name: (folder.joinpath(file).read_bytes(), _TYPES[file.split(".")[1]]) for name, file in names.items()
    }

    async def harden(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)

    app.on_response_prepare.append(harden)
    return app


def add_page(app: web.Application) -> None:
    """Adds the page's own files, which come last: any other path is one of theirs, or not found."""

    async def page(request: web.Request) -> web.Response:
        name = request.match_info.get("name", "")
        if name not in app[_PAGES]:
            raise web.HTTPNotFound
        body, kind = app[_PAGES][name]
        return web.Response(body=body, content_type=kind, charset="utf-8")

    app.router.add_get("/{token}/", page)
    app.router.add_get("/{token}/{name}", page)


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
            return fault(404, "not found")
        try:
            return await handler(request)
        except web.HTTPException as raised:
            return fault(raised.status, raised.reason)

    return guard


class PageServer:
    """A running page; `address` is what to open. Use it as an async context manager.

    `make` gives the application for a token. Entering raises ConfigurationError where the port is taken. `port` 0 takes
    any free one.
    """

    def __init__(self, make: Callable[[str], web.Application], port: int = 0) -> None:
        self._token, self._port = secrets.token_urlsafe(24), port
        self._runner = web.AppRunner(make(self._token), access_log=None)
        self.address = ""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port).start()
        except OSError as raised:
            await self._runner.cleanup()
            raise ConfigurationError(f"cannot listen on {HOST}:{self._port}: {raised.strerror or raised}") from None
        self.address = f"http://{HOST}:{self._runner.addresses[0][1]}/{self._token}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def answer(value: msgspec.Struct | Mapping[str, str], status: int = 200) -> web.Response:
    """A value as JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def fault(status: int, said: str) -> web.Response:
    """What is wrong with a request, as JSON."""
    return answer({"fault": said}, status)
