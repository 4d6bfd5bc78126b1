"""A process that shares a lane with others, for `test_sharing`: python sharer.py ADDRESS MODEL SECONDS TOLD RPM.

Starts calls as fast as it may; `TOLD` (a minute) is what the provider's headers say, 0: nothing; `RPM` the user's
ceiling, 0: none. Prints the moment of each start.
"""

from __future__ import annotations

import asyncio
import sys
import time

from redraft.calling.ledger.database import Database
from redraft.calling.limits import Lanes, LimitSettings, SharedRates
from redraft.providers.endpoints import Endpoint
from redraft.providers.rates import Rates, Room

ENDPOINT = Endpoint(provider="openai", base_url="http://127.0.0.1:1/v1", api_key="sk-secret-0123456789")


async def main(address: str, model: str, seconds: float, told: float, rpm: float) -> None:
    until = time.time() + seconds
    rates = Rates(requests=Room(told, None, None)) if told else None
    async with Database(address) as database:
        lane = Lanes(LimitSettings(rpm=rpm or None), SharedRates(database)).lane(ENDPOINT, model)

        async def worker() -> None:
            while time.time() < until:
                async with asyncio.timeout(until - time.time() + 1):
                    grant = await lane.admit(100, 100)
                sys.stdout.write(f"{time.time()}\n")
                sys.stdout.flush()
                await asyncio.sleep(0.05)
                grant.answered(rates, 100, 50)

        try:
            await asyncio.gather(*(worker() for _ in range(30)))
        except TimeoutError:
            return  # those that still waited for their turn at the end


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:])))
