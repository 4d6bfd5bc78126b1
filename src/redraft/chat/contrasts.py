"""Real against generated replies to the same contexts: differences with intervals, and whether they can be told apart.

Replies of one session resemble each other, so sessions count, not replies. Neighbours: `likeness` and `reciting` say
what is compared.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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
_EQUAL = 1e-12


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


class _Fold(NamedTuple):
    """Sessions that a rule decides about: what is `apart` in each of their pairs, of shape (pairs, traits), and the
    `sessions` of these pairs, of shape (sessions, pairs); and what each other session `adds` to the rule."""

    apart: Numbers
    sessions: Any
    adds: Numbers


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

    The five rules share most of their sessions, so what they are right about hangs together, and Student's t alone
    leaves out 0.5 too often where there is nothing to tell (in up to 18 % of simulated chats; as here, 5 %). Its place
    takes, where that is more, what |t| exceeds in one of twenty of 500 draws in which the two replies of each of a
    session's contexts change places, or none of them, and all rules are fitted anew (a permutation test of a
    classifier, Ojala and Garriga 2010; t from sign changes of whole clusters, Canay, Romano and Shaikh 2017).
    """
    if sessions_worth(groups) < ENOUGH:
        return None
    random = np.random.default_rng(seed)
    sizes = np.asarray(np.bincount(groups), np.float64)
    place = random.permutation(len(sizes)) % _FOLDS
    folds = [_fold(real, generated, groups, place == number) for number in range(_FOLDS)]
    drawn = np.concatenate(
        [
            _strength(_surplus(folds, random.choice([-1.0, 1.0], size=(_AT_ONCE, len(sizes)))), sizes)
            for _ in range(0, _SWAPS, _AT_ONCE)
        ]
    )
    surplus = _surplus(folds, np.ones((1, len(sizes))))[0]
    difference = float(surplus.sum() / sizes.sum())
    influence = (surplus - difference * sizes) / sizes.sum()
    # A draw as strong as what was found must not be exceeded by a rounding error.
    least = float(np.quantile(drawn, 0.95, method="higher")) * (1 + 1e-9)
    low, high = _bounds(difference, influence, sessions_worth(groups), least)
    if low is not None and np.isinf(least):
        # By chance alone sessions all differ alike too often for anything to be shown.
        low, high = -0.5, 0.5
    return Contrast(real=0.5, generated=0.5 + difference, difference=difference, low=low, high=high)


def _worth(weights: Numbers, groups: Groups) -> float:
    sizes = np.asarray(np.bincount(groups, weights), np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _ratio(numerators: Numbers, denominators: Numbers) -> float | None:
    below = float(denominators.sum())
    return float(numerators.sum()) / below if below else None


def _influence(numerators: Numbers, denominators: Numbers, ratio: float) -> Numbers:
    return (numerators - ratio * denominators) / denominators.sum()


def _bounds(
    difference: float, influence: Numbers, worth: float, least: float = 0.0
) -> tuple[float, float] | tuple[None, None]:
    """`least`: of how many standard errors the interval is at least."""
    count = len(influence)
    if count > 1 and float((influence**2).sum()) > _ROUNDING:
        reach = max(float(special.stdtrit(max(1.0, worth - 1), 0.975)), least) * float(_error(influence))
        return difference - reach, difference + reach
    if worth > 1 and difference**2 > _ROUNDING:
        other = difference * (2 * 0.025 ** (1 / worth) - 1)
        return min(difference, other), max(difference, other)
    return None, None


def _error(influence: Numbers) -> Numbers:
    """Standard errors from the influences of sessions, along the last axis."""
    count = influence.shape[-1]
    return np.sqrt(count / (count - 1) * (influence**2).sum(axis=-1))


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


def _fold(real: Numbers, generated: Numbers, groups: Groups, judged: NDArray[np.bool_]) -> _Fold:
    """The rule about the sessions marked as `judged`. That replies of a pair change places turns the sign of what is
    apart in it, and nothing else: not the pool that traits are standardised by, not the covariance."""
    here = judged[groups]
    fitted = ~here
    pool = np.concatenate([real[fitted], generated[fitted]])
    middle, spread = pool.mean(axis=0), pool.std(axis=0)
    apart = _traits(real, middle, spread) - _traits(generated, middle, spread)
    known = apart[fitted]
    covariance = known.T @ known / len(known) + _RIDGE * np.eye(known.shape[1])
    sums = np.asarray(_members(groups[fitted], len(judged)) @ known)
    adds = np.asarray(np.linalg.solve(covariance, sums.T / len(known)).T, np.float64)
    return _Fold(apart[here], _members(groups[here], len(judged)), adds)


def _members(groups: Groups, sessions: int) -> Any:
    return sparse.csr_array((np.ones(len(groups)), (groups, np.arange(len(groups)))), shape=(sessions, len(groups)))


def _surplus(folds: Sequence[_Fold], signs: Numbers) -> Numbers:
    """By how many of each session's pairs more than half are told, for each row of signs: -1 where the replies of a
    session changed places."""
    told = np.zeros(signs.shape)
    for fold in folds:
        scores = fold.apart @ (signs @ fold.adds).T
        # Equal replies may come out as rounding errors.
        told += np.asarray(fold.sessions @ np.where(np.abs(scores) < _EQUAL, 0.0, np.sign(scores))).T
    return signs * told / 2


def _strength(surplus: Numbers, sizes: Numbers) -> Numbers:
    """|t| of each row: how many standard errors the share that is told lies from 0.5. Infinite where sessions all
    differ alike, 0 where none differs."""
    difference = surplus.sum(axis=1) / sizes.sum()
    error = _error((surplus - difference[:, np.newaxis] * sizes) / sizes.sum())
    alike = np.where(difference**2 > _ROUNDING, np.inf, 0.0)
    varies = error**2 > _ROUNDING
    return np.where(varies, np.abs(difference) / np.where(varies, error, 1.0), alike)
