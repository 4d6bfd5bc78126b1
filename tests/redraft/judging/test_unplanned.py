"""A run that was looked at before it was over, without a plan: what still holds, and that it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import comb, exp
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from redraft.errors import InputError
from redraft.judging.clustered import Effective
from redraft.judging.publishing import Told, publish
from redraft.judging.rescoring import publish_again, score_again
from redraft.judging.results import read_head, rescore
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary
from redraft.judging.unplanned import anytime_interval
from redraft.judging.unplanned_words import e_value_note
from redraft.judging.verdict import summarise
from redraft.records import Comparison

Tallied = Callable[..., list[Any]]
TOLD = Told(title="A run", created_at="then")


def beta(a: int, b: int) -> float:
    return 1 / ((a + b - 1) * comb(a + b - 2, a - 1))


def test_the_e_value_is_the_mixture_s(make_tallied: Tallied) -> None:
    """With whole counts, B(10 + W, 10 + L)/B(10, 10) is a quotient of binomials."""
    one = summarise(make_tallied(30, 10, 5))
    expected = beta(10 + 30, 10 + 10) / beta(10, 10) * 2 ** (30 + 10)
    assert f"E = {expected:.3g}, and 20 or more is evidence" in e_value_note([one], Settings())
    assert "and 10 or more" in e_value_note([one], Settings(confidence=0.9))
    assert "above a million" in e_value_note([summarise(make_tallied(900, 100, 0))], Settings())


def test_groups_bet_by_their_signs(make_tallied: Tallied) -> None:
    """Thirty wins of two users are two signs, and not thirty."""
    groups = {f"c{number}": str(number // 15) for number in range(45)}
    one = summarise(make_tallied(30, 10, 5), clusters=groups)
    assert one.log_e is not None and exp(one.log_e) == pytest.approx(beta(12, 11) / beta(10, 10) * 2**3)
    assert "instead: by groups, E = " in e_value_note([one], Settings())
    looked, empty = msgspec.structs.replace(one, looks=(None,)), summarise(make_tallied(0, 0, 0, 30))
    assert [e_value_note(pairs, Settings()) for pairs in ([looked], [empty], [one, one])] == [""] * 3


def test_the_interval_of_a_share_holds_at_every_look() -> None:
    """Twelve looks at 600 contexts: the interval for one look misses in far more than 5 of 100 runs."""
    rng = np.random.default_rng(5)
    missed = {"any look": 0, "one look": 0}
    for _ in range(60):
        looks = np.cumsum(rng.multinomial(50, [0.35, 0.35, 0.3], size=12), axis=0)
        counts = [Effective(wins=float(w), losses=float(l), ties=float(t)) for w, l, t in looks]  # noqa: E741
        missed["any look"] += any(not low <= 0.5 <= high for low, high in map(anytime_interval, counts))
        missed["one look"] += any(not low <= 0.5 <= high for low, high in (one.interval() for one in counts))
    assert missed["any look"] <= 5 < 8 <= missed["one look"]
    assert anytime_interval(Effective(wins=0, losses=0, ties=90)) == (0.0, 1.0), "ties alone show nothing at any look"
    counts = Effective(wins=300, losses=20, ties=0)
    (low, high), fixed = anytime_interval(counts), counts.interval()
    assert 0.75 < low < fixed[0] and fixed[1] < high < 1


class Folder:
    """Runs into one folder, from first counts to larger ones."""

    def __init__(self, path: Path, tallied: Tallied, comparison: Callable[..., Comparison]) -> None:
        self.path, self._tallied, self._comparison = path, tallied, comparison

    def run(
        self, *counts: int, judges: Iterable[str] = ("judge",), others: str = "", group: int = 0, **settings: Any
    ) -> StudySummary:
        judgments = [one for judge in judges for one in self._tallied(*counts, judge=judge)]
        compared = [
            self._comparison(f"c{number}", **({"group": f"user_id:{number // group}"} if group else {}))
            for number in range(sum(counts))
        ]
        if others:
            judgments = [msgspec.structs.replace(one, context_id=others + one.context_id) for one in judgments]
            compared = [msgspec.structs.replace(one, context_id=others + one.context_id) for one in compared]
        return publish(self.path, compared, judgments, Settings(**settings), TOLD)

    @property
    def page(self) -> str:
        return (self.path / "report.html").read_text()


@pytest.fixture
def folder(tmp_path: Path, make_tallied: Tallied, make_comparison: Callable[..., Comparison]) -> Folder:
    return Folder(tmp_path / "run", make_tallied, make_comparison)


def test_a_run_that_grows_for_what_it_showed_has_no_firm_winner_by_p(folder: Folder, tmp_path: Path) -> None:
    first = folder.run(42, 33, 45).pairs[0]
    assert first.verdict == "undecided" and not first.earlier
    assert "in a new run, or in one with planned looks (--looks): p does not hold" in first.explanation
    alone = Folder(tmp_path / "alone", folder._tallied, folder._comparison).run(85, 57, 78).pairs[0]
    assert alone.verdict == "better" and alone.p_mid < 0.05
    grown = folder.run(85, 57, 78).pairs[0]
    assert (grown.verdict, grown.favours, grown.note) == ("borderline", "A", "grown")
    assert [one.contexts for one in grown.earlier] == [120] and grown.earlier[0].verdict == "undecided"
    assert grown.sentence == (
        "Not firm: tuned may be better than base, according to judge, but it was looked at after 120 contexts before "
        "it had 220, and p does not hold then."
    )
    assert grown.explanation.startswith("Its e-value, which holds however often one looks: E = ")
    assert "--looks" in grown.explanation and "there is no winner" not in grown.explanation
    assert grown.low < 0.5 < alone.low and grown.high > alone.high
    assert "anytime-valid 95% interval" in folder.page and "Looked at before, after 120 contexts: p does not hold" in (
        folder.page
    )
    assert grown.sentence.split(",")[0] in folder.page
    stored = read_head(folder.path / "results.json").summary.pairs[0]
    assert stored == grown, "results.json says what the report says"
    assert folder.run(85, 57, 78).pairs[0] == grown, "what is repeated is no further look"
    assert score_again(folder.path).summary.pairs[0] == grown == rescore(folder.path / "results.json").pairs[0]
    assert publish_again(folder.path, tmp_path / "elsewhere", "then").pairs[0] == grown
    last = folder.run(180, 100, 120).pairs[0]
    assert [one.contexts for one in last.earlier] == [120, 220] and last.verdict == "better" and last.log_e is not None
    assert "Although it was looked at after 120 and 220 contexts before it had 400, the verdict holds" in (
        last.explanation
    )


def test_what_is_stated_at_any_look_is_as_strong_as_it_holds_there(folder: Folder) -> None:
    folder.run(30, 20, 20)
    assert folder.run(200, 20, 0).pairs[0].verdict == "clearly_better"
    weaker = folder.run(122, 68, 60).pairs[0]
    assert (weaker.verdict, weaker.note) == ("better", "grown") and "may be small" in weaker.sentence
    alike = folder.run(60, 60, 880).pairs[0]
    assert alike.verdict == "no_difference" and alike.low >= 0.45 and "p does not hold" in alike.explanation
    close = folder.run(190, 190, 20).pairs[0]
    assert (close.verdict, close.note) == ("undecided", "grown") and close.sentence.startswith("Not firm: no meaning")
    missing = folder.run(250, 192, 300, 30).pairs[0]
    assert missing.verdict in {"borderline", "not_enough"}


def test_groups_and_several_judges_are_no_way_around(folder: Folder) -> None:
    folder.run(42, 33, 45, group=5)
    by_groups = folder.run(120, 60, 60, group=5).pairs[0]
    assert by_groups.clusters == 48 and by_groups.earlier and by_groups.log_e is not None
    assert by_groups.log_e == pytest.approx(np.log(beta(10 + 24, 10 + 12) / beta(10, 10) * 2.0**36))
    both = Folder(folder.path.with_name("both"), folder._tallied, folder._comparison)
    both.run(42, 33, 45, judges=("one", "two"))
    panel = both.run(85, 57, 78, judges=("one", "two")).panels[0]
    assert (panel.verdict, panel.note) == ("borderline", "grown") and "Not firm" in panel.sentence
    assert "after 120 contexts before it had 220" in panel.sentence
    firm = both.run(150, 50, 20, judges=("one", "two")).panels[0]
    assert firm.verdict == "borderline" or (firm.verdict == "better" and "holds by its e-value" in firm.explanation)


def test_what_was_no_look_at_this_run_does_not_count(folder: Folder) -> None:
    folder.run(4, 3, 3)
    assert not folder.run(85, 57, 78).pairs[0].earlier, "too few for any verdict, which nobody can have gone by"
    assert not folder.run(90, 57, 90, others="other-").pairs[0].earlier, "no context of it is in this run"
    assert not folder.run(30, 20, 20, judges=("another",)).pairs[0].earlier
    (folder.path / "results.json").write_text("{")
    with pytest.raises(InputError, match=r"results\.json"):
        folder.run(85, 57, 78)
