"""The gate speaks where strict phases lost what an earlier one taught, and is silent where replay kept it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.answering.forgetting import ALLOWED, forgetting_of, newcombe_interval
from redraft.answering.metrics import After, Scored
from redraft.records import Phase


def scored(after: After, evaluation: Phase, rows: int = 200, **scores: float) -> Scored:
    return Scored(after=after, evaluation=evaluation, scores={**scores, "rows": float(rows)})


def extraction(
    after: After, em: float, refused: float = 0.0, rows: int = 200, contained: float | None = None
) -> Scored:  # fmt: skip
    held = em if contained is None else contained
    return scored(after, "extraction", rows, em=em, f1=em, contained=held, refused=refused)


def conversation(after: After, grounded: float, refused: float = 0.0) -> Scored:
    return scored(after, "conversation", grounded=grounded, refused=refused)


def refusal(after: After, refused: float) -> Scored:
    return scored(after, "refusal", refused=refused, asserted=1 - refused)


# What was measured on a small model (design/training.md, section 1).
STRICT = [
    extraction("before", 0.0), conversation("before", 0.0), refusal("before", 0.0),
    extraction("extraction", 1.0), conversation("extraction", 0.0), refusal("extraction", 0.0),
    extraction("conversation", 0.0), conversation("conversation", 1.0), refusal("conversation", 0.0),
    extraction("refusal", 0.0, refused=1.0), conversation("refusal", 0.0, refused=1.0), refusal("refusal", 1.0),
]  # fmt: skip
REPLAYED = [
    *STRICT[:6],
    extraction("conversation", 1.0), conversation("conversation", 1.0), refusal("conversation", 0.0),
    extraction("refusal", 1.0), conversation("refusal", 1.0), refusal("refusal", 1.0),
]  # fmt: skip


def test_strict_order_that_collapsed_is_told_with_figures_phases_and_the_mend() -> None:
    remarks = forgetting_of(STRICT)
    assert len(remarks) == 6
    assert remarks[1].startswith(
        "Extraction: exact match fell from 100% after the extraction phase to 0% after the conversation phase: by 100 "
        "points (95% interval 97 to 100, 200 rows)."
    )
    assert remarks[2].startswith("Extraction: answerable questions that are refused rose from 0% after the extraction ")
    assert remarks[4].startswith("Conversation: answerable questions that are refused rose from 0% ")
    assert "to 100% after the refusal phase" in remarks[4]
    assert remarks[-1] == "Rehearse earlier phases inside the later ones: train with --replay-fraction 0.5."


def test_replay_that_kept_everything_is_no_news() -> None:
    assert forgetting_of(REPLAYED) == []


def test_a_run_that_rehearsed_already_is_told_to_rehearse_more() -> None:
    assert "--replay-fraction above 0.25" in forgetting_of(STRICT, replay_fraction=0.25)[-1]


@pytest.mark.parametrize(("rows", "end"), [(10_000, 0.96), (200, 0.97), (20, 0.9), (1, 0.0)])
def test_a_small_move_or_few_rows_say_nothing(rows: int, end: float) -> None:
    assert forgetting_of([extraction("extraction", 1.0, rows=rows), extraction("refusal", end, rows=rows)]) == []


def test_what_fell_and_came_back_is_told_at_its_worst() -> None:
    scores = [extraction("extraction", 0.9), extraction("conversation", 0.2), extraction("refusal", 0.7)]
    assert "to 20% after the conversation phase" in forgetting_of(scores)[0]


def test_answers_in_sentences_lose_exact_match_alone() -> None:
    scores = [extraction("extraction", 0.9), extraction("conversation", 0.0, contained=0.9)]
    first, mend = forgetting_of(scores)
    assert first.startswith("Extraction: exact match fell")
    assert "--replay-fraction" in mend


def test_better_scores_and_runs_without_a_later_phase_say_nothing() -> None:
    assert forgetting_of([extraction("before", 0.9), extraction("extraction", 0.1)]) == []
    assert forgetting_of([extraction("extraction", 0.1), extraction("refusal", 0.9)]) == []
    assert forgetting_of([]) == []


# Newcombe (1998), table II, method 10: 9/10 less 3/10, and 10/10 less 0/10.
def test_the_interval_is_newcombes() -> None:
    low, high = newcombe_interval(0.3, 0.9, 10)
    assert (low, high) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    low, high = newcombe_interval(0.0, 1.0, 10)
    assert (low, high) == pytest.approx((0.6075, 1.0), abs=5e-5)


@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 400))
def test_the_interval_holds_the_change_and_turns_with_it(rows: int, start: int, end: int) -> None:
    a, b = min(start, rows) / rows, min(end, rows) / rows
    low, high = newcombe_interval(a, b, rows)
    assert -1 <= low <= b - a + 1e-12
    assert b - a - 1e-12 <= high <= 1
    assert newcombe_interval(b, a, rows) == pytest.approx((-high, -low))


@given(st.integers(1, 500), st.floats(0, 1), st.floats(0, 1))
def test_it_never_speaks_of_a_change_that_is_allowed(rows: int, start: float, end: float) -> None:
    told = forgetting_of([extraction("extraction", start, rows=rows), extraction("refusal", end, rows=rows)])
    assert not told or start - end > ALLOWED
