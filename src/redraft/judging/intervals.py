"""Intervals and p-values for wins, losses and ties on paired contexts; power before and after.

Pure numbers: no records, no wording. Neighbours: `clustered` makes the effective counts of grouped contexts,
`multiplicity` is for several pairs, `planning` for what a run will cost, `verdict` for words.
"""

from __future__ import annotations

from math import ceil, isfinite, sqrt

from redraft.judging.distributions import coin_cdf, normal_quantile, root, t_quantile, t_tail

# Beyond so many contexts floats no longer tell the interval's ends from the rate.
MOST = 1e9


def win_rate(wins: float, losses: float, ties: float) -> float:
    """Share of contexts won, a tie counting one half; 0.5 where nothing was compared."""
    n = _total(wins, losses, ties)
    return (wins + ties / 2) / n if n else 0.5


def tango_interval(
    wins: float, losses: float, ties: float, confidence: float = 0.95, freedom: float | None = None
) -> tuple[float, float]:
    """Score interval for the win rate, exact about ties: (low, high) in [0, 1].

    Tango (1998), Statistics in Medicine 17:891, for the difference (W - L)/n of paired proportions, mapped by
    1/2 + delta/2. Without ties it equals Wilson's interval. (0, 1) where nothing was compared. Counts may be
    fractional (effective counts); `freedom`, the degrees of freedom that their clusters leave, takes Student's quantile
    in place of the normal one, and with 0 of them nothing is known: (0, 1). More than MOST contexts count as so many,
    in the same proportions, which widens the interval by less than a hundredth of a point. ValueError for negative
    counts or a confidence outside (0, 1).
    """
    n = _total(wins, losses, ties)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it lies between 0 and 1")
    if n == 0 or freedom == 0:
        return 0.0, 1.0
    if n > MOST:
        wins, losses, ties = (count / n * MOST for count in (wins, losses, ties))
        n = _total(wins, losses, ties)
    upper = (1 + confidence) / 2
    z = normal_quantile(upper) if freedom is None else t_quantile(upper, freedom)
    low = _lower_difference(wins, losses, n, z)
    high = -_lower_difference(losses, wins, n, z)
    return max(0.0, 0.5 + low / 2), min(1.0, 0.5 + high / 2)


def _lower_difference(wins: float, losses: float, n: float, z: float) -> float:
    """The delta below (W - L)/n at which Tango's statistic equals z."""
    observed = (wins - losses) / n
    if observed <= -1:
        return -1.0

    def excess(delta: float) -> float:
        return wins - losses - n * delta - z * sqrt(_variance(wins, losses, n, delta))

    # At -1 the excess is positive, just below the observed value it is negative. The point itself is left
    # out: where all contexts are ties, the variance there is 0 and the excess has a second, false root.
    below = observed - max(1e-12, 1e-9 / n)
    # Rounding may leave no room on either side of the crossing: then the end is the point itself.
    if below <= -1 or excess(-1.0) <= 0:
        return -1.0
    return root(excess, -1.0, below) if excess(below) < 0 else below


def _variance(wins: float, losses: float, n: float, delta: float) -> float:
    """Variance of W - L where the true difference is delta, losses' probability q at its constrained estimate."""
    a = 2 * n
    b = -wins - losses + (2 * n - wins + losses) * delta
    c = -losses * delta * (1 - delta)
    discriminant = sqrt(max(0.0, b * b - 4 * a * c))
    # The two forms are equal; each loses digits where the other does not.
    q = -2 * c / (b + discriminant) if b > 0 else (discriminant - b) / (2 * a)
    return max(0.0, n * (2 * q + delta * (1 - delta)))


def exact_p(wins: float, losses: float, freedom: float | None = None) -> float:
    """Two-sided exact sign test of wins against losses (McNemar's exact test); ties carry no information.

    Fractional counts and `freedom` as in `mid_p`.
    """
    return _sign_test(wins, losses, freedom, 1.0)


def mid_p(wins: float, losses: float, freedom: float | None = None) -> float:
    """Two-sided mid-p sign test: half the weight of the observed table.

    Fagerland, Lydersen, Laake (2013), BMC Medical Research Methodology 13:91, recommend it over the exact test,
    which rejects too seldom. For effective counts the binomial distribution is carried on between whole numbers, and
    with the `freedom` that clusters leave, the normal deviate that the p-value stands for is read as Student's: the
    test then agrees with `tango_interval` of the same `freedom`. 1.0 without decisive contexts, or with 0 `freedom`.
    """
    return _sign_test(wins, losses, freedom, 0.5)


def _sign_test(wins: float, losses: float, freedom: float | None, weight: float) -> float:
    """Twice the smaller tail, the observed table in it with this weight."""
    decisive, fewer = wins + losses, min(wins, losses)
    if decisive == 0 or freedom == 0:
        return 1.0
    tail = weight * coin_cdf(fewer, decisive) + (1 - weight) * coin_cdf(fewer - 1, decisive)
    if freedom is not None:
        tail = t_tail(-normal_quantile(tail), freedom)
    return min(1.0, 2 * tail)


def contexts_needed(rate: float, tie_rate: float, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Contexts that a two-sided test at `alpha` needs to notice a true win rate of `rate` with `power`.

    n = ((z_{alpha/2} sqrt(d) + z_power sqrt(d - D^2)) / D)^2 with d = 1 - tie rate, D = 2 rate - 1:
    Connor (1987), Biometrics 43:207. None where the rate is one half, or not reachable with so many ties, or where
    alpha is too small for any number.
    """
    size = connor_size(abs(2 * rate - 1), 1 - tie_rate, power, normal_quantile(1 - alpha / 2))
    return ceil(size) if size is not None and isfinite(size) else None


def detectable_rate(
    n: float, tie_rate: float, power: float = 0.8, alpha: float = 0.05, critical: float | None = None
) -> float | None:
    """The smallest win rate above one half that n contexts notice with `power`; None where none is.

    The inverse of `contexts_needed`. `critical` takes the place of the normal quantile of `alpha`.
    """
    decisive = 1 - tie_rate
    needs = normal_quantile(1 - alpha / 2) if critical is None else critical

    def excess(gap: float) -> float:
        return (connor_size(gap, decisive, power, needs) or 0.0) - n

    if n <= 0 or decisive <= 0 or excess(decisive) > 0:
        return None
    return 0.5 + root(excess, 1e-6, decisive) / 2


def connor_size(gap: float, decisive: float, power: float, critical: float) -> float | None:
    """Contexts, as a fraction, that notice a difference (W - L)/n of `gap` among so large a share of `decisive` ones.

    `critical` is the value that |Z| must reach. None where the gap is 0 or larger than that share.
    """
    if gap == 0 or gap > decisive:
        return None
    return ((critical * sqrt(decisive) + normal_quantile(power) * sqrt(decisive - gap * gap)) / gap) ** 2


def _total(wins: float, losses: float, ties: float) -> float:
    if min(wins, losses, ties) < 0:
        raise ValueError(f"negative count: {wins} wins, {losses} losses, {ties} ties")
    return wins + losses + ties
