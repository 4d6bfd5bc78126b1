"""Sizes for several models: against the corrections that the analysis itself uses, and against exact variances."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from redraft.judging.intervals import connor_size, mid_p
from redraft.judging.leaderboard.comparisons import Comparisons
from redraft.judging.leaderboard.drawing import plan_drawing
from redraft.judging.leaderboard.table import rank_models
from redraft.judging.multiplicity import omnibus_p
from redraft.judging.planned_levels import drawn_inflation
from redraft.judging.planning import Aim, plan, power_of

# Qualities spread by 1, a judge sees none of a gap below one half: the first model is 0.35 better than the second.
GAP, TIE = 0.35, 0.5
WON, LOST = (float(norm.cdf((side * GAP - TIE) / sqrt(2))) for side in (1, -1))
RATE, TIES = 0.5 + (WON - LOST) / 2, 1 - WON - LOST


def verdicts(qualities: NDArray[np.float64], a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.intp]:
    """1 where a is preferred, -1 where b is; each row of `qualities` is a context's, or its comparison's own."""
    rows = np.arange(len(qualities))
    seen = qualities[rows, a] - qualities[rows, b]
    return np.where(np.abs(seen) < TIE, 0, np.sign(seen)).astype(np.intp)


def found_by_the_closed_test(contexts: int, studies: int) -> float:
    """Share of studies that find the first arm better than the second, the third halfway between them."""
    random, count = np.random.default_rng(5), 0
    sides = [(np.full(contexts, a), np.full(contexts, b)) for a, b in ((0, 1), (0, 2), (2, 1))]
    for _ in range(studies):
        qualities = random.normal(size=(contexts, 3)) + np.array([GAP, 0.0, GAP / 2])
        first, *_ = points = [verdicts(qualities, *pair) for pair in sides]
        scores = np.zeros((contexts, 3))
        for (a, b), each in zip(sides, points, strict=True):
            scores[:, a[0]] += each
            scores[:, b[0]] -= each
        p = max(mid_p(int((first > 0).sum()), int((first < 0).sum())), omnibus_p(scores))
        count += p <= 0.05 and first.sum() > 0
    return count / studies


def test_three_arms_are_found_as_often_as_planned() -> None:
    alone, three = (plan(Aim(rate=RATE, tie_rate=TIES, models=models)).needed for models in (2, 3))
    assert 1.2 * alone < three < 1.3 * alone, "less than Holm's third of alpha asks for, which is 1.33"
    assert found_by_the_closed_test(three, 700) == pytest.approx(0.815, abs=0.045)
    assert found_by_the_closed_test(alone, 700) < 0.75, "sized as if it stood alone, a pair is missed"


def test_a_leaderboard_with_drawn_pairs_finds_as_often_as_planned() -> None:
    models, studies = 8, 100
    each = plan_drawing(models, 1000, None).each
    contexts = plan(Aim(rate=RATE, tie_rate=TIES, models=models, each=each)).needed
    drawn = plan_drawing(models, contexts, None).pairs(contexts)
    context, a, b = (np.array(x) for x in zip(*((c, *pair) for c, pairs in enumerate(drawn) for pair in pairs),
                                              strict=True))  # fmt: skip
    random, found, middle = np.random.default_rng(7), 0, np.full(models, GAP / 2)
    middle[:2] = GAP, 0.0
    for _ in range(studies):
        qualities = random.normal(size=(contexts, models)) + middle
        data = Comparisons(
            models=tuple("abcdefgh"), contexts=contexts, context=context, a=a, b=b,
            outcome=0.5 + verdicts(qualities[context], a, b) / 2, first=np.zeros(len(a), dtype=np.int8),
            weight=np.ones(len(a)), unusable=np.zeros((0, 2), dtype=np.intp),
        )  # fmt: skip
        found += ("a", "b") in rank_models(data).tables[0].better
    assert found / studies == pytest.approx(0.83, abs=0.11)


@pytest.mark.parametrize(("models", "each"), [(8, 8), (8, 4), (15, 15)])
def test_what_drawn_pairs_cost(models: int, each: int) -> None:
    """Beside the formulas for draws of one model as often as of another: 2/(pK) for independent judgments, with p the
    share of pairs drawn; (c^2 + 2cp + c - (K - 2) p^2)/(pK)^2, c comparisons of a model, for qualities that decide."""
    share, own = each / (models * (models - 1) / 2), 2 * each / models
    reach = share * models
    quality = (own**2 + 2 * own * share + own - (models - 2) * share**2) / reach**2
    found = drawn_inflation(models, each)
    assert max(2 / reach, quality) * 0.98 < found < max(2 / reach, quality) * 1.12


def test_pairs_that_all_meet_cost_nothing_more() -> None:
    assert drawn_inflation(5, 10) == pytest.approx(1.0)
    assert Aim(models=12).drawn == 1.0


def test_levels_of_several_pairs() -> None:
    def at(level: float) -> int:
        return ceil(connor_size(0.14, 0.7, 0.8, float(norm.isf(level / 2))) or 0)

    assert plan(Aim(models=3, judges=2)).needed == at(0.05 / 3) == 372
    board = plan(Aim(models=4))
    assert board.level == pytest.approx(0.05 / 6) and at(0.05 / 6) <= board.needed <= at(0.05 / 6) + 3
    three = plan(Aim(models=3))
    assert three.needed == pytest.approx(at(three.level), abs=1) and 0.02 < three.level < 0.025
    assert (plan(Aim()).level, plan(Aim()).correction) == (pytest.approx(0.05), "")
    for aim in (Aim(models=3), Aim(models=3, cluster_size=4, correlation=0.2), Aim(models=9, each=9)):
        found = plan(aim)
        assert found.detectable is not None and found.detectable <= aim.rate
        assert power_of(aim, found.needed, aim.rate) == pytest.approx(0.8, abs=0.003)
        less = plan(aim, found.needed - 5)
        assert not less.enough and less.detectable is not None and less.detectable > aim.rate


def test_too_few_groups_for_the_test_of_all_three() -> None:
    found = plan(Aim(models=3, cluster_size=20), 60)
    assert (found.level, found.detectable, power_of(found.aim, 60, 0.7)) == (0.0, None, 0.0)
