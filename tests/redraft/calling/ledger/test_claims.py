"""Claims, budgets and answers against a plain model of them: random histories of three ledgers on one database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from redraft.calling.ledger import Claim, Claimed, Entry, Ledger, Spent, money
from redraft.calling.ledger.money import picodollars
from redraft.calling.ledger.tables import budgets, claims
from redraft.records import Completion, Failure

NAMES = st.sampled_from(["first", "second", "third"])
KEYS = st.sampled_from("abcdef")
SCOPES = st.sampled_from(["s", "t"])
# Tenths: amounts whose sums as floats are not what they are on paper.
CENTS = st.integers(0, 12)
BUDGETS = st.none() | st.integers(0, 30)
STEPS = st.one_of(
    st.tuples(st.just("claim"), NAMES, st.dictionaries(KEYS, CENTS, min_size=1), SCOPES, BUDGETS, st.booleans()),
    st.tuples(st.just("keep"), NAMES, KEYS, st.none() | CENTS, st.none() | SCOPES, st.booleans()),
    st.tuples(st.just("fund"), NAMES, st.dictionaries(KEYS, CENTS, min_size=1), SCOPES, BUDGETS),
    st.tuples(st.just("extend"), NAMES, KEYS, CENTS, SCOPES, BUDGETS),
    st.tuples(st.just("release"), NAMES, st.sets(KEYS)),
    st.tuples(st.just("reopen"), NAMES),
)


def dollars(tenths: int) -> float:
    return tenths / 10


@dataclass
class Model:
    """The rules, in tenths of a dollar. Claims are key → (owner, scope, set aside)."""

    claims: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    answers: dict[str, list[bool]] = field(default_factory=dict)  # usable or not, oldest first
    spent: dict[str, int] = field(default_factory=dict)
    uncertain: dict[str, int] = field(default_factory=dict)

    def aside(self, scope: str) -> int:
        return sum(amount for _, where, amount in self.claims.values() if where == scope)

    def counted(self, scope: str) -> int:
        return self.spent.get(scope, 0) + self.uncertain.get(scope, 0) + self.aside(scope)

    def fits(self, scope: str, amount: int, budget: int | None) -> bool:
        return budget is None or self.counted(scope) + amount <= budget

    def lose(self, scope: str, amount: int) -> None:
        self.uncertain[scope] = self.uncertain.get(scope, 0) + amount

    def claim(self, owner: str, wanted: dict[str, int], scope: str, budget: int | None, failures: bool) -> Claimed:
        said = Claimed()
        for key, amount in wanted.items():
            if key in self.claims:
                said.taken.add(key)
            elif any(usable or failures for usable in self.answers.get(key, [])):
                said.answered[key] = None  # type: ignore[assignment]
            elif not self.fits(scope, amount, budget):
                said.short.add(key)
            else:
                said.granted.add(key)
                self.claims[key] = (owner, scope, amount)
        return said

    def keep(self, owner: str, key: str, cost: int | None, scope: str | None, usable: bool) -> None:
        own = self.claims.pop(key) if key in self.claims and self.claims[key][0] == owner else None
        self.answers.setdefault(key, []).append(usable)
        if scope is not None:
            amount = cost if cost is not None else own[2] if own else 0
            self.spent[scope] = self.spent.get(scope, 0) + amount

    def fund(self, owner: str, wanted: dict[str, int], scope: str, budget: int | None) -> Claimed:
        """All fit that fit beside what is counted already, that of these claims included."""
        said, left = Claimed(), None if budget is None else budget - self.counted(scope)
        for key, amount in wanted.items():
            held = self.claims.get(key)
            if held is None or held[0] != owner:
                said.taken.add(key)
            elif left is not None and amount > left:
                said.short.add(key)
            else:
                left = None if left is None else left - amount
                said.granted.add(key)
                self.claims[key] = (owner, held[1], amount)
        return said

    def extend(self, owner: str, key: str, worst: int, scope: str, budget: int | None) -> str:
        held = self.claims.get(key)
        if held is None or held[0] != owner:
            return "taken"
        self.lose(held[1], held[2] or worst)
        self.claims[key] = (owner, held[1], 0)
        granted = self.fits(scope, worst, budget)
        self.claims[key] = (owner, held[1], worst if granted else 0)
        return "granted" if granted else "short"

    def reopen(self, owner: str) -> None:
        for key, (who, scope, amount) in list(self.claims.items()):
            if who == owner:
                self.lose(scope, amount)
                del self.claims[key]


async def follow(ledgers: dict[str, Ledger], steps: list[Any]) -> None:
    model = Model()
    for table in ("claims", "budgets", "answers"):
        statement = f"DELETE FROM {table}"  # noqa: S608
        await ledgers["first"].database.write(lambda transaction, said=statement: transaction.change(said))
    for what, name, *words in steps:
        await follow_one(model, ledgers, name, what, words)
        for scope in "st":
            found = await ledgers["third"].spent(scope)
            assert (found.spent, found.uncertain, found.set_aside) == (
                dollars(model.spent.get(scope, 0)),
                dollars(model.uncertain.get(scope, 0)),
                dollars(model.aside(scope)),
            )


async def follow_one(model: Model, ledgers: dict[str, Ledger], name: str, what: str, words: list[Any]) -> None:
    ledger = ledgers[name]
    if what == "claim":
        wanted, scope, budget, failures = words
        claims = [Claim(key, dollars(amount)) for key, amount in wanted.items()]
        limit = None if budget is None else dollars(budget)
        if any(model.claims.get(key, ("",))[0] == name for key in wanted):
            with pytest.raises(RuntimeError):
                await ledger.claim(claims, scope=scope, budget=limit)
            return
        since = 0.0 if failures else inf
        said = await ledger.claim(claims, scope=scope, budget=limit, failures_since=since)
        expected = model.claim(name, wanted, scope, budget, failures)
        assert (said.granted, set(said.answered), said.taken, said.short) == (
            expected.granted, set(expected.answered), expected.taken, expected.short
        )  # fmt: skip
    elif what == "fund":
        wanted, scope, budget = words
        claims = [Claim(key, dollars(amount)) for key, amount in wanted.items()]
        said = await ledger.fund(claims, scope=scope, budget=None if budget is None else dollars(budget))
        assert said == model.fund(name, wanted, scope, budget)
        assert await ledger.held(list(wanted)) == {key for key in wanted if model.claims.get(key, ("",))[0] == name}
    elif what == "keep":
        key, cost, scope, usable = words
        await ledger.keep(entry(key, None if cost is None else dollars(cost), scope, usable))
        model.keep(name, key, cost, scope, usable)
    elif what == "extend":
        key, worst, scope, budget = words
        limit = None if budget is None else dollars(budget)
        if key in model.claims and model.claims[key][1] != scope:
            scope = model.claims[key][1]  # a request has one scope
        more = await ledger.extend(key, dollars(worst), model="m:x", reason="timeout", scope=scope, budget=limit)
        assert more == model.extend(name, key, worst, scope, budget)
    elif what == "release":
        await ledger.release(list(words[0]))
        model.claims = {key: held for key, held in model.claims.items() if held[0] != name or key not in words[0]}
    else:
        await ledger.__aexit__()
        model.reopen(name)
        ledgers[name] = await Ledger(ledger.database.url.database or "").__aenter__()


def entry(key: str, cost: float | None, scope: str | None, usable: bool) -> Entry:
    outcome: Completion | Failure
    if usable:
        outcome = Completion(
            request_key=key, text="", model="m:x", answered_model="x", provider="m", finish_reason="stop",
            input_tokens=1, output_tokens=1, cost=cost, latency=0.1, attempts=1, created_at="", simulated=False,
        )  # fmt: skip
    else:
        outcome = Failure(request_key=key, model="m:x", reason="refused", detail="", attempts=1, cost=cost)
    return Entry(outcome=outcome, provider="m", endpoint="e", scope=scope)


def test_any_history_ends_as_the_rules_say(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        ledgers = {
            name: runner.run(Ledger(tmp_path / "l.sqlite").__aenter__()) for name in ("first", "second", "third")
        }

        @settings(deadline=None, max_examples=100)
        @given(steps=st.lists(STEPS, max_size=25))
        def followed(steps: list[Any]) -> None:
            runner.run(follow(ledgers, steps))

        try:
            followed()
        finally:
            for ledger in ledgers.values():
                runner.run(ledger.__aexit__())


@given(amount=st.integers(0, 10**15), parts=st.integers(1, 9))
def test_an_amount_is_the_nearest_whole_number_whatever_floats_made_of_it(amount: int, parts: int) -> None:
    on_paper = amount / 10**12
    assert picodollars(on_paper) == picodollars(on_paper * parts / parts) == amount
    assert money.dollars(amount) == on_paper


@pytest.mark.parametrize("amount", [-0.01, float("nan")])
def test_what_is_no_amount_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="no amount"):
        picodollars(amount)


def test_amounts_are_compared_as_on_paper(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            tenths = [Claim(f"k{number}", 0.1) for number in range(11)]
            said = await ledger.claim(tenths, scope="s", budget=1.0)
            assert (len(said.granted), said.short) == (10, {"k10"})
            third = Fraction(1, 3)
            said = await ledger.claim([Claim("x", 3e-12), Claim("y", float(third))], scope="t", budget=3e-12)
            assert said.short == {"y"}

    asyncio.run(run())


def test_whoever_reads_a_budget_by_its_table_reads_dollars(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            await ledger.keep(entry("k", 0.3, "s", usable=True))
            await ledger.claim([Claim("x", 0.1)], scope="s", budget=1.0)
            async with ledger.database.reading() as connection:
                assert (await connection.execute(select(budgets))).all() == [("s", 0.3, 0.0)]
                assert (await connection.execute(select(func.sum(claims.c.set_aside)))).scalar() == 0.1

    asyncio.run(run())


def test_a_key_twice_at_once_is_refused_and_claims_nothing(address: str) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            with pytest.raises(RuntimeError):
                await ledger.claim([Claim("a"), Claim("a")])
            assert (await ledger.claim([Claim("a")])).granted == {"a"}

    asyncio.run(run())


def test_a_cancelled_claim_is_given_back(address: str, answer: Callable[..., Entry]) -> None:
    async def run() -> None:
        async with Ledger(address) as ledger:
            for wait in (0, 0.001, 0.002, 0.004):
                claiming = asyncio.create_task(ledger.claim([Claim("a")]))
                await asyncio.sleep(wait)
                claiming.cancel()
                try:
                    await claiming
                    await ledger.release(["a"])
                except asyncio.CancelledError:
                    pass
            assert (await ledger.claim([Claim("a")])).granted == {"a"}

    asyncio.run(run())


def test_what_something_else_than_a_call_cost_takes_the_place_of_its_claim(address: str) -> None:
    async def main() -> None:
        async with Ledger(address) as ledger:
            held = await ledger.claim([Claim("endpoint", 0.6)], scope="s", budget=1.0)
            assert held.granted == {"endpoint"}
            assert (await ledger.claim([Claim("call", 0.5)], scope="s", budget=1.0)).short == {"call"}
            await ledger.spend("endpoint", 0.25, "s")
            await ledger.spend("never claimed", 0.05, "s")
            await ledger.spend("of no scope", 9.0, None)
            assert await ledger.spent("s") == Spent(0.3, 0.0, 0.0)
            assert (await ledger.claim([Claim("call", 0.5)], scope="s", budget=1.0)).granted == {"call"}

    asyncio.run(main())
