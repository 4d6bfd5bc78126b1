"""Transactions: whole or not at all, one at a time, carried through where their caller is cancelled."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from redraft.calling.ledger.database import Database
from redraft.calling.ledger.transactions import Transaction
from redraft.errors import StorageError

_PUT = "INSERT INTO lanes (lane, stamp, state) VALUES (?, 1, ?)"


def lanes(transaction: Transaction) -> set[str]:
    return {lane for (lane,) in transaction.rows("SELECT lane FROM lanes")}


def put(lane: str) -> object:
    return lambda transaction: transaction.change(_PUT, lane, b"x")


def test_both_ways_to_write_take_turns_and_undo_what_fails(address: str) -> None:
    async def by_connection(database: Database, lane: str) -> None:
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO lanes (lane, stamp, state) VALUES (:lane, 1, :state)"),
                                     {"lane": lane, "state": b"x"})  # fmt: skip
            await asyncio.sleep(0)
            if lane.endswith("7"):
                raise ValueError(lane)

    def by_transaction(transaction: Transaction, lane: str) -> None:
        transaction.change(_PUT, lane, b"x")
        if lane.endswith("7"):
            raise ValueError(lane)

    async def run() -> None:
        async with Database(address) as database, Database(address) as other:
            jobs = [by_connection(one, f"c{n}") for n, one in enumerate([database, other] * 10)]
            jobs += [
                one.write(lambda transaction, n=n: by_transaction(transaction, f"t{n}"))
                for n, one in enumerate([database, other] * 10)
            ]
            said = await asyncio.gather(*jobs, return_exceptions=True)
            assert sorted(str(fault) for fault in said if fault) == ["c17", "c7", "t17", "t7"]
            expected = {f"{way}{n}" for way in "ct" for n in range(20) if n % 10 != 7}
            assert await other.read(lanes) == expected
            async with other.reading() as connection:
                assert {lane for (lane,) in await connection.execute(text("SELECT lane FROM lanes"))} == expected

    asyncio.run(run())


def test_a_transaction_is_carried_through_without_its_caller(address: str) -> None:
    async def run() -> None:
        async with Database(address) as database:
            for number in range(20):
                writing = asyncio.create_task(database.write(put(str(number))))  # type: ignore[arg-type]
                await asyncio.sleep(0)
                writing.cancel()
                await asyncio.wait([writing])
        async with Database(address) as database:
            assert 18 < len(await database.read(lanes)) <= 20, "one that never began may be missing"

    asyncio.run(run())


def test_a_fault_names_the_place_and_not_what_was_written(address: str) -> None:
    async def run() -> None:
        async with Database(address) as database:
            await database.write(put("private"))  # type: ignore[arg-type]
            with pytest.raises(StorageError, match="cannot be written") as caught:
                await database.write(lambda transaction: transaction.change(_PUT + ", 2", "secret text", b"x"))
            assert database.shown in str(caught.value)
            assert "secret text" not in str(caught.value) and "\n" not in str(caught.value)
            with pytest.raises(StorageError, match="cannot be read"):
                await database.read(lambda transaction: transaction.rows("SELECT * FROM nowhere"))
            with pytest.raises(StorageError, match="cannot be written"):
                async with database.writing() as connection:
                    await connection.execute(text("DELETE FROM nowhere"))

    asyncio.run(run())


def test_outside_of_its_context_it_is_a_mistake_of_the_program(address: str) -> None:
    database = Database(address)
    with pytest.raises(RuntimeError, match="outside"):
        asyncio.run(database.read(lanes))
