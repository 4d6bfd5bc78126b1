"""Grouped contexts: the design effect against two other ways to compute it, and what it does to a verdict."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from redraft.errors import InputError
from redraft.judging.clustered import (
    ClusterCounts,
    Effective,
    design_effect,
    jackknife,
    planned_design_effect,
)
from redraft.judging.decision import decide
from redraft.judging.folding import Fold, Tally
from redraft.judging.intervals import detectable_rate, exact_p, mid_p, tango_interval
from redraft.judging.paired import clustered_mean
from redraft.judging.summary import Settings
from redraft.judging.verdict import summarise, summarise_study
from redraft.records import Judgment

cluster = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
tables = st.lists(cluster, min_size=1, max_size=12)


def counts(table: list[tuple[int, int, int]], unusable: list[int] | None = None) -> ClusterCounts:
    wins, losses, ties = np.array(table).T
    return ClusterCounts(wins, losses, ties, unusable)


def written_out(table: list[tuple[int, int, int]]) -> tuple[list[int], list[int]]:
    """Each context's value and cluster."""
    values = [value for w, l, t in table for value in [1] * w + [-1] * l + [0] * t]  # noqa: E741
    return values, [index for index, row in enumerate(table) for _ in range(sum(row))]


@given(tables)
def test_the_design_effect_is_by_leaving_clusters_out(table: list[tuple[int, int, int]]) -> None:
    values, ids = written_out(table)
    assume(len(set(ids)) > 1 and len(set(values)) > 1)
    x, of, count = np.array(values, dtype=float), np.array(ids), len(set(ids))
    moved = [x[of != one].mean() - x.mean() for one in set(ids)]
    expected = (count - 1) / count * float(np.square(moved).sum()) / (x.var(ddof=1) / len(x))
    found = counts(table).effective()
    assert found.design_effect == pytest.approx(max(1.0, expected), rel=1e-9)
    assert found.n * found.design_effect == pytest.approx(len(x))


@given(st.lists(st.integers(1, 40), min_size=2, max_size=12))
def test_degrees_are_the_effective_clusters_less_one(sizes: list[int]) -> None:
    m = np.array(sizes, dtype=float)
    degrees = jackknife(m)[1]
    assert degrees == pytest.approx(max(1.0, m.sum() ** 2 / (m**2).sum() - 1))
    assert jackknife(np.append(m, 0.0))[1] == degrees <= len(m) - 1
    assert jackknife(m[:1])[1] == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=10), st.integers(4, 6))
def test_clusters_of_one_size_have_the_textbook_error(table: list[tuple[int, int]], size: int) -> None:
    """CR1 with C/(C-1), which the published values have, and clusters - 1 degrees of freedom."""
    equal = [(min(w, size), min(l, size - min(w, size)), 0) for w, l in table]  # noqa: E741
    equal = [(w, l, size - w - l) for w, l, _ in equal]  # noqa: E741
    values, ids = written_out(equal)
    assume(len(set(values)) > 1)
    expected = clustered_mean(values, ids).design_effect
    found = counts(equal).effective()
    assert expected is not None and found.design_effect == pytest.approx(max(1.0, expected), rel=1e-9)
    assert found.freedom == len(equal) - 1


def test_a_group_of_forty_among_small_ones_makes_no_winner_of_equals() -> None:
    """Of equal models one was called better in a quarter of such runs by CR1 with clusters - 1 degrees of freedom."""
    rng, sizes, winners, held = np.random.default_rng(5), np.array([40, *[2] * 11]), 0, 0
    for _ in range(300):
        chances = rng.dirichlet(np.array([0.4, 0.4, 0.2]) * 0.7 / 0.3, len(sizes))
        found = ClusterCounts(*rng.multinomial(sizes, chances).T).effective()
        low, high = found.interval()
        winners += not low <= 0.5 <= high and found.p <= 0.05
        held += low <= 0.5 <= high
    assert winners <= 5 and held >= 290


