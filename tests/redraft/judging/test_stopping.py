"""Stop or go on: each reason, its limits, and that equal models seldom get a winner."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import ConfigurationError, InputError
from redraft.judging.clustered import ClusterCounts
from redraft.judging.decision import decide
from redraft.judging.folding import Tally
from redraft.judging.intervals import mid_p, tango_interval
from redraft.judging.sequential import boundaries, conditional_power
from redraft.judging.stopping import LookPlan, review
from redraft.judging.summary import Settings

PLAN = LookPlan(contexts=300)
NEVER_FUTILE = LookPlan(contexts=300, futility=0)
rows = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 2))


def tally(wins: int, losses: int, ties: int, unusable: int = 0) -> Tally:
    return Tally(wins=wins, losses=losses, ties=ties, unusable=unusable)


def test_a_clear_winner_stops_the_run() -> None:
    first = review(PLAN, [tally(30, 10, 20)], Settings())
    assert (first.reason, first.next_contexts, first.stops) == ("go_on", 120, False)
    assert first.boundary == pytest.approx(4.8769, abs=1e-3)
    second = review(PLAN, [tally(30, 10, 20), tally(62, 20, 38)], Settings())
    assert (second.reason, second.decision.favours, second.number) == ("winner", "A", 2)
    assert second.boundary == pytest.approx(3.3570, abs=1e-3)
    assert second.statistic == pytest.approx(42 / 82**0.5)
    assert second.next_contexts is None
    assert "enough for A" in second.why and "a little high" in second.why
    mirrored = review(PLAN, [tally(10, 30, 20), tally(20, 62, 38)], Settings())
    assert (mirrored.reason, mirrored.decision.favours) == ("winner", "B")
    assert mirrored.low == pytest.approx(1 - second.high)


def test_what_a_fixed_run_would_call_a_winner_goes_on() -> None:
    counts = tally(45, 25, 50)
    assert decide(counts, Settings()).code == "better"
    assert review(PLAN, [counts], Settings()).reason == "go_on"


def test_no_difference_and_futility() -> None:
    plan = LookPlan(contexts=5000, fractions=(0.5, 1.0), futility=0)
    found = review(plan, [tally(400, 400, 1700)], Settings())
    assert (found.reason, found.decision.code) == ("no_difference", "no_difference")
    assert found.low >= 0.45 and found.high <= 0.55
    counts = [tally(20, 22, 18), tally(40, 44, 36), tally(57, 70, 53), tally(83, 86, 71)]
    assert [review(PLAN, counts[:k], Settings()).reason for k in (1, 2, 3, 4)] == [
        "go_on",
        "go_on",
        "go_on",
        "futility",
    ]
    stopped = review(PLAN, counts, Settings())
    assert stopped.conditional_power is not None and stopped.conditional_power < 0.1
    assert "57%" in stopped.why
    # It binds nobody: the boundaries are the same.
    on = review(NEVER_FUTILE, counts, Settings())
    assert (on.reason, on.boundary) == ("go_on", stopped.boundary)


def test_the_end_of_the_plan() -> None:
    counts = [tally(20 * k, 17 * k, 23 * k) for k in range(1, 6)]
    last = review(NEVER_FUTILE, counts, Settings())
    assert (last.reason, last.number, last.fraction, last.spent) == ("complete", 5, 1.0, pytest.approx(0.05))
    assert last.boundary == pytest.approx(2.0310, abs=1e-3)
    assert last.conditional_power is None
    with pytest.raises(InputError, match="the plan ended"):
        review(NEVER_FUTILE, [*counts, tally(120, 102, 138)], Settings())
    winner = review(NEVER_FUTILE, [*counts[:4], tally(120, 80, 100)], Settings())
    assert winner.reason == "winner" and "a little high" not in winner.why


def test_a_run_that_ends_early_for_want_of_money() -> None:
    counts = [tally(20, 15, 25), tally(43, 25, 52), tally(60, 34, 66)]
    assert review(NEVER_FUTILE, counts, Settings()).reason == "go_on"
    ended = review(NEVER_FUTILE, counts, Settings(), final=True)
    assert (ended.reason, ended.decision.favours) == ("winner", "A")
    assert ended.boundary == pytest.approx(boundaries((0.2, 0.4, 1.0), information=(60, 120, 160))[-1])


def test_an_earlier_stop_stands() -> None:
    counts = [tally(50, 5, 5), tally(60, 50, 10)]
    found = review(PLAN, counts, Settings())
    assert (found.reason, found.number, found.contexts) == ("winner", 1, 60)


def test_too_many_missing_verdicts_stop_nothing() -> None:
    found = review(NEVER_FUTILE, [tally(30, 10, 20), tally(62, 20, 30, 8)], Settings())
    assert (found.decision.code, found.reason) == ("not_enough", "go_on")


@settings(max_examples=30, deadline=None)
@given(st.lists(rows.filter(lambda row: sum(row) > 0), min_size=1, max_size=5))
def test_a_winner_passed_every_rule_at_the_looks_own_level(steps: list[tuple[int, int, int, int]]) -> None:
    sums = np.cumsum(steps, axis=0).tolist()
    counts = [tally(*row) for row in sums]
    plan = LookPlan(contexts=600)
    found = review(plan, counts, Settings())
    seen = counts[found.number - 1]
    assert found.contexts == seen.attempted
    assert (found.low, found.high) == tango_interval(seen.wins, seen.losses, seen.ties, found.confidence)
    if found.reason == "winner":
        assert abs(found.statistic) > found.boundary
        assert mid_p(seen.wins, seen.losses) <= 1 - found.confidence
    swapped = review(plan, [tally(o.losses, o.wins, o.ties, o.unusable) for o in counts], Settings())
    assert (swapped.reason, swapped.number) == (found.reason, found.number)
    # Looks to come change nothing of those before.
    before = [review(plan, counts[:k], Settings()) for k in range(1, found.number + 1)]
    assert [one.stops for one in before[:-1]] == [False] * (found.number - 1)
    assert before[-1] == found
    assert all(a.spent < b.spent for a, b in pairwise(before))


def test_grouped_contexts_need_more() -> None:
    counts = [tally(30, 10, 20), tally(64, 18, 38)]
    assert review(PLAN, counts, Settings()).reason == "winner"
    groups = [
        ClusterCounts([10] * 3 + [0] * 3, [0] * 3 + [3, 3, 4], [0, 0, 0, 7, 7, 6]),
        ClusterCounts([10] * 6 + [1] * 4 + [0] * 2, [0] * 6 + [3] * 6, [0] * 6 + [6] * 4 + [7] * 2),
    ]
    grouped = review(PLAN, counts, Settings(), groups)
    assert (grouped.reason, grouped.number) == ("go_on", 2)
    assert grouped.statistic < 2.5
    counts_of = groups[1].effective()
    decisive = 82 / 120
    drift = 0.14 * (300 / counts_of.design_effect / decisive) ** 0.5
    last = boundaries((0.2, 0.4, 0.6, 0.8, 1.0))[-1]
    expected = conditional_power(grouped.statistic, 0.4, last, drift)
    assert grouped.conditional_power == pytest.approx(expected, abs=1e-9)


def test_a_summary_takes_the_looks_confidence() -> None:
    found = review(PLAN, [tally(30, 10, 20), tally(62, 20, 38)], Settings())
    level = msgspec.structs.replace(Settings(), confidence=found.confidence)
    assert decide(tally(62, 20, 38), level) == found.decision
    assert level.alpha == pytest.approx(0.000788, abs=2e-6)


def test_equal_models_seldom_get_a_winner() -> None:
    rng, at = np.random.default_rng(11), np.array([60, 120, 180, 240, 300]) - 1
    winners = 0
    for _ in range(400):
        sums = np.cumsum(rng.multinomial(1, [0.35, 0.35, 0.3], 300), axis=0)[at]
        winners += review(PLAN, [tally(*row) for row in sums.tolist()], Settings()).reason == "winner"
    # 5% of 400 are 20; three standard errors more.
    assert 4 <= winners <= 33


def test_wrong_plans_and_looks() -> None:
    assert LookPlan(contexts=3).due() == (1, 2, 3)
    assert PLAN.due() == (60, 120, 180, 240, 300)
    for bad in (
        {"fractions": (0.5, 0.4, 1.0)},
        {"fractions": (0.5,)},
        {"fractions": ()},
        {"rate": 0.5},
        {"contexts": 0},
    ):
        with pytest.raises(ConfigurationError):
            LookPlan(**{"contexts": 300, **bad})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="more than the one before"):
        review(PLAN, [tally(10, 10, 10), tally(10, 10, 10)], Settings())
    with pytest.raises(InputError, match="looks after"):
        review(PLAN, [], Settings())
    with pytest.raises(InputError, match="by cluster of 2"):
        review(PLAN, [tally(10, 10, 10)], Settings(), [ClusterCounts([1], [1], [1])] * 2)
    ties = review(PLAN, [tally(0, 0, 60)], Settings())
    assert (ties.reason, ties.statistic, ties.conditional_power) == ("go_on", 0.0, None)
