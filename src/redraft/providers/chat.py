"""The one seam through which chat calls leave redraft: one HTTP attempt, no retries, no limits.

`wire` says what is sent and how answers read; `redraft.calling` decides about limits and retries.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

import aiohttp
import msgspec

from redraft.providers import wire
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import Answer, CallFault
from redraft.records import Request

# A long generation takes minutes; Together's own default of 60 s would bill it and throw it away.
ATTEMPT_SECONDS = 600.0


class ChatClient:
    """One HTTP session for each event loop; connections to a provider are shared by all calls.

    Use as an async context manager. `connections` bounds open sockets in all.
    """

    def __init__(self, connections: int = 256) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> ChatClient:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS, connect=10),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open().close()
        await asyncio.sleep(0)  # lets the transports close before the loop does
        self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("ChatClient is used outside of its context")
        return self._session

    async def attempt(self, request: Request, endpoint: Endpoint) -> Answer:
        """Sends the request once. Raises CallFault for everything that is not an answer."""
        data = msgspec.json.encode(wire.body(request))
        try:
            async with self._open().post(wire.url(endpoint), data=data, headers=wire.headers(endpoint)) as response:
                raw = await response.read()
                if response.status != 200:
                    retry_after = response.headers.get("retry-after")
                    raise wire.read_error(endpoint.provider, response.status, raw, retry_after)
        except TimeoutError:
            raise CallFault("timeout", f"no answer within {ATTEMPT_SECONDS:.0f} s") from None
        except aiohttp.ClientConnectorError as fault:
            raise CallFault("connection", f"cannot connect ({fault.os_error or type(fault).__name__})") from None
        except aiohttp.ClientError as fault:
            raise CallFault("connection", f"the connection broke ({type(fault).__name__})") from None
        return wire.read_answer(endpoint.provider, raw)

    async def identify(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with its identity: a sandbox on loopback says so itself; any other is its base URL."""
        if not endpoint.loopback:
            return endpoint
        origin = "/".join(endpoint.base_url.split("/", 3)[:3])
        try:
            async with self._open().get(f"{origin}/sandbox/identity") as response:
                if response.status != 200:
                    return endpoint
                said = msgspec.json.decode(await response.read(), type=_Identity)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return endpoint  # whatever listens there is no sandbox; the first call tells if it is anything
        return msgspec.structs.replace(
            endpoint, identity=f"{endpoint.provider}@{said.identity}", simulated=said.simulated
        )


class _Identity(msgspec.Struct):
    simulated: bool
    identity: str