def test_a_mean_over_unequal_clusters_is_held() -> None:
    rng, held = np.random.default_rng(6), 0
    for _ in range(300):
        sizes = rng.geometric(0.15, 12)
        values = rng.normal(0, 0.55, 12).repeat(sizes) + rng.normal(0, 0.83, sizes.sum())
        found = clustered_mean(values, np.arange(12).repeat(sizes))
        assert found.low is not None and found.high is not None
        held += found.low <= 0 <= found.high
    # clusters - 1 degrees of freedom hold 268 of these.
    assert held >= 278


def test_published_design_effect(shared: Path) -> None:
    """GPQA Diamond, 198 questions asked five times: the accuracy's error is 1.85 times the naive one (evalconfidence).

    A right answer counts as won, a wrong one as lost; the design effect does not care for the unit.
    """
    folder = shared / "data" / "judging"
    expected = json.loads((folder / "expected.json").read_text())["gpqa"]
    table: dict[str, list[int]] = {}
    with (folder / "gpqa_diamond_scores.csv").open() as rows:
        for row in csv.DictReader(rows):
            if "nano" in row["model_id"]:
                table.setdefault(row["item_id"], [0, 0, 0])[row["score"] != "1.0"] += 1
    found = counts([(w, l, t) for w, l, t in table.values()]).effective()  # noqa: E741
    assert (found.clusters, found.n * found.design_effect) == (198, pytest.approx(990))
    assert found.design_effect == pytest.approx(expected["deff"], abs=1e-9)
    assert found.design_effect**0.5 == pytest.approx(1.85, abs=5e-3)
    # The score interval is no t interval, but with so many questions they are near.
    low, high = found.interval()
    assert (high - low) / 2 == pytest.approx(student.ppf(0.975, 197) * expected["cluster_se"], rel=0.02)


@given(tables)
def test_grouping_never_makes_firmer(table: list[tuple[int, int, int]]) -> None:
    wins, losses, ties = np.array(table).sum(axis=0).tolist()
    for confidence in (0.8, 0.95, 0.999):
        low, high = tango_interval(wins, losses, ties, confidence)
        found = counts(table).effective().interval(confidence)
        assert found[0] <= low + 1e-9 and high <= found[1] + 1e-9
    assert counts(table).effective().p >= mid_p(wins, losses) - 1e-9
    assert counts(table).effective().p_exact >= exact_p(wins, losses) - 1e-9


def test_clusters_all_alike_are_independent_contexts() -> None:
    found = counts([(6, 3, 1)] * 10).effective()
    assert (found.design_effect, found.underdispersion) == (1, 0.01)
    assert (found.interval(), found.p) == (tango_interval(60, 30, 10), mid_p(60, 30))


def test_independent_contexts_in_few_groups_are_held_as_often_as_said() -> None:
    rng, held, floored = np.random.default_rng(4), 0, 0
    for _ in range(1000):
        found = ClusterCounts(*rng.multinomial(5, (0.45, 0.25, 0.3), 10).T).effective()
        low, high = found.interval()
        held += low <= 0.6 <= high
        low, high = tango_interval(found.wins, found.losses, found.ties, freedom=found.freedom)
        floored += low <= 0.6 <= high
    # 95% less two standard errors; a design effect that is only cut at 1 holds too often.
    assert 936 <= held <= floored - 5


@given(tables)
def test_swapped_models_mirror_everything(table: list[tuple[int, int, int]]) -> None:
    there, back = counts(table).effective(), counts(table).swapped().effective()
    low, high = there.interval()
    assert back.interval() == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert back.p == pytest.approx(there.p, rel=1e-9)
    assert there.design_effect == pytest.approx(back.design_effect)
    assert low <= there.win_rate + 1e-9 and there.win_rate <= high + 1e-9


