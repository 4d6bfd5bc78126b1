"""What is said of arms beside the plain one: never more than the verdict, from the arm's side, with its figures."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.imitating.arms import PERSON, model_of
from redraft.imitating.measures import Measured
from redraft.imitating.trained import RlCourse
from redraft.judging.settings import Settings, VerdictCode
from redraft.judging.summary import Canaries
from redraft.judging.verdict import summarise_study
from redraft.records import Judgment
from redraft.training.adapting.calibration import quality
from tasks.imitation_cautions import cautions_of
from tasks.imitation_sections import worth_section
from tasks.imitation_training import data_stages, rl_section
from tasks.imitation_words import Beside, besides_of, ceiling_of, heading_of, in_figures, worth_of

PLAIN = "the plain LoRA"
CODES: tuple[VerdictCode, ...] = get_args(VerdictCode)


def beside(name: str, rate: float, verdict: VerdictCode = "better", won: int | None = None) -> Beside:
    decided = verdict in ("better", "clearly_better")
    sign = (1 if rate > 0.5 else -1) if decided else 0
    return Beside(
        name=name, label=name.upper(), verdict=verdict, won=sign if won is None else won, rate=rate,
        low=max(0.0, rate - 0.09), high=min(1.0, rate + 0.09), contexts=60, missing=0, p=0.01, p_adjusted=None,
    )  # fmt: skip


besides = st.builds(
    beside, st.sampled_from(["dpo", "rl", "best-of-3", PERSON]), st.floats(0, 1), st.sampled_from(CODES)
)


@given(st.lists(besides, unique_by=lambda one: one.name))
def test_nobody_is_said_to_write_better_without_a_verdict(arms: list[Beside]) -> None:
    heading = heading_of(arms, "Person1", PLAIN, simulated=False)
    tried = [one for one in arms if one.name != PERSON]
    better = [one for one in tried if one.won > 0]
    assert (" writes more like Person1 than the plain LoRA: " in heading) == bool(better)
    if better:
        assert heading.startswith(max(better, key=lambda one: one.rate).label) and "Not shown" not in heading
    elif tried:
        assert heading.startswith(("Not shown: that ", "Nothing that was tried "))
    said = worth_of(arms, PLAIN)
    assert len(said) == len(tried)
    for one, further in zip(tried, said, strict=True):
        assert one.label in further.sentence
        assert (" was worth it." in further.sentence) == (one.won > 0)
        assert not further.firm or one.won > 0
        figured = one.verdict not in {"not_enough", "not_poolable", "judges_disagree"}
        assert (in_figures(one) in further.detail) == figured
    own = ceiling_of(arms, "Person1", PLAIN)
    assert (own is None) == (PERSON not in {one.name for one in arms})
    if own is not None:
        (person,) = (one for one in arms if one.name == PERSON)
        assert ("no imitation can be expected to exceed" in own.detail) == (person.won > 0)
    worth_section(arms, own, {one.name: one.label for one in arms} | {"lora": PLAIN}, {}, PLAIN)


def test_what_reads_best_of_all_arms() -> None:
    arms = [beside("dpo", 0.61), beside("rl", 0.3), beside("best-of-3", 0.66), beside(PERSON, 0.9)]
    assert heading_of(arms, "Person1", PLAIN, simulated=True) == (
        "BEST-OF-3 writes more like Person1 than the plain LoRA: preferred in 66% (95% interval 57–75%); "  # noqa: RUF001
        "DPO: preferred in 61% (52–70%); RL: worse, preferred in 30% (21–39%) (simulated)"  # noqa: RUF001
    )
    dpo, rl, best = worth_of(arms, PLAIN)
    assert "BEST-OF-3, for which no model was trained to write, did as well" in dpo.detail and not dpo.firm
    assert rl.sentence == "RL was not worth it: the plain LoRA writes better." and best.firm
    alone = [beside(PERSON, 0.5, "no_difference")]
    assert heading_of(alone, "Person1", PLAIN, simulated=False).startswith(
        "The judge cannot tell Person1's own replies"
    )


@pytest.mark.parametrize("turned", [False, True])
def test_verdicts_are_told_from_the_arms_side(turned: bool) -> None:
    """Whichever of both stands first in a comparison."""
    models = (model_of("lora"), model_of("dpo")) if turned else (model_of("dpo"), model_of("lora"))
    wins = "B" if turned else "A"
    rows = [
        Judgment(
            context_id=f"c{number}", model_a=models[0], model_b=models[1], judge="x/judge", order=order, status="ok",
            winner=wins if number < 34 else ("A" if wins == "B" else "B"),
        )
        for number in range(40) for order in ("AB", "BA")
    ]  # fmt: skip
    (one,) = besides_of(
        summarise_study(rows, settings=Settings(labels={models[turned]: "DPO"})), ["dpo", "lora"], "lora"
    )
    assert (one.name, one.label, one.won, one.rate) == ("dpo", "DPO", 1, 0.85)
    assert 0.68 < one.low < 0.85 < one.high < 0.95
    even = [msgspec.structs.replace(row, winner="A" if int(row.context_id[1:]) % 2 else "B") for row in rows]
    (unsure,) = besides_of(summarise_study(even), ["dpo"], "lora")
    assert unsure.won == 0 and unsure.said.startswith("With 40 contexts only a share of ")


def cautions(**said: Any) -> list[str]:
    quiet: dict[str, Any] = {
        "simulated": False, "canaries": (), "bases": ["google/gemma-3-270m"], "judges": ["x/judge"], "measured": {},
        "besides": [beside(PERSON, 0.9)], "labels": {"dpo": "DPO"}, "reward": None, "course": None, "ranked_by": None,
    }  # fmt: skip
    return cautions_of(**{**quiet, **said})


def test_each_cause_of_doubt_is_named() -> None:
    quiet = cautions()
    safe = Canaries(judge="x/judge", kind="k", asked=1, won=0, tied=0, lost=1, unusable=0, safe=True)
    lost = Measured(asked=60, written=58, empty=2, cut=9)
    course = RlCourse(steps=4, planned=9, curves={}, first={}, last={}, ended="", early=True, hacked=True)
    blind = quality([0.0] * 9, [0.0] * 9, list("abcabcabc"))
    for said, words in (
        ({"simulated": True}, "Simulated: "),
        ({"bases": ["tiny-gemma (random weights)"]}, "a tiny one with random weights"),
        ({"judges": ["gemini:gemini-2.5-pro"]}, "same family as google/gemma-3-270m"),
        ({"canaries": [msgspec.structs.replace(safe, safe=False)]}, "not safe to judge"),
        ({"besides": [beside(PERSON, 0.5, "undecided")]}, "not shown to prefer the person's own replies"),
        ({"measured": {"dpo": lost}}, "DPO, replies to 60 contexts: 2 not written, since"),
        ({"reward": blind}, "not shown to be better than chance"),
        ({"course": course}, "found what the reward model is wrong about"),
        ({"ranked_by": "x/judge"}, "x/judge judges here and ranked"),
        ({"ranked_by": ""}, "If the judge is the one that ranked"),
    ):
        more = [one for one in cautions(**said) if one not in quiet]
        assert more and any(words in one for one in more)
    assert cautions(ranked_by="y/other", canaries=[safe]) == quiet
    assert cautions(simulated=True)[0].startswith("Simulated: ")


def test_the_course_of_a_run_says_why_it_ended_and_whether_anybody_watched() -> None:
    course = RlCourse(
        steps=4, planned=4, curves={"train/reward": ((1, 0.5), (4, -0.5))}, first={"train/reward": 0.5},
        last={"train/reward": -0.5}, ended="It went through all of its 4 steps", early=False, hacked=False,
    )  # fmt: skip
    whole, reward = rl_section(course).parts
    assert whole.lead.startswith("It went through all of its 4 steps. No judge was asked on the way")
    assert reward.picture is not None and "0.5 at first, -0.5 at the end" in reward.picture


def test_test_replies_that_were_trained_on_too_are_told() -> None:
    examples = {"count": 9, "sides": {"test": 5}, "test_replies_trained_on": {"looked_at": 5, "repeated": 2}}
    lead = data_stages(examples, None)[0].lead
    assert lead is not None and "Of the 5 replies of the test with 5 words or more 2 repeat" in lead
    assert "repeat" not in (data_stages({"count": 9}, None)[0].lead or "")
