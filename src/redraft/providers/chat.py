"""The one seam through which chat calls leave redraft: one HTTP attempt, no retries, no limits.

`wire` says what is sent and how answers read, `connecting` how a provider is reached; `redraft.calling` decides about
limits and retries.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from io import BytesIO
from types import TracebackType
from typing import TypeVar

import aiohttp
import msgspec

from redraft.providers import shapes, wire
from redraft.providers.connecting import CONNECT_SECONDS, Route, broken, open_session, route_to, time_limit
from redraft.providers.endpoints import BY_MODEL, Endpoint, require_usable
from redraft.providers.rates import read_rates
from redraft.providers.wire import Answer, CallFault
from redraft.records import Request

T = TypeVar("T")
# A long generation takes minutes; Together's own default of 60 s would bill it and throw it away.
ATTEMPT_SECONDS = 600.0
# Bytes of an answer, unpacked; the longest that any model can give has a few.
LARGEST_ANSWER = 64 * 2**20
# aiohttp wants larger bodies as files, so that writing them does not hold up the loop.
_LARGE_BODY = 2**20
# The sandbox marks every answer with its identity, `redraft serve` with the fingerprint of the model.
SIMULATED = "x-redraft-simulated"
MODEL = "x-redraft-model"


class ChatClient:
    """One HTTP session for each provider, whose connections all calls to it share. One per event loop.

    Use as an async context manager. `connections` bounds the calls in flight to one provider, `seconds` the time of
    one attempt from connecting to the last byte of the answer.
    """

    def __init__(self, connections: int = 256, seconds: float = ATTEMPT_SECONDS) -> None:
        self._connections = connections
        self._seconds = seconds
        self._sessions: dict[tuple[str, bool], aiohttp.ClientSession] | None = None
        self._routes: dict[Endpoint, Route] = {}
        # What providers call some of the models for now, such as the name of an endpoint that serves one of them.
        self.names: dict[str, str] = {}

    async def __aenter__(self) -> ChatClient:
        self._sessions = {}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        sessions, self._sessions = self._sessions or {}, None
        self._routes.clear()
        for session in sessions.values():
            await session.close()
        await asyncio.sleep(0)  # lets the transports close before the loop does

    def _route(self, endpoint: Endpoint) -> Route:
        """How the endpoint is reached; worked out once."""
        if (known := self._routes.get(endpoint)) is not None:
            return known
        if self._sessions is None:
            raise RuntimeError("ChatClient is used outside of its context")
        which = (endpoint.provider, endpoint.secure)
        if which not in self._sessions:
            self._sessions[which] = open_session(self._connections, endpoint.secure)
        route = self._routes[endpoint] = route_to(endpoint, self._sessions[which])
        return route

    async def attempt(self, request: Request, endpoint: Endpoint, seconds: float | None = None) -> Answer:
        """Sends the request once, with `seconds` for all of it. Raises CallFault for everything that is no answer."""
        route = self._route(endpoint)
        limit = self._seconds if seconds is None else seconds
        sent = self.names.get(request.model)
        named = request if sent is None else msgspec.structs.replace(request, model=sent)
        data = msgspec.json.encode(wire.body(named))
        try:
            async with route.session.post(
                route.url,
                data=data if len(data) <= _LARGE_BODY else BytesIO(data),
                headers=route.headers,
                allow_redirects=False,
                proxy=route.proxy,
                timeout=time_limit(limit),
            ) as response:
                raw = await _read(response)
        except (TimeoutError, aiohttp.ClientError, OSError) as fault:
            raise broken(fault, limit) from None
        got = response.headers
        _require_sandbox(endpoint, got.get(SIMULATED), answered=response.status == HTTPStatus.OK)
        if response.status != 200:
            raise wire.read_error(endpoint.provider, response.status, raw, got, endpoint.api_key)
        _require_model(endpoint, got.get(MODEL))
        return wire.read_answer(endpoint.provider, raw, endpoint.api_key, read_rates(endpoint.provider, got))

    async def identify(self, endpoint: Endpoint, model: str = "") -> Endpoint:
        """The endpoint with its identity: a sandbox on loopback says so itself, `redraft serve` tells what `model` (the
        name that the provider has for it) is made of; any other is its base URL.

        Raises ConfigurationError where nothing can be sent to the base URL.
        """
        require_usable(endpoint)
        route = self._route(endpoint)
        if endpoint.provider in BY_MODEL:
            listed = await self.listed(endpoint, model)
            said = listed.told if listed is not None else None
        elif endpoint.loopback:
            origin = "/".join(endpoint.base_url.split("/", 3)[:3])
            said = await _told(route, f"{origin}/sandbox/identity", _Identity)
        else:
            return endpoint
        if said is None:
            return endpoint  # whatever listens there is neither; the first call tells if it is anything
        return msgspec.structs.replace(endpoint, identity=_identity(endpoint, said.identity), simulated=said.simulated)

    async def listed(self, endpoint: Endpoint, model: str) -> ListedModel | None:
        """What a server of one's own says of a model that it serves; None where it serves none of that name."""
        require_usable(endpoint)
        listing = await _told(self._route(endpoint), f"{endpoint.base_url.rstrip('/')}/models", _Listing)
        return next((one for one in listing.data if one.id == model), None) if listing is not None else None


class _Identity(msgspec.Struct):
    simulated: bool
    identity: str


class ListedModel(msgspec.Struct):
    """`root` is the model's folder, where the server is on this machine and says so."""

    id: str
    system_fingerprint: str = ""
    simulated: bool = False
    root: str = ""

    @property
    def told(self) -> _Identity | None:
        return _Identity(self.simulated, self.system_fingerprint) if self.system_fingerprint else None


class _Listing(msgspec.Struct):
    data: list[ListedModel]


async def _told(route: Route, url: str, shape: type[T]) -> T | None:
    """What stands at the address, or None where it does not answer, or nothing of that shape."""
    try:
        async with route.session.get(url, proxy=route.proxy, timeout=time_limit(CONNECT_SECONDS)) as response:
            return msgspec.json.decode(await response.read(), type=shape) if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _identity(endpoint: Endpoint, said: str) -> str:
    return f"{endpoint.provider}@{said}"


def _require_sandbox(endpoint: Endpoint, said: str | None, *, answered: bool) -> None:
    """No simulated answer may pass for a real one, nor for one of a sandbox with another seed, and none of whoever
    listens where a sandbox did for a simulated one."""
    if said is None and answered and endpoint.simulated and endpoint.provider not in BY_MODEL:
        raise CallFault("other_sandbox", "the answer comes from something that is no sandbox")
    if said is not None and endpoint.identity != _identity(endpoint, said):
        raise CallFault("other_sandbox", f"the answer comes from {shapes.one_line(said)}")


def _require_model(endpoint: Endpoint, said: str | None) -> None:
    """No answer may pass for that of another model which was served under the name when the run began."""
    if endpoint.provider not in BY_MODEL or (said is None and not endpoint.identity):
        return
    if endpoint.identity != _identity(endpoint, said or ""):
        raise CallFault("other_model", f"the answer comes from {shapes.one_line(said or 'another server')}")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, read once and no further than an answer can be long."""
    parts: list[bytes] = []
    size = 0
    while part := await response.content.readany():
        size += len(part)
        if size > LARGEST_ANSWER:
            response.close()
            said = f"the answer is longer than {LARGEST_ANSWER >> 20} MiB"
            raise CallFault("malformed_answer", said, maybe_paid=True)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
