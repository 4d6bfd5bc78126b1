"""What layers lack is told when they are made, and refused before it is paid for."""

from __future__ import annotations

from typing import Any

import pytest

from redraft.answering.shortfalls import (
    fewer_than_planned,
    holds_nothing_out,
    require_something_held_out,
    require_test_side,
    shortfalls,
)
from redraft.errors import InputError
from redraft.records import Question

ASKED = Question(
    question_id="q", layer="extraction", side="train", group="g", context="It is 7.", question="What is it?", answer="7"
)
TESTED = Question(
    question_id="t", layer="extraction", side="test", group="h", context="It is 8.", question="What is it?", answer="8"
)
REFUSED = Question(
    question_id="r", layer="negatives", side="test", group="h", context="It is 8.", question="Who?", negative="human"
)


def manifest(train: dict[str, int], test: dict[str, int], plan: bool = True, test_share: float = 0.1) -> dict[str, Any]:
    planned = {"extraction": 30, "conversation": 60, "refusal": 30} if plan else None
    return {"plan": planned, "counts": {"train": train, "test": test}, "options": {"test_share": test_share}}


def test_fewer_questions_than_planned_are_told_by_kind() -> None:
    full = {"extraction": 57, "domain": 3, "negatives": 30}
    assert shortfalls(manifest(full, full)) == []
    assert fewer_than_planned(manifest({"extraction": 4, "reasoning": 5, "domain": 1, "negatives": 30}, full)) == [
        "the plan asks for 60 with an answer, the files give 10"
    ]
    assert fewer_than_planned(manifest({"extraction": 60}, full)) == [
        "the plan asks for 30 without one, the files give 0"
    ]
    assert fewer_than_planned(manifest({}, full, plan=False)) == []


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ({}, "held out is none with an answer and none without one: redraft answers rewrite will refuse these"),
        ({"domain": 2}, "held out is none without one: "),
        ({"negatives": 2}, "held out is none with an answer: "),
    ],
)
def test_a_test_side_that_lacks_rows_is_told_with_its_mend(test: dict[str, int], said: str) -> None:
    [line] = shortfalls(manifest({"extraction": 1, "negatives": 1}, test, plan=False))
    assert line.startswith(said) and "raise --test-share" in line and "group" in line


def test_phases_without_rows_and_layers_that_hold_nothing_out_are_told() -> None:
    told = shortfalls(manifest({}, {}, plan=False, test_share=0.0))
    assert [line.split(":")[0] for line in told] == [
        "none with an answer", "none without an answer", "nothing is held out (--test-share 0)"
    ]  # fmt: skip
    assert "redraft answers train will refuse" in told[-1]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([ASKED], "no question with an answer and none without one is held out"),
        ([ASKED, TESTED], "no question without one is held out"),
        ([ASKED, REFUSED], "no question with an answer is held out"),
    ],
)
def test_what_could_not_be_measured_is_refused(rows: list[Question], said: str) -> None:
    for meta in ({}, manifest({}, {}, test_share=0.1)):
        with pytest.raises(InputError, match=f"^layers: {said}.*raise --test-share.*group.*--test-share 0") as fault:
            require_test_side(rows, meta, "layers")
        assert "\n" not in str(fault.value)
    require_test_side([*rows, TESTED, REFUSED], {}, "layers")


def test_without_a_test_side_on_purpose_nothing_is_refused() -> None:
    meta = manifest({}, {}, test_share=0.0)
    assert holds_nothing_out(meta) and not holds_nothing_out({})
    require_test_side([ASKED], meta, "layers")
    with pytest.raises(InputError, match=r"^layers: nothing is held out \(--test-share 0\)"):
        require_something_held_out(meta, "layers")
    require_something_held_out(manifest({}, {}), "layers")
