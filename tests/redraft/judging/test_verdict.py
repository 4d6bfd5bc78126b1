"""Summaries from stored judgments: what counts, what is never pooled, several pairs and judges together."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from redraft.errors import InputError
from redraft.judging.folding import fold_judgments, tally
from redraft.judging.intervals import tango_interval
from redraft.judging.settings import Settings
from redraft.judging.stopping import LookPlan, review
from redraft.judging.summary import StudySummary
from redraft.judging.verdict import summarise, summarise_study
from redraft.judging.wording_of_studies import conclusion
from redraft.records import Comparison, Judgment

Make = Callable[..., list[Judgment]]


def test_two_snapshots_of_a_judge_are_not_pooled(make_tallied: Make) -> None:
    items = make_tallied(80, 20, 0, answered_model="judge-1")
    items[3] = msgspec.structs.replace(items[3], answered_model="judge-2")
    found = summarise(items)
    assert found.verdict == "not_poolable"
    assert "judge-1, judge-2" in found.sentence
    items[3] = msgspec.structs.replace(items[3], status="judge_truncated", winner=None)
    assert summarise(items).answered_models == ("judge-1",), "what is no verdict is not pooled"


def test_comparisons_without_judgments_are_missing_not_gone(
    make_comparison: Callable[..., Comparison], make_tallied: Make
) -> None:
    compared = [make_comparison(f"c{n}") for n in range(60)]
    found = summarise(make_tallied(40, 10, 0), compared)
    assert found.tally.unusable_by_reason == {"not_judged": 10}
    assert found.verdict == "not_enough"
    with pytest.raises(InputError, match="not among the comparisons"):
        summarise(make_tallied(40, 10, 0), compared[:20])
    with pytest.raises(InputError, match="compared twice"):
        summarise([], [*compared, compared[0]])
    with pytest.raises(InputError, match="no judgments"):
        summarise([])


def test_costs_add_up_and_an_unknown_price_stays_unknown(make_tallied: Make) -> None:
    items = make_tallied(20, 10, 0)
    assert summarise(items).cost == pytest.approx(0.06)
    items[0] = msgspec.structs.replace(items[0], cost=None)
    assert summarise(items).cost is None


def _study(make_tallied: Make, *numbers: tuple[int, int, int]) -> StudySummary:
    names = [("f", "b"), ("a", "b"), ("f", "a")]
    items = [
        item
        for (a, b), counted in zip(names, numbers, strict=True)
        for item in make_tallied(*counted, model_a=a, model_b=b)
    ]
    labels = {"f": "feedback", "a": "alternative", "b": "base"}
    return summarise_study(items, settings=Settings(baseline="b", labels=labels))


def test_three_arms(make_tallied: Make) -> None:
    ordered = _study(make_tallied, (80, 20, 0), (75, 25, 0), (70, 30, 0))
    assert ordered.correction is not None
    assert ordered.correction.method == "closed"
    assert ordered.conclusion == "In this order, best first: feedback, then alternative, then base, according to judge."
    nothing = _study(make_tallied, (50, 50, 0), (48, 52, 0), (51, 49, 0))
    assert "could not show that training changed anything" in nothing.conclusion
    mixed = _study(make_tallied, (80, 20, 0), (50, 50, 0), (50, 50, 0))
    assert mixed.conclusion == (
        "feedback is clearly better than base; alternative and base cannot be told apart yet; "
        "feedback and alternative cannot be told apart yet, according to judge."
    )
    assert conclusion(msgspec.structs.replace(mixed, pairs=mixed.pairs[:1])) == ""


def test_a_pair_that_wins_alone_but_not_in_the_study(make_tallied: Make) -> None:
    study = _study(make_tallied, (45, 25, 30), (35, 35, 30), (35, 35, 30))
    alone = summarise(make_tallied(45, 25, 30))
    assert alone.verdict == "better"
    assert study.pairs[0].p_adjusted is not None
    assert study.pairs[0].p_adjusted >= alone.p_mid
    if study.pairs[0].p_adjusted > 0.05:
        assert study.pairs[0].verdict == "borderline"
        assert "counted together" in study.pairs[0].sentence


def test_two_models_that_answered_as_one_judge_are_never_pooled(make_tallied: Make) -> None:
    pairs = (("a", "b", "j-1"), ("b", "c", "j-2"), ("a", "c", "j-1"))
    rows = [one for a, b, by in pairs for one in make_tallied(48, 12, 0, model_a=a, model_b=b, answered_model=by)]
    found = summarise_study(rows)
    assert [one.verdict for one in found.pairs] == ["not_poolable"] * 3
    assert all(one.answered_models == ("j-1", "j-2") for one in found.pairs)
    assert "(j-1, j-2)" in found.pairs[0].sentence and found.conclusion.startswith("No verdict on a and b")
    settings = Settings(arms={"a": "f", "c": "f"})
    mixed = [one for one in rows if "b" in (one.model_a, one.model_b)]
    turned = [one if one.model_b == "b" else msgspec.structs.replace(one, model_a="c", model_b="b") for one in mixed]
    assert summarise_study(turned, settings=settings).over_seeds == ()
    same = [msgspec.structs.replace(one, answered_model="j-1") for one in turned]
    assert len(summarise_study(same, settings=settings).over_seeds) == 1
    other = [msgspec.structs.replace(one, judge="other", answered_model="o") for one in rows]
    assert [one.verdict for one in summarise_study([*rows, *other]).pairs[1::2]] == ["clearly_better"] * 3


def test_looks_belong_to_the_judge_whose_verdicts_they_were_at(make_tallied: Make) -> None:
    first, second = make_tallied(80, 20, 0, judge="one"), make_tallied(62, 38, 0, judge="two")
    look = review(LookPlan(contexts=500), [tally(fold_judgments(first).values())], Settings())
    assert look.stops and look.confidence > 0.999
    found = summarise_study([*first, *second], looks={("tuned", "base", "one"): [look]})
    one, two = found.pairs
    assert (one.looks, two.looks) == ((look,), ()) and (one.low, one.high) == (look.low, look.high)
    assert one.caveats[0].startswith("Look 1") and not any(
        "Look 1" in line or "repeated" in line for line in two.caveats
    )
    assert (two.low, two.high) == tango_interval(62, 38, 0)
    (panel,), (alone,) = found.panels, summarise_study([*first, *second]).panels
    assert panel.panel.high - panel.panel.low > 1.5 * (alone.panel.high - alone.panel.low), (
        "it was stopped by that look"
    )


def test_a_panel_of_judges_that_pick_a_slot_says_why_it_cannot_tell(make_judged: Make) -> None:
    rows = [one for judge in ("one", "two") for i in range(60) for one in make_judged(f"c{i}", "AB", judge=judge)]
    (panel,) = summarise_study(rows).panels
    assert (panel.verdict, panel.note) == ("undecided", "unheard")
    assert "one was asked about 60 and changed its mind with the order in 60" in panel.explanation
    assert "two was asked about 60" in panel.explanation


def test_nine_labels_of_people_correct_nothing(make_tallied: Make) -> None:
    rows = make_tallied(30, 20, 10)
    keys = list(fold_judgments(rows))
    nine, ten = ({("tuned", "base"): dict.fromkeys(keys[:count], "win")} for count in (9, 10))
    few = summarise_study(rows, people=nine).pairs[0]  # type: ignore[arg-type]
    assert few.people is None and "9 labels of people" in few.people_said[0] and "10 are needed" in few.people_said[0]
    enough = summarise_study(rows, people=ten).pairs[0]  # type: ignore[arg-type]
    assert enough.people is not None and enough.people.labelled == 10
