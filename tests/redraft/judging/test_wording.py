"""What is said of a verdict and what must stand beside it: sentences, frequencies, caveats."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from redraft.judging.settings import Settings
from redraft.judging.summary import Summary
from redraft.judging.verdict import summarise, summarise_study
from redraft.judging.wording import caveats, frequencies, p_value, percent_range, sentence
from redraft.records import Comparison, Judgment

Make = Callable[..., list[Judgment]]


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
        "About 190 more contexts would settle a gap of this size. Take them in a new run, or in one with planned looks "
        "(--looks): p does not hold for a run that grows for what it showed."
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
