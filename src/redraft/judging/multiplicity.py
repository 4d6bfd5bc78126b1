"""Several pairs from one set of contexts: which of their differences may be stated together.

Three arms get the closed test, any other number of pairs Holm's. Neighbours: `folding` gives the labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.judging.distributions import f_tail
from redraft.judging.folding import POINTS, Fold, Label

Pair = tuple[str, str]


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """How the p-values of several pairs were adjusted, so that the chance of any false claim stays below alpha.

    `adjusted` and `raw` follow the order of the pairs. `omnibus_p` tests that all arms are equal, over
    `omnibus_contexts` contexts that are usable in every pair; None with Holm's method.
    """

    method: str
    raw: tuple[float, ...]
    adjusted: tuple[float, ...]
    omnibus_p: float | None = None
    omnibus_contexts: int = 0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values by Holm (1979), Scandinavian Journal of Statistics 6:65: step down, never decreasing."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, floor = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted


def correct(pairs: Mapping[Pair, Mapping[str, Fold]], p_values: Mapping[Pair, float]) -> Correction:
    """Adjusts the pairs' p-values: closed test where the pairs are all three of three arms, else Holm.

    The closed test (Marcus, Peritz, Gabriel 1976, Biometrika 63:655) states a pair's difference where the test
    that all three arms are equal and the pair's own test both reject, each at the full level: the adjusted p
    is the larger of the two. `pairs` maps (model A, model B) to context id → fold.
    """
    names = list(pairs)
    raw = tuple(p_values[name] for name in names)
    arms = list(dict.fromkeys(arm for name in names for arm in name))
    if len(names) != 3 or len(arms) != 3 or len({frozenset(name) for name in names}) != 3:
        return Correction(method="holm", raw=raw, adjusted=tuple(holm(raw)))
    scores = _arm_scores(pairs, arms)
    omnibus = omnibus_p(scores)
    adjusted = tuple(max(omnibus, p) for p in raw)
    return Correction(method="closed", raw=raw, adjusted=adjusted, omnibus_p=omnibus, omnibus_contexts=len(scores))


def _arm_scores(pairs: Mapping[Pair, Mapping[str, Fold]], arms: list[str]) -> NDArray[np.float64]:
    """One row a context, one column an arm: wins minus losses against the other two, -2..2; rows sum to zero."""
    tables = list(pairs.items())
    first = tables[0][1]
    rows: list[list[int]] = []
    for context_id in first:
        labels: list[Label] = [folds[context_id].label if context_id in folds else "unusable" for _, folds in tables]
        if "unusable" in labels:
            continue
        row = [0] * len(arms)
        for ((a, b), _), label in zip(tables, labels, strict=True):
            row[arms.index(a)] += POINTS[label]
            row[arms.index(b)] -= POINTS[label]
        rows.append(row)
    return np.array(rows, dtype=float).reshape(len(rows), len(arms))


def omnibus_p(scores: NDArray[np.float64]) -> float:
    """p of "all arms are equal" from scores of shape (contexts, arms) whose rows sum to zero.

    Hotelling's T^2 on the first arms - 1 columns: T^2 (n - k)/(k (n - 1)) follows F(k, n - k). 1.0 for fewer
    contexts than the test needs. Directions in which the scores never vary cannot enter it: a constant
    difference there has the sign-flip probability 2^(1-n), and the p-value of the rest is combined with it
    by Bonferroni.
    """
    n, arms = scores.shape
    if n < arms + 1:
        return 1.0
    kept = scores[:, :-1]
    mean, covariance = kept.mean(axis=0), np.atleast_2d(np.cov(kept, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    along = vectors.T @ mean
    varying = values > 1e-9
    constant = bool(np.any(np.abs(along[~varying]) > 1e-9))
    k = int(varying.sum())
    p_varying = 1.0
    if k:
        t_squared = n * float(np.sum(along[varying] ** 2 / values[varying]))
        p_varying = f_tail(t_squared * (n - k) / (k * (n - 1)), k, n - k)
    if not constant:
        return p_varying
    return min(1.0, 2 * min(p_varying, 2.0 ** (1 - n)) if k else 2.0 ** (1 - n))
