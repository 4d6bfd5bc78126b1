"""What is kept comes back word for word, the newest first, and nobody's cancellation or fault takes it away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.calling.ledger import Claim, Entry, Ledger, Spent, entries
from redraft.errors import StorageError
from redraft.records import Completion, Failure, Outcome, Passed

Answer = Callable[..., Entry]

TEXT = st.text(max_size=40)
KEYS = st.sampled_from(["a", "b", "é'?%:x", "c" * 64])
COUNTS = st.integers(0, 10**12)
MONEY = st.none() | st.floats(0, 1e4)
PASSED = st.lists(st.builds(Passed, TEXT, TEXT, TEXT), max_size=2).map(tuple)
COMPLETIONS = st.builds(
    Completion,
    request_key=KEYS, text=st.text(), model=TEXT, answered_model=TEXT, provider=TEXT, finish_reason=TEXT,
    input_tokens=COUNTS, output_tokens=COUNTS, cost=MONEY, latency=st.floats(0, 1e6), attempts=COUNTS,
    created_at=TEXT, simulated=st.booleans(), reused=st.just(False), mode=st.sampled_from(["call", "batch"]),
    passed=PASSED,
)  # fmt: skip
FAILURES = st.builds(
    Failure,
    request_key=KEYS, model=TEXT, reason=TEXT, detail=TEXT, attempts=COUNTS, text=TEXT, input_tokens=COUNTS,
    output_tokens=COUNTS, cost=MONEY, simulated=st.booleans(), reused=st.just(False), category=TEXT, provider=TEXT,
    answered_model=TEXT, passed=PASSED,
)  # fmt: skip


def entry(outcome: Outcome, scope: str | None = None) -> Entry:
    return Entry(outcome=outcome, provider="m", endpoint="m@here", stage="s", run="r", scope=scope)


async def check(ledger: Ledger, outcomes: list[Outcome]) -> None:
    await asyncio.gather(*(ledger.keep(entry(outcome)) for outcome in outcomes))
    newest = {outcome.request_key: outcome for outcome in outcomes}
    usable = {outcome.request_key: outcome for outcome in outcomes if isinstance(outcome, Completion)}
    keys = ["a", "b", "é'?%:x", "c" * 64, "never asked"]
    assert await ledger.find(keys) == {key: msgspec.structs.replace(one, reused=True) for key, one in newest.items()}
    found = await ledger.find(keys, failures_since=inf)
    assert found == {key: msgspec.structs.replace(one, reused=True) for key, one in usable.items()}


def test_what_is_kept_comes_back(address: str) -> None:
    with asyncio.Runner() as runner:
        ledger = runner.run(Ledger(address).__aenter__())

        @settings(deadline=None, max_examples=40)
        @given(outcomes=st.lists(COMPLETIONS | FAILURES, max_size=8))
        def kept(outcomes: list[Outcome]) -> None:
            runner.run(_sql(ledger, "DELETE FROM answers"))
            runner.run(check(ledger, outcomes))

        try:
            kept()
        finally:
            runner.run(ledger.__aexit__())


def test_failures_count_from_a_moment_on(
    address: str, answer: Answer, refused: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            for at, one in enumerate([answer("used"), refused("old"), refused("used"), refused("new"), answer("both")]):
                monkeypatch.setattr(entries.time, "time", lambda at=at: 1000.0 + at)
                await ledger.keep(one)
            monkeypatch.undo()
            keys = ["used", "old", "new", "both"]
            for since, said in ((0.0, "cffc"), (1000.0, "cffc"), (1001.5, "c-fc"), (1003.0, "c-fc"), (inf, "c--c")):
                found = await ledger.find(keys, failures_since=since)
                kinds = ["-" if key not in found else type(found[key]).__name__[0].lower() for key in keys]
                newest = "f" if since <= 1002 else "c"  # a failure that counts and is newer than the completion
                assert "".join(kinds) == newest + said[1:]
            claimed = await ledger.claim([Claim("old"), Claim("new")], failures_since=1003.0)
            assert (claimed.granted, set(claimed.answered)) == ({"old"}, {"new"})

    asyncio.run(run())


def test_rows_that_come_together_are_committed_together_and_found_in_any_number(address: str, answer: Answer) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            keys = [f"k{number}" for number in range(1300)]
            writes, write = [], ledger.database.write

            async def counted(*words: object, **more: object) -> object:
                writes.append(words)
                return await write(*words, **more)  # type: ignore[arg-type]

            ledger.database.write = counted  # type: ignore[method-assign]
            await asyncio.gather(*(ledger.keep(answer(key)) for key in keys))
            assert len(writes) == 7, "200 rows each"
            assert set(await ledger.find([*keys, "other"])) == set(keys)
            assert await ledger.find([]) == {}

    asyncio.run(run())


def test_a_cancelled_caller_takes_nothing_back(address: str, answer: Answer) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            await ledger.claim([Claim("k0", 0.5), Claim("k1", 0.5)], scope="s", budget=1.0)
            tasks = [asyncio.create_task(ledger.keep(answer(f"k{number}", scope="s"))) for number in range(50)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.sleep(0.005)
            for task in tasks[1::4]:
                task.cancel()
        async with Ledger(address) as ledger:
            assert len(await ledger.find([f"k{number}" for number in range(50)])) == 50
            assert await ledger.spent("s") == Spent(spent=5.0, uncertain=0, set_aside=0)
        with pytest.raises(RuntimeError, match="closed"):
            await ledger.keep(answer("late"))

    asyncio.run(run())


def test_a_write_that_fails_is_told_to_every_caller_and_the_next_one_is_kept(address: str, answer: Answer) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            await _sql(ledger, "ALTER TABLE answers RENAME TO gone")
            said = await asyncio.gather(*(ledger.keep(answer(f"k{n}")) for n in range(3)), return_exceptions=True)
            assert all(isinstance(fault, StorageError) for fault in said)
            assert len({id(fault) for fault in said}) == 3
            assert "a paid answer cannot be written (" in str(said[0]) and "\n" not in str(said[0])
            await _sql(ledger, "ALTER TABLE gone RENAME TO answers")
            await ledger.keep(answer("k9"))
            assert set(await ledger.find(["k0", "k9"])) == {"k9"}

    asyncio.run(run())


def test_an_entry_that_cannot_be_written_takes_no_other_along(address: str, answer: Answer) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            good = [answer(f"k{number}", scope="s") for number in range(20)]
            bad = [
                answer("minus", -1.0, scope="s"),
                answer("not a number", float("nan"), scope="s"),
                answer("no text", stage="\ud800"),
            ]
            entries = [one for many in zip(bad, good[::7], strict=True) for one in many] + good
            said = await asyncio.gather(*(ledger.keep(one) for one in entries), return_exceptions=True)
            assert [fault is None for fault in said] == [one in good for one in entries]
            assert all(isinstance(fault, Exception) for fault in said[:6:2])
            assert set(await ledger.find([one.outcome.request_key for one in entries])) == {
                one.outcome.request_key for one in good
            }
            assert (await ledger.spent("s")).spent == 2.3, "20 answers, three of them twice"

    asyncio.run(run())


def test_a_monstrous_cost_does_not_keep_later_answers_out(address: str, answer: Answer) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            for number, cost in enumerate([1e9, 1e9, 0.1]):
                both = (answer(f"{name}{number}", cost, scope="s") for name in "ab")
                await asyncio.gather(*(ledger.keep(one) for one in both))
            assert len(await ledger.find([f"{name}{number}" for name in "ab" for number in range(3)])) == 6
            assert (await ledger.spent("s")).spent > 9e6
            assert (await ledger.claim([Claim("c", 0.1)], scope="s", budget=100.0)).short == {"c"}

    asyncio.run(run())


@pytest.mark.parametrize("mode", ["call", "batch"])
def test_an_answer_of_unknown_price_costs_what_was_set_aside(address: str, answer: Answer, mode: str) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            one = answer("k", None, scope="s")
            one = msgspec.structs.replace(one, outcome=msgspec.structs.replace(one.outcome, mode=mode, input_tokens=0))
            await ledger.claim([Claim("k", 0.7), Claim("other", 0.1)], scope="s", budget=1.0)
            if mode == "batch":  # its claims are the batch's, whoever collects it
                await _sql(ledger, "UPDATE claims SET owner = 'batch:b'")
            await ledger.keep(one)
            assert (await ledger.spent("s")).spent == 0.7

    asyncio.run(run())


@pytest.mark.parametrize("damage", [b"{", b'{"text": 1}', b"\xff", b""])
def test_a_damaged_answer_is_one_line(address: str, answer: Answer, damage: bytes) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            await ledger.keep(answer("k"))
            await ledger.database.write(
                lambda transaction: transaction.change("UPDATE answers SET outcome = ?", damage)
            )
            for reading in (ledger.find(["k"]), ledger.claim([Claim("k")])):
                with pytest.raises(StorageError, match="cannot be read") as caught:
                    await reading
                assert "k" in str(caught.value) and "\n" not in str(caught.value)

    asyncio.run(run())


async def _sql(ledger: Ledger, statement: str) -> None:
    await ledger.database.write(lambda transaction: transaction.change(statement))
