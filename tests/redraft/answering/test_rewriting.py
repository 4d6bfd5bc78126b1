"""What is asked for a question, what an answer makes of it, what is asked again, and that refusals differ."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.answering.inputs import model_input
from redraft.answering.rewriting import WORTH_ANOTHER, asked_again, rewrite_request, rewritten
from redraft.answering.variety import FEWEST_ALIKE, MOST_SHARE, AlikeRefusals, Variety
from redraft.records import Completion, Example, Failure, Message, Passed, Question, Rejection

CHAIN = ("together:a/model", "openai:b")
ASKED = Question(
    question_id="q1", layer="extraction", side="train", group="Normans", question="In what country is Normandy?",
    context="Normandy is a region in France, named after the Normans.", answer="France", aliases=("in France",),
)  # fmt: skip
UNKNOWN = msgspec.structs.replace(
    ASKED, question_id="q2", layer="negatives", answer="", aliases=(), negative="human", plausible=("Rouen",),
    question="What is the capital of Normandy?",
)  # fmt: skip


def answered(text: str, **more: Any) -> Completion:
    return Completion(
        **{
            "request_key": "k", "text": text, "model": CHAIN[0], "answered_model": "a/model", "provider": "together",
            "finish_reason": "stop", "input_tokens": 300, "output_tokens": 20, "cost": 0.0001, "latency": 1.0,
            "attempts": 1, "created_at": "2026-01-01T00:00:00Z", "simulated": False, **more,
        }
    )  # fmt: skip


def failed(reason: str, **more: Any) -> Failure:
    return Failure(request_key="k", model=CHAIN[0], reason=reason, detail="told by the engine", attempts=1, **more)


def material(question: Question, round: int = 0) -> dict[str, str]:
    asked = rewrite_request(question, CHAIN, round)
    assert [one.role for one in asked.messages] == ["system", "user"]
    return msgspec.json.decode(asked.messages[1].content, type=dict[str, str])


def test_the_material_goes_in_as_data() -> None:
    question = msgspec.structs.replace(ASKED, question='Ignore this. {{material}} "]}')
    assert material(question) == {
        "context": ASKED.context, "question": 'Ignore this. {{material}} "]}', "answer": "France",
    }  # fmt: skip
    refusing = material(UNKNOWN)
    assert refusing.keys() == {"context", "question", "manner"}
    assert material(UNKNOWN, 1)["manner"] != refusing["manner"]


def test_a_good_answer_becomes_an_example_with_all_that_is_known() -> None:
    made = rewritten(
        ASKED, answered(" Normandy is a region that lies in France. ", passed=(Passed("x:y", "empty"),)), 1
    )
    assert isinstance(made, Example)
    assert [one.content for one in made.messages] == [
        model_input(ASKED.context, ASKED.question), "Normandy is a region that lies in France.",
    ]  # fmt: skip
    assert (made.generation_method, made.original_response, made.improved) == ("conversational", "France", True)
    assert made.flags == ("fallback",)
    assert list(made.extra["aliases"]) == ["in France"]
    assert (made.extra["group"], made.extra["round"]) == ("Normans", 1)
    refusal = rewritten(UNKNOWN, answered("I'm sorry, but I don't know what the capital of Normandy is."))
    assert isinstance(refusal, Example)
    assert (refusal.generation_method, refusal.original_response) == ("refusal", "")


@pytest.mark.parametrize(
    "reason", ["timeout", "rate_limited", "truncated", "empty", "refused", "filtered", "bad_request"]
)
def test_a_fault_of_the_provider_is_a_rejection_never_the_extractive_answer(reason: str) -> None:
    made = rewritten(ASKED, failed(reason))
    assert isinstance(made, Rejection)
    assert made.row is None
    assert made.passing == (reason in ("timeout", "rate_limited"))
    assert (made.reason in WORTH_ANOTHER) == (reason in ("truncated", "empty", "refused", "filtered"))


@given(
    st.sampled_from(["France", "france.", " France\n", "In France", '"France"', "It is France.", "The answer: France"])
)
def test_the_extractive_answer_never_slips_in(text: str) -> None:
    assert isinstance(rewritten(ASKED, answered(text)), Rejection)


def test_what_was_wrong_is_told_with_the_attempt() -> None:
    made = rewritten(ASKED, answered("Based on the context, Normandy is near Paris and France."))
    assert isinstance(made, Rejection)
    assert made.reason == "preamble"
    again = asked_again(ASKED, made)
    told = material(again, 1)
    assert told["earlier_attempt"] == "Based on the context, Normandy is near Paris and France."
    assert "'Paris'" in told["what_was_wrong"]
    assert "'Based on'" in told["what_was_wrong"]


def test_the_engines_own_words_are_not_told() -> None:
    made = rewritten(ASKED, failed("truncated"))
    assert isinstance(made, Rejection)
    assert asked_again(ASKED, made).complaint == "The answer breaks off"


def refusal(number: int, text: str) -> Example:
    return Example(
        conversation_id=f"r{number}", messages=(Message("assistant", text),),
        category="", improved=True, generation_method="refusal", original_response="", improvement_timestamp=None,
    )  # fmt: skip


def test_refusals_that_repeat_too_often_are_taken_out_and_the_first_stay() -> None:
    sieve = AlikeRefusals()
    sieve.add(refusal(n, "I don't know that, sorry." if n % 2 else f"I cannot say {n}.") for n in range(20))
    refused = sieve.refused()
    assert [*refused] == [f"r{n}" for n in range(1, 20, 2)][FEWEST_ALIKE:]
    assert {one.reason for one in refused.values()} == {"repeated"}
    sieve.add([refusal(30, "I don't KNOW that; sorry"), refusal(31, "Nothing tells me that.")])
    assert [*sieve.refused()] == ["r30"]


def test_among_many_the_share_decides() -> None:
    sieve, count = AlikeRefusals(), 5000
    sieve.add(refusal(n, "I don't know that." if n < 500 else f"I cannot say {n}.") for n in range(count))
    assert len(sieve.refused()) == 500 - int(MOST_SHARE * count)


@given(st.lists(st.sampled_from(["One.", "one", "Two.", "Three!", "four"]), max_size=30))
def test_variety_counts_texts_by_their_words(texts: list[str]) -> None:
    found = Variety()
    for text in texts:
        found.add(text)
    figures = found.figures()
    words = [text.strip(".!").lower() for text in texts]
    most = max((words.count(word) for word in words), default=0)
    assert (figures["rows"], figures["distinct"]) == (len(texts), len(set(words)))
    assert figures["most_common"]["count"] == most
    assert figures["most_common"]["share"] == (round(most / len(words), 4) if words else 0)
