"""Programs that use a ledger as processes of their own: `asking.py PROGRAM ADDRESS WORDS...`. Not a test."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sys

from sqlalchemy import Engine, event

from redraft.calling.ledger import Claim, Entry, Ledger
from redraft.errors import StorageError
from redraft.records import Completion


def entry(key: str, cost: float = 0.1, scope: str | None = None) -> Entry:
    outcome = Completion(
        request_key=key, text="x" * 2000, model="m:x", answered_model="x", provider="m", finish_reason="stop",
        input_tokens=1, output_tokens=1, cost=cost, latency=0.1, attempts=1, created_at="", simulated=False,
    )  # fmt: skip
    return Entry(outcome=outcome, provider="m", endpoint="e", scope=scope)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def share(address: str, keys: str, seed: str) -> None:
    """Asks all keys together with others that do the same, and says which were its own to ask."""
    chance = random.Random(seed)  # noqa: S311
    left = [f"k{number}" for number in range(int(keys))]
    chance.shuffle(left)
    async with Ledger(address) as ledger:

        async def some() -> None:
            while left:
                wanted = [left.pop() for _ in range(min(len(left), chance.randrange(1, 20)))]
                while wanted:
                    said = await ledger.claim([Claim(key) for key in wanted])
                    await asyncio.gather(*(answer(key) for key in said.granted))
                    wanted = list(said.taken)
                    if wanted:
                        await asyncio.sleep(0.02)

        async def answer(key: str) -> None:
            say(key)
            await asyncio.sleep(chance.uniform(0, 0.01))
            await (ledger.release([key]) if chance.random() < 0.02 else ledger.keep(entry(key)))

        await asyncio.gather(*(some() for _ in range(8)))


async def spend(address: str, budget: str, seed: str) -> None:
    """Claims, keeps, loses and releases at random under a budget until nothing fits."""
    chance, number = random.Random(seed), 0  # noqa: S311
    async with Ledger(address) as ledger:

        async def some(name: int) -> None:
            nonlocal number
            for _ in range(15):
                wanted = [Claim(f"{seed}-{name}-{number}-{i}", chance.choice([0.1, 0.7, 0.01, 0.3])) for i in range(3)]
                number += 1
                said = await ledger.claim(wanted, scope="s", budget=float(budget))
                for claim in wanted:
                    if claim.request_key in said.granted:
                        await end(claim)

        async def end(claim: Claim) -> None:
            key, worst = claim.request_key, claim.worst_cost
            if chance.random() < 0.1:
                await ledger.extend(key, worst, model="m:x", reason="timeout", scope="s", budget=float(budget))
                await ledger.release([key])
            elif chance.random() < 0.1:
                await ledger.release([key])
            else:
                await ledger.keep(entry(key, chance.choice([worst, worst / 3]), "s"))

        await asyncio.gather(*(some(name) for name in range(6)))


async def keep(address: str, count: str, limit: str = "") -> None:
    """Keeps rows, 64 at a time, and says each key once it is kept."""
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    numbers = iter(range(int(count)))
    async with Ledger(address) as ledger:

        async def some() -> None:
            for number in numbers:
                say("sent", number)
                await ledger.keep(entry(f"row-{number}"))
                say("kept", number)

        async with asyncio.TaskGroup() as group:
            for _ in range(64):
                group.create_task(some())


async def hold(address: str, budget: str, *keys: str) -> None:
    """Claims keys and says which are its own, then does nothing until it is killed, or told to go on."""
    async with Ledger(address) as ledger:
        said = await ledger.claim([Claim(key, 0.4) for key in keys], scope="s", budget=float(budget))
        say(*sorted(said.granted))
        await asyncio.to_thread(sys.stdin.readline)


async def send(address: str, run: str) -> None:
    """Claims without a budget, sends some of it, and says so; then does nothing until it is killed."""
    async with Ledger(address) as ledger:
        wanted = [Claim(key, model=model, may_cost=0.25) for key, model in (("a", "m:x"), ("b", "m:x"), ("c", "m:y"))]
        await ledger.claim([*wanted, Claim("d", model="m:y")], run=run)
        await ledger.mark(["a", "b", "d"], [])
        say("sent")
        await asyncio.to_thread(sys.stdin.readline)


async def open_and_close(address: str) -> None:
    async with Ledger(address):
        say("open")


async def die_while_opening(address: str, word: str) -> None:
    """Ends by SIGKILL before the first statement with `word` in it, once the first table was made."""
    making = False

    def look(_: object, __: object, statement: str, *more: object) -> None:
        nonlocal making
        if making and word in statement:
            os.kill(os.getpid(), signal.SIGKILL)
        making = making or "CREATE TABLE" in statement

    event.listen(Engine, "before_cursor_execute", look)
    async with Ledger(address):
        say("open")


if __name__ == "__main__":
    try:
        asyncio.run(globals()[sys.argv[1]](*sys.argv[2:]))
    except* StorageError as group:
        fault: BaseException = group
        while isinstance(fault, BaseExceptionGroup):
            fault = fault.exceptions[0]
        sys.stderr.write(f"{fault}\n")
        sys.exit(1)