@given(tables, st.randoms())
def test_the_order_of_clusters_is_nothing(table: list[tuple[int, int, int]], random: object) -> None:
    shuffled = list(table)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert counts(shuffled).effective().interval() == pytest.approx(counts(table).effective().interval(), abs=1e-9)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_clusters_of_one_are_no_clusters(wins: int, losses: int, ties: int) -> None:
    table = [(1, 0, 0)] * wins + [(0, 1, 0)] * losses + [(0, 0, 1)] * ties + [(0, 0, 0)]
    found = counts(table).effective()
    assert (found.interval(), found.p) == (tango_interval(wins, losses, ties), mid_p(wins, losses))
    assert (found.clusters, found.design_effect, found.freedom) == (None, 1.0, None)


def test_where_nothing_varies_each_cluster_is_one_context() -> None:
    found = counts([(5, 0, 0)] * 12).effective()
    assert (found.wins, found.design_effect, found.freedom) == (12, 5, 11)
    assert counts([(0, 0, 4)] * 10 + [(0, 0, 0)]).effective().n == 10


def test_one_cluster_says_nothing() -> None:
    found = counts([(30, 10, 5)]).effective()
    assert (found.interval(), found.p, found.critical()) == ((0.0, 1.0), 1.0, float("inf"))
    assert ClusterCounts([], [], []).effective().interval() == (0.0, 1.0)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 300))
def test_students_t_widens_and_ends_at_the_normal(wins: int, losses: int, freedom: int) -> None:
    assume(wins + losses > 0)
    low, high = tango_interval(wins, losses, 7)
    wide_low, wide_high = tango_interval(wins, losses, 7, freedom=freedom)
    assert wide_low <= low + 1e-12 and high <= wide_high + 1e-12
    assert mid_p(wins, losses, freedom) >= mid_p(wins, losses) - 1e-12
    assert mid_p(wins, losses, 10**7) == pytest.approx(mid_p(wins, losses), rel=1e-3, abs=1e-12)


def test_the_test_of_effective_counts_goes_on_between_whole_numbers() -> None:
    assert mid_p(6, 16) > mid_p(6, 16.5) > mid_p(6, 17)
    assert mid_p(4.25, 4.25) == 1.0
    assert exact_p(22.5, 12.5) > mid_p(22.5, 12.5)
    # The deviate of .034690 is 2.1117; Student's with 9 degrees of freedom has .0639 beyond.
    assert mid_p(6, 16, 9) == pytest.approx(2 * student.sf(norm.isf(mid_p(6, 16) / 2), 9), rel=1e-9)


def test_folds_by_cluster_and_missing_verdicts() -> None:
    labels = ["win", "win", "loss", "tie", "unusable", "win"]
    folds = [Fold(context_id=str(i), label=label) for i, label in enumerate(labels)]  # type: ignore[arg-type]
    found = ClusterCounts.of_folds(folds, {str(i): "ab"[i % 2] for i in range(6)})
    assert [one.tolist() for one in (found.wins, found.losses, found.ties, found.unusable)] == [
        [1, 2],
        [1, 0],
        [0, 1],
        [1, 0],
    ]
    assert found.worst().losses.tolist() == [2, 0]
    assert found.best().wins.tolist() == [2, 2]
    assert found.signs() == (1, 0)
    with pytest.raises(InputError, match="context 0 belongs to no cluster"):
        ClusterCounts.of_folds(folds, {})


def test_clusters_can_take_a_verdict_away() -> None:
    together = Tally(wins=60, losses=30, ties=10)
    assert decide(together, Settings()).code == "clearly_better"
    groups = counts([(10, 0, 0), (0, 10, 0), (10, 0, 0)] * 3 + [(0, 0, 10)])
    assert groups.effective().design_effect > 8
    assert decide(together, Settings(), None, groups).code == "undecided"
    spread = counts([(6, 3, 1)] * 10)
    assert spread.effective().design_effect == 1
    assert decide(together, Settings(), None, spread).code == "clearly_better"


