"""A commit whose acknowledgement is lost is tried again, and nothing is written or booked twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url

from redraft.calling.ledger import Claim, Entry, Ledger


class Relay:
    """Stands between a ledger and its server. `cut`: from the next commit on, the ledger hears no more on that
    connection; the server gets the commit after so many seconds, or not at all (None)."""

    def __init__(self, host: str, port: int) -> None:
        self._place = host, port
        self.armed = False
        self.cut = 0
        self.delay: float | None = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._place)
        answers = asyncio.create_task(_pump(there, writer))
        try:
            while part := await reader.read(65536):
                if self.armed and b"COMMIT" in part:
                    self.armed, self.cut = False, self.cut + 1
                    answers.cancel()
                    writer.transport.abort()
                    if self.delay is None:
                        return
                    await asyncio.sleep(self.delay)
                    back.write(part)
                    await there.read(1)  # it is done
                    return
                back.write(part)
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            back.close()
            writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while part := await source.read(65536):
        target.write(part)
    target.close()


@asynccontextmanager
async def relayed(address: str) -> AsyncIterator[tuple[Ledger, Relay]]:
    url = make_url(address)
    assert url.host and url.port
    relay = Relay(url.host, url.port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    there = url.set(port=server.sockets[0].getsockname()[1]).render_as_string(hide_password=False)
    async with Ledger(there) as ledger:
        yield ledger, relay
    server.close()


@pytest.mark.parametrize("delay", [0.0, 1.0, None])
def test_a_commit_is_done_once_whether_or_not_the_server_did_it(
    postgres_database: str, answer: Callable[..., Entry], delay: float | None
) -> None:
    async def run() -> None:
        async with relayed(postgres_database) as (ledger, relay):
            claims = [Claim(f"k{number}", 0.3) for number in range(3)]
            await ledger.claim(claims, scope="s", budget=10.0)
            await ledger.keep(answer("k0", scope="s"))
            relay.armed, relay.delay = True, delay
            entries = [answer("k1", scope="s"), answer("k2", None, scope="s"), answer("unclaimed", scope="s")]
            await asyncio.gather(*(ledger.keep(entry) for entry in entries))
            assert relay.cut == 1
            kept = await ledger.database.read(
                lambda transaction: transaction.rows("SELECT request_key FROM answers ORDER BY request_key")
            )
            assert [key for (key,) in kept] == ["k0", "k1", "k2", "unclaimed"]
            spent = await ledger.spent("s")
            assert (round(spent.spent, 12), spent.set_aside) == (0.6, 0.0)

    asyncio.run(run())
