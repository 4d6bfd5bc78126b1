"""Several processes on one ledger: nothing is granted twice, nobody stumbles, and what the dead leave is taken over."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import asyncpg
import pytest

from redraft.calling import runs
from redraft.calling.accounting import Summary
from redraft.calling.ledger import Claim, Claimed, Entry, Ledger, Spent, owners
from redraft.calling.ledger.claims import bury
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.transactions import Transaction

Start = Callable[..., subprocess.Popen[str]]
Answer = Callable[..., Entry]


def finished(processes: list[subprocess.Popen[str]]) -> str:
    said = ""
    for process in processes:
        out, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors
        assert not errors
        said += out
    return said


def claimed(address: str, *keys: str, budget: float | None = None) -> tuple[Claimed, Spent]:
    async def run() -> tuple[Claimed, Spent]:
        async with Ledger(address) as ledger:
            said = await ledger.claim([Claim(key, 0.4) for key in keys], scope="s", budget=budget)
            spent = await ledger.spent("s")
            await ledger.release(list(said.granted))
            return said, spent

    return asyncio.run(run())


def test_four_processes_ask_every_key_once(address: str, start: Start) -> None:
    asked = Counter(finished([start("share", address, 1000, seed) for seed in range(4)]).split())
    released = {key for key, times in asked.items() if times > 1}
    assert len(asked) == 1000

    async def kept() -> int:
        async with Ledger(address) as ledger:
            count = await ledger.database.read(
                lambda transaction: transaction.rows("SELECT count(*), count(DISTINCT request_key) FROM answers")
            )
            assert count[0][0] == count[0][1], "no key was answered twice"
            assert await ledger.database.read(lambda transaction: transaction.rows("SELECT * FROM claims")) == []
            return int(count[0][0])

    assert 900 < asyncio.run(kept()) <= 1000, "all but those that were given back"
    assert len(released) < 100, "asked again because they were given back"


def test_two_processes_stay_within_one_budget(address: str, start: Start) -> None:
    budget, processes = 20.1, []
    for seed in range(2):
        processes.append(start("spend", address, budget, seed))
    while any(process.poll() is None for process in processes):
        spent = claimed(address)[1]
        assert spent.spent + spent.uncertain + spent.set_aside <= budget
        time.sleep(0.1)
    finished(processes)
    spent = claimed(address)[1]
    assert budget - 0.7 < spent.spent + spent.uncertain <= budget
    assert spent.uncertain > 0 and spent.set_aside == 0


def test_what_a_killed_process_held_is_taken_over_at_once(address: str, start: Start) -> None:
    process = start("hold", address, 1.0, "a", "b", "c")
    assert process.stdout is not None and process.stdout.readline().split() == ["a", "b"], "the third does not fit"
    said, spent = claimed(address, "a", "b", "d", budget=1.1)
    assert (said.granted, said.taken, said.short) == (set(), {"a", "b"}, {"d"})
    assert (spent.uncertain, spent.set_aside) == (0, 0.8)
    process.send_signal(signal.SIGKILL)
    process.wait()
    said, spent = claimed(address, "a", "d", budget=1.3)
    assert (said.granted, said.taken, said.short) == ({"a"}, set(), {"d"})
    assert (spent.uncertain, spent.set_aside) == (0.8, 0.4)


def test_what_a_process_leaves_open_is_free_and_counts_as_spent(address: str, start: Start) -> None:
    process = start("hold", address, 1.0, "a", "b")
    assert process.stdout is not None and process.stdout.readline()
    finished([process])
    said, spent = claimed(address, "a")
    assert said.granted == {"a"}
    assert spent.uncertain == 0.8


@pytest.mark.parametrize("pause", [0.05, 0.3])
def test_kill_while_keeping_loses_nothing_that_was_said_to_be_kept(address: str, pause: float, start: Start) -> None:
    process = start("keep", address, 10**6)
    assert process.stdout is not None and process.stdout.readline() == "sent 0\n"
    said = [["sent", "0"]]
    while said[-1][0] != "kept":
        said.append(process.stdout.readline().split())
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    said += [line.split() for line in process.stdout if line.endswith("\n")]
    kept = {f"row-{number}" for word, number in said if word == "kept"}
    sent = {f"row-{number}" for word, number in said if word == "sent"}

    async def found() -> set[str]:
        async with Ledger(address) as ledger:
            return set(await ledger.find(sorted(sent)))

    there = asyncio.run(found())
    assert kept and kept <= there
    assert len(sent - there) <= 200


def test_one_that_hangs_is_dead_after_two_minutes_and_its_late_answer_is_kept(
    address: str, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with Ledger(address) as hanging, Ledger(address) as other:
            assert (await hanging.claim([Claim("k", 0.5)], scope="s", budget=1.0)).granted == {"k"}
            assert (await other.claim([Claim("k", 0.5)], scope="s", budget=1.0)).taken == {"k"}
            await hanging.database.write(
                lambda transaction: transaction.change(
                    "UPDATE owners SET beat_at = beat_at - ? WHERE owner = ?", owners.DEAD_AFTER_SECONDS, hanging.owner
                )
            )
            assert (await other.claim([Claim("k", 0.5)], scope="s", budget=1.0)).granted == {"k"}
            assert await hanging.extend("k", 0.5, model="m:x", reason="timeout", scope="s", budget=9.0) == "taken"
            await other.keep(answer("k", 0.2, scope="s"))
            await hanging.keep(answer("k", 0.3, scope="s"))
            assert await other.spent("s") == Spent(spent=0.5, uncertain=0.5, set_aside=0.0)
            assert (await other.find(["k"]))["k"].cost == 0.3

    asyncio.run(run())


def test_who_was_taken_for_dead_gets_no_money_for_what_is_another_s(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as stopped, Ledger(address) as other:
            await stopped.claim([Claim("k"), Claim("free")], scope="s")
            assert not stopped.may_be_taken(time.time() - 1)
            await other.database.write(lambda transaction: bury(transaction, {stopped.owner: None}))
            assert (await other.claim([Claim("k")], scope="s")).granted == {"k"}
            assert await stopped.held(["k", "free"]) == set()
            said = await stopped.fund([Claim("k", 1.0), Claim("free", 1.0)], scope="s", budget=1.0)
            assert (said.granted, said.taken) == (set(), {"k", "free"})
            assert (await other.fund([Claim("k", 1.0)], scope="s", budget=1.0)).granted == {"k"}
            assert await other.spent("s") == Spent(spent=0.0, uncertain=0.0, set_aside=1.0), "the dollar is one's alone"
            claimed_at = time.time()
            stopped._owners._last_beat -= owners.DEAD_AFTER_SECONDS
            assert stopped.may_be_taken(claimed_at), "it knows itself that it was still for long"
            await stopped._owners._beat()
            assert stopped.may_be_taken(claimed_at) and not stopped.may_be_taken(time.time() + 1)

    asyncio.run(run())


def test_what_a_dead_process_had_on_the_wire_is_lost_with_its_model_and_run(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as killed, Ledger(address) as other:
            claims = [Claim(key, model="m:x", may_cost=0.25) for key in ("sent", "back", "waiting", "lost")]
            await killed.claim(claims, scope="s", run="r1")
            await killed.claim([Claim("unpriced", model="m:y")], run="r1")
            await killed.mark(["sent", "back", "unpriced", "lost"], [])
            await killed.mark([], ["back"])
            await other.mark(["waiting"], ["sent"])  # another's claims are none of its business
            said = await killed.extend("lost", None, model="m:x", reason="timeout", run="r1", scope="s")
            assert said == "granted"
            await other.database.write(lambda transaction: bury(transaction, {killed.owner: None}))
            assert await killed.extend("sent", 0.25, model="m:x", reason="connection", run="r1") == "taken"
            lost = await other.database.read(
                lambda transaction: transaction.rows(
                    "SELECT request_key, model, reason, worst_cost, scope, run FROM lost ORDER BY request_key"
                )
            )
            assert [tuple(row) for row in lost] == [
                ("lost", "m:x", "timeout", 0.25, "s", "r1"),
                ("sent", "m:x", "killed", 0.25, "s", "r1"),
                ("unpriced", "m:y", "killed", None, None, "r1"),
            ]
            # It had no budget; a later run into the same output may have one. A call is counted once.
            assert await other.spent("s") == Spent(spent=0.0, uncertain=0.5, set_aside=0.0)

    asyncio.run(run())


def test_what_a_killed_run_had_on_the_wire_is_told_before_and_after_its_claims_are_taken_over(
    address: str, start: Start
) -> None:
    name = "f" * 32

    async def told() -> dict[str, tuple[int, float, int]]:
        async with Database(address) as database:
            run = await runs.find(database, name)
            return {one.model: (one.calls, one.worst_cost, one.unpriced) for one in run.summary.lost}

    async def begun() -> None:
        async with Database(address) as database:
            await runs.record(database, name, "redraft rewrite", 100.0, None, "running", Summary())

    asyncio.run(begun())
    process = start("send", address, name)
    assert process.stdout is not None and process.stdout.readline() == "sent\n"
    assert asyncio.run(told()) == {}, "it lives: its calls are under way"
    process.send_signal(signal.SIGKILL)
    process.wait()
    lost = {"m:x": (2, 0.5, 0), "m:y": (1, 0.0, 1)}
    assert asyncio.run(told()) == lost
    said, _ = claimed(address, "a", "b", "c", "d")
    assert said.granted == {"a", "b", "c", "d"}
    assert asyncio.run(told()) == lost


def test_who_beats_again_in_the_last_moment_keeps_its_claims(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as late, Ledger(address) as other:
            await late.claim([Claim("k")])
            await other.database.write(lambda transaction: bury(transaction, {late.owner: 1.0}))
            assert (await other.claim([Claim("k")])).taken == {"k"}

    asyncio.run(run())


def test_an_owner_that_is_no_process_lives_until_its_last_beat(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            for owner, beat in (("batch:1", time.time() + 1e9), ("batch:2", None)):
                await ledger.database.write(lambda transaction, owner=owner, beat=beat: _add(transaction, owner, beat))
            assert (await ledger.claim([Claim("batch:1"), Claim("batch:2")])).taken == {"batch:1"}

    asyncio.run(run())


def _add(transaction: Transaction, owner: str, beat: float | None) -> None:
    if beat is not None:
        transaction.change("INSERT INTO owners VALUES (?, 'none', 0, 0.0, ?)", owner, beat)
    transaction.change(
        "INSERT INTO claims (request_key, owner, set_aside, claimed_at) VALUES (?, ?, 0, 0.0)", owner, owner
    )


def test_nobody_is_judged_by_one_that_has_just_slept_itself(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as first, Ledger(address) as second:
            await first.claim([Claim("k")])
            await first.database.write(lambda transaction: transaction.change("UPDATE owners SET beat_at = 0"))
            second._owners._last_beat = 0.0
            assert (await second.claim([Claim("k")])).taken == {"k"}

    asyncio.run(run())


def test_a_server_that_drops_every_connection_costs_no_answer_and_no_claim(
    postgres_database: str, answer: Answer
) -> None:
    drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"

    async def run() -> None:
        async with Ledger(postgres_database) as ledger, Ledger(postgres_database) as other:
            await ledger.claim([Claim("mine")])

            async def keep(name: int) -> None:
                for number in range(5):
                    await ledger.keep(answer(f"k{name}-{number}"))

            connection = await asyncpg.connect(postgres_database)
            for _ in range(2):
                keeping = asyncio.gather(*(keep(name) for name in range(5)))
                async with connection.transaction():
                    await connection.execute("LOCK TABLE answers")  # they are all in the middle of a transaction
                    await asyncio.sleep(0.1)
                    await connection.execute(f"{drop} AND pid <> pg_backend_pid()")
                await keeping
            await connection.close()
            assert len(await ledger.find([f"k{name}-{number}" for name in range(5) for number in range(5)])) == 25
            assert (await other.claim([Claim("mine")])).taken == {"mine"}, "who has just come back judges nobody"
            await asyncio.sleep(2)
            other._owners._quiet_until = 0.0
            assert (await other.claim([Claim("mine")])).taken == {"mine"}, "its lock is held again"

    asyncio.run(run())
