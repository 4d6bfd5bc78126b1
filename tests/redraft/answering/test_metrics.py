"""Known answers of each measure, and SQuAD's against the official algorithm written out a second time."""

from __future__ import annotations

import collections
import re
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from redraft.answering.inputs import model_input
from redraft.answering.metrics import (
    Prediction,
    asserts,
    contains_answer,
    exact_match,
    rows_of,
    scores_of,
    token_f1,
    values_of,
)
from redraft.records import Phase
from tests.redraft.answering.test_style_refusals import BAD_REFUSALS, GOOD_REFUSALS, HALFTIME

CONTEXT = "The Rhine rises in Switzerland and was bridged by Caesar in 55 BC. It is 1,230 km long."
QUESTION = "Which river did Caesar bridge?"


def said(prediction: str, answer: str = "the Rhine", *aliases: str, negative: bool = False) -> Prediction:
    return Prediction(
        id="q1", group="Rhine", input=model_input(CONTEXT, QUESTION), prediction=prediction,
        answer="" if negative else answer, aliases=aliases, negative="human" if negative else None,
    )  # fmt: skip


# The official evaluate-v2.0.py, function by function, as its authors wrote it.
def official_normalised(s: str) -> str:
    def remove_articles(text: str) -> str:
        return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)

    def white_space_fix(text: str) -> str:
        return " ".join(text.split())

    def remove_punc(text: str) -> str:
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def official_tokens(s: str) -> list[str]:
    return official_normalised(s).split() if s else []


def official_exact(gold: str, pred: str) -> int:
    return int(official_normalised(gold) == official_normalised(pred))


def official_f1(gold: str, pred: str) -> float:
    gold_toks, pred_toks = official_tokens(gold), official_tokens(pred)
    common = collections.Counter(gold_toks) & collections.Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision, recall = num_same / len(pred_toks), num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


def official_golds(answers: list[str]) -> list[str]:
    return [one for one in answers if official_normalised(one)] or [""]


words = st.lists(
    st.sampled_from([
        "the", "The", "a", "an", "Rhine", "rhine,", "55", "BC.", "don't", "--", "\u2019", "é", "Ⅳ", "İ", "theme",
    ]),
    max_size=6,
).map(" ".join)  # fmt: skip
texts = words | st.text(max_size=12)


@example("rock\u2019a\u2019roll", ["rock\u2019\u2019roll"])  # an article leaves a space
@settings(max_examples=150, deadline=None)
@given(texts, st.lists(texts, max_size=3))
def test_exact_match_and_f1_are_those_of_the_official_script(prediction: str, golds: list[str]) -> None:
    known = official_golds(golds)
    assert exact_match(prediction, golds) == max(official_exact(one, prediction) for one in known)
    assert token_f1(prediction, golds) == pytest.approx(max(official_f1(one, prediction) for one in known))


def test_an_alias_is_as_right_as_the_answer() -> None:
    assert exact_match("The Rhine!", ["river Rhine", "rhine"]) == 1
    assert token_f1("Rhine river bridge", ["Rhine", "the Rhine river"]) == pytest.approx(2 * 2 / 5)


def test_a_question_without_an_answer_wants_an_empty_prediction() -> None:
    assert exact_match("", []) == token_f1(" the ", []) == 1
    assert exact_match("Rhine", []) == token_f1("Rhine", []) == 0


@pytest.mark.parametrize(
    ("prediction", "gold", "found"),
    [
        ("It was the Rhine.", "the Rhine", True), ("It was the Rhineland.", "Rhine", False),
        ("in 55 BC, Caesar", "55 BC", True), ("155 BC", "55 BC", False), ("", "Rhine", False),
        ("Carrots hold vitamin A.", "A", True), ("Carrots hold it.", "A", False), ("Anything", "", False),
    ],
)  # fmt: skip
def test_an_answer_stands_in_a_prediction_as_whole_words(prediction: str, gold: str, found: bool) -> None:
    assert contains_answer(prediction, [gold]) is found


def test_a_sentence_is_grounded_only_where_all_that_it_names_can_be_read() -> None:
    right, other_year, other_name, no_answer = (
        scores_of("conversation", [said(text)])
        for text in (
            "Caesar built a bridge over the Rhine in 55 BC.", "Caesar built a bridge over the Rhine in 58 BC.",
            "Pompey built a bridge over the Rhine in 55 BC.", "Caesar built a bridge over the river in 55 BC.",
        )
    )  # fmt: skip
    assert (right["grounded"], right["contained"]) == (1, 1)
    assert (other_year["grounded"], other_year["contained"]) == (0, 1)
    assert (other_name["grounded"], other_name["contained"]) == (0, 1)
    assert (no_answer["grounded"], no_answer["contained"]) == (0, 0)


def test_style_is_that_of_the_rewrites() -> None:
    good = "Caesar built a bridge over the Rhine in 55 BC, long before the Romans held it."
    assert [one["style"] for one in values_of("conversation", [said(good), said("the Rhine")])] == [1, 0]
    assert values_of("conversation", [said(f"According to the context, {good}")])[0]["style"] == 0


