"""The one seam through which chat calls leave redraft: one HTTP attempt, no retries, no limits.

`wire` says what is sent and how answers read; `redraft.calling` decides about limits and retries.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

import aiohttp
import msgspec

from redraft.providers import shapes, wire
from redraft.providers.endpoints import Endpoint, require_usable
from redraft.providers.wire import Answer, CallFault
from redraft.records import Request

# A long generation takes minutes; Together's own default of 60 s would bill it and throw it away.
ATTEMPT_SECONDS = 600.0
CONNECT_SECONDS = 10.0
# The sandbox marks every answer with its identity.
SIMULATED = "x-redraft-simulated"


class ChatClient:
    """One HTTP session for each event loop; connections to a provider are shared by all calls.

    Use as an async context manager. `connections` bounds open sockets in all, `seconds` the time of one attempt.
    """

    def __init__(self, connections: int = 256, seconds: float = ATTEMPT_SECONDS) -> None:
        self._connections = connections
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> ChatClient:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            # Not `connect`: that would count the wait for a free connection too.
            timeout=aiohttp.ClientTimeout(total=self._seconds, sock_connect=CONNECT_SECONDS),
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
            async with self._open().post(
                wire.url(endpoint), data=data, headers=wire.headers(endpoint), allow_redirects=False
            ) as response:
                raw = await response.read()
        except aiohttp.ConnectionTimeoutError:
            raise CallFault("unreachable", f"no connection within {CONNECT_SECONDS:.0f} s") from None
        except aiohttp.ClientConnectorError as fault:
            raise CallFault("unreachable", f"cannot connect ({shapes.one_line(str(fault.os_error))})") from None
        except TimeoutError:
            raise CallFault("timeout", f"no answer within {self._seconds:.0f} s") from None
        except aiohttp.ClientError as fault:
            raise CallFault("connection", f"the connection broke ({type(fault).__name__})") from None
        _require_known(endpoint, response.headers.get(SIMULATED))
        if response.status != 200:
            retry_after = response.headers.get("retry-after")
            raise wire.read_error(endpoint.provider, response.status, raw, retry_after, endpoint.api_key)
        return wire.read_answer(endpoint.provider, raw, endpoint.api_key)

    async def identify(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with its identity: a sandbox on loopback says so itself; any other is its base URL.

        Raises ConfigurationError where nothing can be sent to the base URL.
        """
        require_usable(endpoint)
        if not endpoint.loopback:
            return endpoint
        origin = "/".join(endpoint.base_url.split("/", 3)[:3])
        timeout = aiohttp.ClientTimeout(total=CONNECT_SECONDS)
        try:
            async with self._open().get(f"{origin}/sandbox/identity", timeout=timeout) as response:
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
