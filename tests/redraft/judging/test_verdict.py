"""The verdict words in the order of their rules, and what must stand beside them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.judging.decision import decide
from redraft.judging.folding import Tally, fold_judgments, tally
from redraft.judging.intervals import mid_p, tango_interval
from redraft.judging.stopping import LookPlan, review
from redraft.judging.summary import Settings, StudySummary, Summary
from redraft.judging.verdict import summarise, summarise_study
from redraft.judging.wording import caveats, conclusion, frequencies, p_value, percent_range, sentence
from redraft.records import Comparison, Judgment

Make = Callable[..., list[Judgment]]


def counts(wins: int, losses: int, ties: int, unusable: int = 0) -> Tally:
    return Tally(wins=wins, losses=losses, ties=ties, unusable=unusable)


@pytest.mark.parametrize(
    ("tally", "code", "favours"),
    [
        (counts(80, 20, 0), "clearly_better", "A"),
        (counts(20, 80, 0), "clearly_better", "B"),
        (counts(45, 25, 30), "better", "A"),
        (counts(25, 45, 30), "better", "B"),
        (counts(37, 54, 35), "undecided", None),
        (counts(0, 0, 10), "not_enough", None),
        (counts(19, 0, 0), "not_enough", None),
        (counts(20, 0, 0), "clearly_better", "A"),
        (counts(10, 10, 980), "no_difference", None),
        (counts(400, 400, 2000), "no_difference", None),
        # A small but certain advantage is still one: the rules stand in order.
        (counts(60, 20, 1920), "better", "A"),
        # More than 5% missing, whatever the rest says.
        (counts(80, 14, 0, 6), "not_enough", None),
        (counts(81, 14, 0, 5), "clearly_better", "A"),
        # The missing ones could turn it.
        (counts(45, 25, 30, 5), "not_enough", None),
        (counts(60, 40, 0, 1), "not_enough", None),
    ],
)
def test_the_words(tally: Tally, code: str, favours: str | None) -> None:
    found = decide(tally, Settings())
    assert (found.code, found.favours) == (code, favours)


def test_interval_and_p_value_must_agree() -> None:
    split = [
        (w, n - w - t, t)
        for n in range(20, 60)
        for t in range(0, n // 2)
        for w in range((n - t) // 2, n - t + 1)
        if (tango_interval(w, n - w - t, t)[0] > 0.5) != (mid_p(w, n - w - t) <= 0.05)
    ]
    assert split
    for wins, losses, ties in split:
        assert decide(counts(wins, losses, ties), Settings()).code in {"borderline", "no_difference"}


def test_a_winner_that_only_weakens_keeps_the_weaker_word() -> None:
    tally = counts(83, 45, 21, 1)
    assert tango_interval(83, 45, 21)[0] > 0.55 > tango_interval(83, 46, 21)[0]
    found = decide(tally, Settings())
    assert (found.code, found.favours, found.note) == ("better", "A", "weakened")


def test_the_correction_can_take_a_winner_away_but_never_give_one() -> None:
    assert decide(counts(45, 25, 30), Settings(), p_adjusted=0.06) == decide(counts(45, 25, 30), Settings(), 0.9)
    assert decide(counts(45, 25, 30), Settings(), p_adjusted=0.06).code == "borderline"
    assert decide(counts(45, 25, 30), Settings(), p_adjusted=0.05).code == "better"
    assert decide(counts(37, 54, 35), Settings(), p_adjusted=0.0).code == "undecided"


@given(*[st.integers(0, 150)] * 3, st.integers(0, 8))
def test_swapping_the_models_swaps_the_verdict(wins: int, losses: int, ties: int, unusable: int) -> None:
    if wins + losses + ties == 0:
        return
    found = decide(counts(wins, losses, ties, unusable), Settings())
    mirrored = decide(counts(losses, wins, ties, unusable), Settings())
    assert mirrored.code == found.code
    assert mirrored.favours == {"A": "B", "B": "A", None: None}[found.favours]


@given(*[st.integers(0, 150)] * 3, st.integers(0, 8), st.data())
def test_no_way_to_fill_the_missing_contradicts_the_verdict(
    wins: int, losses: int, ties: int, unusable: int, data: st.DataObject
) -> None:
    if wins + losses + ties == 0:
        return
    found = decide(counts(wins, losses, ties, unusable), Settings())
    won = data.draw(st.integers(0, unusable))
    lost = data.draw(st.integers(0, unusable - won))
    filled = decide(counts(wins + won, losses + lost, ties + unusable - won - lost), Settings())
    if found.favours and found.code != "borderline":
        assert filled.favours == found.favours


def test_the_sentences(make_tallied: Make) -> None:
    study = {
        (80, 20, 0): "tuned is clearly better than base, according to judge.",
        (25, 45, 30): "base is better than tuned, according to judge; the advantage may be small.",
        (10, 10, 980): "No meaningful difference between tuned and base (within ±5 points), according to judge.",
        (37, 54, 35): "Can't tell yet whether tuned or base is better, according to judge.",
        (5, 5, 5): "Not enough usable verdicts to call a winner between tuned and base.",
    }
    for numbers, words in study.items():
        assert summarise(make_tallied(*numbers)).sentence == words
    open_case = summarise(make_tallied(37, 54, 35))
    assert open_case.explanation == (
        "With 126 contexts we could only have detected a win rate of 60.5% or more (80% of the time). "
        "About 190 more contexts would settle a gap of this size."
    )
    assert (
        summarise(make_tallied(5, 5, 5)).explanation
        == "15 of 15 contexts have a usable verdict; at least 20 are needed."
    )


def test_the_natural_frequencies(make_tallied: Make) -> None:
    assert summarise(make_tallied(45, 25, 30)).frequencies == (
        "Out of 100 conversations like these, judge would pick tuned in about 45, base in about 25, and see no "
        "difference in 30. Plausible range for tuned's win rate: 52–68%."  # noqa: RUF001
    )
    assert "base's win rate: 32–48%" not in summarise(make_tallied(25, 45, 30)).frequencies  # noqa: RUF001
    assert "base's win rate: 52–68%" in summarise(make_tallied(25, 45, 30)).frequencies  # noqa: RUF001
    thirds = summarise(make_tallied(10, 10, 10)).frequencies
    assert sum(int(word.strip(",.")) for word in thirds.split() if word.strip(",.").isdigit()) - 100 == 100


def test_bounds_for_missing_verdicts(make_tallied: Make) -> None:
    found = summarise(make_tallied(45, 25, 30, 5))
    assert (found.worst, found.best) == pytest.approx((0.5714, 0.6190), abs=5e-5)
    assert found.tally.unusable_by_reason == {"judge_unparseable": 5}
    assert any(caveat.startswith("5 of 105 contexts without a usable verdict") for caveat in found.caveats)


def test_never_the_forbidden_words(make_tallied: Make) -> None:
    for numbers in ((80, 20, 0), (45, 25, 30), (37, 54, 35), (10, 10, 980), (5, 5, 5), (60, 40, 0, 1)):
        found = summarise(make_tallied(*numbers))
        text = " ".join([found.sentence, found.explanation, found.frequencies, *found.caveats]).lower()
        assert "significant" not in text
        assert "probability" not in text
        assert "% better" not in text


def test_simulated_is_said_in_every_place(make_tallied: Make) -> None:
    found = summarise(make_tallied(80, 20, 0, simulated=True))
    assert found.sentence == "tuned is clearly better than base, according to judge (simulated)."
    assert "(simulated)" in found.frequencies
    assert found.caveats[0].startswith("Simulated")
    assert summarise(make_tallied(80, 20, 0), settings=Settings(simulated=True)).simulated
    assert "imulated" not in " ".join(summarise(make_tallied(80, 20, 0)).caveats)


def test_caveats_that_apply(make_judged: Make, make_tallied: Make) -> None:
    flips = [j for n in range(40) for j in make_judged(f"f{n}", "AB" if n < 36 else "BA")]
    found = summarise([*flips, *make_tallied(30, 30, 0)], settings=Settings(one_training_run=True))
    text = "\n".join(found.caveats)
    assert "40% of the contexts (40 of 100); these count as ties. The judge often cannot tell these apart." in text
    assert "The judge prefers the first answer; corrected by judging both orders." in text
    assert "One training run per arm" in text
    assert "not checked against people" in text
    kin = summarise(make_tallied(30, 20, 0, judge="together:Qwen/Qwen3-235B", model_a="ollama:qwen2.5"))
    assert any("same family as ollama:qwen2.5 (qwen)" in caveat for caveat in kin.caveats)


def test_empty_answers_count_and_are_shown(make_comparison: Callable[..., Comparison], make_tallied: Make) -> None:
    settled = [
        Judgment(context_id="e1", model_a="tuned", model_b="base", judge="judge", order=order,
                 status="candidate_empty_A", winner="B")
        for order in ("AB", "BA")
    ]  # fmt: skip
    found = summarise([*make_tallied(30, 20, 0), *settled])
    assert (found.tally.losses, found.tally.empty_a, found.tally.judged, found.n) == (21, 1, 50, 51)
    assert any("Empty answers of tuned: 1" in caveat for caveat in found.caveats)


def test_two_snapshots_of_a_judge_are_not_pooled(make_tallied: Make) -> None:
    items = make_tallied(80, 20, 0, answered_model="judge-1")
    items[3] = msgspec.structs.replace(items[3], answered_model="judge-2")
    found = summarise(items)
    assert found.verdict == "not_poolable"
    assert "judge-1, judge-2" in found.sentence
    items[3] = msgspec.structs.replace(items[3], status="judge_truncated", winner=None)
    assert summarise(items).answered_models == ("judge-1",), "what is no verdict is not pooled"


def test_answers_that_instruct_the_judge_are_reported(make_tallied: Make) -> None:
    items = make_tallied(30, 20, 0)
    raw = '{"analysis":"","violations":{"answer_1":true,"answer_2":false},"verdict":"answer_2","strength":"clear"}'
    items[1] = msgspec.structs.replace(items[1], raw=raw)  # order BA: the first answer shown is B's
    found = summarise(items)
    assert (found.accused_a, found.accused_b) == (0, 1)
    assert any("instructions to itself" in caveat for caveat in found.caveats)


def test_lengths(make_comparison: Callable[..., Comparison], make_tallied: Make) -> None:
    compared = [make_comparison(f"c{n}", response_a="long answer" * 4, response_b="short") for n in range(50)]
    found = summarise(make_tallied(30, 20, 0), compared)
    assert found.lengths is not None
    assert (found.lengths.mean_a, found.lengths.mean_b, found.lengths.longer_won, found.lengths.decided) == (
        44,
        5,
        30,
        50,
    )
    assert any("780% longer on average (44 and 5 characters)" in caveat for caveat in found.caveats)


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


def test_words_are_made_from_the_numbers_alone(make_tallied: Make) -> None:
    found = summarise(make_tallied(45, 25, 30))
    again = msgspec.convert(msgspec.to_builtins(found), Summary)
    assert (sentence(again, Settings()), frequencies(again, Settings()), caveats(again, Settings())) == (
        found.sentence, found.frequencies, found.caveats,
    )  # fmt: skip


def test_rounding_never_moves_a_limit_onto_or_across_a_mark() -> None:
    marks = (0.45, 0.5, 0.55)
    assert percent_range(0.5024, 0.6905, marks) == "50.2–69.0%"  # noqa: RUF001
    assert percent_range(0.5182, 0.6760, marks) == "52–68%"  # noqa: RUF001
    assert percent_range(0.4996, 0.55, marks) == "49.96–55.00%"  # noqa: RUF001
    assert percent_range(0.35, 0.5000001, marks) == "35–just above 50%"  # noqa: RUF001
    assert (p_value(0.0503), p_value(0.04996), p_value(0.05), p_value(0.0004)) == (
        "p = .0503", "p = .04996", "p = .050", "p < .001",
    )  # fmt: skip


def test_a_judge_that_picks_a_slot_calls_nobody_alike(make_judged: Make) -> None:
    found = summarise([one for i in range(50) for one in make_judged(f"c{i}", "AB")])
    assert (found.verdict, found.note) == ("undecided", "unheard")
    assert "of 50 contexts the judge was asked about 50 and changed its mind with the order in 50" in found.explanation
    assert "change its mind with the order of the answers in 100, and see no difference in 0" in found.frequencies
    few = summarise([one for i in range(980) for one in make_judged(f"c{i}", "AB" if i < 200 else "tt")])
    assert few.verdict == "no_difference", "one mind in five changed is no slot that is picked"


def test_a_judge_that_leans_is_told_of(make_judged: Make) -> None:
    found = summarise([one for i in range(40) for one in make_judged(f"c{i}", "At" if i % 2 else "tB")])
    (told,) = [one for one in found.caveats if "leans" in one]
    assert told.startswith("The judge leans to the first answer: in 40 of 40 contexts")
    assert "in 0 the other way round" in told
    fair = summarise([one for i in range(40) for one in make_judged(f"c{i}", "At" if i % 2 else "tA")])
    assert not any("leans" in one for one in fair.caveats)


def emptied(count: int, status: str, winner: str | None, first: int = 0) -> list[Judgment]:
    return [
        Judgment(context_id=f"c{i}", model_a="tuned", model_b="base", judge="judge", order=order, status=status,  # type: ignore[arg-type]
                 winner=winner)  # type: ignore[arg-type]
        for i in range(first, first + count) for order in ("AB", "BA")
    ]  # fmt: skip


def test_what_empty_answers_decided_is_not_according_to_the_judge(make_tallied: Make) -> None:
    none = summarise(emptied(30, "candidate_empty_B", "A"))
    assert none.sentence == (
        "tuned is clearly better than base, mostly because base's answer was empty in 30 of 30 contexts; judge was "
        "asked about none."
    )
    assert "tuned would win about 100 and base about 0, mostly by empty answers." in none.frequencies
    half = summarise([*make_tallied(0, 20, 10), *emptied(20, "candidate_empty_A", "B", 50)])
    assert half.sentence.startswith(
        "base is clearly better than tuned, mostly because tuned's answer was empty in 20 of"
    )
    assert "; 20 would be tied, by judge" in half.frequencies
    most = summarise([*make_tallied(0, 21, 10), *emptied(20, "candidate_empty_A", "B", 50)])
    assert most.sentence == "base is clearly better than tuned, according to judge."
    both = summarise(emptied(50, "candidate_empty_both", None))
    assert both.sentence.startswith("Can't tell whether tuned or base is better: both answers were empty in 50 of 50")
    assert "in 100 both answers would be empty" in both.frequencies
    assert not any("according to judge" in f"{one.sentence}{one.frequencies}" for one in (none, half, both))


def test_a_study_says_of_the_pair_that_empty_answers_decided(make_tallied: Make) -> None:
    rows = [*emptied(40, "candidate_empty_B", "A"), *make_tallied(30, 5, 5, model_b="third"),
            *make_tallied(30, 5, 5, model_a="base", model_b="third")]  # fmt: skip
    assert summarise_study(rows).conclusion.startswith(
        "tuned is better than base mostly because base gave empty answers; tuned is clearly better than third"
    )


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
