"""What a finding tells, what is left to a context, and how published and real sentences are read."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from redraft.answering.sentences import sentences_of
from redraft.answering.style import (
    REASONS,
    faults_of_answer,
    findings_of_answer,
    forbidden_opening,
    is_refusal,
    talks_of_context,
)
from tests.redraft.answering.asked_questions import (
    CENTURIES,
    NORMANS,
)


def test_a_finding_tells_a_model_what_to_do() -> None:
    found = findings_of_answer(
        "According to the context, it is in France, near Paris.", context=NORMANS.context, question=NORMANS.question,
        answers=NORMANS.answers,
    )  # fmt: skip
    told = {one.reason: one.detail for one in found}
    assert told["preamble"] == "it begins with 'According to'; begin with the answer itself"
    assert told["name"] == "the name 'Paris' is neither in the context nor in the question; leave it out"


def test_an_alias_is_as_good_as_the_answer() -> None:
    text = "They were in Normandy when the tenth century began, and later on."
    assert "dropped" in faults_of_answer(
        text, context=CENTURIES.context, question=CENTURIES.question, answers=("11th century",)
    )  # fmt: skip
    assert not faults_of_answer(
        text, context=CENTURIES.context, question=CENTURIES.question, answers=("11th century", "10th century")
    )  # fmt: skip


def test_what_the_context_denies_itself_is_no_denial() -> None:
    context = "The eleven founders did not include France. Italy, Spain and Portugal signed."
    asked = "Which country was among those that did sign, and which was left out?"
    text = "Three of them signed, but the founders did not include France."
    assert "negated" not in faults_of_answer(text, context=f"{context} Three.", question=asked, answers=("France",))


def test_published_answers_are_read_with_their_faults(shared: Path) -> None:
    lines = (shared / "data/squad/seed_train_conversational_positive.jsonl").read_text().splitlines()
    outputs = [json.loads(line)["output"] for line in lines]
    assert len(outputs) == 37
    assert sum(map(forbidden_opening, outputs)) == 13
    assert sum(map(talks_of_context, outputs)) == 23
    assert sum(map(is_refusal, outputs)) == 6


def test_sentences_of_real_contexts_have_nothing_that_their_context_lacks(shared: Path) -> None:
    articles = json.loads((shared / "data/squad/squad_v2_dev.json").read_text())["data"]
    seen = refusals = 0
    for paragraph in (one for article in articles for one in article["paragraphs"][::4]):
        context = paragraph["context"]
        for sentence in sentences_of(context):
            faults = faults_of_answer(sentence, context=context, question="Which?", answers=())
            assert not {"number", "name", "date", "context"} & set(faults), sentence
            seen, refusals = seen + 1, refusals + is_refusal(sentence)
    assert seen > 250
    assert refusals <= 0.01 * seen


@given(st.text(max_size=200), st.text(max_size=100), st.text(max_size=50), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_judged_with_known_reasons(text: str, context: str, question: str, answers: list[str]) -> None:
    faults = faults_of_answer(text, context=context, question=question, answers=answers)
    assert set(faults) <= REASONS.keys()
    assert len(faults) == len(set(faults))
