"""Planned looks at a run that is still going: how strong the evidence must be at each, so that stopping is honest.

Lan-DeMets error spending with the O'Brien-Fleming form, by numerical integration. No library of Python's has it.
Neighbours: `stopping` applies it to counts, `planning` to sizes; `anytime` is for looks that nobody planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil, sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.distributions import normal_cdf, normal_quantile, normal_tails, root

# Beyond eight standard deviations nothing happens (6e-16): a boundary there is one that is never crossed.
_NEVER = 8.0
# Gauss-Legendre over panels two of the kernel's standard deviations wide: exact to rounding.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_MOST_PANELS = 200

Floats = NDArray[np.float64]


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """Probability of first crossing the upper and the lower boundary, by look."""

    upper: tuple[float, ...]
    lower: tuple[float, ...]

    @property
    def by_look(self) -> tuple[float, ...]:
        return tuple(up + down for up, down in zip(self.upper, self.lower, strict=True))

    @property
    def total(self) -> float:
        return sum(self.upper) + sum(self.lower)


def spent(fraction: float, alpha: float = 0.05) -> float:
    """Share of a two-sided alpha that may be used up to an information fraction in (0, 1].

    Lan, DeMets (1983), Biometrika 70:659, of O'Brien-Fleming's form: 2 (2 - 2 Phi(z_{alpha/4} / sqrt t)), half on
    each side.
    """
    if not 0 < fraction <= 1 or not 0 < alpha < 1:
        raise InputError(f"fraction {fraction} and alpha {alpha}: above 0 and up to 1, and below 1")
    return 4 * normal_cdf(normal_quantile(alpha / 4) / sqrt(fraction))


def boundaries(
    fractions: Sequence[float], alpha: float = 0.05, information: Sequence[float] | None = None
) -> tuple[float, ...]:
    """Critical values of |Z| at looks with these information fractions, as standard normal deviates; 8 is "never".

    Armitage, McPherson, Rowe (1969), JRSS A 132:235: at each look the probability of crossing there for the first
    time is what is newly spent. A boundary depends on looks up to its own only. With a last fraction of 1 all of
    alpha is spent. `information`, in any unit, is how much each look has really seen where that differs from the
    fractions, as at the last look of a run that ended early. InputError unless the fractions lie in (0, 1], and both
    increase by at least 0.05% of the whole.
    """
    _checked(fractions)
    seen = fractions if information is None else information
    if len(seen) != len(fractions):
        raise InputError(f"{len(fractions)} looks, but the information of {len(seen)}; one each is needed")
    _increasing(seen)
    return _boundaries(tuple(fractions), alpha, tuple(seen))


@lru_cache(maxsize=1024)
def _boundaries(fractions: tuple[float, ...], alpha: float, seen: tuple[float, ...]) -> tuple[float, ...]:
    process = _Process(0.0)
    found: list[float] = []
    used = 0.0
    for fraction, at in zip(fractions, seen, strict=True):
        process.look_at(at)
        found.append(process.solve(spent(fraction, alpha) - used))
        used += sum(process.crossed(found[-1]))
        process.keep(found[-1])
    return tuple(found)


def crossing(fractions: Sequence[float], bounds: Sequence[float], drift: float = 0.0) -> Crossing:
    """Chances of crossing, where Z at the full size has mean `drift`: Z_k ~ N(drift sqrt t_k, 1).

    `bounds` are critical values of |Z|, one a look.
    """
    _checked(fractions)
    if len(bounds) != len(fractions):
        raise InputError(f"{len(fractions)} looks and {len(bounds)} boundaries; one each is needed")
    process = _Process(drift)
    sides: list[tuple[float, float]] = []
    for fraction, bound in zip(fractions, bounds, strict=True):
        process.look_at(fraction)
        sides.append(process.crossed(bound))
        process.keep(bound)
    return Crossing(upper=tuple(up for up, _ in sides), lower=tuple(down for _, down in sides))


def design_drift(fractions: Sequence[float], alpha: float = 0.05, power: float = 0.8) -> float:
    """The mean of Z at the full size for which the looks find a difference, on its own side, with `power`."""
    _power(power, alpha)
    return _design_drift(tuple(fractions), alpha, power)


@lru_cache(maxsize=256)
def _design_drift(fractions: tuple[float, ...], alpha: float, power: float) -> float:
    bounds = boundaries(fractions, alpha)
    single = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return root(lambda drift: sum(crossing(fractions, bounds, drift).upper) - power, 0.0, single + 4)


def inflation(fractions: Sequence[float], alpha: float = 0.05, power: float = 0.8) -> float:
    """The full size of a run with these looks over that of one without, at equal power; 1.03 for five looks."""
    single = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return (design_drift(fractions, alpha, power) / single) ** 2


def expected_share(fractions: Sequence[float], bounds: Sequence[float], drift: float) -> float:
    """Expected share of the full size at which a run stops, without stopping for futility."""
    stops = crossing(fractions, bounds, drift).by_look
    return 1 - sum(stop * (1 - fraction) for stop, fraction in zip(stops, fractions, strict=True))


def conditional_power(statistic: float, fraction: float, final: float, drift: float) -> float:
    """Chance that Z at the full size ends beyond +-`final`, given Z = `statistic` at `fraction`.

    Lan, Simon, Halperin (1982), Sequential Analysis 1:207. `drift` is the mean of Z at the full size; looks between
    are left out, so it is a little low.
    """
    if not 0 < fraction < 1:
        raise InputError(f"conditional power at the fraction {fraction}; it lies between 0 and 1")
    mean = statistic * sqrt(fraction) + drift * (1 - fraction)
    spread = sqrt(1 - fraction)
    return normal_cdf((mean - final) / spread) + normal_cdf((-final - mean) / spread)


class _Process:
    """The score process S_k = Z_k sqrt(t_k), as a density over the values with which it goes on."""

    def __init__(self, drift: float) -> None:
        self._drift = drift
        self._from = self._at = 0.0
        self._values: Floats = np.zeros(1)
        self._mass: Floats = np.ones(1)  # probability in each value's neighbourhood
        self._bound: float | None = None

    def look_at(self, fraction: float) -> None:
        """The next look's place."""
        if self._bound is not None:
            self._go_on(self._bound, fraction - self._at)
        self._at = fraction

    def crossed(self, bound: float) -> tuple[float, float]:
        """Probability of first crossing above and below at this look."""
        step = self._at - self._from
        limit, spread, means = bound * sqrt(self._at), sqrt(step), self._values + self._drift * step
        upper = float(self._mass @ normal_tails((limit - means) / spread))
        lower = float(self._mass @ normal_tails((limit + means) / spread))
        return upper, lower

    def solve(self, chance: float) -> float:
        """The boundary that is crossed here for the first time with this chance."""
        if sum(self.crossed(_NEVER)) >= chance:
            return _NEVER
        return root(lambda bound: sum(self.crossed(bound)) - chance, 0.0, _NEVER)

    def keep(self, bound: float) -> None:
        """Past this look goes what lies within +-bound."""
        self._bound = bound

    def _go_on(self, bound: float, next_step: float) -> None:
        step = self._at - self._from
        centre, reach, limit = self._drift * self._at, _NEVER * sqrt(self._at), bound * sqrt(self._at)
        low, high = max(-limit, centre - reach), min(limit, centre + reach)
        if high <= low:  # all but certain to have crossed
            low, high = -limit, limit
        # Fine enough for this density and for the next look's kernel, which may be much narrower.
        values, weights = _nodes(low, high, sqrt(min(step, next_step)))
        gaps = values[:, None] - self._values[None, :] - self._drift * step
        density = np.exp(-(gaps**2) / (2 * step)) @ self._mass / sqrt(2 * np.pi * step)
        self._mass = density * weights
        self._values, self._from = values, self._at


