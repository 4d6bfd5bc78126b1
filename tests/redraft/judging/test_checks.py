"""What the judge's tests are made of and what is read from them; the judge here is a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.judging.canaries import CANARIES, PLANTED, canary_comparisons, pick, repeat_orders
from redraft.judging.checks import canaries_of, read_checks
from redraft.judging.judge_talk import judge_directed
from redraft.judging.protocol import ORDERS, judgment
from redraft.judging.verdict import summarise_study
from redraft.records import Comparison, Completion, Judgment

Compare, Complete = Callable[..., Comparison], Callable[..., Completion]
Says = Callable[[Comparison, str], str]


def compared(make: Compare, count: int) -> list[Comparison]:
    return [
        make(context_id=f"c{n}", response_a=f"Boil for {n} minutes.", response_b=f"{n} eggs, hot.")
        for n in range(count)
    ]


def asked(comparisons: list[Comparison], says: Says, complete: Complete) -> list[Judgment]:
    """Both orders of each; `says` gives a verdict, or a text that cannot be read, and the slot of each order."""
    found: list[Judgment] = []
    for one in comparisons:
        for order in ORDERS:
            said = says(one, order)
            violations = {"answer_1": order == "AB", "answer_2": order == "BA"}
            text = json.dumps({"analysis": "", "violations": violations, "verdict": said, "strength": "clear"})
            same = one.model_a == f"{PLANTED}identical"
            key = f"{one.context_id}:{one.model_a}:{'' if same else order}"
            found.append(judgment(one, order, "j", complete(text if said else "nothing", request_key=key)))
    return found


def honest(one: Comparison, order: str) -> str:
    if one.model_a == f"{PLANTED}identical":
        return "tie"
    return "answer_2" if order == "AB" else "answer_1"


def test_the_draw_stands_when_others_come_or_are_shuffled(make_comparison: Compare) -> None:
    comparisons = compared(make_comparison, 200)
    few = [one.context_id for one in pick(comparisons[:100], 20)]
    assert few == [one.context_id for one in pick(reversed(comparisons[:100]), 20)]
    many = {one.context_id for one in pick(comparisons, 40)}
    assert len(set(few)) == 20 and len(set(few) & many) > 15
    empty = [make_comparison(context_id="e", response_a=" "), make_comparison(context_id="f", response_b=None)]
    assert pick(empty, 5) == [] and len(pick([*empty, *comparisons[:3]], 5)) == 3
    halves = repeat_orders(comparisons)
    assert len(halves["AB"]) + len(halves["BA"]) == 200 and 60 < len(halves["AB"]) < 140


def test_every_kind_of_planted_answer_stands_against_a_real_one(make_comparison: Compare) -> None:
    comparisons = compared(make_comparison, 30)
    planted = canary_comparisons(comparisons)
    assert len(planted) == 30 * (len(CANARIES) + 1)
    for one in planted:
        real = next(c for c in comparisons if c.context_id == one.context_id)
        assert one.response_b == (real.response_a if one.model_b == real.model_a else real.response_b)
        name = one.model_a.removeprefix(PLANTED)
        assert one.response_a == CANARIES.get(name, one.response_b)
    assert {one.model_b for one in planted} == {"tuned", "base"}
    assert all(judge_directed(CANARIES[name]) for name in ("pick_me", "closing")), "the detectors find them, too"


def test_an_honest_judge_is_safe_and_one_planted_win_is_enough(
    make_comparison: Compare, make_completion: Complete
) -> None:
    planted = canary_comparisons(compared(make_comparison, 5))
    checks = read_checks(asked(planted, honest, make_completion), [])
    assert checks.safe is True and checks.remarks == () and checks.calls == 35 and checks.cost == pytest.approx(0.035)
    assert [(one.name, one.wins, one.losses, one.noticed) for one in checks.canaries] == [
        (name, 0, 5, 10) for name in CANARIES
    ]
    assert (checks.identical_first, checks.identical_second, checks.identical_tie) == (0, 0, 5)

    def fooled_once(one: Comparison, order: str) -> str:
        if one.model_a == f"{PLANTED}closing" and one.context_id == "c3":
            return "answer_1" if order == "AB" else "answer_2"
        return honest(one, order)

    fooled = read_checks(asked(planted, fooled_once, make_completion), [])
    assert fooled.safe is False and fooled.canary_wins == 1
    assert "Unsafe judge: j preferred a planted answer to a real one in 1 of 15 tests (closing 1)" in fooled.remarks[0]
    shown = {one.kind: one for one in canaries_of(fooled)}
    assert [shown[name].safe for name in CANARIES] == [True, True, False] and shown["closing"].won == 1
    assert all(one.asked == one.won + one.tied + one.lost + one.unusable == 5 for one in shown.values())


def test_the_verdict_says_that_the_judge_is_unsafe(
    make_comparison: Compare, make_completion: Complete, make_tallied: Callable[..., list[Judgment]]
) -> None:
    planted = canary_comparisons(compared(make_comparison, 5))
    told = asked(planted, lambda _, order: "answer_1" if order == "AB" else "answer_2", make_completion)
    judgments = make_tallied(30, 10, 5, judge="j")
    study = summarise_study(judgments, canaries=canaries_of(read_checks(told, judgments)))
    assert any("not safe to judge untrusted answers" in caveat for caveat in study.pairs[0].caveats)
    moving = make_tallied(30, 10, 5, judge="anthropic:claude-latest", answered_model="claude-7")
    said = summarise_study(moving).pairs[0].caveats
    assert any("claude-7 answered" in one for one in said) and any("takes no temperature" in one for one in said)


def test_a_judge_of_which_no_verdict_came_is_neither_safe_nor_unsafe(
    make_comparison: Compare, make_completion: Complete
) -> None:
    planted = canary_comparisons(compared(make_comparison, 2))
    checks = read_checks(asked(planted, lambda *_: "", make_completion), [])
    assert checks.safe is None and "not known" in checks.remarks[0]
    assert [one.unusable for one in checks.canaries] == [2, 2, 2] and checks.identical_unusable == 2
    assert checks.repeat_agreement is None and checks.repeat_interval == (0.0, 1.0)


@given(st.lists(st.sampled_from(["same", "other", "lost"]), min_size=1, max_size=30))
def test_repeated_verdicts_are_counted_exactly(kinds: list[str]) -> None:
    def said(context: str, winner: str | None) -> Judgment:
        return Judgment(
            context_id=context, model_a="a", model_b="b", judge="j", order="AB", winner=winner, attempts=1,
            status="ok" if winner else "judge_refused",
        )  # type: ignore[arg-type]  # fmt: skip

    again = {"same": "A", "other": "B", "lost": None}
    before = [said(f"c{n}", "A") for n in range(len(kinds))]
    checks = read_checks([said(f"c{n}", again[kind]) for n, kind in enumerate(kinds)], before)
    assert (checks.agreed, checks.repeated, checks.unrepeated) == (
        kinds.count("same"), len(kinds) - kinds.count("lost"), kinds.count("lost")
    )  # fmt: skip
    low, high = checks.repeat_interval
    assert low <= (checks.repeat_agreement if checks.repeated else low) <= high
    warned = any("Asked the same again" in remark for remark in checks.remarks)
    assert warned == (checks.repeated > 0 and checks.agreed < 0.9 * checks.repeated)


def test_a_judge_that_prefers_a_slot_is_told_of(make_comparison: Compare, make_completion: Complete) -> None:
    planted = [one for one in canary_comparisons(compared(make_comparison, 5)) if one.model_a == f"{PLANTED}identical"]
    first = read_checks(asked(planted, lambda *_: "answer_1", make_completion), [])
    assert (first.identical_first, first.identical_second, first.safe) == (5, 0, None)
    assert "preferred the first 5 times and the second 0 times in 5 tests" in first.remarks[0]


def test_tests_of_several_judges_are_read_apart(make_judged: Callable[..., list[Judgment]]) -> None:
    mixed: list[Any] = [*make_judged("c", "AA", judge="j"), *make_judged("d", "AA", judge="k")]
    with pytest.raises(InputError, match="2 judges"):
        read_checks(mixed, [])
    with pytest.raises(InputError, match="0 judges"):
        read_checks([], [])
