"""Traits of one model, of several, by one judge and several: numbers, bounds, verdicts, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from redraft.errors import InputError
from redraft.judging.multiplicity import holm
from redraft.judging.rubric import Rubric, Scale, Trait
from redraft.judging.summary import Canaries
from redraft.judging.trait_profiles import bins_of, profile
from redraft.judging.trait_scores import Scores
from redraft.judging.trait_study import TraitStudy, study_traits
from redraft.judging.traits import Rules, compare_traits
from redraft.records import Rating

TWO = Rubric(
    name="two", version=1, scale=Scale(low=1, high=5),
    traits=tuple(Trait(name=name, description=name, anchors={1: "no", 5: "yes"}) for name in ("warm", "exact")),
)  # fmt: skip


def rate(model: str, scores: np.ndarray | Sequence[Sequence[float]], judge: str = "j", **more: Any) -> list[Rating]:
    """One rating a row of scores; a row of NaN is one that the judge refused."""
    found = []
    for number, row in enumerate(np.asarray(scores, float).tolist()):
        lost = row[0] != row[0]
        fields = {
            "status": "judge_refused" if lost else "ok", "answered_model": "" if lost else judge,
            "scores": {} if lost else dict(zip(TWO.names, row, strict=True)), "template": "traits@1",
            "rubric_digest": TWO.digest, **more,
        }  # fmt: skip
        found.append(Rating(context_id=f"c{number}", model=model, judge=judge, rubric=TWO.id, **fields))
    return found


def drawn(seed: int, n: int = 60, lift: float = 0.0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(3 + lift, 0.8, size=(n, 2)).round(1), 1, 5)


def scored(rows: np.ndarray) -> Scores:
    return {f"c{i}": dict(zip(TWO.names, row, strict=True)) for i, row in enumerate(rows.tolist())}


def test_a_model_alone() -> None:
    rows = drawn(1)
    rows[7] = np.nan
    study = study_traits(rate("m", rows), TWO)
    (one,) = study.profiles
    kept = rows[~np.isnan(rows[:, 0]), 0]
    warm = one.traits[0]
    low, high = stats.t.interval(0.95, len(kept) - 1, loc=kept.mean(), scale=stats.sem(kept))
    assert (warm.mean, warm.low, warm.high) == pytest.approx((kept.mean(), low, high))
    assert (warm.n, warm.missing, one.contexts, one.statuses) == (59, 1, 60, {"judge_refused": 1, "ok": 59})
    assert (warm.worst, warm.best) == pytest.approx(((kept.sum() + 1) / 60, (kept.sum() + 5) / 60))
    assert (warm.median, warm.sd) == pytest.approx((np.median(kept), kept.std(ddof=1)))
    assert [label for label, _ in one.bins] == ["1", "2", "3", "4", "5"] and sum(warm.counts) == 59
    assert warm.counts[0] == (kept < 1.5).sum() and warm.counts[4] == (kept >= 4.5).sum()
    assert study.pairs == () and study.said[0].sentence.startswith("m scores highest on ")
    assert "of 1 to 5, according to j." in study.said[0].sentence
    assert any("1 of 60 answers without scores (the judge refused: 1)" in line for line in study.remarks)


def test_bins_of_other_scales() -> None:
    assert bins_of(Scale(low=0, high=1)) == (("0", 0), ("1", 0.5))
    tenths = bins_of(Scale(low=0, high=100))
    assert len(tenths) == 10 and tenths[3] == ("30–40", 30)  # noqa: RUF001
    found = profile(TWO, "m", "j", scored(np.array([[1.0, 5.0], [1.49, 4.5], [1.5, 4.49]])), 3)
    assert [each.counts for each in found.traits] == [(2, 1, 0, 0, 0), (0, 0, 0, 1, 2)]


def test_groups_are_what_is_counted() -> None:
    rows = np.repeat(drawn(2, 12), 5, axis=0)
    groups = {f"c{number}": f"user:{number // 5}" for number in range(60)}
    alone, grouped = (study_traits(rate("m", rows), TWO, groups=of) for of in (None, groups))
    widths = [(one.traits[0].high or 0) - (one.traits[0].low or 0) for one in (alone.profiles[0], grouped.profiles[0])]
    assert widths[1] > 2 * widths[0] and (alone.grouped, grouped.grouped) == (False, True)
    assert grouped.profiles[0].clusters == 12 and any("12 groups" in line for line in grouped.remarks)
    # Groups of one context each are none.
    assert not study_traits(rate("m", rows), TWO, groups={f"c{n}": f"user:{n}" for n in range(60)}).grouped


def test_all_traits_of_all_pairs_are_adjusted_together() -> None:
    ratings = [*rate("a", drawn(3, lift=0.5)), *rate("b", drawn(4)), *rate("c", drawn(5))]
    study = study_traits(ratings, TWO)
    assert [(one.model_a, one.model_b) for one in study.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    results = [each for one in study.pairs for each in one.found.traits]
    assert [one.p_adjusted for one in results] == pytest.approx(holm([one.p for one in results]))
    assert {one.found.tests for one in study.pairs} == {6} and len(results) == 6
    assert any("6 differences were tested together" in line for line in study.remarks)
    against = study_traits(ratings, TWO, baseline="b")
    assert [(one.model_a, one.model_b) for one in against.pairs] == [("a", "b"), ("c", "b")]
    assert {one.found.tests for one in against.pairs} == {4}
    with pytest.raises(InputError, match="x is not among the models that were rated"):
        study_traits(ratings, TWO, baseline="x")


holes = st.lists(st.tuples(*[st.one_of(st.none(), st.integers(1, 5))] * 2), min_size=1, max_size=12).filter(
    lambda rows: any(value is not None for row in rows for value in row)
)


@settings(max_examples=60)
@given(rows=holes, unseen=st.integers(0, 3), data=st.data())
def test_bounds_hold_whatever_is_missing(
    rows: list[tuple[int | None, int | None]], unseen: int, data: st.DataObject
) -> None:
    one = Rubric(name="one", version=1, scale=TWO.scale, traits=TWO.traits[:1])
    sides = [{f"c{i}": {"warm": row[k]} for i, row in enumerate(rows) if row[k] is not None} for k in (0, 1)]
    seen = len(sides[0].keys() | sides[1].keys())
    found = compare_traits(one, *sides, contexts=seen + unseen).traits[0]
    keys = [*(sides[0].keys() | sides[1].keys()), *(f"x{i}" for i in range(unseen))]
    score = st.integers(1, 5)
    gaps = [
        sides[0].get(key, {}).get("warm", data.draw(score)) - sides[1].get(key, {}).get("warm", data.draw(score))
        for key in keys
    ]  # fmt: skip
    assert found.worst is not None and found.best is not None
    assert found.worst - 1e-9 <= sum(gaps) / len(gaps) <= found.best + 1e-9
    lost = sum(key not in side for key in keys for side in sides)
    assert found.best - found.worst == pytest.approx(4 * lost / len(keys))


def test_too_much_missing_calls_nothing() -> None:
    base, lifted = drawn(6), np.clip(drawn(6) + 1.0, 1, 5)
    clear = compare_traits(TWO, scored(lifted), scored(base))
    assert {one.verdict for one in clear.traits} == {"higher"}
    lost = {key: value for number, (key, value) in enumerate(scored(lifted).items()) if number >= 4}
    assert {one.verdict for one in compare_traits(TWO, lost, scored(base)).traits} == {"missing"}
    assert {one.verdict for one in compare_traits(TWO, lost, scored(base), max_missing=0.1).traits} == {"higher"}
    # Few are missing, but those few could turn a small difference.
    near = np.clip(base + 0.05, 1, 5)
    few = {key: value for key, value in scored(near).items() if key not in ("c0", "c1", "c2")}
    small = compare_traits(TWO, few, scored(base)).traits[0]
    assert small.p_adjusted < 0.01 and (small.worst or 0) < 0 and small.verdict == "missing"
    assert (small.sd, small.needed, small.detectable) == (0, None, None)


Make = Callable[[], list[Rating]]


def test_several_judges_are_averaged_by_answer() -> None:
    a, b = drawn(7, lift=0.8), drawn(8)
    harsh = np.clip(a - 0.5, 1, 5), np.clip(b - 0.5, 1, 5)
    harsh[0][3] = np.nan
    study = study_traits(
        [*rate("a", a), *rate("b", b), *rate("a", harsh[0], "k"), *rate("b", harsh[1], "k")], TWO
    )  # fmt: skip
    assert study.headline == "" and [one.judge for one in study.pairs] == ["", "j", "k"]
    together = study.profiles_of("")[0].traits[0]
    kept = np.delete((a + harsh[0]) / 2, 3, axis=0)[:, 0]
    assert together.mean == pytest.approx(kept.mean()) and (together.n, together.missing) == (59, 1)
    agreed = study.agreements[0]
    assert agreed.n == 119 and agreed.apart == pytest.approx(0.5, abs=0.05) and 0.5 < (agreed.alpha or 0) < 0.95
    assert (agreed.means["j"] or 0) - (agreed.means["k"] or 0) == pytest.approx(agreed.apart)
    assert study.said[0].firm and study.said[0].sentence == (
        "a scores higher than b on all 2 traits, according to all 2 judges."
    )


def test_judges_that_see_opposite_sides_name_nobody() -> None:
    base = drawn(9, 80)
    up, down = np.clip(base + 2, 1, 5), np.clip(base - 0.3, 1, 5)
    study = study_traits([*rate("a", up), *rate("b", base), *rate("a", down, "k"), *rate("b", base, "k")], TWO)
    assert {one.verdict for one in study.pairs[0].found.traits} == {"judges_disagree"}
    assert {one.verdict for one in study.pairs_of("j")[0].found.traits} == {"higher"}
    assert "the judges do not all see the difference on the same side" in study.said[0].sentence
    assert not study.said[0].firm


def test_several_models_behind_one_judge_are_not_pooled() -> None:
    moved = [*rate("a", drawn(1, lift=1)), *rate("b", drawn(2), answered_model="j-2")]
    study = study_traits(moved, TWO)
    assert {one.verdict for one in study.pairs[0].found.traits} == {"not_poolable"}
    assert any("More than one model answered as j (j, j-2)" in line for line in study.remarks)


def refused(**changed: Any) -> Make:
    return lambda: [*rate("a", drawn(1)), *rate("b", drawn(2), **changed)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (list, "no ratings"),
        (refused(rubric_digest="0"), "rated by another text of two@1"),
        (refused(template="traits@2"), "asked with traits@1 and traits@2, cannot be pooled"),
        (lambda: [*rate("a", drawn(1)), *rate("a", drawn(1))], "two ratings of a by j"),
    ],
)
def test_ratings_that_do_not_fit(make: Make, said: str) -> None:
    with pytest.raises(InputError, match=said):
        study_traits(make(), TWO)


def test_what_a_reader_must_know() -> None:
    floor = np.ones((40, 2))
    empty = rate("a", floor, status="candidate_empty", answered_model="")
    unsafe = Canaries(
        judge="j", kind="null", asked=5, won=2, tied=0, lost=3, unusable=0, safe=False, meaning="a planted answer won"
    )  # fmt: skip
    ratings = [*empty, *rate("b", drawn(1, 40), violation=True, simulated=True)]
    study: TraitStudy = study_traits(ratings, TWO, canaries=[unsafe], labels={"a": "Alpha"}, rules=Rules(samples=99))
    said = " ".join(study.remarks)
    for part in (
        "Simulated", "j is not safe to score untrusted answers: a planted answer won",
        "Alpha: 40 answers are empty and have the lowest score", "b: the judge found instructions to itself in 40",
        "Warm" if TWO.traits[0].label else "warm", "not checked against people",
    ):  # fmt: skip
        assert part in said
    assert study.simulated
    assert study.said[0].sentence == "Alpha scores lower than b on all 2 traits, according to j (simulated)."
