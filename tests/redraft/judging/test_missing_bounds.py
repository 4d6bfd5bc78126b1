"""Missing verdicts and corrections for several pairs: a winner must pass the correction made anew at both extremes."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import pytest

from redraft.judging.clustered import ClusterCounts
from redraft.judging.decision import decide, extremes
from redraft.judging.folding import Fold, Label, tally
from redraft.judging.missing_bounds import Bounded, adjusted_bounded, correct_bounded
from redraft.judging.multiplicity import Pair, correct
from redraft.judging.panel import convene, decide_panel
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary
from redraft.judging.verdict import summarise_study
from redraft.records import Judgment

PAIRS: tuple[Pair, ...] = (("f", "alt"), ("f", "base"), ("base", "alt"))
CODES: dict[str, Label] = {"w": "win", "l": "loss", "t": "tie", "x": "unusable"}


def labels(first: str) -> dict[Pair, str]:
    """A letter a context: the first pair's as they are, the others' as good as even."""
    chance = np.random.default_rng(4)
    even = [chance.permutation(list(("w" * 50 + "l" * 45).ljust(len(first), "t"))).tolist() for _ in range(2)]
    return dict(zip(PAIRS, (first, *("".join(one) for one in even)), strict=True))


def folds(of: str) -> dict[str, Fold]:
    return {f"c{i}": Fold(context_id=f"c{i}", label=CODES[letter]) for i, letter in enumerate(of)}


def study(first: str, judges: tuple[str, ...] = ("j",)) -> StudySummary:
    status = {"w": "ok", "l": "ok", "t": "tie", "x": "judge_unparseable"}
    winner: dict[str, Literal["A", "B"]] = {"w": "A", "l": "B"}
    orders: tuple[Literal["AB", "BA"], ...] = ("AB", "BA")
    return summarise_study(
        [
            Judgment(
                context_id=f"c{i}", model_a=a, model_b=b, judge=judge, order=order,
                status=status[letter], winner=winner.get(letter),  # type: ignore[arg-type]
            )
            for judge in judges
            for (a, b), letters in labels(first).items()
            for i, letter in enumerate(letters)
            for order in orders
        ],
        samples=1,
    )  # fmt: skip


def test_a_winner_that_the_correction_would_take_away_with_the_missing_ones_lost_is_none() -> None:
    counted, lost, won = (study("w" * 63 + "l" * 37 + "t" * 30 + letter * 5).pairs[0] for letter in "xlw")
    assert counted.p_adjusted is not None and counted.p_adjusted < 0.05 < (lost.p_adjusted or 0)
    # Lost, it would not be called, and the interval and raw p alone could not show that.
    assert (lost.verdict, lost.note, won.verdict) == ("borderline", "corrected", "better")
    assert lost.low > 0.5 and lost.p_mid < 0.05
    assert (counted.verdict, counted.favours, counted.note) == ("not_enough", None, "extremes")
    assert (counted.p_adjusted_worst, counted.p_adjusted_best) == (lost.p_adjusted, won.p_adjusted)
    (told,) = [one for one in counted.caveats if "One of several" in one]
    assert "p = .009 or p = .089 had all missing verdicts of this one gone the same way" in told
    assert "One of several" in " ".join(lost.caveats) and "gone the same way" not in " ".join(lost.caveats)


def test_several_judges_are_bounded_the_same_way() -> None:
    counted, lost = (study("w" * 66 + "l" * 37 + "t" * 30 + letter * 5, ("j1", "j2")).panels[0] for letter in "xl")
    assert counted.p_adjusted is not None and counted.p_adjusted < 0.05 < (lost.p_adjusted or 0)
    assert (lost.verdict, lost.note, lost.panel.worst.p < 0.05) == ("borderline", "corrected", True)
    assert (counted.verdict, counted.note, counted.p_adjusted_worst) == ("not_enough", "extremes", lost.p_adjusted)
    assert any(" or p = .070 had all missing" in one for one in counted.caveats)
    # Judges who disagree are no winner that only the correction took away.
    won, lost_ones = folds("w" * 80 + "l" * 20), folds("l" * 55 + "w" * 45)
    split = convene({"a": won, "b": lost_ones})
    assert decide_panel(split, Settings(), Bounded.same(0.9)).code == "judges_disagree"


@pytest.mark.parametrize("how", ["closed", "holm", "fixed sequence"])
@pytest.mark.parametrize("grouped", [False, True])
def test_the_extremes_are_the_studies_with_the_missing_verdicts_filled_in(how: str, grouped: bool) -> None:
    made = {pair: folds(one) for pair, one in labels("w" * 63 + "l" * 37 + "t" * 30 + "x" * 5).items()}
    made[PAIRS[2]]["c7"] = Fold(context_id="c7", label="unusable")
    made = dict(list(made.items())[:2]) if how == "holm" else made
    clusters = {f"c{i}": str(i // 3) for i in range(135)} if grouped else None
    sequence = (PAIRS[1], PAIRS[0]) if how == "fixed sequence" else ()

    def counted(of: dict[str, Fold]) -> Bounded:
        ones = extremes(
            tally(of.values()), ClusterCounts.of_folds(of.values(), clusters) if clusters is not None else None
        )
        return Bounded(counted=ones[0].p, worst=ones[1].p, best=ones[2].p)

    found, at = correct_bounded(
        made, {pair: counted(one) for pair, one in made.items()}, sequence=sequence, clusters=clusters
    )
    assert found.method == how
    for place, pair in enumerate(made):
        assert at[pair].counted == found.adjusted[place]
        for label in ("loss", "win"):
            changed = {
                key: msgspec.structs.replace(one, label=label) if one.label == "unusable" else one
                for key, one in made[pair].items()
            }
            filled = {**made, pair: changed}
            ps = {one: counted(of).counted for one, of in filled.items()}
            expected = correct(filled, ps, sequence=sequence, clusters=clusters).adjusted[place]
            assert (at[pair].worst if label == "loss" else at[pair].best) == pytest.approx(expected)
    first = at[PAIRS[0]]
    assert first.best < first.counted < first.worst if how == "closed" else first.best <= first.counted <= first.worst


def test_from_p_values_alone() -> None:
    p_values = {
        PAIRS[0]: Bounded(counted=0.01, worst=0.03, best=0.001),
        PAIRS[1]: Bounded.same(0.02), PAIRS[2]: Bounded.same(0.5),
    }  # fmt: skip
    found = adjusted_bounded(p_values)
    # Shaffer's: max(3 min p, p); lost, the other pair has the least.
    assert found[PAIRS[0]] == Bounded(counted=pytest.approx(0.03), worst=pytest.approx(0.06), best=pytest.approx(0.003))
    assert found[PAIRS[1]] == Bounded.same(pytest.approx(0.03))
    assert adjusted_bounded({PAIRS[0]: p_values[PAIRS[0]]}) == {}


def test_the_three_p_values_are_each_for_their_own_case() -> None:
    counts = tally(folds("w" * 80 + "l" * 20 + "x" * 3).values())
    said = {
        (case, at): decide(counts, Settings(), Bounded(**{"counted": 0.01, "worst": 0.01, "best": 0.01, case: at}))
        for case in ("counted", "worst", "best")
        for at in (0.05, 0.051)
    }
    assert {one.code for (_, at), one in said.items() if at == 0.05} == {"clearly_better"}
    assert {(one.code, one.note) for (_, at), one in said.items() if at > 0.05} == {("not_enough", "extremes")}
    # Taken away in all three it is told as before, and that is no fault of the missing ones.
    away = decide(counts, Settings(), Bounded.same(0.2))
    assert (away.code, away.note) == ("borderline", "corrected")
