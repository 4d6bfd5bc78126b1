"""One response scored on any traits: what the judge is asked, what counts as scores, and what each outcome becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.judging.judges import Judge
from redraft.judging.prompts import default_prompt
from redraft.judging.ratings import prerated, rating, rating_request, scores_of, scores_schema, statuses_of
from redraft.judging.replies import read_json_scores, read_text_scores
from redraft.judging.rubric import load_rubric
from redraft.judging.trait_study import study_traits
from redraft.judging.traits import compare_traits
from redraft.records import Completion, Conversation, Failure, Message, Rating, Response

RUBRIC = load_rubric()
CONTEXT = Conversation(conversation_id="c1", messages=(Message("user", "Why is the sky dark at night?"),))
TEXT = Judge(model="j", prompt=default_prompt("traits"), form="text")
GOOD = {"analysis": "why", "violation": False, "scores": dict.fromkeys(RUBRIC.names, 7.5)}
Complete = Callable[..., Completion]


def response(text: str | None = "Because of dust.", **fields: Any) -> Response:
    return Response(**({"context_id": "c1", "model": "m", "text": text} | fields))


def test_all_traits_are_asked_for_in_one_call_with_their_anchors() -> None:
    request = rating_request(CONTEXT, response(), "openai:j", RUBRIC)
    system, user = (message.content for message in request.messages)
    for trait in RUBRIC.traits:
        assert f"- {trait.name} ({trait.title}): {trait.description}" in system
        assert all(f"    {score:g}: {anchor}" in system for score, anchor in trait.anchors.items())
    places = [
        user.index(word) for word in ("BEGIN CONVERSATION", "BEGIN ANSWER ", '"Because of dust."', "Score ANSWER")
    ]
    assert places == sorted(places) and "{{" not in system + user
    assert request.output_schema == scores_schema(RUBRIC)
    numbers = scores_schema(RUBRIC)["properties"]["scores"]
    assert numbers["required"] == list(RUBRIC.names) and "minimum" not in json.dumps(numbers)
    assert request.template == f"traits@1+collaborative@1#{RUBRIC.digest[:8]}"
    same = rating_request(CONTEXT, response(), "openai:j", RUBRIC)
    assert request.key("x") == same.key("x") and request.messages != same.messages
    assert "SCORES:" in rating_request(CONTEXT, response(), TEXT, RUBRIC).messages[1].content


@pytest.mark.parametrize("score", [1, 10, 9.5, 7.25])
def test_decimals_are_scores(score: float, make_completion: Complete) -> None:
    said = GOOD | {"scores": dict.fromkeys(RUBRIC.names, score)}
    found = rating(CONTEXT, response(), "j", RUBRIC, make_completion(json.dumps(said)))
    assert (found.status, found.scores, found.analysis) == ("ok", dict.fromkeys(RUBRIC.names, score), "why")
    line = f"Some words.\nSCORES: {json.dumps(said['scores'])}\n"
    assert rating(CONTEXT, response(), TEXT, RUBRIC, make_completion(line)).scores == found.scores


@pytest.mark.parametrize(
    "scores",
    [
        {},
        dict.fromkeys(RUBRIC.names[1:], 7),
        {**GOOD["scores"], "humour": 7},
        {**GOOD["scores"], RUBRIC.names[0]: 0.9},
        {**GOOD["scores"], RUBRIC.names[0]: 10.01},
        {**GOOD["scores"], RUBRIC.names[0]: "7"},
        {**GOOD["scores"], RUBRIC.names[0]: None},
        {**GOOD["scores"], RUBRIC.names[0]: True},
        {**GOOD["scores"], RUBRIC.names[0]: float("nan")},
    ],
)
def test_nothing_is_filled_in_or_cut_off(scores: dict[str, Any], make_completion: Complete) -> None:
    found = rating(CONTEXT, response(), "j", RUBRIC, make_completion(json.dumps(GOOD | {"scores": scores})))
    assert (found.status, found.scores) == ("judge_unparseable", {})
    line = make_completion(f"SCORES: {json.dumps(scores)}")
    assert rating(CONTEXT, response(), TEXT, RUBRIC, line).status == "judge_unparseable"


@pytest.mark.parametrize(
    "text",
    [
        "SCORES: {json}\nThank you.",
        "SCORES:",
        "Scores follow. SCORES: {json}",
        "{json}",
        "SCORES: {json} {json}",
        'SCORES: {"analysis": "", "scores": {json}}',
        "SCORES: " + json.dumps(GOOD["scores"])[:-1] + ', "thorough": 1}',
    ],
)
def test_only_the_whole_last_line_is_read(text: str) -> None:
    scores = json.dumps(GOOD["scores"])
    assert read_text_scores(text.replace("{json}", scores), RUBRIC.names, 1, 10) is None
    assert read_text_scores(f"SCORES: {{}}\nSCORES: {scores}", RUBRIC.names, 1, 10) is not None


@given(st.text())
def test_noise_is_never_a_score(noise: str) -> None:
    assert read_json_scores(noise, RUBRIC.names, 1, 10) is None
    assert read_text_scores(noise, RUBRIC.names, 1, 10) is None


# What a judge may write where a score belongs, and what around its answer, besides what it should.
number = st.one_of(st.floats(0, 11), st.integers(0, 11), st.sampled_from([1, 5.5, 10]))
other = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.just("7"), st.just([7]), st.just(float("nan")))
entry = st.one_of(number, number, number, other)
written = st.one_of(
    st.fixed_dictionaries({name: st.floats(1, 10) for name in RUBRIC.names}),
    st.fixed_dictionaries(dict.fromkeys(RUBRIC.names, entry)),
    st.dictionaries(st.sampled_from([*RUBRIC.names, "humour"]), entry),
)
frame = st.sampled_from(["{}", "{}", "Well: {}", "{} Thanks.", "{} {}", "[{}]", "```json\n{}\n```"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scores=written, frame=frame, lost=st.integers(0, 40), form=st.sampled_from(["schema", "text"]))
def test_a_score_that_cannot_be_read_is_never_a_default(
    scores: dict[str, Any], frame: str, lost: int, form: str, make_completion: Complete
) -> None:
    """A rating has the numbers that the judge wrote, all of them, or none; and none is counted as missing."""
    lost = max(0, lost - 30)  # mostly whole
    said = json.dumps(scores if form == "text" else GOOD | {"scores": scores})
    text = ("SCORES: " if form == "text" else "") + frame.replace("{}", said[: len(said) - lost])
    whole = not lost and frame in ({"{}", "```json\n{}\n```"} if form == "schema" else {"{}"})
    good = set(scores) == set(RUBRIC.names) and all(
        type(one) in (int, float) and 1 <= one <= 10 for one in scores.values()
    )
    judge = TEXT if form == "text" else "j"
    found = rating(CONTEXT, response(), judge, RUBRIC, make_completion(text))
    assert (found.status, found.scores) == (("ok", scores) if whole and good else ("judge_unparseable", {}))
    (profile,) = study_traits([found], RUBRIC).profiles
    for one in profile.traits:
        assert (one.n, one.missing, one.mean) == ((1, 0, scores[one.trait]) if whole and good else (0, 1, None))


def test_real_ratings_in_other_forms_are_not_guessed_at(shared: Path, make_completion: Complete) -> None:
    lines = (shared / "data" / "judging" / "single_rating_texts.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["judgment"] or "" for line in lines]
    assert len(texts) == 132 and any("[[9.5]]" in text for text in texts)
    for judge in ("j", TEXT):
        found = [rating(CONTEXT, response(), judge, RUBRIC, make_completion(text)) for text in texts]
        assert statuses_of(found) == {"judge_unparseable": 132} and not any(one.scores for one in found)


def test_every_outcome_has_its_status(make_completion: Complete) -> None:
    good = json.dumps(GOOD)
    for finish, status in (("length", "judge_truncated"), ("content_filter", "judge_refused")):
        assert rating(CONTEXT, response(), "j", RUBRIC, make_completion(good, finish)).status == status
    for reason, status in (("timeout", "judge_error"), ("refused", "judge_refused"), ("budget", "skipped_budget")):
        failure = Failure(request_key="k", model="j", reason=reason, detail="why", attempts=1, cost=0.5)
        found = rating(CONTEXT, response(), "j", RUBRIC, failure, asked=2)
        assert (found.status, found.scores, found.cost, found.attempts) == (status, {}, 0.5, 2)
    accused = rating(
        CONTEXT, response("<|im_end|> x"), "j", RUBRIC, make_completion(json.dumps(GOOD | {"violation": True}))
    )
    assert accused.violation and "answer: chat_token x1" in accused.detail


def test_an_empty_response_has_the_lowest_scores_and_a_failed_one_none() -> None:
    empty, lost = prerated(response(" \n"), "j", RUBRIC), prerated(response(None, failure="timeout"), "j", RUBRIC)
    assert empty is not None and lost is not None
    assert (empty.status, set(empty.scores.values())) == ("candidate_empty", {1.0})
    assert (lost.status, lost.scores, lost.detail) == ("candidate_error", {}, "timeout")
    assert prerated(response(None, failure="empty"), "j", RUBRIC) == empty
    assert prerated(response(), "j", RUBRIC) is None
    with pytest.raises(ValueError, match="prerated"):
        rating_request(CONTEXT, response(""), "j", RUBRIC)


def rated(context: str, model: str, score: float, **fields: Any) -> Rating:
    given = {"context_id": context, "model": model, "judge": "j", "rubric": RUBRIC.id, "rubric_digest": RUBRIC.digest}
    return Rating(**(given | {"status": "ok", "scores": dict.fromkeys(RUBRIC.names, score)} | fields))


def test_stored_ratings_are_what_the_comparison_of_traits_takes() -> None:
    ratings = [rated(f"c{n}", model, score) for n in range(30) for model, score in (("a", 6 + n % 3), ("b", 5))]
    ratings.append(rated("c30", "a", 0, status="judge_refused", scores={}))
    a, b = (scores_of(ratings, model, RUBRIC) for model in ("a", "b"))
    found = compare_traits(RUBRIC, a, b, contexts=31)
    assert found.contexts == 31 and {one.mean for one in found.traits} == {2.0}
    with pytest.raises(InputError, match="another text of collaborative@1"):
        scores_of([rated("c", "a", 5, rubric_digest="other")], "a", RUBRIC)
    with pytest.raises(InputError, match="each judge by itself"):
        scores_of([rated("c", "a", 5), rated("d", "a", 5, judge="k")], "a", RUBRIC)
    with pytest.raises(InputError, match="two ratings"):
        scores_of([rated("c", "a", 5), rated("c", "a", 5)], "a", RUBRIC)
    for field, said in (("answered_model", "answered by x and y"), ("template", "asked with x and y")):
        with pytest.raises(InputError, match=f"{said}, cannot be pooled"):
            scores_of([rated("c", "a", 5, **{field: "x"}), rated("d", "a", 5, **{field: "y"})], "a", RUBRIC)
