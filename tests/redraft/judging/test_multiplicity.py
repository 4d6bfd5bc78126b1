"""Adjusted p-values: reference values, agreement with other tests, and the error rate they promise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from redraft.errors import ConfigurationError, InputError
from redraft.judging.folding import Fold
from redraft.judging.intervals import mid_p
from redraft.judging.multiplicity import correct, fixed_sequence, holm, omnibus_p, shaffer
from redraft.judging.summary import Settings
from redraft.judging.verdict import summarise_study
from redraft.records import Judgment

LABELS = {1: "win", 0: "tie", -1: "loss"}


def folds(points: list[int]) -> dict[str, Fold]:
    return {f"c{i}": Fold(context_id=f"c{i}", label=LABELS[p]) for i, p in enumerate(points)}  # type: ignore[arg-type]


def test_holm_reference_values() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    by_raw = [adjusted[i] for i in sorted(range(len(p_values)), key=lambda i: p_values[i])]
    assert by_raw == sorted(by_raw)


def test_two_arms_are_the_paired_t_test() -> None:
    scores = np.array([1, 1, 0, -1, 1, 1, 0, 1, -1, 1, 1, 0], dtype=float)
    expected = stats.ttest_1samp(scores, 0).pvalue
    assert omnibus_p(np.column_stack([scores, -scores])) == pytest.approx(expected)


def test_the_omnibus_does_not_depend_on_which_arm_comes_first() -> None:
    drawn = np.random.default_rng(5).integers(-2, 3, size=(40, 2)).astype(float)
    scores = np.column_stack([drawn, -drawn.sum(axis=1)])
    found = [omnibus_p(scores[:, order]) for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0])]
    assert found == pytest.approx([found[0]] * 3)
    # The textbook form of the same statistic.
    n, mean, covariance = 40, drawn.mean(axis=0), np.cov(drawn, rowvar=False)
    t_squared = n * mean @ np.linalg.solve(covariance, mean)
    assert found[0] == pytest.approx(stats.f.sf(t_squared * (n - 2) / (2 * (n - 1)), 2, n - 2))


def test_scores_that_never_vary() -> None:
    assert omnibus_p(np.zeros((30, 3))) == 1.0
    always = np.tile([2.0, -1.0, -1.0], (30, 1))
    assert omnibus_p(always) == 2.0**-29
    assert omnibus_p(always[:3]) == 1.0
    mixed = np.column_stack([np.full(30, 1.0), np.tile([1.0, -1.0], 15), np.full(30, -1.0) - np.tile([1.0, -1.0], 15)])
    assert omnibus_p(mixed) == pytest.approx(2 * 2.0**-29)


def test_three_arms_take_the_closed_test_others_holm() -> None:
    pairs = {
        ("f", "b"): folds([1] * 30 + [-1] * 10),
        ("a", "b"): folds([1, -1] * 20),
        ("f", "a"): folds([1] * 25 + [0] * 15),
    }
    p_values = {name: mid_p(*_counts(table)) for name, table in pairs.items()}
    found = correct(pairs, p_values)
    assert found.method == "closed"
    assert found.omnibus_contexts == 40
    assert found.adjusted == tuple(max(found.omnibus_p or 0, p) for p in found.raw)
    two = dict(list(pairs.items())[:2])
    assert correct(two, p_values).adjusted == tuple(holm([p_values[name] for name in two]))


def test_which_model_of_a_pair_comes_first_makes_no_difference() -> None:
    points = {("f", "b"): [1, 1, 0, -1, 1] * 8, ("a", "b"): [0, 1, -1, 1, 1] * 8, ("f", "a"): [1, 0, -1, 1, 0] * 8}
    p_values = dict.fromkeys(points, 0.01)
    straight = correct({name: folds(values) for name, values in points.items()}, p_values)
    turned = {("b", "f"): [-p for p in points["f", "b"]], ("b", "a"): [-p for p in points["a", "b"]]}
    turned[("f", "a")] = points["f", "a"]
    mirrored = correct({name: folds(values) for name, values in turned.items()}, dict.fromkeys(turned, 0.01))
    assert mirrored.omnibus_p == pytest.approx(straight.omnibus_p)
    # By hand: an arm's score in a context is its wins minus its losses there.
    f = [x + y for x, y in zip(points["f", "b"], points["f", "a"], strict=True)]
    b = [-x - y for x, y in zip(points["f", "b"], points["a", "b"], strict=True)]
    a = [x - y for x, y in zip(points["a", "b"], points["f", "a"], strict=True)]
    assert straight.omnibus_p == pytest.approx(omnibus_p(np.array([f, b, a], dtype=float).T))


def test_a_context_unusable_in_one_pair_leaves_the_omnibus_only() -> None:
    one = folds([1] * 40)
    one["c0"] = Fold(context_id="c0", label="unusable", reason="judge_error")
    found = correct({("f", "b"): one, ("a", "b"): folds([0] * 40), ("f", "a"): folds([1, -1] * 20)}, dict.fromkeys(
        [("f", "b"), ("a", "b"), ("f", "a")], 0.01))  # fmt: skip
    assert found.omnibus_contexts == 39


def _counts(table: dict[str, Fold]) -> tuple[int, int]:
    labels = [fold.label for fold in table.values()]
    return labels.count("win"), labels.count("loss")


def test_equal_arms_are_seldom_called_different() -> None:
    """400 studies of three equal arms, seeded: about 5% may state any difference at all; unadjusted it is 13%."""
    random, stated, unadjusted = np.random.default_rng(11), 0, 0
    names = [("f", "b"), ("a", "b"), ("f", "a")]
    for _ in range(400):
        quality = random.normal(size=(100, 3))
        gaps = [quality[:, 1] - quality[:, 0], quality[:, 2] - quality[:, 0], quality[:, 1] - quality[:, 2]]
        pairs = {
            name: folds([int(np.sign(g)) if abs(g) > 0.5 else 0 for g in gap])
            for name, gap in zip(names, gaps, strict=True)
        }
        p_values = {name: mid_p(*_counts(table)) for name, table in pairs.items()}
        stated += min(correct(pairs, p_values).adjusted) <= 0.05
        unadjusted += min(p_values.values()) <= 0.05
    assert 0.02 <= stated / 400 <= 0.08
    assert unadjusted > stated


def test_shaffer_and_the_fixed_sequence() -> None:
    assert shaffer([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.03])
    assert shaffer([0.5, 0.6, 0.9]) == [1.0, 1.0, 1.0]
    assert fixed_sequence([0.01, 0.2, 0.03]) == [0.01, 0.2, 0.2]
    with pytest.raises(ValueError, match="three pairs"):
        shaffer([0.01, 0.02])


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_shaffer_lies_between_the_raw_p_and_holms(p_values: list[float]) -> None:
    for p, mine, theirs in zip(p_values, shaffer(p_values), holm(p_values), strict=True):
        assert p <= mine <= theirs + 1e-12


def test_a_declared_sequence_replaces_the_closed_test() -> None:
    pairs = {("f", "b"): folds([1] * 20), ("a", "b"): folds([1] * 20), ("f", "a"): folds([1] * 20)}
    p_values = {("f", "b"): 0.03, ("a", "b"): 0.001, ("f", "a"): 0.01}
    # Named the other way round, and without the pair that nobody will claim.
    found = correct(pairs, p_values, sequence=(("b", "f"), ("f", "a")))
    assert (found.method, found.adjusted, found.omnibus_p) == ("fixed sequence", (0.03, 1.0, 0.03), None)
    with pytest.raises(ConfigurationError, match="not compared"):
        correct(pairs, p_values, sequence=(("f", "c"),))
    with pytest.raises(ConfigurationError, match="twice"):
        correct(pairs, p_values, sequence=(("f", "b"), ("b", "f")))


def test_the_omnibus_counts_clusters() -> None:
    """Each context ten times over within its cluster is worth what it was alone."""
    random = np.random.default_rng(7)
    points = {name: random.integers(-1, 2, size=30).tolist() for name in (("f", "b"), ("a", "b"), ("f", "a"))}
    p_values = dict.fromkeys(points, 0.01)
    once = correct({name: folds(values) for name, values in points.items()}, p_values)
    tenfold = {name: folds(np.repeat(values, 10).tolist()) for name, values in points.items()}
    clusters = {f"c{i}": str(i // 10) for i in range(300)}
    grouped = correct(tenfold, p_values, clusters=clusters)
    assert grouped.omnibus_p == pytest.approx(once.omnibus_p)
    assert (correct(tenfold, p_values).omnibus_p or 0) < (once.omnibus_p or 0)
    assert grouped.omnibus_contexts == 300
    with pytest.raises(InputError, match="belongs to no cluster"):
        correct(tenfold, p_values, clusters={})


def test_a_study_follows_the_sequence_that_was_declared(make_judged: Callable[..., list[Judgment]]) -> None:
    said = [
        one
        for a, b in (("f", "b"), ("f", "a"), ("a", "b"))
        for i in range(30)
        for one in make_judged(f"c{i}", "AA" if i % 5 else "BB", model_a=a, model_b=b)
    ]
    found = summarise_study(said, settings=Settings(sequence=(("f", "b"), ("f", "a"))))
    assert found.correction is not None and found.correction.method == "fixed sequence"
    assert [pair.verdict for pair in found.pairs] == ["clearly_better", "clearly_better", "borderline"]
    closed = summarise_study(said).correction
    assert closed is not None and closed.method == "closed"
