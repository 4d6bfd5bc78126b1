"""Traits compared: published ratings, invariances, and what is said of scores that tell little."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.judging.multiplicity import holm
from redraft.judging.rubric import Rubric, Scale, Trait, load_rubric
from redraft.judging.trait_power import contexts_for_points
from redraft.judging.trait_results import TraitResult
from redraft.judging.trait_scores import Scores
from redraft.judging.traits import compare_traits

QUALITY = Rubric(
    name="quality", version=1, scale=Scale(low=1, high=10),
    traits=(Trait(name="quality", description="How good.", anchors={1: "Bad.", 10: "Good."}),),
)  # fmt: skip
TWO = Rubric(
    name="two", version=1, scale=Scale(low=1, high=5),
    traits=tuple(Trait(name=name, description=name, anchors={1: "no", 5: "yes"}) for name in ("warm", "exact")),
)  # fmt: skip


def scored(rows: np.ndarray, rubric: Rubric = TWO) -> Scores:
    return {f"c{i}": dict(zip(rubric.names, row, strict=True)) for i, row in enumerate(rows.tolist())}


def test_real_ratings_of_two_models_at_a_time(shared: Path) -> None:
    ratings = pd.read_csv(shared / "data/judging/arena_bench_scores.csv")
    by_model = ratings.pivot_table(index="question_id", columns="file", values="score")
    expected = json.loads((shared / "data/judging/expected.json").read_text())["trait"]
    assert len(expected) == 7
    for names, target in expected.items():
        a, b = ({q: {"quality": s} for q, s in by_model[m].dropna().items()} for m in names.split(" - "))
        found = compare_traits(QUALITY, a, b, contexts=300).traits[0]
        assert (found.n, found.higher, found.same, found.lower) == tuple(
            target[key] for key in ("n", "higher", "same", "lower")
        )
        assert (found.mean, found.sd) == pytest.approx((target["mean"], target["sd"]), abs=1e-9)
        assert (found.low, found.high) == pytest.approx(target["ci"], abs=1e-9)
        assert found.superiority == pytest.approx(target["prob_superiority"], abs=1e-12)
        # Two tests of the same hypothesis; the drawn one has an error of its own.
        assert found.p == pytest.approx(target["p_t"], abs=0.015)
        assert (found.missing_a, found.missing_b) == (300 - len(a), 300 - len(b))


def test_contexts_for_a_difference_in_points() -> None:
    assert [contexts_for_points(3.2, 0.5), contexts_for_points(3.2, 1.0)] == [322, 81]
    with pytest.raises(InputError):
        contexts_for_points(0.0, 1.0)


scores_of = st.lists(st.tuples(*[st.integers(1, 5)] * 4), min_size=2, max_size=14).map(
    lambda rows: np.array(rows, float)
)


@settings(max_examples=60)
@given(rows=scores_of, groups=st.integers(1, 3))
def test_exchanging_the_models_turns_every_sign(rows: np.ndarray, groups: int) -> None:
    a, b = scored(rows[:, :2]), scored(rows[:, 2:])
    clusters = {key: f"g{number // groups}" for number, key in enumerate(a)}
    found, turned = compare_traits(TWO, a, b, clusters=clusters), compare_traits(TWO, b, a, clusters=clusters)
    for one, other in zip(found.traits, turned.traits, strict=True):
        assert one.mean == pytest.approx(-(other.mean or 0.0))
        assert (one.higher, one.same, one.lower) == (other.lower, other.same, other.higher)
        assert one.superiority == pytest.approx(1 - other.superiority)
        assert (one.low is None) == (other.high is None)
        assert one.low is None or one.low == pytest.approx(-(other.high or 0.0))
        assert (one.p, one.p_adjusted, one.p_sign) == pytest.approx((other.p, other.p_adjusted, other.p_sign))
        assert one.verdict == "too_few"
    assert found.halo == pytest.approx(turned.halo)
    assert [one.p_adjusted for one in found.traits] == pytest.approx(holm([one.p for one in found.traits]))


def test_a_clear_trait_and_an_equal_one() -> None:
    random = np.random.default_rng(3)
    base = random.integers(1, 4, size=(60, 2)).astype(float)
    lifted = base + [1.0, 0.0] + random.choice([-1, 0, 1], size=(60, 2)) * [0.0, 1.0]
    found = compare_traits(TWO, scored(np.clip(lifted, 1, 5)), scored(base))
    assert [one.verdict for one in found.traits] == ["higher", "undecided"]
    # The same difference everywhere leaves no interval; the permutation test decides.
    assert found.traits[0].low is None and found.traits[0].p_adjusted == pytest.approx(2e-4)
    assert found.traits[0].needed is None and (found.traits[1].needed or 0) > 1


def test_clusters_are_what_is_counted() -> None:
    random = np.random.default_rng(4)
    gap = np.repeat(random.normal(0.5, 1.0, size=(6, 1)), 20, axis=0)
    a = scored(np.clip(3 + gap + np.zeros((120, 2)), 1, 5))
    b = scored(np.full((120, 2), 3.0))
    clusters = {f"c{i}": str(i // 20) for i in range(120)}
    alone, grouped = compare_traits(TWO, a, b).traits[0], compare_traits(TWO, a, b, clusters=clusters).traits[0]
    assert alone.p < 0.001 and grouped.p >= 2 / 2**6
    assert (grouped.needed or 0) > 10 * (alone.needed or 0)


def test_one_giant_group_tells_little_and_nothing_else_is_promised() -> None:
    """Half of all contexts in one group of twenty: neither a difference nor the power to see one is claimed."""
    random, rows = np.random.default_rng(9), np.full((200, 2), 3.0)
    found: list[TraitResult] = []
    for sizes in ([10] * 20, [105, *[5] * 19]):
        codes = np.arange(20).repeat(sizes)
        gap = 0.7 + 0.5 * random.normal(size=20)[codes] + 0.5 * random.normal(size=200)
        a = scored(np.clip(rows + gap[:, None], 1, 5))
        found.append(
            compare_traits(
                TWO, a, scored(rows), clusters={key: str(c) for key, c in zip(a, codes, strict=True)}
            ).traits[0]
        )
    equal, giant = found
    assert (equal.verdict, giant.verdict) == ("higher", "undecided") and giant.p_adjusted < 0.01
    assert (equal.detectable or 9) < 0.5 and (giant.detectable or 0) > 2 * (equal.detectable or 9)


def test_halo_and_the_ends_of_the_scale() -> None:
    same = np.random.default_rng(5).integers(1, 6, size=(40, 1)).astype(float).repeat(2, axis=1)
    found = compare_traits(TWO, scored(same), scored(np.ones((40, 2))))
    assert found.halo == pytest.approx(1.0) and "not separately measured" in found.remarks[0]
    assert found.traits[0].at_floor > 0.5
    assert any("lowest of the scale" in remark for remark in found.traits[0].remarks)
    apart = np.random.default_rng(6).integers(2, 5, size=(400, 4)).astype(float)
    free = compare_traits(TWO, scored(apart[:, :2]), scored(apart[:, 2:]))
    assert abs(free.halo or 1.0) < 0.15 and not free.remarks and not free.traits[0].remarks


def test_a_model_that_is_better_in_all_is_no_halo() -> None:
    rows = np.random.default_rng(7).integers(0, 2, size=(200, 4)).astype(float)
    found = compare_traits(TWO, scored(rows[:, :2] + 4), scored(rows[:, 2:] + 1))
    assert abs(found.halo or 1.0) < 0.2


def test_mean_and_counts_that_disagree_are_noted() -> None:
    """Many small losses and a few large wins."""
    a = np.full((40, 2), 3.0)
    b = np.full((40, 2), 3.25)
    b[:8] = 1.0
    found = compare_traits(TWO, scored(a), scored(b)).traits[0]
    assert (found.mean or 0) > 0 and found.lower == 32
    assert any("do not say the same" in remark for remark in found.remarks)


def test_missing_scores_are_counted_and_never_filled_in() -> None:
    a: Scores = {"c1": {"warm": 3, "exact": 2}, "c2": {"warm": 4}, "c3": {"warm": 2, "exact": 1}}
    b: Scores = {"c1": {"warm": 2, "exact": 2}, "c3": {"exact": 4}}
    warm, exact = compare_traits(TWO, a, b, contexts=5).traits
    assert (warm.n, warm.missing_a, warm.missing_b) == (1, 2, 4)
    assert (exact.n, exact.missing_a, exact.missing_b) == (2, 3, 3)
    assert (warm.mean, warm.low, warm.sd, warm.p, warm.needed) == (1.0, None, None, 1.0, None)
    nothing = compare_traits(TWO, {"c1": {"warm": 3}}, {"c2": {"warm": 3}}).traits[1]
    assert (nothing.n, nothing.mean, nothing.superiority, nothing.p) == (0, None, 0.5, 1.0)


@pytest.mark.parametrize(
    ("a", "said"),
    [
        ({}, "no trait scores"),
        ({"c1": {"cold": 3.0}}, "no trait 'cold'"),
        ({"c1": {"warm": 5.5}}, "outside 1 to 5"),
        ({"c1": {"warm": float("nan")}}, "outside 1 to 5"),
    ],
)
def test_scores_that_cannot_be(a: Scores, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare_traits(TWO, a, {})


def test_a_context_without_a_cluster() -> None:
    with pytest.raises(InputError, match="c1 has no cluster"):
        compare_traits(TWO, {"c1": {"warm": 3.0}}, {"c1": {"warm": 3.0}}, clusters={})


def test_traits_of_the_bundled_file() -> None:
    rubric = load_rubric()
    rows = np.random.default_rng(8).integers(1, 11, size=(30, 10)).astype(float)
    found = compare_traits(rubric, scored(rows[:, :5], rubric), scored(rows[:, 5:], rubric))
    assert [one.trait for one in found.traits] == list(rubric.names) and found.digest == rubric.digest
