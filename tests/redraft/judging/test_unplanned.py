"""What the report says to whoever watched a run without a plan."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import msgspec

from redraft.judging.settings import Settings
from redraft.judging.unplanned import e_value_note
from redraft.judging.verdict import summarise

Tallied = Callable[..., list[Any]]


def test_the_e_value_is_the_mixture_s(make_tallied: Tallied) -> None:
    """With whole counts, B(10 + W, 10 + L)/B(10, 10) is a quotient of binomials."""
    one = summarise(make_tallied(30, 10, 5))
    wins, losses, prior = 30, 10, 10
    beta = lambda a, b: 1 / ((a + b - 1) * comb(a + b - 2, a - 1))  # noqa: E731
    expected = beta(prior + wins, prior + losses) / beta(prior, prior) * 2 ** (wins + losses)
    assert f"E = {expected:.3g}, and 20 or more is evidence" in e_value_note([one], Settings())
    assert "and 10 or more" in e_value_note([one], Settings(confidence=0.9))
    assert "above a million" in e_value_note([summarise(make_tallied(900, 100, 0))], Settings())


def test_planned_looks_groups_and_several_comparisons_have_none(make_tallied: Tallied) -> None:
    one = summarise(make_tallied(30, 10, 5))
    grouped = msgspec.structs.replace(one, clusters=9)
    looked = msgspec.structs.replace(one, looks=(None,))
    empty = summarise(make_tallied(0, 0, 0, 30))
    assert [e_value_note(pairs, Settings()) for pairs in ([grouped], [looked], [empty], [one, one])] == [""] * 4
