"""A provider that is gone, or is no longer the one it was, at the first, a middle and the last call of a run."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import pytest
import trustme
from fault_matrix import HIT, REQUESTS, Matrix, Played, asked, finished, reasons, require_ended_by

from redraft.sandbox.process import BASE_PATHS


class Relay:
    """Stands between redraft and the sandbox for so many calls, one a connection; then nobody listens any more, or one
    with the certificate of `after`."""

    def __init__(self, url: str, calls: int, tls: ssl.SSLContext | None, after: ssl.SSLContext | None) -> None:
        self._host, port = url.removeprefix("http://").split(":")
        self._port, self._left, self._tls, self._after = int(port), calls, tls, after
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Relay:
        await self._listen(self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    async def _listen(self, tls: ssl.SSLContext | None) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def _leave(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._left -= 1
        there, back = await asyncio.open_connection(self._host, self._port)
        back.write(await reader.readuntil(b"\r\n\r\n"))
        forwards = asyncio.create_task(_pump(reader, back))
        head = await there.readuntil(b"\r\n\r\n")
        if self._left == 0:  # before the answer is passed on: the next call finds it changed
            self._leave()
            if self._after is not None:
                await self._listen(self._after)
        writer.write(head[:-2] + b"Connection: close\r\n\r\n")
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        writer.write(await there.readexactly(length))
        await writer.drain()
        forwards.cancel()
        back.close()
        writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while part := await source.read(65536):
        target.write(part)


async def run_behind(
    matrix: Matrix, provider: str, name: str, place: int, tls: ssl.SSLContext | None, after: ssl.SSLContext | None
) -> Played:
    """A run through a relay for the first `place` calls, after the one that asks who it is."""
    async with Relay(matrix.url, place + 1, tls, after) as relay:
        caller = matrix.caller(f"http{'s' if tls else ''}://127.0.0.1:{relay.port}")
        requests = [asked(provider, name, str(place), number) for number in range(REQUESTS)]
        assert (await caller.endpoint(requests[0].model)).simulated
        found, error = await finished(caller, requests)
        return await matrix.counted(provider, found, error, requests, caller)


@pytest.mark.parametrize("place", HIT)
@pytest.mark.parametrize("provider", BASE_PATHS)
def test_nobody_there_any_more(matrix: Matrix, provider: str, place: int) -> None:
    played = matrix.run(run_behind(matrix, provider, "gone", place, None, None))
    if place == 0:
        require_ended_by(played, place, "unreachable")
    else:
        assert played.error is None, "it was there before: it may come back"
        assert reasons(played) == {
            number: "answered" if number < place else "unreachable" for number in range(REQUESTS)
        }
        assert {played.by_place[number].attempts for number in range(place, REQUESTS)} == {3}
    assert (played.sent, played.paid, played.kept, played.lost) == (place, place, place, 0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    """One that this process trusts, and one that nobody does."""
    trusted, unknown = trustme.CA(), trustme.CA()
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    trusted.cert_pem.write_to_path(str(file))
    contexts: list[ssl.SSLContext] = []
    for authority in (trusted, unknown):
        contexts.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        authority.issue_cert("127.0.0.1").configure_cert(contexts[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield contexts[0], contexts[1]


@pytest.mark.parametrize("place", HIT)
@pytest.mark.parametrize("provider", BASE_PATHS)
def test_a_certificate_that_cannot_be_trusted_ends_the_run(
    matrix: Matrix, certificates: tuple[ssl.SSLContext, ssl.SSLContext], provider: str, place: int
) -> None:
    played = matrix.run(run_behind(matrix, provider, "tls", place, *certificates))
    require_ended_by(played, place, "untrusted")
    assert "certificate" in str(played.error) and played.by_place[place].attempts == 1
    assert (played.sent, played.paid, played.kept, played.lost) == (place, place, place, 0)
