"""Shares and changes of a curriculum's evaluations: known intervals, articles that are not independent, pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.answering.inputs import model_input
from redraft.answering.metrics import After, Prediction, scores_of
from redraft.answering.predictions import predictions_file
from redraft.records import Phase
from tasks.answering_scores import Evaluated, alike_of, change_of, evaluations_of, share_of

ALONE = [f"alone {n}" for n in range(100)]
SORRY = "I'm sorry, but I couldn't find that anywhere."


def yes(hits: int, rows: int = 100) -> np.ndarray:
    return np.array([1.0] * hits + [0.0] * (rows - hits))


def test_independent_rows_have_wilsons_interval() -> None:
    share = share_of(yes(96), ALONE)
    assert (share.value, share.hits, share.rows, share.groups) == (0.96, 96, 100, 100)
    # Brown, Cai, DasGupta (2001) give the formula; 96 of 100 is 90.2% to 98.4% in any table of it.
    assert (share.low, share.high) == pytest.approx((0.9016, 0.9843), abs=1e-4)
    nothing = share_of(yes(0), ALONE)
    assert (nothing.low, nothing.high) == pytest.approx((0.0, 0.0370), abs=1e-4)


def test_rows_of_few_articles_that_resemble_each_other_tell_less() -> None:
    articles = [f"in {n // 10}" for n in range(100)]
    alike, mixed = yes(50), np.tile([0.0, 1.0], 50)
    first, other = share_of(alike, articles), share_of(mixed, articles)
    assert (first.low, first.high) == pytest.approx((0.5 - 0.315, 0.5 + 0.315), abs=0.03)
    assert first.high - first.low > 2 * (other.high - other.low)  # type: ignore[operator]
    assert share_of(alike, ["in one"] * 100).low == 0


def test_what_does_not_vary_is_as_sure_as_other_measures_of_the_same_questions_allow() -> None:
    articles = [f"in {n // 10}" for n in range(100)]
    worst, told = share_of(yes(100), articles), share_of(yes(100), articles, 1.5)
    assert worst.high == told.high == 1
    assert worst.low == pytest.approx(10 / (10 + 2.2622**2), abs=1e-3)
    assert told.low == pytest.approx(100 / 1.5 / (100 / 1.5 + 2.2622**2), abs=1e-3)
    # It never makes an interval narrower than that of independent rows.
    assert told.low < share_of(yes(100), ALONE).low  # type: ignore[operator]


def test_a_measure_between_0_and_1_has_students_interval_cut_at_both_ends() -> None:
    share = share_of(np.array([0.25, 0.75, 1.0, 1.0]), ALONE[:4])
    assert (share.value, share.hits, share.high) == (0.75, None, 1.0)
    assert share.low == pytest.approx(0.75 - 3.18245 * np.std([0.25, 0.75, 1, 1], ddof=1) / 2, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 4)), min_size=1, max_size=40))
def test_a_change_lies_in_its_interval_and_turns_with_it(rows: list[tuple[int, int]]) -> None:
    moved, clusters = np.array([float(way) for way, _ in rows]), [f"in {group}" for _, group in rows]
    there, back = (change_of("before", "refusal", one, clusters) for one in (moved, -moved))
    assert there.low is not None
    assert there.high is not None
    assert -1 <= there.low <= there.value + 1e-9
    assert there.value - 1e-9 <= there.high <= 1
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=1e-6)
    assert (there.gained, there.lost) == (back.lost, back.gained)


def prediction(number: int, text: str, answer: str = "") -> Prediction:
    return Prediction(
        id=f"q{number}", group=f"article {number % 4}", prediction=text, answer=answer,
        input=model_input("The Rhine is long.", "Which river is long?"), negative=None if answer else "human",
    )  # fmt: skip


def write(run: Path, after: After, evaluation: Phase, rows: Sequence[Prediction]) -> None:
    path = predictions_file(run, after, evaluation)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def test_a_run_is_measured_from_its_predictions_and_paired_by_question(tmp_path: Path) -> None:
    before = [prediction(n, "the Rhine", "Rhine") for n in range(8)]
    after = [prediction(n, SORRY if n < 2 else "the Rhine", "Rhine") for n in range(8)]
    write(tmp_path, "before", "extraction", before)
    write(tmp_path, "refusal", "extraction", [*reversed(after), prediction(8, "the Rhine", "Rhine")])
    write(tmp_path, "refusal", "refusal", [prediction(n, SORRY) for n in range(8)])
    found = evaluations_of(tmp_path)
    after.append(prediction(8, "the Rhine", "Rhine"))
    assert found.points == ("before", "refusal")
    shares = found.found["refusal", "extraction"].shares
    assert {name: share.value for name, share in shares.items()} == pytest.approx(
        {name: value for name, value in scores_of("extraction", after).items() if name != "rows"}
    )
    change = found.change("before", "refusal", "extraction", "em")
    assert change is not None
    assert (change.value, change.gained, change.lost, change.rows) == (-0.25, 0, 2, 8)
    assert found.change("before", "refusal", "refusal", "refused") is None
    assert found.change("before", "refusal", "extraction", "asserted") is None
    # Nothing varies among the refusals, and no other measure of them does: four articles tell as much as four rows.
    refused = found.share("refusal", "refusal", "refused")
    assert refused is not None
    assert refused.low == pytest.approx(4 / (4 + 3.18245**2), abs=1e-3)


def test_how_alike_questions_are_is_the_largest_design_effect_that_shows() -> None:
    rows, articles = 40, tuple(f"in {n // 10}" for n in range(40))
    by_article, mixed = yes(20, rows), np.tile([0.0, 1.0], rows // 2)
    values = {"em": by_article, "contained": mixed, "style": np.ones(rows), "f1": np.linspace(0, 1, rows)}
    effect = alike_of([Evaluated(predictions=(), clusters=articles, values=values)])
    # Two articles all right and two all wrong: 40 questions vary as 4 would, by 39/40 and 4/3 for so few.
    assert effect == pytest.approx(10 * 39 / 40 * 4 / 3, rel=1e-6)
    assert alike_of([Evaluated(predictions=(), clusters=articles, values={"style": np.ones(rows)})]) is None
