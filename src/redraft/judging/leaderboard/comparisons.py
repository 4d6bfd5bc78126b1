"""Comparisons of many models as arrays, and which of the models they connect at all.

Neighbours: `bradley_terry` fits them; `folding` gives the labels that `of_folds` reads.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import csgraph

from redraft.errors import InputError
from redraft.judging.folding import Fold

POINTS = {"win": 1.0, "tie": 0.5, "loss": 0.0, "unusable": 0.5}


@dataclass(frozen=True)
class Comparisons:
    """n usable comparisons of K models on C contexts; made by `comparisons` or `of_folds`, which check them.

    `a`, `b` and `context` are codes into `models` and 0..C-1, shape (n,). `outcome` is 1 where a won, 0 where b did,
    1/2 for a tie; between these for a mean of several verdicts. `first` is 1 where a stood first before the judge, -1
    where b did, 0 where both orders were folded into one outcome. `weight` multiplies a comparison's log-likelihood.
    `unusable`, shape (u, 2), are the models of the comparisons that have no verdict.

    Where contexts are not independent (of one user, of one document), `context` and `contexts` are of their groups, and
    `ids`, shape (n,), are the codes of the contexts themselves; else `ids` is None.
    """

    models: tuple[str, ...]
    contexts: int
    context: NDArray[np.intp]
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    outcome: NDArray[np.float64]
    first: NDArray[np.int8]
    weight: NDArray[np.float64]
    unusable: NDArray[np.intp]
    ids: NDArray[np.intp] | None = None

    def only(self, kept: Sequence[int]) -> Comparisons:
        """The comparisons among the models with the codes `kept`; codes and contexts are counted anew."""
        new = np.full(len(self.models), -1, dtype=np.intp)
        new[list(kept)] = np.arange(len(kept))
        rows = (new[self.a] >= 0) & (new[self.b] >= 0)
        missing = new[self.unusable]
        codes, names = pd.factorize(self.context[rows])
        return Comparisons(
            models=tuple(self.models[one] for one in kept), contexts=len(names), context=codes.astype(np.intp),
            a=new[self.a[rows]], b=new[self.b[rows]], outcome=self.outcome[rows], first=self.first[rows],
            weight=self.weight[rows], unusable=missing[(missing >= 0).all(axis=1)],
            ids=None if self.ids is None else self.ids[rows],
        )  # fmt: skip


def comparisons(
    contexts: Sequence[object] | NDArray[Any],
    models_a: Sequence[str] | NDArray[Any],
    models_b: Sequence[str] | NDArray[Any],
    outcomes: ArrayLike,
    *,
    first: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    usable: ArrayLike | None = None,
    models: Sequence[str] = (),
    clusters: Mapping[str, str] | None = None,
) -> Comparisons:
    """Checks and codes one comparison a row; all of one length n.

    Rows that are not `usable` count as missing, whatever their outcome; rows of weight 0 are left out. `models` names
    models that belong to the leaderboard even without a row; the others follow in the order of their names.
    `clusters` maps context → group, where contexts are not independent: errors are then by group.
    InputError for unequal lengths, a model against itself, an outcome outside [0, 1], an order other than -1, 0, 1, a
    weight that is negative or not finite, a context or model without a name, or a context without a cluster.
    """
    n = len(contexts)
    y = _column(outcomes, n, "outcomes")
    shown = _column(0.0 if first is None else first, n, "first")
    weight = _column(1.0 if weights is None else weights, n, "weights")
    kept = _column(1.0 if usable is None else usable, n, "usable") != 0
    if not (len(models_a) == len(models_b) == n):
        raise InputError(f"{n} contexts, {len(models_a)} models a and {len(models_b)} models b; one of each a row")
    a, b, names = _coded_models(models_a, models_b, models)
    _refuse(a == b, "a model is compared with itself")
    _refuse(kept & ~((y >= 0) & (y <= 1)), "an outcome is not between 0 (b won) and 1 (a won)")
    _refuse(~np.isin(shown, (-1, 0, 1)), "first is not 1 (a stood first), -1 (b did) or 0 (both orders)")
    _refuse(~(np.isfinite(weight) & (weight >= 0)), "a weight is negative or not finite")
    missing = np.stack([a[~kept], b[~kept]], axis=1)
    kept &= weight > 0
    ids = contexts if isinstance(contexts, np.ndarray) else pd.Series(list(contexts), dtype=object).to_numpy()
    context, found = pd.factorize(ids[kept], use_na_sentinel=False)
    if pd.isna(found).any():
        raise InputError("a context has no id")
    made = Comparisons(
        models=names, contexts=len(found), context=context.astype(np.intp), a=a[kept], b=b[kept], outcome=y[kept],
        first=shown[kept].astype(np.int8), weight=weight[kept], unusable=missing,
    )  # fmt: skip
    return made if clusters is None else _clustered(made, [str(one) for one in found], clusters)


def _clustered(data: Comparisons, ids: Sequence[str], clusters: Mapping[str, str]) -> Comparisons:
    if (lost := next((one for one in ids if one not in clusters), None)) is not None:
        raise InputError(f"context {lost} has no cluster")
    codes, groups = pd.factorize(np.array([clusters[one] for one in ids], dtype=object))
    groups_of = codes.astype(np.intp)[data.context] if len(ids) else data.context
    return replace(data, contexts=len(groups), context=groups_of, ids=data.context)


def of_folds(
    pairs: Mapping[tuple[str, str], Mapping[str, Fold]],
    models: Sequence[str] = (),
    clusters: Mapping[str, str] | None = None,
) -> Comparisons:
    """From stored judgments: (model A, model B) → context id → fold. Both orders are in a fold, so `first` is 0."""
    rows = [(key, a, b, fold.label) for (a, b), folds in pairs.items() for key, fold in folds.items()]
    contexts, models_a, models_b, labels = ([row[i] for row in rows] for i in range(4))
    return comparisons(
        contexts,
        models_a,
        models_b,
        [POINTS[label] for label in labels],
        usable=[label != "unusable" for label in labels],
        models=models,
        clusters=clusters,
    )


def components(data: Comparisons) -> list[list[int]]:
    """Codes of the models that comparisons connect, one list a connected component, the largest first.

    Models of different components were never compared, not even through others: nothing can be said between them.
    """
    return _connected(_met(data, np.ones(len(data.a), dtype=np.bool_)), "weak")


def dominance(data: Comparisons) -> list[list[int]]:
    """Codes of the models in sets within which each has, through others, both lost and won something (or tied).

    One set: the Bradley-Terry estimate exists (Ford 1957, American Mathematical Monthly 64:28). Several sets of one
    component: between them one side won everything, and the estimate is infinite. The largest set comes first.
    """
    return _connected(beaten(data), "strong")


def totals(codes: NDArray[np.intp], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The sum of `values` for each code, shape (size,)."""
    return np.asarray(np.bincount(codes, values, size), dtype=np.float64)


