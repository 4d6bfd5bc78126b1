"""A second opinion where a scale's end holds many scores: a model of ordered scores, whose distances do not count.

Cumulative logit (McCullagh 1980, JRSS B 42:109): P(Y <= k) = F(t_k - effect [A]), F logistic, with the covariance of
contexts or groups. statsmodels' OrderedModel fits the same, by numerical derivatives: a thousand contexts take it
seconds; this takes milliseconds, with any number of different scores, and is tested against it. Neighbours: `traits`
asks for it, `trait_second_opinion` has the words.
"""

from __future__ import annotations

from math import isfinite
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import linalg  # pyright: ignore[reportMissingTypeStubs]

from redraft.judging.paired import clustered_mean
from redraft.judging.trait_results import EXTREME_SHARE, OrdinalEffect, Unfit

_STEPS, _HALVINGS, _CLOSE = 60, 40, 1e-10
Floats = NDArray[np.float64]


def ordinal_effect(
    a: Floats,
    b: Floats,
    ends: tuple[float, float],
    groups: NDArray[np.generic] | None = None,
    confidence: float = 0.95,
) -> OrdinalEffect | None:
    """How much likelier higher scores are of A than of B; None where neither has so many scores at an end.

    `a` and `b`, shape (n,), are scores of the same contexts, finite; `ends` the lowest and highest of the scale,
    `groups` one id a context. That there is no finite effect, or no error of it, is said in `unfit`. It is set beside
    the mean difference by `compared`.
    """
    shares = [float((one == end).mean()) if len(one) else 0.0 for end in ends for one in (a, b)]
    if max(shares) <= EXTREME_SHARE:
        return None
    floor_a, floor_b, ceiling_a, ceiling_b = shares

    def told(unfit: Unfit = "", **numbers: float) -> OrdinalEffect:
        return OrdinalEffect(
            floor_a=floor_a, floor_b=floor_b, ceiling_a=ceiling_a, ceiling_b=ceiling_b, unfit=unfit,
            **numbers,  # pyright: ignore[reportArgumentType]  the fields of OrdinalEffect, each by its name
        )  # fmt: skip

    # Means over several judges differ by rounding alone.
    levels, codes = np.unique(np.round(np.concatenate([a, b]), 9), return_inverse=True)
    codes_a, codes_b = codes[: len(a)], codes[len(a) :]
    if len(levels) < 2:
        return told("one_value")
    # The likelihood has a maximum just where the two models' scores overlap in more than one value: else every step
    # apart makes them likelier.
    if codes_a.min() >= codes_b.max() or codes_b.min() >= codes_a.max():
        return told("separated")
    counts = np.stack([np.bincount(one, minlength=len(levels)) for one in (codes_b, codes_a)]).astype(np.float64)
    fitted = _fit(counts)
    if fitted is None:
        return told("not_converged")
    effect, naive, influence = fitted
    # One step from the estimate it is a mean over contexts, so that its error is that of a mean.
    found = clustered_mean(effect + len(a) * (influence[1, codes_a] + influence[0, codes_b]), groups, confidence)
    if found.low is None or found.high is None or found.p is None or found.standard_error is None:
        alone = found.clusters < 2
        return told("one_group" if alone else "no_spread", log_odds=effect, naive_error=naive)
    return told(
        log_odds=effect, standard_error=found.standard_error, naive_error=naive, low=found.low, high=found.high,
        p=found.p,
    )  # fmt: skip


def compared(
    effect: OrdinalEffect, p_adjusted: float, *, mean: float, found: bool, confidence: float = 0.95
) -> OrdinalEffect:
    """The effect beside a mean difference of `mean` points, `found` or not: whether both say the same.

    `p_adjusted` is the effect's p-value after the same correction as the mean's.
    """
    if effect.p is None or effect.log_odds is None:
        return effect
    called = p_adjusted <= round(1 - confidence, 12)
    opposite = effect.log_odds * mean < 0 and (called or found)
    return msgspec.structs.replace(effect, p_adjusted=p_adjusted, agrees=called == found and not opposite)


