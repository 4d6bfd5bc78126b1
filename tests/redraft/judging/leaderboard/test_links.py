"""On how many contexts a difference rests: against the definition, context by context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redraft.judging.leaderboard import links as module
from redraft.judging.leaderboard.comparisons import Comparisons, comparisons, components
from redraft.judging.leaderboard.links import contexts_of_models, effective_contexts, hanging, links

drawn_rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(1, 4)), min_size=1, max_size=30
)  # fmt: skip


def data_of(drawn: list[tuple[int, int, int]]) -> Comparisons:
    context, a, step = (list(column) for column in zip(*drawn, strict=True))
    b = [f"m{(one + by) % 5}" for one, by in zip(a, step, strict=True)]
    return comparisons(context, [f"m{one}" for one in a], b, [0.5] * len(a))


def connected(data: Comparisons) -> Comparisons:
    assume(len(components(data)) == 1)
    return data


@settings(max_examples=40, deadline=None)
@given(drawn=drawn_rows)
def test_contexts_are_counted_once(drawn: list[tuple[int, int, int]]) -> None:
    data = data_of(drawn)
    expected = [len({c for c, a, b in zip(data.context, data.a, data.b, strict=True) if k in (a, b)}) for k in range(
        len(data.models))]  # fmt: skip
    assert contexts_of_models(links(data)).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(drawn=drawn_rows)
def test_shares_of_power(drawn: list[tuple[int, int, int]]) -> None:
    data = connected(data_of(drawn))
    size, found = len(data.models), links(data)
    edges = np.eye(size)[data.a] - np.eye(size)[data.b]
    inverse = np.linalg.pinv(edges.T @ edges)
    result = effective_contexts(found, found.sums(np.ones(len(data.a))))
    for i in range(size):
        for j in range(size):
            current = np.eye(size)[i] - (np.eye(size)[j] if i != j else 1 / size)
            power = (edges @ inverse @ current) ** 2
            shares = np.bincount(data.context, power) / power.sum()
            assert result[i, j] == pytest.approx(1 / float(shares @ shares), rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(drawn=drawn_rows)
def test_the_bound_is_below(drawn: list[tuple[int, int, int]]) -> None:
    data = connected(data_of(drawn))
    found = links(data)
    information = found.sums(np.ones(len(data.a)))
    exact, affordable = effective_contexts(found, information), module._AFFORDABLE
    module._AFFORDABLE = 0
    try:
        bound = effective_contexts(found, information)
    finally:
        module._AFFORDABLE = affordable
    assert (bound <= exact * (1 + 1e-5)).all()


@settings(max_examples=40, deadline=None)
@given(drawn=drawn_rows)
def test_both_ways_to_shares_are_one(drawn: list[tuple[int, int, int]]) -> None:
    """Current by current, fast for few differences, and context by context, fast for few contexts."""
    data = connected(data_of(drawn))
    found = links(data)
    information = found.sums(np.linspace(0.1, 1, len(data.a)))
    pairs, edge = np.unique(found.pair, return_inverse=True)
    i, j = np.divmod(pairs, found.models)
    inverse = module._inverse(i, j, np.bincount(edge, information), found.models)
    power = module._differences(inverse, np.diag(inverse) - inverse.mean(axis=0))
    wanted = np.argwhere(np.triu(np.ones_like(inverse)))
    ways = [way(found, information, inverse, wanted, power) for way in (module._by_links, module._by_contexts)]
    assert ways[0] == pytest.approx(ways[1], rel=1e-3)


def test_every_model_in_every_context_rests_on_all_of_them() -> None:
    i, j = np.triu_indices(4, 1)
    names = np.array([f"m{k}" for k in range(4)], dtype=object)
    data = comparisons(np.repeat(np.arange(12), 6), names[np.tile(i, 12)], names[np.tile(j, 12)], np.full(72, 0.5))
    found = links(data)
    assert effective_contexts(found, found.sums(np.ones(72))) == pytest.approx(np.full((4, 4), 12.0), rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(drawn=drawn_rows)
def test_hanging_is_what_one_context_less_parts(drawn: list[tuple[int, int, int]]) -> None:
    data = connected(data_of(drawn))
    size = len(data.models)
    expected = np.zeros((size, size), dtype=bool)
    for one in range(data.contexts):
        kept = data.context != one
        reach = np.eye(size, dtype=bool)
        reach[data.a[kept], data.b[kept]] = reach[data.b[kept], data.a[kept]] = True
        for k in range(size):
            reach |= reach[:, k, None] & reach[None, k]
        expected |= ~reach
    assert (hanging(links(data)) == expected).all()
