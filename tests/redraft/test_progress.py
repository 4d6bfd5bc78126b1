"""What a stage's progress counts and says: answers, failures, cost of this run alone, rate, what is in flight."""

from __future__ import annotations

from typing import Any

import pytest

from redraft.calling.accounting import Account
from redraft.calling.progress import WATCHERS, Progress, lasting
from redraft.cli.running import words_for
from redraft.records import Completion, Failure
from tasks.showing import describe


def completion(**fields: Any) -> Completion:
    given = {
        "request_key": "k", "text": "t", "model": "m", "answered_model": "m", "provider": "p", "finish_reason": "stop",
        "input_tokens": 10, "output_tokens": 5, "cost": 0.25, "latency": 0.1, "attempts": 1,
        "created_at": "2026-01-01T00:00:00Z", "simulated": False,
    }  # fmt: skip
    return Completion(**(given | fields))


def failure(reason: str, **fields: Any) -> Failure:
    return Failure(request_key="k", model="m", reason=reason, detail="", attempts=1, **fields)


def test_only_what_this_run_paid_costs_it() -> None:
    progress = Progress("rewrite", 7)
    progress.count(completion())
    progress.count(completion(reused=True))
    progress.count(completion(cost=None))
    progress.count(completion(cost=None, reused=True))
    progress.count(failure("timeout"))
    progress.count(failure("empty", cost=0.5, input_tokens=9, output_tokens=1))
    progress.count(failure("empty", cost=0.5, input_tokens=9, output_tokens=1, reused=True))
    assert (progress.paid, progress.reused, progress.unpriced) == (2, 2, 1)
    assert progress.cost == 0.75
    assert progress.failed == {"timeout": 1, "empty": 2}
    assert progress.simulated is False


def test_one_simulated_outcome_marks_the_stage() -> None:
    for outcome in (
        completion(simulated=True),
        failure("timeout", simulated=True),
        completion(simulated=True, reused=True),
    ):
        progress = Progress("judge")
        progress.count(outcome)
        progress.count(completion())
        assert progress.simulated


def test_watchers_see_each_step() -> None:
    seen: list[tuple[int, int | None]] = []
    token = WATCHERS.set((lambda progress: seen.append((progress.done, progress.total)),))
    try:
        progress = Progress("filter")
        progress.advance()
        progress.advance(3)
        progress.finish(9)
    finally:
        WATCHERS.reset(token)
    progress.advance()
    assert seen == [(1, None), (4, None), (9, 9)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    clock = Clock()
    progress = Progress("rewrite", 2000, clock=clock)
    assert progress.rate == 0.0 and progress.seconds_left is None
    progress.advance(900)  # was there already
    for _ in range(100):
        clock.now += 1
        progress.advance(5)
    assert progress.rate == pytest.approx(5, rel=0.05)
    assert progress.seconds_left == pytest.approx((2000 - 1400) / 5, rel=0.05)
    clock.now += 600  # a provider that was down
    assert progress.rate < 0.5


def test_gauges_are_the_callers_since_the_stage_began() -> None:
    account = Account()
    account.retried("m", "timeout", lost=True)
    progress = Progress("rewrite", 10, account=account)
    account.in_flight = 7
    account.retried("m", "rate_limited", lost=False)
    assert (progress.in_flight, progress.faulted) == (7, 1)


def test_a_part_counts_for_the_whole_too() -> None:
    seen: list[int] = []
    whole = Progress("rewrite", 10)
    first, second = whole.part(), whole.part()
    token = WATCHERS.set((lambda progress: seen.append(progress.done),))
    try:
        first.count(completion(attempts=3))
        first.advance()
        second.count(failure("timeout"))
        second.advance(2)
    finally:
        WATCHERS.reset(token)
    assert (first.asked, first.retries, first.cost, first.done) == (1, 2, 0.25, 1)
    assert (second.asked, second.failed, second.done) == (1, {"timeout": 1}, 2)
    assert (whole.asked, whole.paid, whole.cost, whole.done) == (2, 1, 0.25, 3)
    assert seen == [1, 3], "only the whole is watched"


def test_both_places_say_the_same_things() -> None:
    clock, account = Clock(), Account()
    progress = Progress("rewrite", 200, account=account, clock=clock)
    clock.now = 10.0
    account.in_flight, account.waiting = 64, 9
    account.retried("m", "timeout", lost=True)
    for one in (completion(), completion(reused=True, simulated=True), failure("timeout")):
        progress.count(one)
    progress.advance(120)
    assert describe(progress) == (
        "120/200 rows, 12.0/s, 7 s left, 64 in flight, 9 held back by limits, 1 calls paid, 1 reused, "
        "1 attempts failed, $0.2500, 1 timeout, simulated"
    )
    assert words_for(progress) == (
        "simulated, 7 s left, 12/s, 64 in flight, 9 held back, 1 paid, 1 reused, $0.2500, 1 attempts failed, 1 rejected"
    )
    progress.finish(200)
    assert "left" not in describe(progress) + words_for(progress)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (99, "99 s"), (101, "2 min"), (3600, "60 min"), (7500, "2 h 05 min")]
)
def test_durations_as_people_say_them(seconds: float, said: str) -> None:
    assert lasting(seconds) == said