def _fit(counts: Floats) -> tuple[float, float, Floats] | None:
    """Effect, its error by the information, and each answer's influence on it, shape (2, levels); None where Newton's
    steps do not settle. `counts`, shape (2, levels), are answers of B and A; of no level both are 0."""
    shares = counts.sum(axis=0).cumsum()[:-1] / counts.sum()
    at, here = np.append(np.log(shares / (1 - shares)), 0.0), -np.inf
    for _ in range(_STEPS):
        found = _derivatives(counts, at)
        if found is None:
            return None
        here, gradient, bands, border, corner = found
        sides = np.stack([gradient[:-1], border], axis=1)
        try:
            solved = cast("Floats", linalg.solveh_banded(bands, sides, lower=True))  # pyright: ignore[reportUnknownMemberType]
        except linalg.LinAlgError:
            return None
        # Thresholds form a tridiagonal block, with the effect as its border: solved by Schur's complement.
        inverse = 1 / (corner - float(border @ solved[:, 1]))
        last = inverse * (gradient[-1] - float(border @ solved[:, 0]))
        step = np.append(solved[:, 0] - last * solved[:, 1], last)
        if not (np.isfinite(step).all() and inverse > 0):
            return None
        if float(np.abs(step).max()) < _CLOSE:
            row = np.append(-inverse * solved[:, 1], inverse)
            return float(at[-1]), float(np.sqrt(inverse)), _influence(at, row)
        at = _improved(counts, at, step, here)
    return None


def _improved(counts: Floats, at: Floats, step: Floats, here: float) -> Floats:
    """As much of the step as makes the scores no less likely: they are concave in it, so some of it does."""
    for halving in range(_HALVINGS):
        there = at + step * 0.5**halving
        if _likelihood(counts, there) >= here - 1e-12 * abs(here):
            return there
    return at


def _limits(at: Floats) -> tuple[Floats, Floats]:
    """F at the upper and lower thresholds of each level, shape (2, levels): of B, then of A."""
    shifted = at[:-1] - np.array([[0.0], [at[-1]]])
    inner = 1 / (1 + np.exp(-np.clip(shifted, -700, 700)))
    ends = np.zeros((2, 1))
    return np.hstack([inner, ends + 1]), np.hstack([ends, inner])


def _likelihood(counts: Floats, at: Floats) -> float:
    if (np.diff(at[:-1]) <= 0).any():
        return -np.inf
    upper, lower = _limits(at)
    chances = upper - lower
    return float((counts * np.log(chances)).sum()) if (chances > 0).all() else -np.inf


def _derivatives(counts: Floats, at: Floats) -> tuple[float, Floats, Floats, Floats, float] | None:
    """Log likelihood, its gradient, and the observed information as bands of the thresholds, border and corner."""
    here = _likelihood(counts, at)
    if not isfinite(here):
        return None
    upper, lower = _limits(at)
    chances = upper - lower
    up, down = upper * (1 - upper) / chances, lower * (1 - lower) / chances
    # Second derivatives of -log(F(u) - F(l)) by u, by l and by both.
    uu, ll, ul = up**2 - up * (1 - 2 * upper), down**2 + down * (1 - 2 * lower), -up * down
    n, model = counts, counts[1]
    thresholds = (n * up).sum(axis=0)[:-1] - (n * down).sum(axis=0)[1:]
    gradient = np.append(thresholds, -float(model @ (up - down)[1]))
    diagonal = (n * uu).sum(axis=0)[:-1] + (n * ll).sum(axis=0)[1:]
    beside = (n * ul).sum(axis=0)[1:-1]
    # A's thresholds all move against the effect.
    border = -((model * (uu + ul)[1])[:-1] + (model * (ll + ul)[1])[1:])
    corner = float(model @ (uu + ll + 2 * ul)[1])
    # A single threshold has none beside it, and LAPACK takes no empty band.
    bands = np.stack([diagonal, np.append(beside, 0.0)])[: min(2, len(diagonal))]
    return here, gradient, bands, border, corner


def _influence(at: Floats, row: Floats) -> Floats:
    """What one answer of each model and level adds to the effect: the inverse information's last `row` by its score."""
    upper, lower = _limits(at)
    chances = upper - lower
    up, down = upper * (1 - upper) / chances, lower * (1 - lower) / chances
    found = up * np.append(row[:-1], 0.0) - down * np.append(0.0, row[:-1])
    found[1] -= row[-1] * (up - down)[1]
    return found
