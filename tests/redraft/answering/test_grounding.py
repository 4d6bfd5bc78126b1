"""The gate sees what a model reads: prefix, context and question, cut where the tokenizer cuts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from redraft.answering.grounding import grounding_of, require_grounded
from redraft.answering.inputs import model_input
from redraft.answering.tokenizing import EstimatedTokens, FastTokenizer, Tokenizer
from redraft.errors import InputError
from redraft.records import CurriculumRow, Question

CONTEXT = "The river rose in spring and fell in summer. The old mill was bought by Ada Long in 1871."
ASKED = "Who bought the mill?"


def question(**fields: Any) -> Question:
    values = {"question_id": "q1", "layer": "extraction", "side": "train", "group": "g", "context": CONTEXT}
    return Question(**{**values, "question": ASKED, "answer": "Ada Long", **fields})


def row(**fields: Any) -> CurriculumRow:
    values = {"input": model_input(CONTEXT, ASKED), "output": "Ada Long", "id": "r1", "phase": "extraction"}
    return CurriculumRow(**{**values, **fields})


@pytest.mark.parametrize("kind", ["model", "bytes", "estimate"])
def test_an_answer_counts_as_lost_from_the_first_token_on_that_is_cut(
    kind: str, tokenizer: FastTokenizer, byte_tokenizer: FastTokenizer
) -> None:
    used: Tokenizer = {"model": tokenizer, "bytes": byte_tokenizer, "estimate": EstimatedTokens()}[kind]
    to_answer = used.lengths(["extract: " + "Context: " + CONTEXT[: CONTEXT.index("Ada Long") + len("Ada Long")]])[0]
    found = [grounding_of([question()], used, most).violations for most in range(to_answer - 8, to_answer + 3)]
    assert found[0] == 1 and found[-1] == 0 and found == sorted(found, reverse=True)
    longer = {"extraction": "extract the answer of this: ", "conversation": "answer: ", "refusal": "answer: "}
    assert grounding_of([question()], used, to_answer + 2, longer).violations == 1  # type: ignore[arg-type]


def test_what_is_looked_up_of_each_kind_of_row() -> None:
    used = EstimatedTokens()
    support = ("The river rose in spring and fell in summer.",)
    rows = [
        question(answer="ADA  long"),
        question(layer="reasoning", answer="yes", support=support),
        question(layer="negatives", negative="human", answer="", plausible=("Ada Long",)),
        question(layer="negatives", negative="random", answer="", plausible=("Bruno",)),
        row(),
        row(phase="conversation", output="Ada Long bought it.", answer="Ada Long"),
        row(phase="conversation", output="She bought it."),
        row(phase="refusal", output="Sorry.", negative="random", absent=("Bruno",)),
    ]
    found = grounding_of(rows, used, 512)
    assert (found.positives, found.yes_no, found.negatives, found.unknown, found.violations) == (3, 1, 2, 2, 0)
    assert found.longest == max(used.lengths([f"extract: {model_input(CONTEXT, ASKED)}"]))
    for bad in (
        question(answer="Bruno"),
        question(answer=""),
        question(layer="reasoning", answer="yes", support=("It rained.",)),
        question(layer="negatives", negative="random", answer="", plausible=("ada LONG",)),
        question(layer="negatives", negative="template", answer="", plausible=("1871", "x")),
        row(output="Bruno"),
        row(phase="refusal", output="Sorry.", negative="random", absent=("Ada Long",)),
    ):
        assert grounding_of([bad], used, 512).violations == 1


def test_an_answer_in_the_question_alone_is_not_grounded() -> None:
    asked = question(question="Did Bruno buy the mill?", answer="Bruno")
    assert grounding_of([asked], EstimatedTokens(), 512).violations == 1


def test_rows_that_are_not_grounded_are_named(tokenizer: FastTokenizer) -> None:
    good = [question(), row()]
    assert require_grounded(good, tokenizer, 512).positives == 2
    bad = [msgspec.structs.replace(question(), question_id=f"q{n}", answer="Bruno") for n in range(7)]
    with pytest.raises(
        InputError, match=r"7 rows are not grounded .* at 512 tokens of unigram, first q0: 'Bruno'"
    ) as fault:
        require_grounded([*good, *bad], tokenizer, 512)
    assert "q4" in str(fault.value) and "q5" not in str(fault.value) and "\n" not in str(fault.value)
    with pytest.raises(InputError, match=r"estimated tokens of estimate.*in what is left of the context"):
        require_grounded([question()], EstimatedTokens(), 20)
    with pytest.raises(InputError, match="not of the form"):
        grounding_of([row(input="Who?")], tokenizer, 512)
