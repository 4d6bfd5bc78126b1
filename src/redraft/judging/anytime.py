"""Evidence that stays valid however often, and whenever, somebody looks: an e-process and confidence sequences.

For looks that nobody planned; planned ones need fewer contexts (`stopping`). Contexts must come in an order that has
nothing to do with the answers, and be independent: where they are grouped, bet on clusters (`ClusterCounts.signs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, inf, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from redraft.errors import InputError
from redraft.judging.distributions import log_beta, root

Floats = NDArray[np.float64]


def log_e_value(wins: float, losses: float, prior: float = 10.0) -> float:
    """ln E against "neither model is better", from the decisive contexts so far; reject at 1/alpha, 3.0 for 5%.

    ln B(a + W, a + L) - ln B(a, a) + (W + L) ln 2 with a = `prior`: the mixture of Robbins (1970), Annals of
    Mathematical Statistics 41:1397. A larger prior bets on smaller differences. InputError for negative counts or a
    prior that is not positive.
    """
    return _log_mixture(wins, losses, prior) + (wins + losses) * log(2)


def anytime_p(looks: Sequence[tuple[float, float]], prior: float = 10.0) -> float:
    """1 / max E over the looks taken, each (wins, losses) since the start; at most 1, and 1.0 without looks.

    By Ville's inequality it is below alpha with probability alpha at most, over any number of looks. InputError where
    the counts of a look are smaller than those of the one before.
    """
    for (wins, losses), (later_wins, later_losses) in pairwise(looks):
        if later_wins < wins or later_losses < losses:
            raise InputError(f"after {wins} wins and {losses} losses came {later_wins} and {later_losses}")
    highest = max((log_e_value(wins, losses, prior) for wins, losses in looks), default=0.0)
    return exp(-max(0.0, highest))


def decisive_interval(wins: float, losses: float, confidence: float = 0.95, prior: float = 10.0) -> tuple[float, float]:
    """Confidence sequence for A's share of the decisive contexts, at this look: (low, high) in [0, 1].

    The shares at which the same mixture's E stays below 1/alpha. It holds the truth at all looks together with
    `confidence`. It says nothing of ties: for the win rate see `betting_interval`. (0, 1) without decisive contexts.
    """
    limit = -log(_alpha(confidence))
    mixture = _log_mixture(wins, losses, prior)
    total = wins + losses
    if not total:
        return 0.0, 1.0

    def excess(share: float) -> float:
        told = (wins * log(share) if wins else 0.0) + (losses * log(1 - share) if losses else 0.0)
        return mixture - told - limit

    peak, edge = wins / total, 1e-12
    low = root(excess, edge, peak) if wins and excess(edge) > 0 else 0.0
    high = root(excess, peak, 1 - edge) if losses and excess(1 - edge) > 0 else 1.0
    return low, high


def betting_interval(
    scores: ArrayLike, confidence: float = 0.95, points: int = 2001, looks: Sequence[int] | None = None
) -> list[tuple[float, float]]:
    """Confidence sequence for a mean of scores in [0, 1], such as the win rate: (low, high) at each of `looks`.

    `scores`, shape (n,), come in the order in which contexts were judged (1 win, 1/2 tie, 0 loss). `looks` are
    numbers of scores, by default n alone. Hedged capital with predictable bets: Waudby-Smith, Ramdas (2024), JRSS B
    86:1, §4.1, bets truncated at 1/2; limits lie on a grid of `points`, rounded outwards, and are the intersection
    of all before. InputError for scores outside [0, 1], or looks beyond them.
    """
    x = np.asarray(scores, dtype=np.float64)
    alpha = _alpha(confidence)
    if x.ndim != 1 or not np.isfinite(x).all() or (x < 0).any() or (x > 1).any():
        raise InputError("scores in order are one row of numbers from 0 to 1")
    wanted = [len(x)] if looks is None else list(looks)
    if any(not 0 <= look <= len(x) for look in wanted) or points < 3:
        raise InputError(f"looks at {wanted} of {len(x)} scores, {points} grid points: between 0 and all, 3 or more")
    bets = _bets(x, alpha)
    grid = np.linspace(0, 1, points)
    with np.errstate(divide="ignore"):
        most_up, most_down = 0.5 / grid, 0.5 / (1 - grid)
    up, down = np.zeros(points), np.zeros(points)
    alive = np.ones(points, dtype=bool)
    at = {0: (0.0, 1.0)}
    for index, (score, bet) in enumerate(zip(x, bets, strict=True), 1):
        # Half of the stake bets that the mean lies above the grid's point, half that it lies below.
        up += np.log1p(np.minimum(bet, most_up) * (score - grid))
        down += np.log1p(-np.minimum(bet, most_down) * (score - grid))
        alive &= np.maximum(up, down) - log(2) < -log(alpha)
        at[index] = _ends(grid, alive, at[index - 1])
    return [at[look] for look in wanted]


def _bets(x: Floats, alpha: float) -> Floats:
    """sqrt(2 ln(2/alpha) / (t ln(1 + t) s^2_{t-1})), the variance with one imagined score of mean 1/2, variance 1/4."""
    t = np.arange(1, len(x) + 1, dtype=np.float64)
    means = (0.5 + np.cumsum(x)) / (t + 1)
    variances = (0.25 + np.cumsum((x - means) ** 2)) / (t + 1)
    before = np.concatenate(([0.25], variances[:-1]))[: len(x)]
    return np.sqrt(2 * log(2 / alpha) / (t * np.log1p(t) * before))


def _ends(grid: Floats, alive: NDArray[np.bool_], before: tuple[float, float]) -> tuple[float, float]:
    """The grid's points that are left, one step outwards; the interval before where none is."""
    left = np.flatnonzero(alive)
    if not len(left):
        return before
    first, last = max(0, int(left[0]) - 1), min(len(grid) - 1, int(left[-1]) + 1)
    return float(grid[first]), float(grid[last])


def _log_mixture(wins: float, losses: float, prior: float) -> float:
    if not (min(wins, losses) >= 0 and prior > 0 and max(wins, losses, prior) < inf):
        raise InputError(f"{wins} wins and {losses} losses with a prior of {prior}: 0 or more, and above 0")
    return log_beta(prior + wins, prior + losses) - log_beta(prior, prior)


def _alpha(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}; it lies between 0 and 1")
    return 1 - confidence
