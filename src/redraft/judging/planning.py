"""Before money is spent: how many contexts a run needs, what it can see with fewer, how many calls that makes.

Prices and tokens are the caller's. Neighbours: `intervals` has the plain formulas, `planned_levels` those of several
pairs, `sequential` the looks, `paired` the size for means of scores.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import ConfigurationError, InputError
from redraft.judging.clustered import planned_design_effect
from redraft.judging.distributions import normal_tails, root
from redraft.judging.folding import Fold
from redraft.judging.intervals import connor_size
from redraft.judging.planned_levels import Correction, Threshold, correction_of, drawn_inflation
from redraft.judging.sequential import boundaries, design_drift, expected_share, inflation

# Contexts of a plan, and models: their pairs grow with the square.
MOST, MOST_MODELS = 10_000_000, 100


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to notice and under which conditions; shares lie in [0, 1].

    `rate` is the smallest win rate worth acting on; `tie_rate` the share of ties expected, from experience or from
    `pilot_tie_rate`. Contexts come in clusters of `cluster_size`, alike by the intraclass `correlation`. A share of
    `missing` contexts will have no verdict, a share of `retry` calls is sent again. `looks` are the shares of the run
    after which it may stop, () for none. `models` are compared each with each by `judges`: three as the arms of a
    study, unless they are of a `leaderboard`, which more always are; there `each` pairs are drawn for a context, 0 for
    all. Below `min_contexts` with a verdict there is none for the whole. ConfigurationError where a value makes no
    sense, or so many ties leave no room for such a win rate.
    """

    rate: float = 0.57
    tie_rate: float = 0.3
    power: float = 0.8
    alpha: float = 0.05
    cluster_size: float = 1.0
    correlation: float = 0.0
    missing: float = 0.0
    retry: float = 0.0
    looks: tuple[float, ...] = ()
    models: int = 2
    judges: int = 1
    leaderboard: bool = False
    each: int = 0
    min_contexts: int = 20

    def __post_init__(self) -> None:
        wrong = [
            said
            for said, right in (
                (f"a win rate of {self.rate} to notice: above 0.5, up to 1", 0.5 < self.rate <= 1),
                (f"a tie rate of {self.tie_rate}: from 0 to below 1", 0 <= self.tie_rate < 1),
                (f"a power of {self.power}: between alpha/2 and 1", self.alpha / 2 < self.power < 1),
                (f"alpha {self.alpha}: between 0 and 1", 0 < self.alpha < 1),
                (f"clusters of {self.cluster_size} contexts: 1 or more", self.cluster_size >= 1),
                (f"a correlation of {self.correlation}: from 0 to 1", 0 <= self.correlation <= 1),
                (f"a missing share of {self.missing}: from 0 to below 1", 0 <= self.missing < 1),
                (f"a retry share of {self.retry}: 0 or more", 0 <= self.retry < MOST),
                (f"{self.models:,} models: 2 to {MOST_MODELS}", 2 <= self.models <= MOST_MODELS),
                (f"{self.judges} judges: 1 or more", self.judges >= 1),
                (f"{self.each} pairs a context: 0 to {self.comparisons}", 0 <= self.each <= self.comparisons),
                (
                    f"looks at {self.models} models: only two are compared with looks on the way (redraft evaluate)",
                    not self.looks or self.models == 2,
                ),
                (f"looks at {list(self.looks)}: the last is at 1", not self.looks or self.looks[-1] == 1),
                (
                    f"a win rate of {self.rate} with {self.tie_rate:.0%} ties: at most {1 - self.tie_rate / 2:g}",
                    self.rate <= 1 - self.tie_rate / 2,
                ),
            )
            if not right
        ]
        if wrong:
            raise ConfigurationError(wrong[0])

    @property
    def design_effect(self) -> float:
        return planned_design_effect(self.cluster_size, self.correlation)

    @property
    def comparisons(self) -> int:
        """Pairs of models, which are tested together."""
        return self.models * (self.models - 1) // 2

    @property
    def correction(self) -> Correction:
        """How the analysis will allow for their number."""
        return correction_of(self.models, self.judges, self.leaderboard)

    @property
    def drawn(self) -> float:
        """How many times the contexts it takes that pairs are drawn; 1 where every pair meets on every context."""
        return drawn_inflation(self.models, self.each) if self.each else 1.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of `contexts` contexts costs in calls, and what it can see.

    `needed` contexts notice the aim's win rate with its power; `enough` says whether the run has so many.
    `detectable` is the smallest win rate that this run notices with that power, None where there is none. A context
    takes one response of each model (`generations`), and two orders of each pair that meets on it (`judge_calls`,
    retries included). With three models or more `correction` says how the number of pairs will be allowed for, and
    `level` at which two-sided level a single test would need as many contexts as a pair here: the correction's least
    favourable case; 0 where there are too few groups of contexts for any.
    `expected` is the mean number of contexts at which the run stops, by the true win rate: one half, the aim's, and
    one whose distance from one half is one and a half times as large; without looks it is all of them.
    """

    aim: Aim
    contexts: int
    needed: int
    enough: bool
    detectable: float | None
    generations: int
    judge_calls: int
    boundaries: tuple[float, ...]
    expected: tuple[tuple[float, float], ...]
    correction: Correction
    level: float


def plan(aim: Aim, contexts: int | None = None) -> Plan:
    """The plan for as many contexts as the aim needs, or for `contexts`.

    A number that is too small is never refused and never passed over: `enough` and `detectable` tell.
    InputError for fewer than one context.
    """
    needed = _needed(aim)
    size = needed if contexts is None else contexts
    if size < 1:
        raise InputError(f"a plan for {size} contexts; it takes one or more")
    if size > MOST:
        raise InputError(f"a plan for {size} contexts; {MOST:,} are the most")
    gap = min(2 * aim.rate - 1, 1 - aim.tie_rate)
    return Plan(
        aim=aim,
        contexts=size,
        needed=needed,
        enough=size >= needed,
        detectable=_detectable(aim, size),
        generations=aim.models * size,
        judge_calls=ceil(round(2 * (aim.each or aim.comparisons) * size * (1 + aim.retry), 6)),
        boundaries=boundaries(aim.looks, aim.alpha) if aim.looks else (),
        expected=_expected(aim, size),
        correction=aim.correction,
        level=_threshold(aim, size).level(_critical(aim, size, gap)),
    )


def power_of(aim: Aim, contexts: float, rate: float) -> float:
    """Chance that a run of so many contexts notices a true win rate, on its own side.

    Connor (1987) turned round: Phi((D sqrt(n) - z_{alpha/2} sqrt d) / sqrt(d - D^2)), n the effective contexts.
    """
    decisive, gap = 1 - aim.tie_rate, abs(2 * rate - 1)
    n = _effective(aim, contexts)
    spread = sqrt(max(0.0, decisive - gap * gap))

    def chance(critical: NDArray[np.float64]) -> NDArray[np.float64]:
        reach = gap * sqrt(n) - critical * sqrt(decisive)
        return normal_tails(-reach / spread) if spread else (reach > 0).astype(np.float64)

    return _threshold(aim, contexts).average(chance)


def blinded_tie_rate(pilot: Iterable[Fold]) -> float:
    """Share of ties among a pilot's contexts with a verdict. Wins and losses are pooled: nobody sees who is ahead.

    So the size may be set from the pilot, and the pilot's contexts be used in the run, without more false alarms.
    InputError for a pilot without a verdict.
    """
    labels = [fold.label for fold in pilot if fold.label != "unusable"]
    if not labels:
        raise InputError("the pilot has no usable verdict; run it on other contexts, or with another judge")
    return labels.count("tie") / len(labels)


def _effective(aim: Aim, contexts: float) -> float:
    """Independent contexts with a verdict that tell as much as this run, had it no looks."""
    grown = inflation(aim.looks, aim.alpha, aim.power) if aim.looks else 1.0
    return contexts * (1 - aim.missing) / aim.design_effect / aim.drawn / grown


def _threshold(aim: Aim, contexts: float) -> Threshold:
    """Few groups of contexts need more of them."""
    groups = ceil(contexts / aim.cluster_size)
    return Threshold(aim.correction, aim.comparisons, aim.alpha, groups, aim.cluster_size > 1)


def _critical(aim: Aim, contexts: float, gap: float) -> float:
    return _threshold(aim, contexts).critical(aim.power, 1 - aim.tie_rate, gap)


def _needed(aim: Aim) -> int:
    """The smallest run whose effective size is what the plain formula asks for, and that may have a verdict."""
    decisive = 1 - aim.tie_rate
    gap = min(2 * aim.rate - 1, decisive)

    def enough(contexts: int) -> bool:
        if contexts * (1 - aim.missing) < aim.min_contexts:
            return False
        asked = connor_size(gap, decisive, aim.power, _critical(aim, contexts, gap))
        return asked is not None and _effective(aim, contexts) >= asked - 1e-9

    high = 1
    while not enough(high):
        high *= 2
        if high > MOST:
            raise ConfigurationError(
                f"a win rate of {aim.rate} would take more than {MOST:,} contexts; choose a larger difference"
            )
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _detectable(aim: Aim, contexts: int) -> float | None:
    decisive, n, threshold = 1 - aim.tie_rate, _effective(aim, contexts), _threshold(aim, contexts)

    def excess(gap: float) -> float:
        critical = threshold.critical(aim.power, decisive, gap)
        return (connor_size(gap, decisive, aim.power, critical) or 0.0) - n

    return None if excess(decisive) > 0 else 0.5 + root(excess, 1e-6, decisive) / 2


def _expected(aim: Aim, contexts: int) -> tuple[tuple[float, float], ...]:
    rates = (0.5, aim.rate, min(0.5 + 1.5 * (aim.rate - 0.5), 1 - aim.tie_rate / 2))
    if not aim.looks:
        return tuple((rate, float(contexts)) for rate in rates)
    bounds = boundaries(aim.looks, aim.alpha)
    # At the size that the aim needs, the mean of Z is the drift of the design; it grows with the root of the size.
    unit = design_drift(aim.looks, aim.alpha, aim.power) * sqrt(contexts / _needed(aim)) / (aim.rate - 0.5)
    return tuple((rate, contexts * expected_share(aim.looks, bounds, unit * (rate - 0.5))) for rate in rates)
