"""Several judges: averaged by context, their agreement, and when they name no winner."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from redraft.errors import InputError
from redraft.judging.folding import Fold, Label
from redraft.judging.intervals import tango_interval
from redraft.judging.panel import convene, decide_panel
from redraft.judging.summary import Settings

POINTS: dict[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}
LABELS: list[Label] = ["win", "tie", "loss", "unusable"]


def folds(labels: list[Label]) -> dict[str, Fold]:
    return {f"c{i}": Fold(context_id=f"c{i}", label=label) for i, label in enumerate(labels)}


panels = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=3, max_size=25)


@settings(max_examples=60, deadline=None)
@given(rows=panels)
def test_contexts_are_the_sample_and_judges_are_averaged(rows: list[tuple[Label, Label]]) -> None:
    first, second = (folds([row[side] for row in rows]) for side in (0, 1))
    found = convene({"openai:gpt-5": first, "anthropic:claude-5": second})
    usable = [row for row in rows if "unusable" not in row]
    means = [(POINTS[a] + POINTS[b]) / 2 for a, b in usable]
    assert found.n == len(means) and found.n + found.partial + found.unusable == len(rows)
    if len(set(means)) > 1:
        low, high = stats.ttest_1samp(means, 0.5).confidence_interval(0.95)
        assert (found.rate, found.low, found.high) == pytest.approx((np.mean(means), max(0, low), min(1, high)))
    turned = convene({"anthropic:claude-5": second, "openai:gpt-5": first})
    assert (turned.rate, turned.p, turned.alpha) == pytest.approx((found.rate, found.p, found.alpha))
    assert found.same_direction == turned.same_direction


def test_judges_that_say_the_same_are_one() -> None:
    labels: list[Label] = ["win"] * 30 + ["loss"] * 15 + ["tie"] * 5
    found = convene({"a-1": folds(labels), "b-1": folds(labels)})
    assert (found.alpha, found.alpha_ordinal, found.agreements[0].measured.kappa) == pytest.approx((1.0, 1.0, 1.0))
    assert (found.rate, found.same_direction, found.remarks) == (0.65, True, ())
    assert (found.judges[0].low, found.judges[0].high) == tango_interval(30, 15, 5)
    doubled = convene({"a-1": folds(labels), "b-1": folds(labels), "c-1": folds(labels)})
    assert (doubled.low, doubled.high, doubled.p) == pytest.approx((found.low, found.high, found.p))


def test_judges_that_disagree_name_no_winner() -> None:
    found = convene({"a-1": folds(["win"] * 30 + ["loss"] * 10), "b-1": folds(["loss"] * 21 + ["win"] * 19)})
    assert [one.direction for one in found.judges] == [1, -1]
    assert not found.same_direction and "disagree" in found.remarks[0]
    undecided = convene({"a-1": folds(["win"] * 30), "b-1": folds(["win", "loss"] * 15)})
    assert not undecided.same_direction
    assert not convene({"a-1": folds(["win", "loss"] * 15), "b-1": folds(["tie"] * 30)}).same_direction


def test_relatives_are_no_independent_opinions() -> None:
    labels: list[Label] = ["win"] * 20 + ["loss"] * 5
    found = convene({"openai:gpt-5.2": folds(labels), "openai:o3-mini": folds(labels), "mistral-7b": folds(labels)})
    assert [one.family for one in found.agreements] == ["gpt", None, None]
    assert [remark for remark in found.remarks if "independent" in remark] == [
        "openai:gpt-5.2 and openai:o3-mini are of the same family (gpt) and are no independent opinions."
    ]


def test_edges() -> None:
    always = convene({"a": folds(["win"] * 12), "b": folds(["win"] * 12)})
    assert (always.low, always.high) == tango_interval(12, 0, 0)
    half = convene({"a": folds(["win"] * 12), "b": folds(["tie"] * 12)})
    assert half.rate == 0.75 and half.low < 0.75 < half.high
    assert not half.same_direction
    grouped = convene({"a": folds(["win"] * 12), "b": folds(["win"] * 12)}, clusters={f"c{i}": "u" for i in range(12)})
    assert (grouped.low, grouped.high, grouped.p, grouped.clusters) == (0.0, 1.0, 1.0, 1)
    nothing = convene({"a": folds(["unusable"] * 3), "b": folds(["win"] * 3)})
    assert (nothing.n, nothing.partial, nothing.low, nothing.high, nothing.p) == (0, 3, 0.0, 1.0, 1.0)
    with pytest.raises(InputError, match="two or more"):
        convene({"a": folds(["win"])})
    with pytest.raises(InputError, match="no judgments"):
        convene({"a": {}, "b": {}})
    with pytest.raises(InputError, match="c0 has no cluster"):
        convene({"a": folds(["win"]), "b": folds(["win"])}, clusters={})


def test_the_verdict_of_a_panel() -> None:
    def said(first: list[Label], second: list[Label]) -> tuple[str, str | None, str]:
        decision = decide_panel(convene({"a": folds(first), "b": folds(second)}), Settings())
        return decision.code, decision.favours, decision.note

    won: list[Label] = ["win"] * 80 + ["loss"] * 20
    lost: list[Label] = ["loss"] * 80 + ["win"] * 20
    level: list[Label] = ["tie"] * 100
    against: list[Label] = ["loss"] * 55 + ["win"] * 45
    assert said(won, won) == ("clearly_better", "A", "")
    assert said(lost, lost) == ("clearly_better", "B", "")
    assert said(won, against)[0] == "judges_disagree"
    assert said(level, level)[0] == "no_difference"
    # Opposite in direction, but nobody would win: that is not told as a disagreement.
    assert said(["win", "loss"] * 50, against) == ("undecided", None, "")
    assert said(won[:10], won[:10]) == ("not_enough", None, "few")
    assert said([*won[:90], *["unusable"] * 10], won) == ("not_enough", None, "missing")  # type: ignore[list-item]
    # 62 to 38 is enough, 58 to 38 with four missing is not.
    narrow: list[Label] = ["win"] * 62 + ["loss"] * 38
    assert said(narrow, narrow) == ("better", "A", "")
    narrow[:4] = ["unusable"] * 4
    assert said(narrow, narrow) == ("not_enough", None, "extremes")
    wide: list[Label] = ["win"] * 67 + ["loss"] * 33
    assert said(wide, wide) == ("clearly_better", "A", "")
    wide[:4] = ["unusable"] * 4
    assert said(wide, wide) == ("better", "A", "weakened")


def test_a_missing_verdict_of_one_judge_is_bounded() -> None:
    found = convene({"a": folds(["win", "win", "loss", "unusable"]), "b": folds(["win", "loss", "loss", "tie"])})
    assert (found.n, found.partial, found.rate) == (3, 1, 0.5)
    assert (found.worst.rate, found.best.rate) == pytest.approx(((1 + 0.5 + 0 + 0.25) / 4, (1 + 0.5 + 0 + 0.75) / 4))
