"""Who meets whom: in balance, connected, the same again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import ConfigurationError
from redraft.judging.leaderboard.drawing import Drawing, plan_drawing


def tables(drawing: Drawing, contexts: int) -> np.ndarray:
    """How often each pair met on each context, shape (contexts, K, K), symmetric."""
    met = np.zeros((contexts, drawing.models, drawing.models), dtype=int)
    for context, pairs in enumerate(drawing.pairs(contexts)):
        for one, two in pairs:
            assert one < two
            met[context, one, two] += 1
            met[context, two, one] += 1
    return met


@settings(max_examples=25, deadline=None)
@given(data=st.data(), models=st.integers(3, 14), contexts=st.integers(1, 25), seed=st.integers(0, 9))
def test_draws_are_balanced_connected_and_repeatable(
    data: st.DataObject, models: int, contexts: int, seed: int
) -> None:
    each = data.draw(st.integers(1, models * (models - 1) // 2 - 1))
    drawing = Drawing(models=models, each=each, seed=seed)
    met = tables(drawing, contexts)
    assert (met.sum(axis=(1, 2)) == 2 * each).all() and met.max() <= 1  # no pair twice on one context
    of_pairs = met.sum(axis=0)[np.triu_indices(models, 1)]
    assert of_pairs.max() - of_pairs.min() <= 1
    of_models = met.sum(axis=(0, 1))
    assert of_models.max() - of_models.min() <= 2
    here = met.sum(axis=1)
    assert (here.max(axis=1) - here.min(axis=1)).max() <= 2
    if each * contexts >= models - 1:
        reached = np.linalg.matrix_power(met.sum(axis=0) + np.eye(models, dtype=int) > 0, models)
        assert reached.all()
    assert drawing.pairs(contexts) == Drawing(models=models, each=each, seed=seed).pairs(contexts)
    assert drawing.pairs(contexts + 3)[:contexts] == drawing.pairs(contexts)


def test_another_seed_draws_others() -> None:
    assert Drawing(models=9, each=9, seed=1).pairs(20) != Drawing(models=9, each=9, seed=2).pairs(20)


def test_few_models_all_meet_and_many_are_drawn() -> None:
    assert plan_drawing(6, 10, None) == Drawing(models=6) and Drawing(models=6).per_context == 15
    assert plan_drawing(7, 10, None, seed=4) == Drawing(models=7, each=7, seed=4)
    assert plan_drawing(7, 10, 0) == plan_drawing(7, 10, 21) == Drawing(models=7)
    by_default = tables(plan_drawing(20, 60, None), 60).sum(axis=1)
    assert by_default.mean() == 2 and by_default.min() >= 1  # each model about twice on each context
    star = plan_drawing(4, 2, None, baseline=2)
    assert star.pairs(2) == [((0, 2), (1, 2), (2, 3))] * 2 and star.per_context == 3


@pytest.mark.parametrize(
    ("pairs", "contexts", "baseline", "why"),
    [
        (22, 10, None, "--pairs 22: 7 models make 21 pairs; give at most that, or all"),
        (1, 5, None, "--pairs 1 on 5 contexts cannot connect 7 models, which takes 6 comparisons at least"),
        (3, 5, 0, "--pairs draws who meets whom, --baseline lets all meet one model; give one of them"),
    ],
)
def test_what_cannot_be_drawn_is_refused(pairs: int, contexts: int, baseline: int | None, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        plan_drawing(7, contexts, pairs, baseline=baseline)
