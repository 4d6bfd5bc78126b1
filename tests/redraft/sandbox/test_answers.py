"""What simulated models of the answering study write: sentences that state the answer, refusals that assert nothing,
and what is planted in them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.answering.inputs import model_input
from redraft.answering.style import faults_of_answer, faults_of_refusal
from redraft.sandbox.answers.asks import Wanted, kind_asked, wanted
from redraft.sandbox.answers.defects import OF_REFUSALS, OF_SENTENCES
from redraft.sandbox.answers.refusals import refusal
from redraft.sandbox.answers.sentences import sentence
from redraft.sandbox.answers.statements import turned
from redraft.sandbox.answers.study import Answers
from redraft.sandbox.answers.worth import question_judged, worth
from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.command import options_from, sandbox_command
from redraft.sandbox.draws import Choices, canonical
from redraft.sandbox.options import ANSWER_DEFECTS, AnswerOptions, Options
from redraft.sandbox.truth import Truth

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "sandbox.md"
ASKS, REFUSES = "Write one or two sentences that state the answer.", "It cannot be answered: politely refuse to answer."
CONTEXT = (
    "The Normans were named after Normandy, a region in France. Their leader Rollo was baptised in 911. "
    "The abbey at Rouen was founded by 24 monks, who brewed beer. Hasting led several raids along the Loire."
)
TOPICS = ("the abbey of Rouen", "Rollo", "the raids along the Loire", "Normandy", "their harbour tolls")
FORMS = ("When was {0} first mentioned?", "Who led {0}?", "What is {0} known for?", "Where did {0} begin?",
         "How many people belonged to {0}?", "In what year did {0} end?", "Was {0} ever taken?",
         "{0} was named after whom?", "Why did {0} matter, and to whom?")  # fmt: skip
ANSWERS = ("911", "24 monks", "Rollo", "yes", "the Loire")
MANNERS = ("", "brief", "apologetic and warm", "plain; begin with There; do not name the topic; one sentence only",
           "formal; begin with I wish or I'd love to; two sentences; the second offers to look again")  # fmt: skip


def ask(material: dict[str, object], system: str, model: str = "m", before: str = "") -> Ask:
    user = before + json.dumps(material)
    return Ask(model=model, instructions=f"{system}\n{user}", last_user=user, max_tokens=400)


def reply(asked: Ask, options: Options | None = None) -> Reply:
    kind = kind_asked(asked)
    assert kind is not None
    return Answers(options or Options()).reply(asked, kind, canonical([asked.model, asked.instructions]))


def positive(number: int, **more: object) -> dict[str, object]:
    return {"context": f"{CONTEXT} {number}", "question": "When was Rollo baptised?", "answer": "911"} | more


def negative(number: int, **more: object) -> dict[str, object]:
    question = FORMS[number % 9].format(TOPICS[number // 9 % 5])
    return {"context": f"{CONTEXT} {number}", "question": question, "manner": MANNERS[number % 5]} | more


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("When was Rollo baptised?", "911", "Rollo was baptised in 911"),
        ("When was Rollo born?", "14 May 860", "Rollo was born on 14 May 860"),
        ("In what country is Normandy located?", "France", "Normandy is located in France"),
        ("Who wrote the Alexiad?", "Anna Komnene", "Anna Komnene wrote the Alexiad"),
        ("What is the capital of France?", "Paris", "The capital of France is Paris"),
        ("When did the Frankish identity emerge?", "911", "The Frankish identity emerged in 911"),
        ("How many people live in Rouen?", "110,000", "110,000 people live in Rouen"),
        ("How many monks did the abbey have?", "24 monks", "The abbey had 24 monks"),
        ("What does the pump carry?", "water", "The pump carries water"),
        ("The street is named after whom?", "a High Sheriff", "The street is named after a High Sheriff"),
        ("Where do the boats arrive from?", "Turku", "The boats arrive from Turku"),
        ("In 1979, who led the state?", "Rollo", "Rollo led the state in 1979"),
        ("Why was the abbey left?", "it burned and was lost", "The abbey was left because it burned and was lost"),
    ],
)
def test_questions_are_turned_round(question: str, answer: str, said: str) -> None:
    found = turned(question, answer)
    assert found is not None and found.stated(answer).lower() == said.lower()
    written = sentence(Wanted("", question, answer), Choices(question))
    assert written.lower().startswith(said.lower()) and 8 <= len(written.split()) <= 30


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), st.sampled_from(TOPICS), st.sampled_from(ANSWERS), st.integers(0, 10**6))
def test_a_sentence_states_the_answer_and_nothing_else(form: str, about: str, answer: str, number: int) -> None:
    question = form.format(about)
    text = sentence(Wanted(CONTEXT, question, answer), Choices(number))
    assert faults_of_answer(text, context=CONTEXT, question=question, answers=[answer]) in ([], ["extractive"])
    assert 8 <= len(text.split()) <= 30
    assert set(re.findall(r"\d+", text)) <= set(re.findall(r"\d+", f"{answer} {question}"))
    assert text == sentence(Wanted(CONTEXT, question, answer), Choices(number))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), st.sampled_from(TOPICS), st.sampled_from(MANNERS), st.integers(0, 10**6))
def test_a_refusal_is_polite_varied_and_asserts_nothing(form: str, about: str, manner: str, number: int) -> None:
    question = form.format(about)
    text = refusal(Wanted(CONTEXT, question, "", manner), Choices(number))
    assert faults_of_refusal(text, context=CONTEXT, question=question, plausible=()) == []
    if "do not name" not in manner:
        assert any(word in text for word in re.findall(r"\w{4,}", question))
    if "begin with There" in manner:
        assert text.startswith("There ")


def test_thousands_of_refusals_are_hardly_ever_the_same() -> None:
    said = Counter(reply(ask(negative(n), REFUSES)).text for n in range(2000))
    assert len(said) > 1200 and said.most_common(1)[0][1] <= 50


def test_only_requests_of_this_study_are_taken_for_it() -> None:
    assert kind_asked(ask(positive(1), ASKS)) == "sentence"
    assert kind_asked(ask(positive(1), ASKS, before="Here is the material:\n")) == "sentence"
    assert kind_asked(ask(negative(1), REFUSES)) == "refusal"
    plain = model_input(CONTEXT, "Who led the raids?")
    assert kind_asked(Ask(model="m", instructions=plain, last_user=plain, max_tokens=9)) == "question"
    others = (ask({"question": "x", "answer": "y"}, ASKS), ask(negative(1), "Chat."), ask({"context": "x"}, REFUSES))
    loose = Ask(model="m", instructions="", last_user="Context: it rains.", max_tokens=9)
    assert [kind_asked(one) for one in (*others, loose)] == [None] * 4
    told = wanted(ask(positive(3, earlier_attempt="911", what_was_wrong="too short"), ASKS))
    assert told.again and told.answer == "911" and not wanted(ask(positive(3), ASKS)).again


FOUND_BY = {
    "preamble": {"preamble"}, "context_talk": {"context"}, "long": {"length", "sentences"}, "bare": {"length"},
    "answer_missing": {"dropped"}, "invented": {"name", "number"}, "false_refusal": {"refusal"},
    "assertion": {"asserted"}, "error_text": {"error"}, "markdown": {"markup"}, "empty": {"empty"},
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWER_DEFECTS)
def test_each_defect_is_planted_at_its_rate_and_can_be_found(name: str) -> None:
    options = Options(answers=AnswerOptions(defects=((name, 0.5),)))
    made = {"positive": (OF_SENTENCES, positive, ASKS), "negative": (OF_REFUSALS, negative, REFUSES)}
    for part, (known, material, system) in made.items():
        asked = [material(n) for n in range(120)]
        replies = [reply(ask(one, system), options) for one in asked]
        planted = [(one, got) for one, got in zip(asked, replies, strict=True) if got.planted]
        assert {got.planted for _, got in planted} <= {name}
        if name not in known:
            assert not planted
            continue
        assert abs(len(planted) - 60) < 25, "as often as it was asked for"
        assert all((got.ending == "length") == (name == "truncated") for _, got in planted)
        for one, got in planted if name in FOUND_BY else ():
            where = {"context": str(one["context"]), "question": str(one["question"])}
            found = faults_of_answer(got.text, **where, answers=["911"]) if part == "positive" else \
                faults_of_refusal(got.text, **where, plausible=())  # fmt: skip
            assert set(found) & FOUND_BY[name] or got.text.startswith("- "), (got.text, found)
    if name == "same_text":
        assert len({got.text for _, got in planted}) == 1


def test_what_is_asked_again_mostly_comes_out_right() -> None:
    options = Options(answers=AnswerOptions(defects=(("bare", 0.3), ("invented", 0.2)), stubborn=0.2))
    again = [positive(n, earlier_attempt="911", what_was_wrong="it has 1 word") for n in range(400)]
    planted = Counter(reply(ask(one, ASKS), options).planted for one in again)
    assert abs(400 - planted[""] - 80) < 4 * 8 and planted["bare"] > planted["invented"] > 5
    first = Counter(reply(ask(positive(n), ASKS), options).planted for n in range(400))
    assert abs(400 - first[""] - 200) < 4 * 10


def test_judges_read_unmarked_answers_by_what_they_say() -> None:
    question = "When was Rollo baptised?"
    shown = f"user: {json.dumps(model_input(CONTEXT, question), ensure_ascii=False)}"
    assert question_judged(shown) == (CONTEXT, question) and question_judged("user: hello") is None
    said = ["Rollo was baptised in 911, to put it briefly.", "911", "Sorry, but I can't tell when that was.",
            "Rollo was baptised in 1302 by Jonas Weiss."]  # fmt: skip
    values = [worth(CONTEXT, question, text) for text in said]
    assert values == sorted(values, reverse=True) and values[0] > values[1] > values[2] > values[3]
    empty = "Who invented the steam turbine of Manchester?"
    assert worth(CONTEXT, empty, said[2]) > worth(CONTEXT, empty, "It was Jonas Weiss of Graz.")
    judge = Truth(1, Options().truth)
    assert judge.quality(said[0], shown) > judge.quality(said[3], shown)
    assert judge.quality("[simulated answer 0123456789ab q=+2.000] x", shown) == 2.0, "a mark counts before all"


def test_models_answer_plain_questions_and_stronger_ones_make_less_up() -> None:
    def judged(model: str) -> float:
        total = 0.0
        for number in range(150):
            question = ("When was Rollo baptised?", "Who built the first canal of Venice?")[number % 2]
            user = model_input(f"{CONTEXT} {number}", question)
            asked = Ask(model=model, instructions=user, last_user=user, max_tokens=200)
            total += worth(f"{CONTEXT} {number}", question, reply(asked).text)
        return total / 150

    base, tuned, best = judged("a/base"), judged("sandbox/mine"), judged("sandbox/feedback")
    assert base + 0.2 < tuned < best


def test_options_of_the_command(tmp_path: Path) -> None:
    words = ["--answer-defect", "bare=0.1", "--answer-defect", "preamble=0.2", "--answer-stubborn", "0.3"]
    with sandbox_command.make_context("sandbox", words) as context:
        options = options_from(dict(context.params))
    assert options.answers == AnswerOptions(defects=(("bare", 0.1), ("preamble", 0.2)), stubborn=0.3)
    assert options.identity != Options().identity == Options(answers=AnswerOptions()).identity
    for wrong in ("placeholder=0.1", "bare=2", "bare"):
        refused = CliRunner().invoke(sandbox_command, ["--answer-defect", wrong])
        assert refused.exit_code == 2, refused.output


def test_the_guide_has_every_defect() -> None:
    told = GUIDE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in told for name in ANSWER_DEFECTS)
