"""SciPy's distributions and root finder as functions of plain floats; SciPy itself ships no types.

Neighbours: `intervals` and `multiplicity` build on these.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Callable

from scipy import optimize, stats


def normal_quantile(probability: float) -> float:
    """z with P(Z <= z) = probability, for a standard normal Z."""
    return float(stats.norm.ppf(probability))


def coin_cdf(successes: int, tosses: int) -> float:
    """P(X <= successes) for a fair coin."""
    return float(stats.binom.cdf(successes, tosses, 0.5))


def coin_pmf(successes: int, tosses: int) -> float:
    """P(X = successes) for a fair coin."""
    return float(stats.binom.pmf(successes, tosses, 0.5))


def f_tail(value: float, numerator: int, denominator: int) -> float:
    """P(F > value) with the given degrees of freedom."""
    return float(stats.f.sf(value, numerator, denominator))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where `function` crosses zero between low and high (Brent), to about 1e-14."""
    return float(optimize.brentq(function, low, high, xtol=1e-14, rtol=1e-14, maxiter=500))
