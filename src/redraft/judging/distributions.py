"""SciPy's distributions and root finder as functions of plain floats; SciPy itself ships no types.

From `scipy.special` alone, to the last digit what `scipy.stats` gives: that takes most of a second to load, in every
command and every flow run.
Neighbours: `intervals` and `multiplicity` build on these.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special


def normal_quantile(probability: float) -> float:
    """z with P(Z <= z) = probability, for a standard normal Z."""
    return float(special.ndtri(probability))


def coin_cdf(successes: float, tosses: float) -> float:
    """P(X <= successes) for a fair coin, carried on between whole numbers by the incomplete beta function.

    I_{1/2}(n - x, x + 1): the binomial distribution at whole numbers, for effective counts between them.
    """
    if successes >= tosses:
        return 1.0
    return float(special.betainc(tosses - successes, successes + 1, 0.5)) if successes > -1 else 0.0


def log_beta(a: float, b: float) -> float:
    """ln B(a, b)."""
    return float(special.betaln(a, b))


def normal_cdf(value: float) -> float:
    """P(Z <= value) for a standard normal Z."""
    return float(special.ndtr(value))


def normal_tails(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(Z > value) for each value of an array of any shape, accurate far out."""
    return np.asarray(special.ndtr(-values), dtype=np.float64)


def f_tail(value: float, numerator: int, denominator: int) -> float:
    """P(F > value) with the given degrees of freedom."""
    return float(special.fdtrc(numerator, denominator, value))


def t_quantile(probability: float, freedom: float) -> float:
    """t with P(T <= t) = probability, for Student's T with `freedom` degrees of freedom."""
    return float(special.stdtrit(freedom, probability))


def t_tail(value: float, freedom: float) -> float:
    """P(T > value) for Student's T with `freedom` degrees of freedom."""
    return float(special.stdtr(freedom, -value))


def t_tails(values: NDArray[np.float64], freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(T > value) for each value, element by element with its own degrees of freedom."""
    return np.asarray(special.stdtr(freedom, -values), dtype=np.float64)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where `function` crosses zero between low and high (Brent), to about 1e-14."""
    return float(optimize.brentq(function, low, high, xtol=1e-14, rtol=1e-14, maxiter=500))
