"""Training runs pooled by arm: against scipy's own t test, and runs that agree count once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from redraft.judging.folding import Fold, Label
from redraft.judging.multiplicity import holm
from redraft.judging.seed_variance import method_rate
from redraft.judging.seed_words import seed_sentences, seed_stage
from redraft.judging.seeds import Pooled, pooled, pooled_arms
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary

POINTS: dict[Label, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}
labels = st.sampled_from(["win", "tie", "loss", "unusable"])
runs_of = st.integers(1, 4).flatmap(
    lambda seeds: st.lists(st.lists(labels, min_size=seeds, max_size=seeds), min_size=2, max_size=30)
)


def folds(rows: list[list[Label]], seed: int) -> dict[str, Fold]:
    return {f"c{n}": Fold(context_id=f"c{n}", label=row[seed]) for n, row in enumerate(rows)}


@given(rows=runs_of, confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_the_contexts_are_the_sample(rows: list[list[Label]], confidence: float) -> None:
    seeds = len(rows[0])
    found = pooled([folds(rows, seed) for seed in range(seeds)], confidence)
    usable = [[POINTS[label] for label in row if label != "unusable"] for row in rows]
    means = [sum(row) / len(row) for row in usable if row]
    assert (found.seeds, found.n, len(found.rates)) == (seeds, len(means), seeds)
    if len(means) < 2 or max(means) - min(means) < 1e-9:
        assert found.low is None and found.high is None and found.p is None
        return
    assert found.rate == pytest.approx(sum(means) / len(means))
    expected = stats.ttest_1samp(means, 0.5)
    low, high = expected.confidence_interval(confidence)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((max(0.0, low), min(1.0, high)), abs=1e-6)


@given(rows=runs_of)
def test_equal_runs_count_once(rows: list[list[Label]]) -> None:
    one, three = pooled([folds(rows, 0)]), pooled([folds(rows, 0)] * 3)
    assert (one.n, one.rate, one.low, one.high, one.p) == pytest.approx(
        (three.n, three.rate, three.low, three.high, three.p)
    )


def test_runs_are_counted_together_by_their_arms() -> None:
    rows: list[list[Label]] = [["win", "win"], ["win", "loss"], ["tie", "win"], ["win", "loss"]] * 5
    first, second = folds(rows, 0), folds(rows, 1)
    judged = {("f1", "b"): first, ("f2", "b"): second, ("a1", "b"): second, ("a2", "b"): second, ("x", "b"): first}
    found = pooled_arms(judged, Settings(arms={"f1": "f", "f2": "f", "a1": "a", "a2": "a", "b": "base"}))
    assert [(one.arm_a, one.arm_b, one.seeds) for one in found] == [("f", "base", 2), ("a", "base", 2)]
    alone = [pooled([first, second]), pooled([second, second])]
    assert [(one.rate, one.low, one.p, one.rates) for one in found] == [(o.rate, o.low, o.p, o.rates) for o in alone]
    assert [one.p_adjusted for one in found] == holm([one.p or 0.0 for one in alone])
    assert found[0].p_adjusted != found[0].p, "two pairs are adjusted for"
    assert [one.method for one in found] == [method_rate([first, second]), method_rate([second, second])]
    assert found[0].method and found[0].method_p is not None and found[0].method_p > (found[0].method.p or 0.0)


def test_missing_verdicts_of_single_runs_are_bounded() -> None:
    rows: list[list[Label]] = [["win", "win"]] * 14 + [["tie", "win"], ["loss", "loss"], ["loss", "tie"]] * 4
    gone: list[list[Label]] = [["unusable", "tie"]] * 3 + rows
    arms = Settings(arms={"f1": "f", "f2": "f", "a1": "a", "a2": "a", "b": "base"})

    def told(of_f: list[list[Label]]) -> tuple[Pooled, Pooled]:
        runs = {(f"{arm}{seed + 1}", "b"): folds(of, seed) for arm, of in (("f", of_f), ("a", rows)) for seed in (0, 1)}
        found, other = pooled_arms(runs, arms)
        return found, other

    found, other = told(gone)
    assert (found.missing, other.missing, other.worst, other.best) == (3, 0, None, None)
    assert found.worst is not None and found.best is not None
    for label, extreme in (("loss", found.worst), ("win", found.best)):
        filled = told([[label, "tie"]] * 3 + rows)[0]  # type: ignore[list-item]
        assert (extreme.rate, extreme.p, extreme.method_p) == (filled.rate, filled.p_adjusted, filled.method_p)
    assert found.worst.rate < found.rate < found.best.rate
    # What is told as p below .05 would not be so with the missing ones lost: it has to be said.
    assert (found.p_adjusted or 1) < 0.05 < (found.worst.p or 0)
    study = StudySummary(pairs=(), settings=arms, over_seeds=(found, other))
    (_, details), (_, whole) = seed_sentences(study)
    assert f"3 verdicts of single runs are missing: had all been lost by f, {found.worst.rate:.1%}, p 0." in details
    assert "missing" not in whole and "f against base: 3 verdicts" in seed_stage(study)[0].tables[0].note


def test_contexts_of_a_cluster_count_as_one() -> None:
    rows: list[list[Label]] = [["win", "win"], ["win", "loss"], ["tie", "win"], ["loss", "loss"]] * 5
    runs = [folds(rows, 0), folds(rows, 1)]
    alone, doubled = (
        pooled(runs),
        [{f"{key}{half}": fold for key, fold in run.items() for half in "ab"} for run in runs],
    )
    clusters = {f"{key}{half}": key for key in runs[0] for half in "ab"}
    twice = pooled(doubled, clusters=clusters)
    assert (twice.n, twice.rate, twice.low, twice.high, twice.p) == pytest.approx(
        (2 * alone.n, alone.rate, alone.low, alone.high, alone.p)
    )


def test_a_cluster_with_most_contexts_widens() -> None:
    rows: list[list[Label]] = [["win", "win"]] * 30 + [["loss", "tie"], ["win", "loss"]] * 5
    one_each = {f"c{n}": f"c{n}" for n in range(40)}
    heavy = one_each | {f"c{n}": "heavy" for n in range(30)}
    alone, grouped = (pooled([folds(rows, 0), folds(rows, 1)], clusters=of) for of in (one_each, heavy))
    assert (alone.rate, alone.p is not None and alone.p < 0.001) == (grouped.rate, True)
    assert grouped.p is not None and grouped.p > 0.05
    assert (grouped.low, grouped.high) == (pytest.approx(0.0), pytest.approx(1.0)), "one user is next to nothing"