def beaten(data: Comparisons) -> NDArray[np.bool_]:
    """Who ever won or tied against whom: [i, j] where i did against j, shape (K, K)."""
    return _met(data, data.outcome > 0) | _met(data, data.outcome < 1).T


def _met(data: Comparisons, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    size = len(data.models)
    found = np.zeros(size * size, dtype=np.bool_)
    found[data.a[rows] * size + data.b[rows]] = True
    return found.reshape(size, size)


def _connected(links: NDArray[np.bool_], how: str) -> list[list[int]]:
    count, labels = csgraph.connected_components(sparse.csr_array(links), directed=True, connection=how)
    sets = [np.flatnonzero(labels == one).tolist() for one in range(count)]
    return sorted(sets, key=lambda one: (-len(one), one[0]))


def _coded_models(
    a: Sequence[str] | NDArray[Any], b: Sequence[str] | NDArray[Any], extra: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp], tuple[str, ...]]:
    codes_a, names_a = pd.factorize(np.asarray(a, dtype=object), use_na_sentinel=False)
    codes_b, names_b = pd.factorize(np.asarray(b, dtype=object), use_na_sentinel=False)
    found = [*names_a, *names_b]
    if wrong := [one for one in found if not isinstance(one, str) or not one]:
        raise InputError(f"a model's name is {wrong[0]!r}; it is a word or more")
    known = list(dict.fromkeys([*extra, *sorted(set(found))]))
    place = {name: code for code, name in enumerate(known)}
    first, second = (np.array([place[one] for one in names], dtype=np.intp) for names in (names_a, names_b))
    return first[codes_a], second[codes_b], tuple(known)


def _column(values: ArrayLike, n: int, name: str) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim == 0:
        return np.full(n, float(x))
    if x.shape != (n,):
        raise InputError(f"{name}: one number a row is needed, {n} in all, not an array of shape {x.shape}")
    return x


def _refuse(wrong: NDArray[np.bool_], why: str) -> None:
    if wrong.any():
        raise InputError(f"{why}: {int(wrong.sum())} rows, the first is row {int(np.argmax(wrong))}")
