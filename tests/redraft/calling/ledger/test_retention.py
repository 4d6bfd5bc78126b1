"""What is in the ledger can be seen, and taken out of it by age, model and kind; claims and budgets stay."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from redraft.calling.ledger import Claim, Entry, Ledger, Spent
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.retention import Going, Removal, Selection, overview, purge, select

Make = Callable[..., Entry]


async def fill(ledger: Ledger, answer: Make, refused: Make) -> None:
    """Six answers, the first two of them a hundred days old, beside a claim and a lost call."""
    await ledger.keep(answer("old", 0.5))
    await ledger.keep(refused("old refused", 0.25))
    await ledger.database.write(
        lambda transaction: transaction.change("UPDATE answers SET created_at = created_at - ?", 100 * 86400)
    )
    for entry in (answer("new", 0.5, stage="rewrite"), answer("other", None, model="m:y"), refused("refused", 0.125)):
        await ledger.keep(entry)
    await ledger.keep(answer("played", 2.0, simulated=True, scope="s"))
    await ledger.claim([Claim("asked now", 0.5), Claim("old", 0.5)], scope="s", budget=9.0, failures_since=inf)
    await ledger.extend("asked now", 0.5, model="m:x", reason="timeout", scope="s", budget=9.0)


def test_the_overview_counts_everything_once(address: str, answer: Make, refused: Make) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            await fill(ledger, answer, refused)
            found = await overview(ledger.database)
        rows = [(row.model, row.stage, row.simulated, row.answers, row.failures, row.cost, row.unpriced)
                for row in found.costs]  # fmt: skip
        assert sorted(rows) == [
            ("m:x", "", False, 3, 2, 0.875, 0),
            ("m:x", "", True, 1, 0, 2.0, 0),
            ("m:x", "rewrite", False, 1, 0, 0.5, 0),
            ("m:y", "", False, 1, 0, 0.0, 1),
        ]
        assert [(row.model, row.reason, row.calls, row.worst_cost) for row in found.lost] == [
            ("m:x", "timeout", 1, 0.5)
        ]
        assert found.claims == 1 and found.size > 4096

    asyncio.run(run())


def test_what_a_removal_counts_is_what_it_takes(address: str, answer: Make, refused: Make) -> None:
    """An answer that came twice, one without a price, one of a sandbox; whatever is named again, and not there."""

    async def run() -> None:
        async with Ledger(address) as ledger:
            for entry in (answer("a", 0.5), refused("a", 0.25), answer("b", None), answer("c", 2.0, simulated=True)):
                await ledger.keep(entry)
            await ledger.keep(answer("d", 1.0))
            for delete in (False, True):
                removal = Removal(ledger.database, delete=delete)
                assert await removal.take(["a", "b", "none"]) == Going(3, 0.75, 1, 0)
                assert await removal.take(["a", "c", "b"]) == Going(1, 0.0, 0, 1)
                assert await removal.take([]) == await removal.take(["c"]) == Going()
                await removal.settle()
                assert set(await ledger.find(["a", "b", "c", "d"])) == ({"d"} if delete else {"a", "b", "c", "d"})

    asyncio.run(run())


def test_claims_of_the_dead_are_told_apart(address: str, start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("hold", address, 1.0, "a", "b")
    assert process.stdout is not None and process.stdout.readline().split() == ["a", "b"]

    async def counted() -> tuple[int, int]:
        async with Database(address) as database:  # only looks on: whoever opens a ledger frees what the dead hold
            found = await overview(database)
        return found.claims, found.abandoned

    assert asyncio.run(counted()) == (2, 0)
    process.kill()
    process.wait()
    assert asyncio.run(counted()) == asyncio.run(counted()) == (0, 2), "looking changes nothing"

    async def batch() -> tuple[int, int]:
        async with Ledger(address) as ledger:
            await ledger.claim([Claim("c"), Claim("d"), Claim("e")])
            claim = "INSERT INTO claims (request_key, owner, set_aside, claimed_at)"
            for statement in (
                "INSERT INTO owners VALUES ('batch:1', 'none', 0, 0.0, 1e12)",
                f"{claim} VALUES ('f', 'batch:1', 0, 0.0)",
                f"{claim} VALUES ('g', 'unknown', 0, 0.0)",
            ):
                await ledger.database.write(lambda transaction, statement=statement: transaction.change(statement))
            found = await overview(ledger.database)
            return found.claims, found.abandoned

    assert asyncio.run(batch()) == (4, 1), "a batch is no process, and is being asked all the same"


DAYS = 86400
CHOICES = [
    (90 * DAYS, {}, {"old", "old refused"}),
    (90 * DAYS, {"failures": True}, {"old refused"}),
    (0, {"model": "m:y"}, {"other"}),
    (0, {"simulated": True}, {"played"}),
    (0, {"failures": True}, {"old refused", "refused"}),
    (0, {}, {"old", "old refused", "new", "other", "refused", "played"}),
    (200 * DAYS, {}, set()),
]


@pytest.mark.parametrize(("age", "narrowed", "gone"), CHOICES)
def test_a_purge_takes_what_was_chosen(
    tmp_path: Path, age: float, narrowed: dict[str, object], gone: set[str], answer: Make, refused: Make
) -> None:
    check(str(tmp_path / "ledger.sqlite"), age, narrowed, gone, answer, refused)


def test_a_purge_on_a_server(postgres_database: str, answer: Make, refused: Make) -> None:
    check(postgres_database, *CHOICES[0], answer, refused)


def check(address: str, age: float, narrowed: dict[str, object], gone: set[str], answer: Make, refused: Make) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            await fill(ledger, answer, refused)
            chosen = Selection(before=time.time() - age, **narrowed)  # type: ignore[arg-type]
            keys = ["old", "old refused", "new", "other", "refused", "played"]
            there = await ledger.find(keys)
            before = await select(ledger.database, chosen)
            assert before.answers == len(gone)
            assert before.cost == sum(there[key].cost or 0 for key in gone)
            assert await purge(ledger.database, chosen) == len(gone)
            assert set(await ledger.find(keys)) == set(keys) - gone
            assert await ledger.spent("s") == Spent(spent=2.0, uncertain=0.5, set_aside=0.5)
            with pytest.raises(RuntimeError):
                await ledger.claim([Claim("asked now")])

    asyncio.run(run())


def test_a_purge_gives_the_room_back_while_others_write(tmp_path: Path, answer: Make) -> None:
    path = tmp_path / "ledger.sqlite"

    async def run() -> None:
        async with Ledger(path) as ledger, Ledger(path) as other:
            await asyncio.gather(*(ledger.keep(answer(f"k{number}")) for number in range(5000)))
            size = (await overview(ledger.database)).size

            async def write() -> None:
                for number in range(20):
                    await other.keep(answer(f"new {number}", model="m:new"))

            gone, _ = await asyncio.gather(purge(ledger.database, Selection(before=time.time(), model="m:x")), write())
            assert gone == 5000
            assert (await overview(ledger.database)).size < size / 5
            assert len(await ledger.find([f"new {number}" for number in range(20)])) == 20

    asyncio.run(run())
