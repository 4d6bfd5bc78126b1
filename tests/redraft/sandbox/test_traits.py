"""What models lean to is in their answers, and the mean score that a judge of traits gives them is known."""

from __future__ import annotations

import json
import math
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.sandbox.asking import Ask
from redraft.sandbox.documents.study import Study
from redraft.sandbox.draws import canonical
from redraft.sandbox.judging import BEST, WORST, Judges
from redraft.sandbox.options import DocumentOptions, Options, TruthOptions
from redraft.sandbox.prose import lean_mark, leans
from redraft.sandbox.traits import Traits, expected_score
from redraft.sandbox.truth import Truth

SCORES: dict[str, object] = {
    "type": "object",
    "properties": {
        "scores": {
            "type": "object",
            "properties": {n: {"type": "number", "description": f"{n}, from 1 to 10"} for n in ("warm", "thorough")},
        }
    },
}
RULES = (("*tuned*", "warm", 0.8), ("*tuned*", "thorough", -0.4), ("sandbox/*", "warm", 1.5))
DOCUMENT = "**Lighthouses**\n\n" + "The lighthouse needs a decision by Friday. " * 12


def test_the_last_rule_that_fits_counts_and_marks_can_be_read_back() -> None:
    traits = Traits(DocumentOptions(traits=RULES))
    assert traits.of("my-tuned") == {"warm": 0.8, "thorough": -0.4}
    assert traits.of("sandbox/tuned-1") == {"warm": 1.5, "thorough": -0.4}
    assert traits.of("base") == {} and traits.marks("base") == []
    assert leans(" ".join(traits.marks("my-tuned"))) == {"warm": 0.8, "thorough": -0.4}
    assert lean_mark("thorough", 0.5) == "[simulated lean thorough=+0.500]"


@pytest.mark.parametrize(
    ("truth", "model"),
    [
        (TruthOptions(), "my-tuned"),
        (TruthOptions(strengths=(("*", 1.2),), quality_sd=0.6, judge_sd=0.3), "sandbox/tuned"),
        (TruthOptions(strengths=(("*", -2.0),), judge_sd=1.5), "base"),
    ],
)
def test_the_mean_of_the_judges_scores_is_the_expected_one(truth: TruthOptions, model: str) -> None:
    options = Options(truth=truth, documents=DocumentOptions(traits=RULES))
    study, judges, world = Study(options), Judges(1, truth), Truth(1, truth)
    nonce, count = secrets.token_hex(16), 700
    given_scores: dict[str, list[float]] = {"warm": [], "thorough": []}
    for number in range(count):
        handed = Ask(model=model, instructions=DOCUMENT, last_user=DOCUMENT, max_tokens=900)
        answer = study.reply(handed, "response", b"%d" % number).text
        shown = f"== BEGIN ANSWER {nonce} ==\n{json.dumps(answer)}\n== END ANSWER {nonce} =="
        asked = Ask(model="j", instructions=shown, last_user=shown, max_tokens=500, schema=SCORES)
        for name, score in json.loads(judges.reply(asked, canonical([number])).text)["scores"].items():
            given_scores[name].append(score)
    for name, scores in given_scores.items():
        lean = Traits(options.documents).of(model).get(name, 0.0)
        expected = expected_score(world.strength(model), lean, truth, 1, 10)
        mean = sum(scores) / count
        deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / count)
        assert abs(mean - expected) < 3.5 * deviation / math.sqrt(count) + 0.001, (name, mean, expected)


def test_the_expected_score_where_it_is_known_in_closed_form() -> None:
    sure = TruthOptions(quality_sd=0, judge_sd=0)
    assert [expected_score(s, 0, sure, 1, 11) for s in (-9, WORST, 0, 1.25, BEST, 9)] == [1, 1, 6, 8.5, 11, 11]
    assert expected_score(0.3, -0.3, TruthOptions(), 0, 4) == pytest.approx(2), "the middle, by symmetry"
    # Almost no clipping: the mean itself; almost nothing but clipping: half of each end.
    assert expected_score(0.5, 0.5, TruthOptions(quality_sd=0.1, judge_sd=0.1), 0, 5) == pytest.approx(3.5, abs=1e-9)
    assert expected_score(0, 0, TruthOptions(), 1, 10, judge_sd=1e6) == pytest.approx(5.5)


@settings(max_examples=40, deadline=None)
@given(
    strength=st.floats(-4, 4), lean=st.floats(-4, 4), sd=st.floats(0, 3), noise=st.floats(0, 3), more=st.floats(0.01, 2)
)
def test_more_of_a_trait_is_never_scored_lower(
    strength: float, lean: float, sd: float, noise: float, more: float
) -> None:
    options = TruthOptions(quality_sd=sd, judge_sd=noise)
    low, high = (expected_score(strength, by, options, 1, 10) for by in (lean, lean + more))
    assert 1 <= low <= high + 1e-9 <= 10 + 2e-9
    assert low + expected_score(-strength, -lean, options, 1, 10) == pytest.approx(11, abs=1e-6)
