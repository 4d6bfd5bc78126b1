"""The model of ordered scores: a published comparison, another library's fit, invariances, and what has no fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.judging import trait_ordinal
from redraft.judging.trait_ordinal import compared, ordinal_effect
from redraft.judging.trait_results import OrdinalEffect

ENDS = (1.0, 10.0)
# GPT-4's ratings, 1 to 10, of gpt-3.5-turbo-1106 (rows) and gpt-3.5-turbo (columns) on the 298 questions that it rated
# both on: how many questions each pair of ratings has. From lmarena/arena-hard-auto at 4a705dd (Apache-2.0).
RATED = """
    9 1 2 0 0 1 0 3 1 5
    6 9 2 0 1 0 5 2 4 0
    3 4 1 1 0 1 0 0 0 3
    1 1 1 0 0 0 1 3 1 0
    0 0 2 0 0 2 1 1 0 2
    1 2 0 2 1 2 5 8 3 2
    1 6 1 1 1 1 6 7 8 4
    4 1 3 0 0 2 8 17 17 9
    1 3 1 0 1 2 3 10 15 13
    2 5 1 0 0 0 2 7 8 21
"""
Pair = tuple[np.ndarray, np.ndarray]


def rated() -> Pair:
    counts = np.array([line.split() for line in RATED.split("\n") if line.strip()], int)
    a, b = np.divmod(np.arange(100).repeat(counts.ravel()), 10)
    return a + 1.0, b + 1.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few scores lie at the ends."""
    monkeypatch.setattr(trait_ordinal, "EXTREME_SHARE", -1.0)


def fitted(a: np.ndarray, b: np.ndarray, groups: np.ndarray | None = None) -> OrdinalEffect:
    found = ordinal_effect(a, b, ENDS, groups)
    assert found is not None
    return found


@pytest.mark.usefixtures("asked")
def test_a_published_comparison_as_another_library_fits_it() -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    a, b = rated()
    found = fitted(a, b)
    assert (found.log_odds, found.naive_error) == (pytest.approx(-0.175, abs=5e-4), pytest.approx(0.144, abs=5e-4))
    _, levels = np.unique(np.concatenate([a, b]), return_inverse=True)
    model = OrderedModel(levels, np.repeat([1.0, 0.0], len(a))[:, None], distr="logit")
    theirs = model.fit(method="bfgs", disp=0, maxiter=500)
    assert found.log_odds == pytest.approx(theirs.params[0], abs=1e-4)
    assert found.naive_error == pytest.approx(theirs.bse[0], abs=1e-4)
    # Contexts as clusters: the sandwich of both answers' scores, with C/(C-1).
    bread = np.linalg.inv(-model.hessian(theirs.params))
    by_context = model.score_obs(theirs.params).reshape(2, len(a), -1).sum(axis=0)
    square = (bread @ by_context.T @ by_context @ bread)[0, 0] * len(a) / (len(a) - 1)
    assert found.standard_error == pytest.approx(np.sqrt(square), abs=1e-4)
    assert (found.low or 0) < 0 < (found.high or 0) and 0.1 < (found.p or 0) < 0.15


@pytest.mark.parametrize(
    ("a", "b", "groups", "unfit"),
    [
        ([10, 10, 10], [10, 10, 10], None, "one_value"),
        ([10, 10, 9], [8, 1, 9], None, "separated"),
        ([1, 1, 2], [3, 4, 10], None, "separated"),
        ([10, 9, 10, 9], [9, 10, 10, 10], [0, 0, 0, 0], "one_group"),
        ([10, 9, 10, 9], [10, 9, 10, 9], None, "no_spread"),
        ([10, 9, 10, 9], [9, 10, 10, 10], None, ""),
    ],
)
def test_what_cannot_be_fitted_is_said(
    a: list[float], b: list[float], groups: list[int] | None, unfit: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("asked")
    found = fitted(np.array(a, float), np.array(b, float), None if groups is None else np.array(groups))
    assert found.unfit == unfit and (found.p is None) == bool(unfit)
    beside = compared(found, 0.2, mean=0.0, found=False)
    assert beside == found if unfit else (beside.agrees, beside.p_adjusted) == (True, 0.2)
    assert (found.log_odds is None) == (unfit in {"one_value", "separated"})


def test_it_is_asked_for_by_either_model_alone() -> None:
    a, b = np.array([10.0] * 5 + [7, 8, 9, 6, 5]), np.array([5.0, 6, 7, 8, 9, 5, 6, 7, 8, 9])
    found = fitted(a, b)
    assert (found.ceiling_a, found.ceiling_b, found.floor_a, found.floor_b) == (0.5, 0, 0, 0)
    assert fitted(b, a).ceiling_b == 0.5 and fitted(11 - a, b).floor_a == 0.5
    a[0] = 9
    assert ordinal_effect(a, b, ENDS) is None


@pytest.mark.parametrize(
    ("log_odds", "p", "mean", "found", "agrees"),
    [
        (0.5, 0.01, 0.5, True, True), (0.5, 0.01, 0.5, False, False), (0.5, 0.2, 0.5, True, False),
        (0.5, 0.2, -0.5, False, True), (0.5, 0.01, -0.5, True, False), (-0.5, 0.01, -0.5, True, True),
    ],
)  # fmt: skip
def test_whether_both_say_the_same(log_odds: float, p: float, mean: float, found: bool, agrees: bool) -> None:
    one = OrdinalEffect(floor_a=0, floor_b=0, ceiling_a=1, ceiling_b=1, log_odds=log_odds, p=p / 5)
    assert compared(one, p, mean=mean, found=found).agrees is agrees


pairs = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=25)


@settings(max_examples=60, deadline=None)
@given(rows=pairs, size=st.integers(1, 3))
def test_only_order_counts_and_no_side_is_preferred(rows: list[tuple[int, int]], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trait_ordinal, "EXTREME_SHARE", -1.0)
        a, b = np.array(rows, float).T
        groups = np.arange(len(rows)) // size
        one, turned = fitted(a, b, groups), fitted(b, a, groups)
        bent = fitted(np.exp(a) / 100, np.exp(b) / 100, groups)
    assert one.unfit == turned.unfit == bent.unfit != "not_converged"
    for name, sign in (("log_odds", -1), ("standard_error", 1), ("naive_error", 1), ("p", 1)):
        mine = getattr(one, name)
        assert getattr(bent, name) == (None if mine is None else pytest.approx(mine, abs=1e-6))
        assert getattr(turned, name) == (None if mine is None else pytest.approx(sign * mine, abs=1e-6))


@pytest.mark.usefixtures("asked")
def test_more_different_scores_than_a_dense_fit_could_bear() -> None:
    """The means of several judges: nearly every score another one."""
    random = np.random.default_rng(5)
    b = random.normal(6, 2, size=4_000)
    found = fitted(b + random.normal(0.2, 1, size=4_000), b)
    assert 0.1 < (found.low or 0) < (found.log_odds or 0) < 0.4
    # One context's two answers are alike, which the information knows nothing of.
    assert (found.standard_error or 1) < 0.7 * (found.naive_error or 0)