def test_missing_verdicts_of_clusters_can_turn_it() -> None:
    table = [(6, 3, 0), (5, 3, 1)] * 6
    tally = Tally(wins=66, losses=36, ties=6)
    assert decide(tally, Settings(), None, counts(table)).code == "better"
    missing = counts(table, [4] + [0] * 11)
    assert missing.worst().losses.sum() == 40
    assert decide(Tally(wins=66, losses=36, ties=6, unusable=4), Settings(), None, missing).code == "better"
    close = [(6, 4, 0), (5, 3, 1)] * 6
    tally = Tally(wins=66, losses=42, ties=6)
    assert decide(tally, Settings(), None, counts(close)).code == "better"
    missing = counts(close, [5] + [0] * 11)
    found = decide(Tally(wins=66, losses=42, ties=6, unusable=5), Settings(), None, missing)
    assert (found.code, found.note) == ("not_enough", "extremes")


def test_a_summary_of_grouped_contexts_says_so() -> None:
    def judged(context: int, a_wins: bool) -> list[Judgment]:
        return [
            Judgment(
                context_id=str(context), model_a="a", model_b="b", judge="j", order=order, status="ok",
                winner="A" if a_wins else "B",
            )
            for order in ("AB", "BA")
        ]  # fmt: skip

    judgments = [one for i in range(60) for one in judged(i, i < 40)]
    alone, grouped = summarise(judgments), summarise(judgments, clusters={str(i): str(i // 10) for i in range(60)})
    assert (alone.verdict, alone.clusters) == ("better", None)
    assert (grouped.verdict, grouped.clusters, grouped.win_rate) == ("undecided", 6, alone.win_rate)
    assert grouped.low < alone.low < alone.high < grouped.high
    assert grouped.p_mid > alone.p_mid and grouped.p_exact > alone.p_exact and grouped.p_exact > grouped.p_mid
    assert grouped.detectable is None
    paired = summarise(judgments, clusters={str(i): str(i // 2) for i in range(60)})
    assert paired.design_effect == pytest.approx(2 * 30 / 29 * 59 / 60)
    size = 60 / paired.design_effect
    assert paired.detectable == pytest.approx(detectable_rate(size, 0, critical=student.ppf(0.975, 29)))
    assert paired.more_contexts is not None and alone.more_contexts is not None
    # Student's quantile in place of the normal one takes a little more than the design effect.
    assert 60 + paired.more_contexts > (alone.more_contexts + 60) * paired.design_effect
    assert paired.more_groups == 41 and paired.more_contexts == 82 and alone.more_groups is None
    assert any("6 groups" in caveat for caveat in grouped.caveats)
    assert not any("little more than one" in caveat for caveat in grouped.caveats)
    heavy = summarise(judgments, clusters={str(i): "heavy" if i < 40 else str(i) for i in range(60)})
    (why,) = [caveat for caveat in heavy.caveats if "little more than one" in caveat]
    assert "21 groups" in why and "the largest 40." in why and "makes the interval wide" in why
    same = {str(i): "all" for i in range(60)}
    assert summarise_study(judgments, clusters=same).pairs[0].verdict == "undecided"


def test_wrong_input() -> None:
    with pytest.raises(InputError, match="do not fit"):
        ClusterCounts([1, 2], [1], [0, 0])
    for bad in ([-1.0], [0.5], [float("nan")], [[1.0]]):
        with pytest.raises(InputError, match="whole numbers"):
            ClusterCounts(bad, [1], [1])
    with pytest.raises(InputError, match="correlation"):
        planned_design_effect(5, 1.1)
    assert planned_design_effect(5, 0.3) == pytest.approx(2.2)
    assert design_effect(np.array([3.0]), np.array([3.0]), 3) == 3
    assert Effective(wins=1, losses=1, ties=1).n == 3