def _nodes(low: float, high: float, spread: float) -> tuple[Floats, Floats]:
    """Places and weights of an integral from low to high over what is no narrower than a normal of this `spread`."""
    edges = np.linspace(low, high, 1 + min(_MOST_PANELS, ceil((high - low) / (2 * spread))))
    half = (edges[1:] - edges[:-1]) / 2
    values = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
    return values.ravel(), np.outer(half, _WEIGHTS).ravel()


def _checked(fractions: Sequence[float]) -> None:
    _increasing(fractions)
    if fractions[-1] > 1:
        raise InputError(f"a look at {fractions[-1]:g} of the run; shares of it go up to 1")


def _increasing(places: Sequence[float]) -> None:
    steps = [later - earlier for earlier, later in pairwise((0.0, *places))]
    if not places or not all(step >= 4.999e-4 * max(1.0, places[-1]) for step in steps):
        raise InputError(
            f"looks at {', '.join(f'{one:g}' for one in places) or 'no place'}: they increase from above 0, each by "
            "0.05% of the whole or more"
        )


def _power(power: float, alpha: float) -> None:
    if not (0 < alpha < 1 and alpha / 2 < power < 1):
        raise InputError(f"power {power} and alpha {alpha}: power is below 1 and above alpha/2, alpha between 0 and 1")
