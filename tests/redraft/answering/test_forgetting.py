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
    assert forgetting_of([extraction("before", 0.9), extraction("extraction", 0.92)]) == []
    assert forgetting_of([extraction("extraction", 0.1), extraction("refusal", 0.9)]) == []
    assert forgetting_of([]) == []


def test_a_phase_that_undid_what_the_model_could_do_before_is_told() -> None:
    told = forgetting_of([extraction("before", 0.8), extraction("extraction", 0.0), extraction("refusal", 0.0)], 0.5)
    assert told[1].startswith(
        "Extraction: exact match fell from 80% before the training to 0% after the extraction phase: by 80 points"
    )
    assert "no rehearsal brings back" in told[-1] and "--replay-fraction" not in told[-1]
    # What a later phase took is told as its doing, whatever was before.
    first, *_, mend = forgetting_of([extraction("before", 0.9), extraction("extraction", 0.8), *STRICT[9:10]])
    assert "from 80% after the extraction phase" in first and mend.startswith("Rehearse")
    # Chance: 57 of 60 before, 53 and 52 of 60 later.
    noise = [extraction("before", 57 / 60, rows=60), extraction("extraction", 53 / 60, rows=60)]
    assert forgetting_of([*noise, extraction("refusal", 52 / 60, rows=60)]) == []


def test_a_model_that_refuses_from_the_first_phase_on_is_told() -> None:
    points: tuple[After, ...] = ("extraction", "conversation", "refusal")
    told = forgetting_of([extraction("before", 0.0), *(extraction(one, 0.0, refused=1.0) for one in points)])
    # It rose nowhere since its own phase, but since before the training, where nothing was refused.
    assert told[0].startswith("Extraction: answerable questions that are refused rose from 0% before the training")
    told = forgetting_of([extraction(one, 0.0, refused=1.0) for one in points])
    assert told[0] == (
        "Extraction: answerable questions that are refused: 100% after the refusal phase (95% interval 98% to 100%, "
        "200 rows)."
    )
    assert len(told) == 2


@pytest.mark.parametrize(("rows", "refused"), [(200, 0.07), (20, 0.1), (2_000, 0.05), (1, 0.0)])
def test_some_false_refusals_of_few_rows_say_nothing(rows: int, refused: float) -> None:
    points: tuple[After, ...] = ("extraction", "conversation", "refusal")
    assert forgetting_of([extraction(one, 0.5, refused=refused, rows=rows) for one in points]) == []


def test_a_figure_that_rests_on_few_rows_says_as_little_as_they_do() -> None:
    def told(known: float) -> list[str]:
        return forgetting_of([
            scored(after, "conversation", grounded=grounded, refused=0.0, rows_with_answer=known)
            for after, grounded in (("conversation", 1.0), ("refusal", 0.5))
        ])  # fmt: skip

    assert "4 rows" not in str(told(4)) and told(4) == []
    assert "100 rows" in told(100)[0]


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
