"""Rows of a user's own in a file of another phase are noticed by what they say."""

from __future__ import annotations

import pytest

from redraft.answering.inputs import model_input
from redraft.curriculum.doubts import doubt
from redraft.records import CurriculumRow, Phase

INPUT = model_input("The tower in Paris is 330 metres high.", "How high is the tower in Paris?")
SAID = "The tower in Paris stands 330 metres high."
REFUSED = "Sorry, I do not have any information about that."


@pytest.mark.parametrize(
    ("phase", "output", "says"),
    [
        ("extraction", "330 METRES", None),
        ("extraction", SAID, "does not stand in the context"),
        ("extraction", "How high", "does not stand in the context"),
        ("conversation", SAID, None),
        ("conversation", "330 metres", "the output is a bare span of its context"),
        ("conversation", "The tower in Paris is 330 metres high.", None),
        ("conversation", "It is the tower in Paris", None),
        ("conversation", "330 metres.", None),
        ("conversation", REFUSED, "the output is a refusal"),
        ("refusal", REFUSED, None),
        ("refusal", SAID, "the output answers"),
        ("refusal", "  ", "input or output is empty"),
    ],
)
def test_a_row_of_another_phase(phase: Phase, output: str, says: str | None) -> None:
    found = doubt(phase, CurriculumRow(input=INPUT, output=output))
    assert found is None if says is None else says in str(found)


def test_an_input_of_another_form_is_searched_whole() -> None:
    assert doubt("extraction", CurriculumRow(input="question: who? context: Ann did it", output="Ann")) is None
