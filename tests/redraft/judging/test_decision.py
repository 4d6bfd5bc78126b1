"""The verdict words in the order of their rules: what the counts allow, and what the missing ones forbid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.judging.decision import decide
from redraft.judging.folding import Tally
from redraft.judging.intervals import mid_p, tango_interval
from redraft.judging.missing_bounds import Bounded
from redraft.judging.settings import Decision, Settings


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


def test_equal_texts_show_no_difference_without_a_judge() -> None:
    alike = {"both_tie": 60, "same": 60}
    assert decide(Tally(ties=60, **alike), Settings(rope=(0.4, 0.6))).code == "no_difference"
    # What the judge was asked besides counts by itself: here it took the first answer each time.
    wavering = Tally(ties=80, **alike, changed_mind=20, judged=20)
    assert decide(wavering, Settings(rope=(0.4, 0.6))).note == "unheard"


def test_the_correction_can_take_a_winner_away_but_never_give_one() -> None:
    def said(wins: int, losses: int, ties: int, p: float) -> Decision:
        return decide(counts(wins, losses, ties), Settings(), Bounded.same(p))

    assert said(45, 25, 30, 0.06) == said(45, 25, 30, 0.9)
    assert said(45, 25, 30, 0.06).code == "borderline"
    assert said(45, 25, 30, 0.05).code == "better"
    assert said(37, 54, 35, 0.0).code == "undecided"


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
