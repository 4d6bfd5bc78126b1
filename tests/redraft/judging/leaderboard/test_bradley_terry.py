"""Bradley-Terry fits against published ones, against another algorithm, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from redraft.judging.leaderboard import bradley_terry as bt
from redraft.judging.leaderboard.comparisons import Comparisons, comparisons, components, dominance
from redraft.judging.leaderboard.table import SCALE, Table, rank_models

# Agresti (2002), Categorical Data Analysis, Table 10.10: home team's wins and losses at home, 1987.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
HOME = {
    "Milwaukee": ((4, 3), (4, 2), (4, 3), (6, 1), (4, 2), (6, 0)),
    "Detroit": ((3, 3), (4, 2), (4, 3), (6, 0), (6, 1), (4, 3)),
    "Toronto": ((2, 5), (4, 3), (2, 4), (4, 3), (4, 2), (6, 0)),
    "New York": ((3, 3), (5, 1), (2, 5), (4, 3), (4, 2), (6, 1)),
    "Boston": ((5, 1), (2, 5), (3, 3), (4, 2), (5, 2), (6, 0)),
    "Cleveland": ((2, 5), (3, 3), (3, 4), (4, 3), (4, 2), (2, 4)),
    "Baltimore": ((2, 5), (1, 5), (1, 6), (2, 4), (1, 6), (3, 4)),
}
# Stigler (1994), Statistical Science 9:94: citations of the row's journal by the column's.
JOURNALS = ("Biometrika", "Comm Statist", "JASA", "JRSS-B")
CITED = ((714, 730, 498, 221), (33, 425, 68, 17), (320, 813, 1072, 142), (284, 276, 325, 188))

outcomes, orders = st.sampled_from([0, 0.5, 1]), st.integers(-1, 1)
rows = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(1, 4), outcomes, orders), min_size=1, max_size=60
)


def data_of(drawn: list[tuple[int, int, int, float, int]]) -> Comparisons:
    """Context, model a, steps from a to b, outcome, order."""
    context, a, step, outcome, first = (list(column) for column in zip(*drawn, strict=True))
    b = [(one + by) % 5 for one, by in zip(a, step, strict=True)]
    return comparisons(context, [f"m{one}" for one in a], [f"m{one}" for one in b], outcome, first=first)


def baseball(order: bool) -> Table:
    rows = [
        (home, away, won)
        for home, results in HOME.items()
        for away, (wins, losses) in zip([one for one in TEAMS if one != home], results, strict=True)
        for won, times in ((1, wins), (0, losses))
        for _ in range(times)
    ]
    home, away, won = zip(*rows, strict=True)
    data = comparisons(range(len(rows)), home, away, won, first=np.ones(len(rows)))
    return rank_models(data, order_effect=order).tables[0]


def logits(table: Table, against: str) -> dict[str, float]:
    ratings = {one.model: one.rating / SCALE for one in table.standings}
    return {model: rating - ratings[against] for model, rating in ratings.items()}


def log_likelihood_of(data: Comparisons, order: bool) -> float:
    given = bt.cells(data, order)
    found = bt.maximise(given)
    assert found is not None
    return bt.log_likelihood(given, found)


def test_baseball_1987() -> None:
    found = logits(baseball(order=False), "Baltimore")
    published = (1.58136, 1.43641, 1.29449, 1.24762, 1.10770, 0.68385, 0)
    assert [found[team] for team in TEAMS] == pytest.approx(published, abs=1e-5)
    order = baseball(order=True).order
    assert order is not None and order.logit == pytest.approx(0.30226, abs=5e-6)


def test_citations() -> None:
    pairs = [(i, j, CITED[i][j]) for i in range(4) for j in range(4) if i != j]
    i, j, times = (np.array(column) for column in zip(*pairs, strict=True))
    names = np.array(JOURNALS, dtype=object)
    data = comparisons(range(len(i)), names[i], names[j], np.ones(len(i)), weights=times)
    found = logits(rank_models(data).tables[0], "Biometrika")
    assert [found[name] for name in JOURNALS] == pytest.approx((0, -2.94907, -0.47957, 0.26895), abs=5e-6)
    given = bt.cells(data, False)
    at = bt.maximise(given)
    assert at is not None
    curve = np.linalg.inv(bt.anchored(given, bt.information(given, at)))
    errors = [np.sqrt(curve[0, 0] + curve[k, k] - 2 * curve[0, k]) for k in (1, 2, 3)]
    assert errors == pytest.approx((0.10255, 0.06059, 0.07083), abs=5e-6)
    share = given.won / given.n
    saturated = float(given.n @ (share * np.log(share) + (1 - share) * np.log(1 - share)))
    assert 2 * (saturated - bt.log_likelihood(given, at)) == pytest.approx(4.2934, abs=5e-5)


def test_twenty_two_games() -> None:
    """The worked example of Wikipedia's article on the model: strengths of geometric mean 1."""
    wins = {("A", "B"): 2, ("A", "D"): 1, ("B", "A"): 3, ("B", "C"): 5, ("C", "B"): 3, ("C", "D"): 1, ("D", "A"): 4,
            ("D", "C"): 3}  # fmt: skip
    a, b = zip(*wins, strict=True)
    table = rank_models(comparisons(range(len(a)), a, b, [1] * len(a), weights=list(wins.values()))).tables[0]
    found = {one.model: np.exp((one.rating - 1000) / SCALE) for one in table.standings}
    assert [found[name] for name in "ABCD"] == pytest.approx((0.640, 1.043, 0.660, 2.270), abs=5e-4)


