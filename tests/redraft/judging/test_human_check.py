"""People's labels correct the judge: published values, coverage on real votes, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import t as student

from redraft.errors import InputError
from redraft.judging.clustered import jackknife
from redraft.judging.folding import Fold
from redraft.judging.human_check import HumanCheck, check, prediction_powered
from redraft.judging.human_wording import what_changed
from redraft.judging.intervals import tango_interval

# 28 labels (21 true and 3 false negatives, 3 false and 1 true positive), 248 judged only, 40 of them positive.
HUMAN = np.array([0] * 24 + [1] * 4, dtype=float)
JUDGE = np.array([0] * 21 + [1] * 3 + [1] + [0] * 3, dtype=float)
ELSEWHERE = np.array([1] * 40 + [0] * 208, dtype=float)
labels = st.sampled_from((0.0, 0.5, 1.0))
WORDS = {0: "loss", 1: "win", 2: "tie"}


def folds(values: NDArray[np.int_] | list[int]) -> dict[str, Fold]:
    return {str(i): Fold(context_id=str(i), label=WORDS[int(v)]) for i, v in enumerate(values)}  # type: ignore[arg-type]


def people(values: NDArray[np.int_] | list[int]) -> dict[str, str]:
    return {str(i): WORDS[int(v)] for i, v in enumerate(values)}


def test_published_vignette() -> None:
    """debias-llm-as-a-judge (MIT), README: 90% intervals of PPI and of PPI++."""
    tuned = prediction_powered(HUMAN, JUDGE, ELSEWHERE, confidence=0.9)
    assert (tuned.weight, tuned.rate) == pytest.approx((0.111531, 0.144913), abs=1e-6)
    assert (tuned.low, tuned.high) == pytest.approx((0.065208, 0.291649), abs=1e-6)
    full = prediction_powered(HUMAN, JUDGE, ELSEWHERE, confidence=0.9, weight=1.0)
    assert (full.rate, full.low, full.high) == pytest.approx((0.161, 0.059, 0.371), abs=5e-4)


def votes(path: Path) -> NDArray[np.int_]:
    """People's and the judge's choice, 1 for Opus, shape (contexts, 2)."""
    rows = [row for row in json.loads(path.read_text()) if row["judge_pick"] in {"A", "B"}]
    first = [row["model_a"].startswith("claude-opus-4") for row in rows]
    return np.array([
        [int((row["human_winner"] == "model_a") == opus), int((row["judge_pick"] == "A") == opus)]
        for row, opus in zip(rows, first, strict=True)
    ])  # fmt: skip


def test_real_votes_and_stored_targets(shared: Path) -> None:
    folder = shared / "data" / "judging"
    stored = json.loads((folder / "expected.json").read_text())["judge_vs_human"]
    assert len(stored) == 2
    for name, expected in stored.items():
        table = votes(folder / name)
        found = check(folds(table[:, 1]), people(table[:50, 0]))  # type: ignore[arg-type]
        target = expected["ppi_first50_labelled"]
        assert (found.rate, found.weight) == pytest.approx((target["theta"], target["lam"]), abs=1e-9)
        assert (found.low, found.high) == pytest.approx(tuple(target["logit"]), abs=1e-9)
        assert found.worth == pytest.approx(table[:50, 0].var(ddof=1) / target["se"] ** 2, rel=1e-9)
        assert (found.judge_rate, found.judge_low) == pytest.approx(
            (expected["judge"]["win_rate"], expected["judge"]["ci"][0]), abs=1e-9
        )
        everyone = check(folds(table[:, 1]), people(table[:, 0]))  # type: ignore[arg-type]
        assert everyone.agreement.agreement == pytest.approx(expected["agreement"], abs=1e-9)
        human = (everyone.human_rate, everyone.human_low, everyone.human_high)
        assert human == pytest.approx((expected["human"]["win_rate"], *expected["human"]["ci"]), abs=1e-9)
        assert (everyone.rate, everyone.weight, everyone.judged_only) == (everyone.human_rate, 0.0, 0)


def test_it_holds_people_where_the_judge_does_not(shared: Path) -> None:
    table = votes(shared / "data" / "judging" / "judge_vs_human_opus4_vs_gemini-2.5-pro_gpt-5.2.json")
    truth, rng, held, judge = table[:, 0].mean(), np.random.default_rng(2), 0, 0
    for _ in range(300):
        drawn = table[rng.integers(0, len(table), len(table))]
        found = prediction_powered(drawn[:50, 0], drawn[:50, 1], drawn[50:, 1])
        assert found.low is not None and found.high is not None
        held += found.low <= truth <= found.high
        low, high = tango_interval(int(drawn[:, 1].sum()), int((1 - drawn[:, 1]).sum()), 0)
        judge += low <= truth <= high
    # 93% of 300 less two standard errors.
    assert held >= 270
    assert judge <= 15


@given(st.lists(st.tuples(labels, labels), min_size=2, max_size=30), st.lists(labels, max_size=30))
def test_swapped_models_mirror_it(pairs: list[tuple[float, float]], others: list[float]) -> None:
    y, f = np.array(pairs).T
    there, back = prediction_powered(y, f, others), prediction_powered(1 - y, 1 - f, [1 - one for one in others])
    assert back.rate == pytest.approx(1 - there.rate, abs=1e-9)
    assert back.weight == pytest.approx(there.weight, abs=1e-9)
    if there.low is None or there.high is None:
        assert back.low is None
    else:
        assert (back.low, back.high) == pytest.approx((1 - there.high, 1 - there.low), abs=1e-9)
        assert 0 <= there.low <= there.rate <= there.high <= 1


@given(st.lists(st.tuples(labels, labels), min_size=3, max_size=30), st.lists(labels, min_size=2, max_size=30))
def test_contexts_alone_in_their_clusters_give_nearly_the_same(
    pairs: list[tuple[float, float]], others: list[float]
) -> None:
    y, f = np.array(pairs).T
    ids = (list(range(len(y))), list(range(100, 100 + len(others))))
    plain, grouped = prediction_powered(y, f, others), prediction_powered(y, f, others, clusters=ids)
    assert (grouped.rate, grouped.weight) == (plain.rate, plain.weight)
    if plain.standard_error is not None and grouped.standard_error is not None:
        assert grouped.standard_error == pytest.approx(plain.standard_error, rel=1e-6)


def test_clusters_widen() -> None:
    y, f = np.repeat([1.0, 0, 1, 1, 0, 0, 1, 0], 5), np.repeat([1.0, 0, 0, 1, 0, 1, 1, 0], 5)
    u = np.repeat([1.0, 1, 0, 1], 5)
    ids = (list(np.repeat(np.arange(8), 5)), list(np.repeat(np.arange(8, 12), 5)))
    plain, grouped = prediction_powered(y, f, u), prediction_powered(y, f, u, clusters=ids)
    assert grouped.standard_error is not None and plain.standard_error is not None
    assert grouped.standard_error > 2 * plain.standard_error
    assert grouped.low is not None and grouped.high is not None
    reach = student.ppf(0.975, 7) * grouped.standard_error / (grouped.rate * (1 - grouped.rate))
    assert logit(grouped.high) - logit(grouped.low) == pytest.approx(2 * reach)
    alone = prediction_powered(y, f, [], clusters=(list(range(40)), []))
    assert alone.standard_error == pytest.approx(y.std(ddof=1) / 40**0.5)
    found = check(folds(np.concatenate((f, u)).astype(int)), people(y.astype(int)), clusters={  # type: ignore[arg-type]
        str(i): str(i // 5) for i in range(60)
    })  # fmt: skip
    assert (found.low, found.high) == (grouped.low, grouped.high)
    assert found.human_high - found.human_low > 0.6


def test_a_useless_judge_is_not_used() -> None:
    against = prediction_powered([1, 1, 0, 0, 1], [0, 0, 1, 1, 0], [1, 0, 1])
    assert (against.weight, against.rate) == (0.0, 0.6)
    constant = prediction_powered([1, 0, 1], [1, 1, 1], [1, 1, 1])
    assert constant.weight == 0.0
    nobody_else = prediction_powered([1, 0, 1], [1, 0, 0], [])
    assert nobody_else.rate == pytest.approx(2 / 3)


def test_labels_that_are_all_alike_give_the_score_interval() -> None:
    found = check(folds([1, 0, 1, 0] * 20), people([1] * 10))  # type: ignore[arg-type]
    assert (found.rate, found.weight, found.worth) == (1.0, 0.0, 10.0)
    assert (found.low, found.high) == tango_interval(10, 0, 0)
    assert found.correlation is None


@pytest.mark.parametrize(
    ("judge", "human", "change", "words"),
    [
        ([1] * 70 + [0] * 30, [1] * 38 + [0] * 12, "confirmed", "People prefer Ann to Bob, too"),
        ([1, 0] * 50, [1, 0] * 25, "open", "settle"),
        ([1] * 70 + [0] * 30, [1, 0] * 25, "taken_back", "do not confirm"),
        ([1] * 70 + [0] * 30, [0] * 45 + [1] * 5, "reversed", "the judge prefers Ann, but people prefer Bob"),
        ([1] * 20 + [0] * 80, [0] * 40 + [1] * 10, "confirmed", "People prefer Bob to Ann, too"),
        ([1] * 20 + [0] * 80, [1, 0] * 25, "taken_back", "the judge prefers Bob;"),
        ([1, 0] * 50, [1] * 45 + [0] * 5, "found", "people prefer Ann"),
    ],
)
def test_what_changed(judge: list[int], human: list[int], change: str, words: str) -> None:
    rng = np.random.default_rng(1)
    found = check(folds(rng.permutation(judge)), people(rng.permutation(human)))  # type: ignore[arg-type]
    said = what_changed(found, "Ann", "Bob", "the judge")
    assert found.change == change
    assert words in " ".join(said)
    assert "with 50 labels" in said[0]


def test_labels_without_a_verdict_are_counted() -> None:
    judged = folds([1, 0, 1, 0, 1, 1])
    judged["6"] = Fold(context_id="6", label="unusable", reason="judge_refused")
    found: HumanCheck = check(judged, {"0": "win", "1": "loss", "2": "loss", "6": "win"})
    assert (found.labelled, found.judged_only, found.set_aside) == (3, 3, 1)
    said = " ".join(what_changed(found, "Ann", "Bob", "the judge"))
    assert "Not used: 1 labels" in said and "3 labels are few" in said
    with pytest.raises(InputError, match="were not judged"):
        check(judged, {"nobody": "win"})
    with pytest.raises(InputError, match="needs two"):
        check(judged, {"0": "win", "6": "win"})


def test_wrong_input() -> None:
    for bad in ([1, 2], [float("nan"), 1], [[1, 0]]):
        with pytest.raises(InputError, match="from 0 to 1"):
            prediction_powered(bad, [1, 0], [1])
    with pytest.raises(InputError, match="two or more"):
        prediction_powered([1], [1], [1, 0])
    with pytest.raises(InputError, match="two or more"):
        prediction_powered([1, 0, 1], [1, 0], [1, 0])
    with pytest.raises(InputError, match="weight"):
        prediction_powered([1, 0], [1, 0], [1, 0], weight=1.5)
    with pytest.raises(InputError, match="weight"):
        prediction_powered([1, 0], [1, 0], [], weight=1.0)
    with pytest.raises(InputError, match="cluster ids"):
        prediction_powered([1, 0], [1, 0], [1, 0], clusters=([1], [1, 2]))
    with pytest.raises(InputError, match="confidence"):
        prediction_powered([1, 0], [1, 0], [1, 0], confidence=95)


def test_few_labels_are_held_as_often_as_said() -> None:
    """Ten labels with the normal quantile would leave one check in ten out."""
    rng, held, normal = np.random.default_rng(3), 0, 0
    for _ in range(400):
        human = rng.integers(0, 3, 200)
        judge = np.where(rng.random(200) < 0.6, human, rng.integers(0, 3, 200))
        found = check(folds(judge), people(human[:10]))  # type: ignore[arg-type]
        held += found.low <= 0.5 <= found.high
        scores = [np.array([0.0, 1.0, 0.5])[one] for one in (human[:10], judge[:10], judge[10:])]
        short = prediction_powered(*scores)
        normal += short.low is None or short.high is None or short.low <= 0.5 <= short.high
    assert held >= 372 and held >= normal + 8


@pytest.mark.parametrize(("labelled", "student_t"), [(10, True), (49, True), (50, False)])
def test_students_quantile_is_for_few_labels(labelled: int, student_t: bool) -> None:
    rng = np.random.default_rng(4)
    human, judge = rng.integers(0, 2, 120), rng.integers(0, 2, 120)
    found = check(folds(judge), people(human[:labelled]))  # type: ignore[arg-type]
    parts = (human[:labelled], judge[:labelled], judge[labelled:])
    expected = prediction_powered(*parts, student=student_t)
    assert (found.low, found.high) == (expected.low, expected.high)
    plain = prediction_powered(*parts)
    assert None not in (plain.low, plain.high, expected.low, expected.high)
    ratio = (logit(expected.high) - logit(expected.low)) / (logit(plain.high) - logit(plain.low))  # type: ignore[arg-type]
    assert ratio == pytest.approx(student.ppf(0.975, labelled - 1) / 1.959964 if student_t else 1, rel=1e-6)


def test_one_person_with_most_labels_leaves_few_degrees_of_freedom() -> None:
    y, f = np.tile([1.0, 0, 1, 1, 0], 6), np.tile([1.0, 0, 0, 1, 0], 6)
    sizes = np.array([20, 3, 3, 2, 2])
    ids = list(np.arange(5).repeat(sizes))
    found = prediction_powered(y, f, [1, 0, 1, 0], clusters=(ids, [7, 7, 8, 9]))
    assert found.low is not None and found.high is not None and found.standard_error is not None
    reach = (logit(found.high) - logit(found.low)) / 2 * found.rate * (1 - found.rate) / found.standard_error
    assert reach == pytest.approx(student.ppf(0.975, jackknife(sizes.astype(float))[1]), rel=1e-6)
    assert reach > 2 * student.ppf(0.975, 4)
