"""What a stage's progress counts: paid and reused answers, failures, cost of this run alone, unknown prices."""

from __future__ import annotations

from typing import Any

from redraft.calling.progress import WATCHERS, Progress
from redraft.records import Completion, Failure


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
