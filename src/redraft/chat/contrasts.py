"""Real against generated replies to the same contexts: differences with intervals, and whether they can be told apart.

Replies of one session resemble each other, so sessions count, not replies. Neighbours: `likeness` and `reciting` say
what is compared.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

Numbers = NDArray[np.float64]
Groups = NDArray[np.intp]

# With fewer sessions of equal size intervals are told to be rough.
ENOUGH = 10
_FOLDS = 5
_RIDGE = 0.1
_FARTHEST = 4.0
_SWAPS = 500
_AT_ONCE = 50
_ROUNDING = 1e-24


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the real and of the generated replies, None where nothing was there to count (such as words, where
    all replies are empty). `low` and `high` bound `difference`, generated less real, with 95 % confidence; they are
    None where there are fewer than two sessions, or no session differs."""

    real: float | None
    generated: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out no difference. Of twenty figures one does so by chance."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


class Distance(msgspec.Struct, frozen=True, kw_only=True):
    """The share of all words that would have to be others for two profiles to be equal, 0 to 1. `by_chance` is its mean
    where real and generated replies change places at random, session by session: never 0, the more so the fewer words
    there are. `rarely` is exceeded by one in twenty of these."""

    distance: float
    by_chance: float
    rarely: float

    @property
    def differs(self) -> bool:
        return self.distance > self.rarely


def sessions_worth(groups: Groups) -> float:
    """How many sessions of equal size tell as much as these: (sum n)^2 / sum n^2 (Kish)."""
    return _worth(np.ones(len(groups)), groups)


def contrast(real: tuple[Numbers, Numbers], generated: tuple[Numbers, Numbers], groups: Groups) -> Contrast:
    """The ratios of two sums, each pair of (numerators, denominators) of shape (replies,), and their difference.

    The interval is the cluster-robust one: the linearised influence of each of C sessions, SE^2 = C/(C-1) sum U^2, and
    Student's t with as many degrees of freedom as the denominators are worth sessions (as `sessions_worth`, the fewer
    of both sides), less one. Where all sessions differ
    alike, so that nothing varies, it is what remains if as many sessions as can be (Clopper and Pearson) are the other
    way round; it leaves out 0 from six sessions on, as a sign test does. `groups` numbers the session of each reply
    from 0.
    """
    one, other = _ratio(*real), _ratio(*generated)
    if one is None or other is None:
        return Contrast(real=one, generated=other, difference=None, low=None, high=None)
    difference = other - one
    weights = _influence(*generated, other) - _influence(*real, one)
    influence = np.asarray(np.bincount(groups, weights), np.float64)
    low, high = _bounds(difference, influence, min(_worth(real[1], groups), _worth(generated[1], groups)))
    return Contrast(real=one, generated=other, difference=difference, low=low, high=high)


def distance(real: Sequence[Sequence[int]], generated: Sequence[Sequence[int]], groups: Groups, seed: int) -> Distance:
    """How far apart the profiles of two lists of replies are, each reply the numbers of its words.

    Chance is 500 draws in which the two replies of each of a session's contexts change places, or none of them.
    """
    wide = 1 + max((word for side in (real, generated) for reply in side for word in reply), default=0)
    ours, theirs = (_counted(side, groups, wide) for side in (real, generated))
    both, apart = ours + theirs, theirs - ours
    total = np.asarray(both.sum(axis=0)).ravel()
    random = np.random.default_rng(seed)
    signs = random.choice([-1.0, 1.0], size=(_SWAPS, both.shape[0]))
    drawn = np.concatenate(
        [_distances(total, apart, signs[start : start + _AT_ONCE]) for start in range(0, _SWAPS, _AT_ONCE)]
    )
    found = _distances(total, apart, np.ones((1, both.shape[0])))[0]
    return Distance(distance=float(found), by_chance=float(drawn.mean()), rarely=float(np.quantile(drawn, 0.95)))


def told_apart(real: Numbers, generated: Numbers, groups: Groups, seed: int) -> Contrast | None:
    """How often the real of two replies to one context is told by their style: `generated` of the result is that share,
    `real` the 0.5 of guessing.

    The arguments have the shape (replies, traits). A linear discriminant on the standardised traits and their squares,
    fitted on four fifths of the sessions, decides about the last fifth, each in turn. None with under 10 sessions.
    """
    if sessions_worth(groups) < ENOUGH:
        return None
    shuffled = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    folds = (shuffled % _FOLDS)[groups]
    right = np.full(len(groups), 0.5)
    for fold in range(_FOLDS):
        fitted, judged = folds != fold, folds == fold
        pool = np.concatenate([real[fitted], generated[fitted]])
        middle, spread = pool.mean(axis=0), pool.std(axis=0)
        apart = _traits(real, middle, spread) - _traits(generated, middle, spread)
        known = apart[fitted]
        covariance = known.T @ known / len(known) + _RIDGE * np.eye(known.shape[1])
        scores = apart[judged] @ np.linalg.solve(covariance, known.mean(axis=0))
        # Equal replies may come out as rounding errors.
        right[judged] = np.where(np.abs(scores) < 1e-12, 0.5, scores > 0)
    ones = np.ones(len(groups))
    return contrast((ones / 2, ones), (right, ones), groups)


def _worth(weights: Numbers, groups: Groups) -> float:
    sizes = np.asarray(np.bincount(groups, weights), np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _ratio(numerators: Numbers, denominators: Numbers) -> float | None:
    below = float(denominators.sum())
    return float(numerators.sum()) / below if below else None


def _influence(numerators: Numbers, denominators: Numbers, ratio: float) -> Numbers:
    return (numerators - ratio * denominators) / denominators.sum()


def _bounds(difference: float, influence: Numbers, worth: float) -> tuple[float, float] | tuple[None, None]:
    squares, count = float((influence**2).sum()), len(influence)
    if count > 1 and squares > _ROUNDING:
        error = float(np.sqrt(count / (count - 1) * squares))
        reach = float(special.stdtrit(max(1.0, worth - 1), 0.975)) * error
        return difference - reach, difference + reach
    if worth > 1 and difference**2 > _ROUNDING:
        other = difference * (2 * 0.025 ** (1 / worth) - 1)
        return min(difference, other), max(difference, other)
    return None, None


def _counted(replies: Sequence[Sequence[int]], groups: Groups, wide: int) -> Any:
    """How often each session has each word: a sparse matrix of shape (sessions, words)."""
    rows = np.repeat(groups, [len(reply) for reply in replies])
    columns = np.array([word for reply in replies for word in reply], np.intp)
    shape = (int(groups.max()) + 1, wide)
    return sparse.csr_array((np.ones(len(columns)), (rows, columns)), shape=shape)


def _distances(total: Numbers, apart: Any, signs: Numbers) -> Numbers:
    """Half the sum of absolute differences of the words' shares, for each row of signs; 1 where one side is empty."""
    moved = np.asarray((apart.T @ signs.T).T)
    ours, theirs = (total - moved) / 2, (total + moved) / 2
    sums = ours.sum(axis=1), theirs.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(ours / sums[0][:, np.newaxis] - theirs / sums[1][:, np.newaxis]).sum(axis=1) / 2
    empty = (sums[0] == 0) | (sums[1] == 0)
    return np.where(empty, (sums[0] != sums[1]).astype(np.float64), found)


def _traits(values: Numbers, middle: Numbers, spread: Numbers) -> Numbers:
    standard = np.clip((values - middle) / np.where(spread > 0, spread, 1.0), -_FARTHEST, _FARTHEST)
    return np.concatenate([standard, standard**2], axis=1)
