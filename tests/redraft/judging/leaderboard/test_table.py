"""The whole table: ranges, intervals, what cannot be said, wrong input."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from redraft.errors import InputError
from redraft.judging.folding import Fold
from redraft.judging.intervals import win_rate
from redraft.judging.leaderboard import bradley_terry, covariance, leverage, separation
from redraft.judging.leaderboard.comparisons import Comparisons, comparisons, of_folds
from redraft.judging.leaderboard.fit import Fit
from redraft.judging.leaderboard.ranks import better, rank_ranges
from redraft.judging.leaderboard.remarks import remarks
from redraft.judging.leaderboard.table import SCALE, Standing, Table, rank_models
from redraft.judging.multiplicity import holm


def drawn(strengths: list[float], contexts: int, seed: int = 1, bias: float | None = None) -> Comparisons:
    """Every pair in every context; with a bias in one random order each."""
    random, size = np.random.default_rng(seed), len(strengths)
    i, j = (np.tile(one, contexts) for one in np.triu_indices(size, 1))
    context = np.repeat(np.arange(contexts), size * (size - 1) // 2)
    first = np.zeros(len(i)) if bias is None else random.choice([-1.0, 1.0], len(i))
    quality = np.array(strengths) + random.normal(size=(contexts, size))
    gap = quality[context, i] - quality[context, j] + (bias or 0) * first + random.logistic(size=len(i))
    names = np.array([f"m{one}" for one in range(size)], dtype=object)
    return comparisons(context, names[i], names[j], np.where(np.abs(gap) < 0.4, 0.5, gap > 0), first=first)


def grouped(
    strengths: list[float], sizes: list[int], bias: float | np.ndarray | None, seed: int = 1, spread: float = 1.0
) -> Comparisons:
    """Groups of `sizes` contexts, every pair in each; a bias, of all groups or of each, in one random order each."""
    random, size, total = np.random.default_rng(seed), len(strengths), sum(sizes)
    i, j = (np.tile(one, total) for one in np.triu_indices(size, 1))
    group = np.repeat(np.arange(len(sizes)), sizes)
    context = np.repeat(np.arange(total), size * (size - 1) // 2)
    first = np.zeros(len(i)) if bias is None else random.choice([-1.0, 1.0], len(i))
    lean = np.zeros(len(i)) if bias is None else np.broadcast_to(bias, len(sizes))[group[context]] * first
    quality = np.array(strengths) + spread * random.normal(size=(len(sizes), size))[group]
    gap = quality[context, i] - quality[context, j] + lean + random.logistic(size=len(i))
    names = np.array([f"m{one}" for one in range(size)], dtype=object)
    clusters = {str(one): str(of) for one, of in enumerate(group.tolist())}
    return comparisons([str(one) for one in context], names[i], names[j], np.where(np.abs(gap) < 0.4, 0.5, gap > 0),
                       first=first, clusters=clusters)  # fmt: skip


def only_table(data: Comparisons, **options: bool) -> Table:
    (table,) = rank_models(data, **options).tables
    return table


def standing(table: Table, model: str) -> Standing:
    return next(one for one in table.standings if one.model == model)


def rounds(pairs: dict[tuple[str, str], list[float]]) -> Comparisons:
    """Outcomes of each pair, the n-th of each in context n."""
    rows = [(n, a, b, y) for (a, b), outcomes in pairs.items() for n, y in enumerate(outcomes)]
    context, a, b, y = zip(*rows, strict=True)
    return comparisons(context, a, b, y)


def test_ranges_hold_the_truth_and_bias_is_told() -> None:
    table = only_table(drawn([0.0, 0.0, 1.0, 2.0], 120, bias=0.8))
    ranges = {one.model: (one.rank_low, one.rank_high) for one in table.standings}
    assert ranges == {"m3": (1, 1), "m2": (2, 2), "m0": (3, 4), "m1": (3, 4)}
    assert table.order is not None and table.order.low is not None and table.order.high is not None
    # Models differ among contexts, so that the logit of the whole is a little nearer to 0 than that of one context.
    assert table.order.low < 0.7 < table.order.high and table.order.p is not None and table.order.p < 1e-6
    assert any("picks the first answer" in one for one in remarks(rank_models(drawn([0.0, 0.0, 1.0], 120, bias=0.8))))


@settings(max_examples=15, deadline=None)
@given(wins=st.integers(1, 40), losses=st.integers(1, 40), ties=st.integers(0, 40))
def test_two_models_are_their_win_rate(wins: int, losses: int, ties: int) -> None:
    table = only_table(rounds({("a", "b"): [1.0] * wins + [0.0] * losses + [0.5] * ties}))
    strength = (standing(table, "a").rating - standing(table, "b").rating) / SCALE
    assert 1 / (1 + np.exp(-strength)) == pytest.approx(win_rate(wins, losses, ties), abs=1e-9)
    assert sum(one.win_rate for one in table.standings) == pytest.approx(1)
    assert np.mean([one.rating for one in table.standings]) == pytest.approx(1000)


def test_covariance_is_the_sum_over_contexts() -> None:
    """Sparse and dense products, and the definition, with the order effect as a parameter."""
    random = np.random.default_rng(3)
    few, many = drawn([0.0, 0.5, 1.0], 30, bias=0.5), 400
    names = np.array([f"m{one:02}" for one in range(40)], dtype=object)
    i = random.integers(40, size=many)
    sparse = comparisons(random.integers(300, size=many), names[i], names[(i + random.integers(1, 40, many)) % 40],
                         random.choice([0, 0.5, 1], many), first=random.choice([-1, 1], many))  # fmt: skip
    for data in (few, sparse):
        size = len(data.models)
        residual = random.normal(size=len(data.a))
        design = np.eye(size)[data.a] - np.eye(size)[data.b]
        design = np.column_stack([design, data.first]) * residual[:, None]
        scores = np.zeros((data.contexts, size + 1))
        np.add.at(scores, data.context, design)
        assert covariance.score_products(data, residual, True) == pytest.approx(scores.T @ scores, abs=1e-9)
    assert few.contexts * 4 <= 16 * len(few.a) and sparse.contexts * 41 > 16 * many  # both ways were taken


def test_error_is_that_of_leaving_contexts_out() -> None:
    """By refits: for contexts alike, and for groups of which one holds half of all contexts, with an order effect."""
    for sizes, bias, near in (([1] * 80, None, 0.03), ([40, 9, 8, 7, 6, *[4] * 10], 0.5, 0.1)):
        data = grouped([0.0, 0.3, 0.6, 0.9], sizes, bias)
        fit, left = Fit(data, bias is not None), []
        for one in range(data.contexts):
            kept = data.context != one
            some = comparisons(data.context[kept], [data.models[k] for k in data.a[kept]],
                               [data.models[k] for k in data.b[kept]], data.outcome[kept],
                               first=data.first[kept])  # fmt: skip
            left.append(Fit(some, bias is not None).at - fit.at)
        jackknife = (data.contexts - 1) / data.contexts * np.square(left).sum(axis=0)
        assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(np.sqrt(jackknife), rel=near)


@pytest.mark.parametrize("position", [False, True])
def test_influences_solve_for_what_is_left(position: bool) -> None:
    """(H - I)^-1 g of each group by matrices; large groups by eigenvalues, small ones by a series."""
    data = grouped([0.0, 0.5, 1.0, 0.2], [60, 12, 3, 1, 1, 4], 0.5)
    fit, size = Fit(data, position), 4
    p = bradley_terry.logistic(fit.at[data.a] - fit.at[data.b] + (fit.at[size] * data.first if position else 0.0))
    design = np.eye(size)[data.a] - np.eye(size)[data.b]
    design = np.column_stack([design, data.first]) if position else design
    weight = p * (1 - p)
    whole = bradley_terry.anchored(fit.given, design.T @ (weight[:, None] * design))
    inverse = np.linalg.inv(whole)
    heights = leverage.leverages(data, position, inverse, weight)
    assert heights.sum() == pytest.approx(size - 1 + position) and heights.max() > 0.5 > 0.1 > heights.min()
    parts = leverage.influences(data, position, inverse, fit.residual, weight, heights, heights > 0)
    expected = np.zeros((data.contexts, len(inverse)))
    for one in range(data.contexts):
        rows = data.context == one
        rest = whole - design[rows].T @ (weight[rows, None] * design[rows])
        expected[one] = np.linalg.solve(rest, design[rows].T @ fit.residual[rows])
    expected = expected[np.argsort(heights <= 0.5, kind="stable")]
    assert np.concatenate(list(parts)) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_a_group_of_half_of_the_contexts_does_not_make_the_order_tell() -> None:
    """Each group leans to a slot of its own; with groups - 1 degrees and plain errors 87 of these intervals hold 0.

    Nor does it make one of equal models the better.
    """
    random, held, told, sizes = np.random.default_rng(8), 0, 0, [57, *[3] * 19]
    for seed in range(100):
        data = grouped([0.0] * 3, sizes, random.normal(size=len(sizes)), seed, spread=2.0)
        table = only_table(data)
        assert table.order is not None and table.order.low is not None and table.order.high is not None
        held += table.order.low <= 0 <= table.order.high
        told += bool(table.better)
    assert held >= 96 and told <= 3


def test_a_group_of_nearly_all_contexts_leaves_wide_intervals() -> None:
    data = grouped([0.0, 0.5, 1.0], [90, 1, 1, 1, 1], 0.5)
    assert Fit(data, True).freedom == pytest.approx(1.0)
    table = only_table(data)
    for one in table.standings:
        assert one.rating_low is not None and one.rating_high is not None and one.rating_high - one.rating_low > 300
    assert table.better == () and table.order is not None and table.order.p is not None and table.order.p > 0.05


def test_groups_that_never_met_are_told_apart_by_name() -> None:
    data = rounds({("a", "b"): [1, 0, 1], ("c", "d"): [1, 0, 0.5], ("a", "e"): [0, 1, 0.5]})
    board = rank_models(comparisons(data.context, [data.models[k] for k in data.a], [data.models[k] for k in data.b],
                                    data.outcome, models=["lonely"]))  # fmt: skip
    assert [sorted(one.model for one in table.standings) for table in board.tables] == [["a", "b", "e"], ["c", "d"]]
    assert board.alone == ("lonely",)
    said = remarks(board)
    assert said[0].startswith("Not all models can be compared") and "lonely" in said[3]
    assert {"a", "b", "e"} == set(said[1].removeprefix("- ").replace(" and ", ", ").split(", "))


def test_a_model_that_won_everything_has_no_upper_bound() -> None:
    random = np.random.default_rng(5)
    even = {pair: random.choice([0, 0.5, 1], 30).tolist() for pair in (("b", "c"), ("c", "d"), ("b", "d"))}
    data = rounds({**even, ("a", "b"): [1] * 30, ("a", "c"): [1] * 30, ("d", "a"): [0] * 30})
    board = rank_models(data)
    best, *others = board.tables[0].standings
    assert (best.model, best.rank_low, best.rank_high, best.unbounded) == ("a", 1, 1, "above")
    assert best.rating_high is None and best.win_rate_high is None
    assert best.rating_low is not None and 1100 < best.rating_low < best.rating
    without = only_table(rounds(even))
    for one in others:
        # The mean of the bounded models stays the origin; half a virtual tie hardly moves them.
        assert one.unbounded is None and one.rating == pytest.approx(standing(without, one.model).rating, abs=3)
    assert "won every comparison" in " ".join(remarks(board))


def test_a_clean_sweep_over_few_contexts_is_no_proof() -> None:
    """Four wins of four in each pair are a p of 1/16 for the sign test; a context is not counted thrice."""
    data = rounds({("a", "b"): [1] * 4, ("a", "c"): [1] * 4, ("b", "c"): [1, 0, 0.5, 0.5]})
    assert only_table(data).better == ()
    assert only_table(rounds({("a", "b"): [1] * 20})).better == (("a", "b"),)
    assert only_table(rounds({("a", "b"): [1] * 3})).better == ()
    once, often = (comparisons(list(range(6)) * k, ["a"] * 6 * k, ["b"] * 6 * k, [1] * 6 * k) for k in (1, 5))
    ratios = [separation.likelihood(one, False, np.array([], dtype=np.intp)).difference(0, 1) for one in (once, often)]
    assert ratios[0] == pytest.approx(ratios[1])


def test_one_context_between_two_groups_tells_nothing() -> None:
    random = np.random.default_rng(2)
    rows = [(n, a, b, random.choice([0, 0.5, 1])) for n in range(1, 60) for a, b in (("a", "b"), ("c", "d"))]
    rows += [(0, a, b, y) for a, b, y in (("a", "c", 1), ("a", "d", 1), ("b", "c", 1), ("b", "d", 0.5))]
    context, a, b, y = zip(*rows, strict=True)
    table = only_table(comparisons(context, a, b, y))
    assert {frozenset(pair) for pair in table.better} <= {frozenset("ab"), frozenset("cd")}
    assert all(one.rating_low is None for one in table.standings)
    # Many comparisons in that context spread what the difference rests on; it stays untested.
    rows = [(n, *pair) for n in range(1, 7) for pair in (("a", "b", n % 2), ("c", "d", n > 2))]
    rows += [(0, "a", "c", y) for y in (1, 1, 0.5, 0) * 20]
    context, a, b, y = zip(*rows, strict=True)
    fit = Fit(comparisons(context, a, b, y), False)
    assert fit.freedom[1, 3] > 1 and fit.differences()[1][1, 3] == 0 and fit.differences()[1][0, 1] > 1


def test_one_context_has_ratings_without_intervals() -> None:
    board = rank_models(comparisons([7] * 3, ["a", "b", "c"], ["b", "c", "a"], [1, 1, 1]))
    assert all((one.rating_low, one.rating_high, one.contexts) == (None, None, 1) for one in board.tables[0].standings)
    assert board.tables[0].better == ()
    assert "one context only" in " ".join(remarks(board))


def test_all_ties_are_equal_models() -> None:
    table = only_table(rounds({("a", "b"): [0.5] * 40, ("b", "c"): [0.5] * 40}))
    assert [one.rating for one in table.standings] == pytest.approx([1000] * 3)
    assert table.better == () and table.misfit is None
    assert all((one.rating_low, one.rank_low, one.rank_high) == (None, 1, 3) for one in table.standings)


def test_a_judge_that_always_picks_the_first_tells_nothing_of_models() -> None:
    rows = [(n, "ab", "bc", "ca")[1 + n % 3] for n in range(90)]
    first = np.where(np.arange(90) % 2, 1, -1)
    data = comparisons(range(90), [one[0] for one in rows], [one[1] for one in rows], first > 0, first=first)
    board = rank_models(data)
    order = board.tables[0].order
    assert order is not None and not order.bounded and order.p is None
    assert board.tables[0].better == () and "picked the first answer always" in " ".join(remarks(board))
    assert all(one.rating_low is None and one.rating_high is None for one in board.tables[0].standings)


def test_an_order_effect_that_cannot_be_told() -> None:
    data = comparisons(range(20), ["a"] * 20, ["b"] * 20, [1, 0] * 10, first=[1] * 20)
    table = only_table(data)
    assert table.order is None and not table.order_told
    with pytest.raises(InputError, match="show each pair in both orders"):
        rank_models(data, order_effect=True)


def test_missing_verdicts_bound_the_win_rate() -> None:
    base = {("a", "b"): [1, 1, 0, 0.5] * 5, ("b", "c"): [1, 0, 0, 0.5] * 5, ("a", "c"): [1, 1, 0, 0.5] * 5}
    rows = [(n, a, b, y, True) for (a, b), outcomes in base.items() for n, y in enumerate(outcomes)]
    missing = [(100 + n, "a", "b", float("nan"), False) for n in range(4)]
    context, a, b, y, usable = zip(*(rows + missing), strict=True)
    board = rank_models(comparisons(context, a, b, y, usable=usable))
    one = standing(board.tables[0], "a")
    ends = []
    for value in (0.0, 1.0):
        filled = comparisons(context, a, b, [value if k == 0 else v for v, k in zip(y, usable, strict=True)])
        ends.append(standing(only_table(filled), "a").win_rate)
    assert (one.missing, standing(board.tables[0], "c").missing) == (4, 0)
    assert (one.missing_low, one.missing_high) == pytest.approx(ends, abs=1e-9)
    (said,) = [sentence for sentence in remarks(board) if "without a usable verdict" in sentence]
    assert "a 9% (win rate" in said and "b 9%" in said and "c 0%" not in said


def test_folds_count_each_context_once() -> None:
    table = {f"c{n}": Fold(context_id=f"c{n}", label=one) for n, one in enumerate(("win", "tie", "loss", "unusable"))}
    data = of_folds({("a", "b"): table, ("b", "c"): table})
    assert (data.contexts, len(data.outcome), len(data.unusable), data.models) == (3, 6, 2, ("a", "b", "c"))
    assert set(data.first.tolist()) == {0}


def test_a_cycle_is_the_worst_misfit() -> None:
    random = np.random.default_rng(4)
    cycle = {pair: random.permutation([1] * 45 + [0] * 15).tolist() for pair in (("a", "b"), ("b", "c"), ("c", "a"))}
    misfit = only_table(rounds(cycle)).misfit
    assert misfit is not None and misfit.flagged and misfit.contexts == 60
    assert (abs(misfit.observed - 0.5), misfit.fitted) == pytest.approx((0.25, 0.5), abs=1e-6)
    assert misfit.z == pytest.approx((misfit.observed - misfit.fitted) * 60 / np.sqrt(60 * 0.25), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(t=st.lists(st.floats(-9, 9), min_size=6, max_size=6), freedom=st.integers(1, 200))
def test_ranges_follow_holm(t: list[float], freedom: int) -> None:
    statistics = np.zeros((4, 4))
    statistics[np.triu_indices(4, 1)] = t
    statistics -= statistics.T
    adjusted = holm([float(2 * stats.t.sf(abs(one), freedom)) for one in t])
    told = better(statistics, np.full((4, 4), float(freedom)), 0.05)
    assert told.sum() == sum(p <= 0.05 for p in adjusted)
    ranges = rank_ranges(told)
    for k in range(4):
        assert ranges[k].tolist() == [1 + told[:, k].sum(), 4 - told[k].sum()]
    assert not better(statistics, np.zeros((4, 4)), 0.05).any()


rows = st.tuples(
    st.integers(0, 9),
    st.integers(0, 5),
    st.integers(1, 5),
    st.sampled_from([0, 0.5, 1]),
    st.integers(-1, 1),
    st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(drawn_rows=st.lists(rows, min_size=1, max_size=30), lopsided=st.booleans())
def test_any_data_have_finite_numbers(drawn_rows: list[tuple[int, int, int, float, int, bool]], lopsided: bool) -> None:
    """Whatever is missing, one-sided or unconnected; encoding refuses to hide a NaN, and warnings are errors."""
    context, a, step, outcome, first, usable = (list(column) for column in zip(*drawn_rows, strict=True))
    b = [(one + by) % 6 for one, by in zip(a, step, strict=True)]
    won = [float(i > j) for i, j in zip(a, b, strict=True)] if lopsided else outcome
    data = comparisons(
        context, [f"m{one}" for one in a], [f"m{one}" for one in b], won, first=first, usable=[True, *usable[1:]]
    )
    board = rank_models(data)
    remarks(board)
    for table in board.tables:
        for one in table.standings:
            numbers = [value for value in msgspec.structs.astuple(one) if isinstance(value, float)]
            assert np.isfinite(numbers).all()
            assert 1 <= one.rank_low <= one.rank_high <= len(table.standings)
            assert one.rating_low is None or one.rating_low <= one.rating + 1e-6
            assert one.rating_high is None or one.rating - 1e-6 <= one.rating_high
            assert one.missing_low <= one.win_rate <= one.missing_high


def test_a_chain_of_clean_sweeps_has_no_middle() -> None:
    table = only_table(rounds({("a", "b"): [1] * 20, ("b", "c"): [1] * 20}))
    assert [(one.model, one.unbounded) for one in table.standings] == [("a", "above"), ("b", None), ("c", "below")]
    best, middle, worst = table.standings
    assert best.rating_high is None and worst.rating_low is None and middle.win_rate == pytest.approx(0.5)
    assert set(table.better) == {("a", "b"), ("b", "c"), ("a", "c")}


def test_the_table_is_json() -> None:
    board = rank_models(drawn([0.0, 1.0], 10))
    assert json.loads(msgspec.json.encode(board))["tables"][0]["standings"][0]["model"] == "m1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcomes": [1.5]}, "outcome"),
        ({"outcomes": [float("nan")]}, "outcome"),
        ({"outcomes": [1, 0]}, "outcomes"),
        ({"models_b": ["a"]}, "itself"),
        ({"models_b": ["b", "c"]}, "models b"),
        ({"models_b": [""]}, "name"),
        ({"models_b": [None]}, "name"),
        ({"contexts": [None]}, "context"),
        ({"first": [2]}, "first"),
        ({"weights": [-1]}, "weight"),
        ({"weights": [float("inf")]}, "weight"),
    ],
)
def test_wrong_input_is_refused(fields: dict[str, list[object]], said: str) -> None:
    given = {"contexts": ["c"], "models_a": ["a"], "models_b": ["b"], "outcomes": [1]} | fields
    with pytest.raises(InputError, match=said):
        comparisons(**given)  # type: ignore[arg-type]


def test_nothing_to_rank() -> None:
    with pytest.raises(InputError, match="nothing to rank"):
        rank_models(comparisons([], [], [], [], models=["a", "b"]))
    with pytest.raises(ValueError, match="alpha"):
        rank_models(drawn([0.0, 1.0], 10), alpha=1.0)
