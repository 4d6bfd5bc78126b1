"""What a run's account adds up to, and how near its percentiles are to those of all the numbers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling.accounting import Account, Summary, Times
from redraft.calling.histogram import Histogram
from redraft.calling.ledger.retention import Overview, overview
from redraft.calling.outcomes import was_answered
from redraft.calling.progress import Progress
from redraft.records import Completion, Failure, Outcome


def outcome(reason: str | None = None, **fields: Any) -> Outcome:
    both: dict[str, Any] = {
        "request_key": "k", "model": "openai:m", "attempts": 1, "input_tokens": 10, "output_tokens": 5, "cost": 0.25,
        "simulated": False,
    }  # fmt: skip
    if reason is not None:
        return Failure(**(both | {"reason": reason, "detail": ""} | fields))
    more = {
        "text": "t", "answered_model": "m-1", "provider": "openai", "finish_reason": "stop", "latency": 0.1,
        "created_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return Completion(**(both | more | fields))


@given(st.lists(st.floats(2e-6, 3000), min_size=1, max_size=400), st.floats(0, 1))
def test_percentiles_are_within_six_percent_of_the_true_ones(seconds: list[float], share: float) -> None:
    histogram = Histogram()
    for one in seconds:
        histogram.add(one)
    # The smallest that at least this share of all does not exceed.
    true = next(one for place, one in enumerate(sorted(seconds), 1) if place >= share * len(seconds))
    assert histogram.quantile(share) == pytest.approx(true, rel=0.065)
    assert (histogram.count, histogram.total) == (len(seconds), pytest.approx(sum(seconds)))


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e-12, 1e9])
def test_no_duration_is_too_short_or_too_long(seconds: float) -> None:
    histogram = Histogram()
    histogram.add(seconds)
    assert 0 <= histogram.quantile(0.5) <= max(0, seconds)


outcomes = st.builds(
    outcome,
    st.sampled_from([None, None, "timeout", "truncated"]),
    model=st.sampled_from(["openai:a", "openai:b"]),
    cost=st.sampled_from([None, 0.5, 0.25]),
    output_tokens=st.integers(0, 3),
    reused=st.booleans(),
    attempts=st.integers(0, 3),
)


@given(st.lists(st.tuples(st.sampled_from(["rewrite", "judge"]), outcomes), max_size=40))
def test_lines_add_up_to_what_happened(seen: list[tuple[str, Outcome]]) -> None:
    account = Account()
    for stage, one in seen:
        account.outcome(stage, one, Times(provider=1.0, limits=0.5))
    summary = account.summary()
    fresh = [one for _, one in seen if not one.reused]
    assert summary.requests == len(seen)
    assert summary.paid + summary.reused + summary.failed().total() == len(seen) + sum(
        isinstance(one, Failure) and one.reused for _, one in seen
    )
    assert summary.failed() == Counter(one.reason for _, one in seen if isinstance(one, Failure))
    assert summary.cost == sum(one.cost or 0 for one in fresh)
    assert summary.unpriced == sum(one.cost is None and was_answered(one) for one in fresh)
    assert sum(line.input_tokens for line in summary.lines) == sum(one.input_tokens for one in fresh)
    assert summary.retries == sum(max(0, one.attempts - 1) for one in fresh)
    assert {(line.stage, line.model, line.mode) for line in summary.lines} == {
        (stage, one.model, one.mode) for stage, one in seen
    }
    assert (summary.provider.seconds, summary.limits.seconds) == (len(fresh), len(fresh) / 2), (
        "the ledger makes nobody wait"
    )
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary


def test_a_chain_costs_what_each_of_its_models_cost() -> None:
    account = Account()
    account.moved_on("rewrite", outcome("refused", cost=0.5))
    account.outcome("rewrite", outcome(model="together:b", cost=0.25), Times())
    summary = account.summary()
    assert (summary.requests, summary.paid, summary.cost) == (1, 1, 0.75)
    assert summary.failed() == Counter(), "the request was answered"
    assert summary.lines[0].moved_on == {"refused": 1}


def test_what_a_batch_brought_counts_once_though_the_stage_reads_it_again() -> None:
    account, progress = Account(), Progress("rewrite")
    shard = progress.part()
    for one in (outcome(mode="batch"), outcome("refused", mode="batch"), outcome("truncated", mode="batch")):
        account.outcome("rewrite", one, Times())
        progress.count(one)
    for one in (outcome(mode="batch", reused=True), outcome("refused", mode="batch", reused=True)):
        account.outcome("rewrite", one, Times())
        shard.count(one)
    account.outcome("rewrite", outcome(mode="batch", reused=True), Times())  # of an earlier run
    account.moved_on("rewrite", outcome("truncated", mode="batch", reused=True))
    account.outcome("rewrite", outcome(model="together:b"), Times(provider=1.0))
    summary = account.summary()
    assert (summary.requests, summary.paid, summary.reused, summary.failed()) == (4, 2, 1, {"refused": 1})
    assert (summary.cost, summary.provider.seconds, summary.lines[0].moved_on) == (1.0, 1.0, {"truncated": 1})
    assert (progress.paid, progress.reused, progress.asked) == (1, 0, 3)
    assert (shard.reused, shard.asked) == (1, 0)


def test_lost_calls_have_a_worst_case_or_say_that_it_is_unknown() -> None:
    account = Account()
    account.retried("openai:a", "rate_limited", lost=False)
    account.retried("openai:a", "timeout", lost=True, worst_cost=0.5)
    account.retried("openai:a", "timeout", lost=True, worst_cost=0.25)
    account.retried("vllm:b", "connection", lost=True)
    summary = account.summary()
    assert account.faulted == 4
    assert summary.faults == {"openai:a": {"rate_limited": 1, "timeout": 2}, "vllm:b": {"connection": 1}}
    assert [(one.model, one.calls, one.worst_cost, one.unpriced) for one in summary.lost] == [
        ("openai:a", 2, 0.75, 0), ("vllm:b", 1, 0.0, 1),
    ]  # fmt: skip


def test_a_summary_does_not_change_after_it_was_taken() -> None:
    account = Account()
    account.outcome("rewrite", outcome("timeout"), Times())
    before = account.summary()
    account.outcome("rewrite", outcome("timeout"), Times())
    account.retried("openai:m", "timeout", lost=True)
    assert before.failed() == {"timeout": 1} and before.faults == {}


def test_the_engines_account_agrees_with_the_provider(
    sandbox: Any, caller_at: Callable[..., Any], asked: Callable[..., Any]
) -> None:
    sandbox.script("question 1", 3, status=500)
    sandbox.script("question 2", 2, close=True, after=True)
    sandbox.script("question 3", 1, finish_reason="length")

    async def run() -> Summary:
        async with caller_at(f"{sandbox.url}/openai/v1", rpm=6000) as caller:
            for _ in range(2):
                requests = [asked(number, model="openai:gpt-5-mini") for number in range(5)]
                assert len([one async for one in caller.run(requests, stage="judge")]) == 5
            return caller.account.summary()

    summary, stats = asyncio.run(run()), sandbox.stats()
    assert (summary.requests, summary.paid, summary.reused, summary.failed()) == (10, 4, 5, {"truncated": 2})
    assert summary.faults == {"openai:gpt-5-mini": {"server_error": 3, "connection": 2}} and summary.retries == 5
    (lost,), (line,) = summary.lost, summary.lines
    assert lost.calls == 2 and lost.worst_cost > 0
    assert stats["paid_calls"] == 5 + lost.calls and line.stage == "judge" and line.cost > 0
    # What a lost call used the provider knows alone; all others said it.
    assert 0 < line.output_tokens < stats["tokens"]["output"]
    assert summary.backoff.seconds > 0 < summary.provider.seconds and summary.limits.seconds > 0
    assert 0 < summary.ours.p99 < 1


@pytest.mark.parametrize(
    ("model", "unpriced"), [("vllm:any", 0), ("openai:gpt-5-mini", 0), ("openai:nobody/knows-its-price", 1)]
)
def test_a_lost_call_is_unpriced_only_where_no_price_is_known(
    sandbox: Any, caller_at: Callable[..., Any], asked: Callable[..., Any], model: str, unpriced: int
) -> None:
    sandbox.script("question 1", 1, close=True, after=True)

    async def run() -> tuple[Summary, Overview]:
        async with caller_at(f"{sandbox.url}/openai/v1") as caller:
            await caller.call(asked(1, model=model))
            return caller.account.summary(), await overview(caller.ledger.database)

    for said in asyncio.run(run()):
        (lost,) = said.lost
        assert (lost.calls, lost.unpriced, lost.worst_cost > 0) == (1, unpriced, model == "openai:gpt-5-mini")


def test_one_request_costs_microseconds() -> None:
    account, one, times = Account(), outcome(), Times(provider=0.1, ours=0.001)
    best = min(_seconds(account, one, times) for _ in range(5))
    assert best / 2000 < 20e-6, "2 µs on an idle machine; this one may be busy"


def _seconds(account: Account, one: Outcome, times: Times) -> float:
    began = perf_counter()
    for _ in range(2000):
        account.outcome("rewrite", one, times)
    return perf_counter() - began
