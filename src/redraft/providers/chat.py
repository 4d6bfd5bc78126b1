"""The one seam through which chat calls leave redraft: one HTTP attempt, no retries, no limits.

`wire` says what is sent and how answers read, `connecting` how a provider is reached; `redraft.calling` decides about
limits and retries.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from types import TracebackType

import aiohttp
import msgspec

from redraft.providers import shapes, wire
from redraft.providers.connecting import CONNECT_SECONDS, Route, broken, open_session, route_to, time_limit
from redraft.providers.endpoints import Endpoint, require_usable
from redraft.providers.rates import read_rates
from redraft.providers.wire import Answer, CallFault
from redraft.records import Request

# A long generation takes minutes; Together's own default of 60 s would bill it and throw it away.
ATTEMPT_SECONDS = 600.0
# Bytes of an answer, unpacked; the longest that any model can give has a few.
LARGEST_ANSWER = 64 * 2**20
# aiohttp wants larger bodies as files, so that writing them does not hold up the loop.
_LARGE_BODY = 2**20
# The sandbox marks every answer with its identity.
SIMULATED = "x-redraft-simulated"


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
        _require_known(endpoint, got.get(SIMULATED))
        if response.status != 200:
            raise wire.read_error(endpoint.provider, response.status, raw, got, endpoint.api_key)
        return wire.read_answer(endpoint.provider, raw, endpoint.api_key, read_rates(endpoint.provider, got))

    async def identify(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with its identity: a sandbox on loopback says so itself; any other is its base URL.

        Raises ConfigurationError where nothing can be sent to the base URL.
        """
        require_usable(endpoint)
        route = self._route(endpoint)
        if not endpoint.loopback:
            return endpoint
        origin = "/".join(endpoint.base_url.split("/", 3)[:3])
        try:
            async with route.session.get(f"{origin}/sandbox/identity", timeout=time_limit(CONNECT_SECONDS)) as response:
                if response.status != 200:
                    return endpoint
                said = msgspec.json.decode(await response.read(), type=_Identity)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError):
            return endpoint  # whatever listens there is no sandbox; the first call tells if it is anything
        return msgspec.structs.replace(endpoint, identity=_identity(endpoint, said.identity), simulated=said.simulated)


class _Identity(msgspec.Struct):
    simulated: bool
    identity: str


def _identity(endpoint: Endpoint, said: str) -> str:
    return f"{endpoint.provider}@{said}"


def _require_known(endpoint: Endpoint, said: str | None) -> None:
    """No simulated answer may pass for a real one, nor for one of a sandbox with another seed."""
    if said is not None and endpoint.identity != _identity(endpoint, said):
        raise CallFault("other_sandbox", f"the answer comes from {shapes.one_line(said)}")


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
