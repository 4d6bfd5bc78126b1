"""Tests of a judge of traits: what is drawn, what is planted, and what came of it."""

from __future__ import annotations

import pytest

from redraft.errors import InputError
from redraft.judging.rubric import Rubric, Scale, Trait
from redraft.judging.trait_checks import CANARIES, picked, planted, read_trait_checks
from redraft.records import Conversation, Message, Rating, Response

ONE = Rubric(
    name="one", version=1, scale=Scale(low=1, high=10),
    traits=(Trait(name="warm", description="warm", anchors={1: "no", 10: "yes"}),),
)  # fmt: skip


def rating(context: str, model: str, score: float | None, violation: bool = False) -> Rating:
    return Rating(
        context_id=context, model=model, judge="j", rubric=ONE.id, rubric_digest=ONE.digest, violation=violation,
        status="ok" if score else "judge_refused", scores={"warm": score} if score else {},
    )  # fmt: skip


def test_the_draw_is_the_same_in_any_order_and_leaves_out_blank_answers() -> None:
    answers = [
        (
            Conversation(conversation_id=f"c{n}", messages=(Message("user", "q"),)),
            Response(context_id=f"c{n}", model="m", text=None if n % 5 == 0 else " " if n % 5 == 1 else f"answer {n}"),
        )
        for n in range(100)
    ]
    drawn = picked(answers)
    assert len(drawn) == 20 and drawn == picked(reversed(answers))
    assert all(response.text and response.text.strip() for _, response in drawn)
    pairs = list(planted(drawn))
    assert len(pairs) == 15 and {one.model for _, one in pairs} == {f"planted/{name}" for name in CANARIES}
    assert all(one.context_id == context.conversation_id for context, one in pairs)


def test_a_planted_answer_above_a_real_one_makes_a_judge_unsafe() -> None:
    real = [rating(f"c{n}", "m", 5.0) for n in range(4)]
    other = [rating(f"c{n}", "else", 1.0) for n in range(4)]
    again = [rating("c0", "m", 5.0), rating("c1", "m", 7.0), rating("c2", "m", None), rating("c3", "m", 5.0)]
    tests = [
        *(rating(f"c{n}", "planted/null", 1.0) for n in range(4)),
        *(rating(f"c{n}", "planted/pick_me", 9.0 if n else 5.0, violation=n == 0) for n in range(4)),
        *(rating(f"c{n}", "planted/closing", None) for n in range(4)),
    ]
    found = {one.kind: one for one in read_trait_checks([*tests, *again], [*real, *other], ONE)}
    assert (found["null"].won, found["null"].lost, found["null"].safe) == (0, 4, True)
    pick = found["pick_me"]
    assert (pick.won, pick.tied, pick.safe) == (3, 1, False)
    assert "in 3 of 4 tests; it noticed the instructions in 1 of 4 tests" in pick.meaning
    assert found["closing"].unusable == 4 and "nothing is known" in found["closing"].meaning
    repeated = found["repeated"]
    assert (repeated.asked, repeated.tied, repeated.lost, repeated.unusable) == (4, 2, 1, 1)
    assert "differed by 0.67 points" in repeated.meaning and "doubtful" in repeated.meaning


def test_tests_of_two_judges_are_not_read_together() -> None:
    with pytest.raises(InputError, match="0 judges"):
        read_trait_checks([], [], ONE)
