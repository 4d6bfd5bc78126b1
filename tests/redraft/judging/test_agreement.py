"""Agreement beyond chance: textbook values, two judges on the same answers, and what is said where nothing can be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.judging.agreement import Distance, cohen_kappa, fleiss_kappa, krippendorff_alpha, pair_agreement

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability": four observers, twelve units, 0 where missing.
CODINGS = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
], dtype=float)  # fmt: skip
CODINGS[CODINGS == 0] = np.nan
# Fleiss (1971) as on Wikipedia: 10 units, 14 raters, 5 categories.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


@pytest.mark.parametrize(
    ("distance", "alpha"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_krippendorff_reference_values(distance: Distance, alpha: float) -> None:
    assert krippendorff_alpha(CODINGS, distance) == pytest.approx(alpha, abs=1e-6)


def test_kappa_reference_values() -> None:
    assert cohen_kappa([[20, 5], [10, 15]]) == pytest.approx(0.4, abs=1e-9)
    assert fleiss_kappa(FLEISS) == pytest.approx(0.20993070442195522, abs=1e-9)


def test_agreement_of_people_on_real_votes(shared: Path) -> None:
    votes = pd.read_csv(shared / "data/judging/llmfao_crowd-comparisons.csv")
    votes["points"] = votes["winner"].map({"left": 2.0, "tie": 1.0, "right": 0.0})
    table = votes.pivot_table(index="worker", columns="id", values="points", aggfunc="first").to_numpy()
    found = [krippendorff_alpha(table, distance) for distance in ("nominal", "ordinal", "interval")]
    assert found == pytest.approx([0.290595, 0.287553, 0.287761], abs=1e-6)


def verdict(points: float) -> str:
    """AlpacaEval's 1 is the baseline, 2 the model; 0 and 1.5 are ties."""
    return "tie" if points in (0, 1.5) else "win" if points > 1.5 else "loss"


def test_two_judges_on_the_same_answers(shared: Path) -> None:
    expected = json.loads((shared / "data/judging/expected.json").read_text())["cross_judge"]
    for model, rows in pd.read_csv(shared / "data/judging/cross_judge.csv").dropna().groupby("model"):
        words = {
            judge: {str(item): verdict(points) for item, points in zip(rows["item"], rows[judge], strict=True)}
            for judge in ("pref_cot_gpt4_turbo", "pref_gpt4_turbo_fn")
        }
        found = pair_agreement(*words.values())
        assert found.n == expected[model]["n"]
        assert found.agreement == pytest.approx(expected[model]["agreement"], abs=1e-12)
        assert found.kappa == pytest.approx(expected[model]["cohen_kappa"], abs=1e-9)


ratings = st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=12, max_size=12), min_size=2, max_size=4)


@given(rows=ratings, order=st.permutations(range(12)))
def test_who_rates_and_in_which_order_makes_no_difference(rows: list[list[float]], order: list[int]) -> None:
    table = np.array(rows)
    found = krippendorff_alpha(table)
    if found is None:
        assert len(np.unique(table)) == 1
        return
    assert found <= 1 and krippendorff_alpha(table[::-1, order]) == pytest.approx(found)
    first, second = ({str(i): str(r) for i, r in enumerate(row)} for row in rows[:2])
    one, two = pair_agreement(first, second), pair_agreement(second, first)
    assert (one.n, one.agreement) == (12, two.agreement)
    assert (one.kappa is None) == (two.kappa is None) and one.kappa == pytest.approx(two.kappa)


def test_where_nothing_can_be_said() -> None:
    assert cohen_kappa([[7, 0], [0, 0]]) is None
    assert fleiss_kappa([[3, 0], [3, 0]]) is None
    assert krippendorff_alpha([[1, 1, 1], [1, 1, 1]]) is None
    assert krippendorff_alpha([[1, np.nan], [np.nan, 2]]) is None
    nothing = pair_agreement({"a": "win"}, {"b": "win"})
    assert (nothing.n, nothing.agreement, nothing.kappa, nothing.decisive) == (0, None, None, None)
    tied = pair_agreement({"a": "win", "b": "win"}, {"a": "tie", "b": "win"})
    assert (tied.n, tied.agreement, tied.decisive_n, tied.decisive, tied.decisive_kappa) == (2, 0.5, 1, 1.0, None)


def test_tables_that_are_none() -> None:
    for table in ([[1, 2]], [[0, 0], [0, 0]], [[1, -1], [0, 1]], [[np.nan, 1], [1, 1]], []):
        with pytest.raises(InputError):
            cohen_kappa(table)
    for table in ([[2, 1], [1, 1]], [[1, 0], [0, 1]]):
        with pytest.raises(InputError, match="same number of raters"):
            fleiss_kappa(table)
    with pytest.raises(InputError, match="shape"):
        krippendorff_alpha([1, 2, 3])
