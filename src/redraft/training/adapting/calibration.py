"""How good a reward model's numbers are on pairs that it never saw: how often the preferred output has the higher one,
and whether the difference says how sure that is.

Nothing here knows how the numbers came to be. Neighbour: `reward`.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

BINS = 10
_SIMULATIONS = 500
_Z = 1.959964


class Bin(msgspec.Struct, frozen=True):
    """Pairs whose confidence is from `low` to `high`: how sure the model was of them on average, and the share in
    which it was right. With few `pairs` the share says little."""

    low: float
    high: float
    pairs: int
    confidence: float
    right: float


class RewardQuality(msgspec.Struct, frozen=True, kw_only=True):
    """A reward model on held-out pairs of so many different `prompts` in so many `groups`, within which pairs are not
    independent.

    `accuracy`: share of pairs whose preferred output has the higher reward, equal ones half, with its 95% interval
    `low` to `high`. `brier`: mean squared (1 - sigmoid(difference)), 0.25 for a model that knows nothing. `ece`: how
    far confidence and share of right ones lie apart, weighted over `table`; a perfectly calibrated model would show
    about `ece_of_chance` with so many pairs.
    """

    pairs: int
    prompts: int
    accuracy: float
    low: float
    high: float
    brier: float
    log_loss: float
    ece: float
    ece_of_chance: float
    table: tuple[Bin, ...]
    groups: int = 0

    @property
    def above_chance(self) -> bool:
        """Whether the whole interval of the accuracy lies above a half."""
        return self.low > 0.5


def quality(
    chosen: Sequence[float], rejected: Sequence[float], prompts: Sequence[str], groups: Sequence[str] | None = None,
    seed: int = 0,
) -> RewardQuality:  # fmt: skip
    """The quality of rewards of pairs: of the preferred and of the other output, the prompt of each pair, and the group
    of it, by which the interval is clustered; None: each prompt is one.

    ValueError where there are none, or not as many of each.
    """
    groups = prompts if groups is None else groups
    if not chosen or not len(chosen) == len(rejected) == len(prompts) == len(groups):
        raise ValueError(f"{len(chosen)}, {len(rejected)} rewards and {len(prompts)} prompts; give as many of each")
    differences = np.asarray(chosen, np.float64) - np.asarray(rejected, np.float64)
    right = np.where(differences > 0, 1.0, np.where(differences < 0, 0.0, 0.5))
    confidence = special.expit(np.abs(differences))
    clusters = np.unique(np.asarray(groups), return_inverse=True)[1]
    low, high = share_interval(right, clusters)
    table = _table(confidence, right)
    return RewardQuality(
        pairs=len(right),
        prompts=len(set(prompts)),
        groups=int(clusters.max()) + 1,
        accuracy=float(right.mean()),
        low=low,
        high=high,
        brier=float((special.expit(-differences) ** 2).mean()),
        log_loss=float(-special.log_expit(differences).mean()),
        ece=_ece(confidence, right),
        ece_of_chance=_ece_of_chance(confidence, seed),
        table=table,
    )


def share_interval(right: Floats, clusters: NDArray[np.int64]) -> tuple[float, float]:
    """95% interval of the mean of values in [0, 1] that go together in clusters, both of shape (n,).

    Wilson's (1927) with the effective number of values in place of n, as Korn and Graubard (1998, Survey Methodology
    24:193) have it: n over the variance's inflation by the clusters, at most n. Where all values are equal, that cannot
    be estimated, and the number of clusters stands for it.
    """
    n, share = len(right), float(right.mean())
    sums = np.bincount(clusters, weights=right - share)
    count = len(sums)
    simple = share * (1 - share) / n
    effective = float(count)
    if simple > 0 and count > 1:
        clustered = count / (count - 1) * float((sums**2).sum()) / n**2
        effective = n * min(1.0, simple / clustered) if clustered > 0 else float(n)
    return _wilson(share, effective)


def _wilson(share: float, n: float) -> tuple[float, float]:
    spread = _Z * sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    middle, scale = share + _Z * _Z / (2 * n), 1 + _Z * _Z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _places(confidence: Floats) -> NDArray[np.int64]:
    """The bin of each confidence, which is from a half to 1."""
    return np.minimum((2 * confidence - 1) * BINS, BINS - 1).astype(np.int64)


def _table(confidence: Floats, right: Floats) -> tuple[Bin, ...]:
    places, width = _places(confidence), 0.5 / BINS
    return tuple(
        Bin(
            low=0.5 + place * width,
            high=0.5 + (place + 1) * width,
            pairs=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            right=float(right[inside].mean()),
        )
        for place in range(BINS)
        if (inside := places == place).any()
    )


def _ece(confidence: Floats, right: Floats) -> float:
    apart = np.bincount(_places(confidence), weights=right - confidence, minlength=BINS)
    return float(np.abs(apart).sum() / len(right))


def _ece_of_chance(confidence: Floats, seed: int) -> float:
    """The mean ECE where each pair is right as often as the model is sure."""
    random = np.random.default_rng(seed)
    drawn = (random.random(len(confidence)) < confidence for _ in range(_SIMULATIONS))
    return float(np.mean([_ece(confidence, right.astype(np.float64)) for right in drawn]))
