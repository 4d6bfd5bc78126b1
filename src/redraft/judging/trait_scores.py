"""Stored scores as tables, context by context, and whether their traits go together.

Neighbours: `traits` compares two models' tables, `trait_profiles` describes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.rubric import Rubric
from redraft.judging.trait_results import HALO

# Context id → trait → score.
Scores = Mapping[str, Mapping[str, float]]


def groups_of(ids: Sequence[str], clusters: Mapping[str, str] | None) -> NDArray[np.generic] | None:
    """The group of each context, in order; InputError for one without a group."""
    if clusters is None:
        return None
    if (lost := next((one for one in ids if one not in clusters), None)) is not None:
        raise InputError(f"context {lost} has no cluster")
    return np.array([clusters[one] for one in ids])


def scores_table(rubric: Rubric, scores: Scores, ids: Sequence[str]) -> NDArray[np.float64]:
    """Shape (contexts, traits), NaN where there is no score. InputError for another trait, or a score off the scale."""
    column = {name: index for index, name in enumerate(rubric.names)}
    table = np.full((len(ids), len(column)), np.nan)
    for row, context_id in enumerate(ids):
        for name, score in scores.get(context_id, {}).items():
            if name not in column:
                raise InputError(f"context {context_id}: {rubric.id} has no trait {name!r}")
            if not rubric.scale.low <= score <= rubric.scale.high:
                raise InputError(
                    f"context {context_id}: {name} is {score}, outside {rubric.scale.low:g} to {rubric.scale.high:g}"
                )
            table[row, column[name]] = score
    return table


def inter_trait_correlation(tables: list[NDArray[np.float64]]) -> float | None:
    """Mean Pearson correlation over all pairs of columns that vary, each model's scores taken from their own mean.

    `tables` are one array a model, shape (contexts, traits), NaN where missing; a pair uses the rows that have both.
    """
    centred = np.concatenate([table - _column_means(table) for table in tables])
    found: list[float] = []
    for i in range(centred.shape[1]):
        for j in range(i):
            both = centred[~np.isnan(centred[:, i]) & ~np.isnan(centred[:, j])]
            if len(both) > 2 and both[:, i].std() > 1e-12 and both[:, j].std() > 1e-12:
                found.append(float(np.corrcoef(both[:, i], both[:, j])[0, 1]))
    return sum(found) / len(found) if found else None


def _column_means(table: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.maximum(1, (~np.isnan(table)).sum(axis=0))
    return np.nansum(table, axis=0) / counts


def halo_remarks(halo: float | None) -> tuple[str, ...]:
    """What is to be said of traits that go together."""
    if halo is None or halo <= HALO:
        return ()
    return (
        f"The traits are not separately measured: two of them correlate by {halo:.2f} on average, so they say "
        "one thing several times.",
    )
