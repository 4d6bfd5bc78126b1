"""Several pairs from one set of contexts: which of their differences may be stated together.

Three arms get the closed test, a declared order of pairs the fixed sequence, any other number of pairs Holm's.
Neighbours: `folding` gives the labels, `traits` and the leaderboard use `holm` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import ConfigurationError, InputError
from redraft.judging.distributions import f_tail
from redraft.judging.folding import POINTS, Fold
from redraft.judging.permutation import cluster_sums

Pair = tuple[str, str]


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """How the p-values of several pairs were adjusted, so that the chance of any false claim stays below alpha.

    `method` is `closed`, `fixed sequence` or `holm`. `adjusted` and `raw` follow the order of the pairs. `omnibus_p`
    tests that all arms are equal, over `omnibus_contexts` contexts that are usable in every pair; None with the other
    methods.
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


def shaffer(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of the three pairs of three arms, from p-values alone: max(3 min p, p).

    Shaffer (1986), JASA 81:826: once one pair differs, the arms are not all equal, and no two of the remaining
    hypotheses can be true together. Never above Holm's. ValueError for another number of pairs.
    """
    if len(p_values) != 3:
        raise ValueError(f"{len(p_values)} p-values; the three pairs of three arms are meant")
    first = min(1.0, 3 * min(p_values))
    return [max(first, p) for p in p_values]


def fixed_sequence(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of hypotheses tested in this order at full alpha, until one is not rejected: running maxima.

    Maurer, Hothorn, Lehmacher (1995), in Biometrie in der chemisch-pharmazeutischen Industrie 6:3. The order must be
    declared before the data are seen.
    """
    return list(accumulate(p_values, max))


def adjusted_p(p_values: Mapping[Pair, float], sequence: Sequence[Pair] = ()) -> dict[Pair, float]:
    """Adjusted for the number of pairs: along a declared `sequence`, else Shaffer's for all three pairs of three
    models, else Holm's. Empty for a single pair, which needs none."""
    if len(p_values) < 2:
        return {}
    if sequence:
        place = {frozenset(pair): pair for pair in p_values}
        ordered = [place[frozenset(pair)] for pair in sequence if frozenset(pair) in place]
        found = dict(zip(ordered, fixed_sequence([p_values[pair] for pair in ordered]), strict=True))
        return {pair: found.get(pair, 1.0) for pair in p_values}
    models = {model for pair in p_values for model in pair}
    distinct = {frozenset(pair) for pair in p_values}
    method = shaffer if len(p_values) == len(models) == len(distinct) == 3 else holm
    return dict(zip(p_values, method(list(p_values.values())), strict=True))


def correct(
    pairs: Mapping[Pair, Mapping[str, Fold]],
    p_values: Mapping[Pair, float],
    *,
    sequence: Sequence[Pair] = (),
    clusters: Mapping[str, str] | None = None,
) -> Correction:
    """Adjusts the pairs' p-values: in the declared `sequence`, else by the closed test for all three pairs of three
    arms, else by Holm.

    The closed test (Marcus, Peritz, Gabriel 1976, Biometrika 63:655) states a pair's difference where the test
    that all three arms are equal and the pair's own test both reject, each at the full level: the adjusted p
    is the larger of the two. `pairs` maps (model A, model B) to context id → fold. A pair outside of `sequence` may
    not be claimed: its adjusted p is 1. `clusters` maps context → group; the omnibus test then counts groups.
    ConfigurationError for a sequence with a pair that is not there or stands twice.
    """
    names = list(pairs)
    raw = tuple(p_values[name] for name in names)
    if sequence:
        return Correction(method="fixed sequence", raw=raw, adjusted=_in_sequence(names, raw, sequence))
    arms = list(dict.fromkeys(arm for name in names for arm in name))
    if len(names) != 3 or len(arms) != 3 or len({frozenset(name) for name in names}) != 3:
        return Correction(method="holm", raw=raw, adjusted=tuple(holm(raw)))
    contexts, scores = _arm_scores(pairs, arms)
    omnibus = omnibus_p(scores if clusters is None else _summed(scores, contexts, clusters))
    adjusted = tuple(max(omnibus, p) for p in raw)
    return Correction(method="closed", raw=raw, adjusted=adjusted, omnibus_p=omnibus, omnibus_contexts=len(scores))


def _in_sequence(names: Sequence[Pair], raw: Sequence[float], sequence: Sequence[Pair]) -> tuple[float, ...]:
    """Which of a pair's models is called A makes no difference."""
    place = {frozenset(name): index for index, name in enumerate(names)}
    wanted = [frozenset(pair) for pair in sequence]
    for pair, key in zip(sequence, wanted, strict=True):
        if key not in place:
            raise ConfigurationError(f"the declared sequence names {pair[0]} and {pair[1]}, which are not compared")
        if wanted.count(key) > 1:
            raise ConfigurationError(f"the declared sequence names {pair[0]} and {pair[1]} twice")
    adjusted = [1.0] * len(names)
    for key, p in zip(wanted, fixed_sequence([raw[place[key]] for key in wanted]), strict=True):
        adjusted[place[key]] = p
    return tuple(adjusted)


def _summed(
    scores: NDArray[np.float64], contexts: Sequence[str], clusters: Mapping[str, str]
) -> NDArray[np.float64]:  # fmt: skip
    """Scores added up within clusters, which are then what is counted."""
    if lost := next((one for one in contexts if one not in clusters), None):
        raise InputError(f"context {lost} belongs to no cluster; name one for every context or none")
    return cluster_sums(scores, [clusters[one] for one in contexts]) if len(scores) else scores


def _arm_scores(
    pairs: Mapping[Pair, Mapping[str, Fold]], arms: list[str]
) -> tuple[list[str], NDArray[np.float64]]:  # fmt: skip
    """The contexts usable in all pairs, and one row for each, one column an arm: wins minus losses against the other
    two, -2..2; rows sum to zero."""
    first = next(iter(pairs.values()))
    points = np.array([[_points(folds.get(one)) for one in first] for folds in pairs.values()])
    usable = np.isfinite(points.sum(axis=0))
    # One row for each pair: 1 in the column of its A, -1 in that of its B.
    sides = np.array([[(arm == a) - (arm == b) for arm in arms] for a, b in pairs], dtype=float)
    return [one for one, kept in zip(first, usable.tolist(), strict=True) if kept], points[:, usable].T @ sides


def _points(fold: Fold | None) -> float:
    """NaN without a usable verdict."""
    return float(POINTS[fold.label]) if fold is not None and fold.label != "unusable" else float("nan")


def omnibus_p(scores: NDArray[np.float64]) -> float:
    """p of "all arms are equal" from scores of shape (contexts or clusters, arms) whose rows sum to zero.

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