def zermelo(data: Comparisons) -> NDArray[np.float64]:
    """Strengths by the fixed-point iteration of Zermelo (1929), ties half and half."""
    size = len(data.models)
    won, met = np.zeros((size, size)), np.zeros((size, size))
    np.add.at(won, (data.a, data.b), data.outcome)
    np.add.at(won, (data.b, data.a), 1 - data.outcome)
    met = won + won.T
    p = np.ones(size)
    for _ in range(20_000):
        new = won.sum(axis=1) / (met / (p[:, None] + p[None, :])).sum(axis=1)
        new /= np.exp(np.log(new).mean())
        if np.abs(np.log(new / p)).max() < 1e-13:
            break
        p = new
    return np.log(p)


@settings(max_examples=40, deadline=None)
@given(drawn=rows)
def test_agrees_with_another_algorithm(drawn: list[tuple[int, int, int, float, int]]) -> None:
    data = data_of(drawn)
    if len(components(data)) > 1 or len(dominance(data)) > 1:
        return
    found = bt.maximise(bt.cells(data, False))
    assert found is not None
    assert found == pytest.approx(zermelo(data), abs=1e-6)
    assert bt.gradient(bt.cells(data, False), found) == pytest.approx(np.zeros(len(found)), abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(drawn=rows)
def test_no_maximum_exactly_where_dominance_says_so(drawn: list[tuple[int, int, int, float, int]]) -> None:
    data = data_of(drawn)
    if len(components(data)) > 1:
        return
    assert (bt.maximise(bt.cells(data, False)) is not None) == (len(dominance(data)) == 1)


@settings(max_examples=40, deadline=None)
@given(drawn=rows, seed=st.integers(0, 99))
def test_sides_and_order_of_rows_make_no_difference(drawn: list[tuple[int, int, int, float, int]], seed: int) -> None:
    random = np.random.default_rng(seed)
    turned = [
        (c, (a + s) % 5, 5 - s, 1 - y, -f) if random.random() < 0.5 else (c, a, s, y, f) for c, a, s, y, f in drawn
    ]
    random.shuffle(turned)
    straight, mixed = (rank_models(data_of(one)) for one in (drawn, turned))
    assert straight.alone == mixed.alone
    flat = [{one.model: one for one in table.standings} for board in (straight, mixed) for table in board.tables]
    half = len(flat) // 2
    for left, right in zip(flat[:half], flat[half:], strict=True):
        for model, one in left.items():
            other = right[model]
            assert (one.wins, one.losses, one.ties, one.unbounded) == (
                other.wins,
                other.losses,
                other.ties,
                other.unbounded,
            )
            assert (one.rating, one.win_rate) == pytest.approx((other.rating, other.win_rate), abs=1e-5)
            assert one.rating_low == pytest.approx(other.rating_low, abs=1e-3)


def test_weights_count_rows() -> None:
    a, b, won = ["x", "y", "z", "x", "y"], ["y", "z", "x", "z", "x"], [1, 1, 1, 0.5, 0]
    weighted = comparisons(range(5), a, b, won, weights=[3, 1, 2, 1, 0])
    repeated = comparisons(
        range(7), ["x"] * 3 + ["y", "z", "z", "x"], ["y"] * 3 + ["z", "x", "x", "z"], [1] * 6 + [0.5]
    )
    assert log_likelihood_of(weighted, False) == pytest.approx(log_likelihood_of(repeated, False), abs=1e-10)
