"""Online Elo ratings as a curve, for people who ask; never for a rank: they depend on the order of the comparisons.

Elo (1978), The Rating of Chessplayers. Neighbours: `bradley_terry` is what Elo estimates, in no order at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.leaderboard.comparisons import Comparisons


@dataclass(frozen=True)
class EloCurve:
    """Ratings after each of the numbers of comparisons in `steps`, shapes (S,) and (S, K); the last row is the end.

    `lowest` and `highest`, shape (K,), are each model's final ratings over shuffled orders of the same comparisons:
    how far they lie apart is owed to the order alone.
    """

    models: tuple[str, ...]
    steps: NDArray[np.intp]
    ratings: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]


def elo_curve(
    data: Comparisons,
    random: np.random.Generator,
    *,
    k: float = 4.0,
    scale: float = 400.0,
    initial: float = 1000.0,
    points: int = 200,
    shuffles: int = 20,
) -> EloCurve:
    """The curve in the order of `data`, at `points` evenly spaced steps, and the ends of `shuffles` other orders.

    r_a += k (outcome - 1/(1 + 10^((r_b - r_a)/scale))), r_b loses the same; weights do not enter. Each comparison
    depends on the one before, so it takes about a microsecond a comparison and order. InputError without comparisons,
    for a k or scale that is not positive, or fewer than one point or shuffle.
    """
    if not len(data.outcome):
        raise InputError("no comparison has a verdict; there is no curve")
    if not (k > 0 and scale > 0 and points >= 1 and shuffles >= 1):
        raise InputError(f"k {k}, scale {scale}, {points} points, {shuffles} shuffles: each is positive")
    count = len(data.outcome)
    steps = np.unique(np.linspace(0, count, min(points, count) + 1).astype(np.intp))
    curve = _play(data, np.arange(count), steps, k, scale, initial)
    end = np.array([count])
    orders = (random.permutation(count) for _ in range(shuffles))
    ends = np.stack([_play(data, order, end, k, scale, initial)[0] for order in orders])
    return EloCurve(data.models, steps, curve, ends.min(axis=0), ends.max(axis=0))


def _play(
    data: Comparisons, order: NDArray[np.intp], steps: NDArray[np.intp], k: float, scale: float, initial: float
) -> NDArray[np.float64]:
    """Ratings after each of `steps` comparisons, shape (S, K)."""
    ratings = [initial] * len(data.models)
    # Plain numbers: a loop over arrays is ten times slower.
    players_a: list[int] = data.a[order].tolist()
    players_b: list[int] = data.b[order].tolist()
    outcomes: list[float] = data.outcome[order].tolist()
    rows = list(zip(players_a, players_b, outcomes, strict=True))
    curve = np.empty((len(steps), len(ratings)))
    done = 0
    for number, step in enumerate(steps.tolist()):
        for a, b, outcome in rows[done:step]:
            change = k * (outcome - 1 / (1 + 10.0 ** ((ratings[b] - ratings[a]) / scale)))
            ratings[a] += change
            ratings[b] -= change
        done = step
        curve[number] = ratings
    return curve