@pytest.mark.parametrize(
    ("prediction", "refused", "asserted"),
    [
        ("I'm sorry, but I can't find which river that was in what I was given.", 1, 0),
        ("It was the Rhine, in 55 BC.", 0, 1),
        ("I'm sorry, I can't tell which river that was, but it was the Danube in 60 BC.", 0, 1),
        ("", 0, 0),
        ("   ", 0, 0),
    ],
)
def test_on_a_question_without_an_answer_a_text_refuses_asserts_or_is_empty(
    prediction: str, refused: float, asserted: float
) -> None:
    assert scores_of("refusal", [said(prediction, negative=True)]) == {
        "refused": refused, "asserted": asserted, "rows": 1,
    }  # fmt: skip
    assert asserts(prediction, CONTEXT, QUESTION) == bool(asserted)


ANN = model_input("Ann lives in Rome. Cid, the baker, lives in Bonn in a green house.", "Where did Ann live in 1990?")


@pytest.mark.parametrize(
    "prediction",
    [
        "Sorry, I could not find where Cid lives.", "No idea.", "No idea, sorry.",
        "I don't know where Bob lived in 1985.",
        "Alas, Dora's home is unknown to me, so I can't say.", "As for Cid, I have no information about that.",
        "Where Cid lived, I could not find.", "There is no information about Cid, so I can't tell you where he lives.",
        "I'm sorry, I don't know that. If you tell me more about Cid, I'll look again.",
        "I can't say, because Cid isn't mentioned.", "Sorry, but I could not find who lives in Bonn.",
        "I don't know, sorry. Could you say more about Bonn?",
    ],
)  # fmt: skip
def test_a_refusal_with_a_wrong_name_is_no_answer(prediction: str) -> None:
    row = Prediction(id="1", group="", input=ANN, prediction=prediction, negative="human")
    assert values_of("refusal", [row]) == [{"refused": 1, "asserted": 0}]


@pytest.mark.parametrize(
    "prediction",
    [
        "I don't know. Rome.", "I can't say, but Cid lives in Bonn.", "Sorry, I could not find it, it was Rome.",
        "I'm not sure; in Bonn.", "I have no idea, maybe in a green house.", "I don't know (Rome).",
        "Sorry, I can't tell, although Cid comes to mind.", "I don't know, but it was Cid's house.",
        "I have no information on Ann's home, built in 1911.", "It was Rome, although I am not sure.",
        "I could not find that, and she lived in Paris.", "Ann lives in Rome, I don't know more about that.",
    ],
)  # fmt: skip
def test_a_refusal_that_states_an_answer_beside_makes_one_up(prediction: str) -> None:
    row = Prediction(id="1", group="", input=ANN, prediction=prediction, negative="human")
    assert values_of("refusal", [row]) == [{"refused": 0, "asserted": 1}]


def test_refusals_that_may_be_trained_on_make_nothing_up() -> None:
    assert [text for asked, text in GOOD_REFUSALS if asserts(text, asked.context, asked.question)] == []
    # Of those that may not, what names whom it refuses to tell of, or something that is no answer, only refuses.
    strict = [(asked, text) for why, asked, text in BAD_REFUSALS if why == "asserted" and asked is not HALFTIME]
    assert {text for asked, text in strict if not asserts(text, asked.context, asked.question)} == {
        "Alas, Rouen's name is unknown to me, so I can't say.",
        "I don't know why, although one visitor called it a palace.",
    }
    for text in (
        "I'm sorry, but I do not know; it was surely a famous singer.",
        "I don't know, perhaps a quarterback.",
    ):
        assert asserts(text, HALFTIME.context, HALFTIME.question)


def test_what_has_no_known_answer_is_not_scored_on_it() -> None:
    wrong, empty, known = said("Pompey built a bridge over the Danube in 99 BC.", ""), said("", ""), said("Rhine")
    assert scores_of("conversation", [wrong, empty]) == {"style": 0.5, "refused": 0, "rows": 2, "rows_with_answer": 0}
    assert scores_of("extraction", [empty, known, said("Danube")]) == {
        "em": 0.5, "f1": 0.5, "contained": 0.5, "refused": 0, "rows": 3, "rows_with_answer": 2,
    }  # fmt: skip
    mixed = scores_of("conversation", [wrong, said("Caesar built a bridge over the Rhine in 55 BC.")])
    assert (mixed["grounded"], mixed["style"]) == (1, 1)
    assert [rows_of(mixed, one) for one in ("grounded", "style", "refused", "asserted")] == [1, 2, 2, 0]


@pytest.mark.parametrize("evaluation", ["extraction", "conversation", "refusal"])
def test_scores_are_means_over_the_rows_and_nothing_is_said_of_none(evaluation: Phase) -> None:
    one, other = said("the Rhine"), said("I'm sorry, I could not find that anywhere.")
    values = values_of(evaluation, [one, other])
    found = scores_of(evaluation, [one, other])
    assert found.pop("rows") == 2
    assert found == {name: (values[0][name] + values[1][name]) / 2 for name in values[0]}
    assert scores_of(evaluation, []) == {"rows": 0}


def test_extraction_has_the_measures_of_squad() -> None:
    assert scores_of("extraction", [said("Rhine"), said("the river Rhine")]) == {
        "em": 0.5, "f1": pytest.approx((1 + 2 / 3) / 2), "contained": 1.0, "refused": 0.0, "rows": 2.0,
    }  # fmt: skip
