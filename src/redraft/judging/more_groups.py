"""How many more contexts would settle a gap; where they come in groups (users, documents), how many more of these.

More groups make both the standard error and Student's quantile smaller. Neighbours: `clustered` has the design effect
and the degrees of freedom of the groups at hand, `intervals` the number of independent contexts that a gap needs.
"""

from __future__ import annotations

from math import ceil, inf

from redraft.judging.clustered import ClusterCounts
from redraft.judging.distributions import t_quantile
from redraft.judging.folding import Tally
from redraft.judging.intervals import connor_size, contexts_needed
from redraft.judging.settings import Settings

_MOST = 10**9  # where so many groups are not enough, no number is told


def more_needed(
    tally: Tally, clusters: ClusterCounts | None, rate: float, settings: Settings
) -> tuple[int | None, int | None]:
    """(contexts, groups) that notice this win rate, beyond those of the tally; without groups the second is None.

    Contexts of groups are those that so many groups would hold. None where there are enough, or no number is.
    """
    if clusters is None or clusters.effective().clusters is None:
        tie_rate = tally.ties / tally.n if tally.n else 0.0
        needed = contexts_needed(rate, tie_rate, settings.power, settings.alpha)
        return (needed - tally.n if needed and needed > tally.n else None), None
    groups = more_groups(clusters, rate, settings.power, settings.alpha)
    held = int((clusters.sizes > 0).sum())
    return (None if groups is None else ceil(groups * tally.n / held)), groups


def more_groups(counts: ClusterCounts, rate: float, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Groups beyond those of `counts`, as large and as alike within, that notice a true win rate of `rate`.

    By a test at two-sided `alpha` with `power`: Connor's number (`connor_size`) at the critical value of all groups
    together is at most what they are worth (`worth`). None with fewer than two groups, which do not tell how much
    groups differ; where there are enough already; where the rate is one half, or not reachable with so many ties; or
    beyond any number that can be asked.
    """
    sizes = counts.sizes
    have, gap = int((sizes > 0).sum()), abs(2 * rate - 1)
    if have < 2:
        return None
    decisive = 1 - float(counts.ties.sum()) / float(sizes.sum())

    def enough(groups: int) -> bool:
        size, critical = worth(counts, groups / have, alpha)
        return (connor_size(gap, decisive, power, critical) or inf) <= size

    if enough(have):
        return None
    low, high = have, 2 * have
    while not enough(high):
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high - have


def worth(counts: ClusterCounts, times: float, alpha: float = 0.05) -> tuple[float, float]:
    """(independent contexts, |Z| to reach) of `times` as many groups like those of `counts`; `times` is 1 or more.

    For a whole number the same as `ClusterCounts.effective` of so many copies, whose residuals are those of the first.
    A large group weighs less in the jackknife the more others there are, so the design effect shrinks as well.
    """
    sizes, net = counts.sizes[counts.sizes > 0], (counts.wins - counts.losses)[counts.sizes > 0]
    n, squares, clusters = float(sizes.sum()), float(sizes @ sizes), times * len(sizes)
    mean = float(net.sum()) / n
    spread = float((counts.wins + counts.losses).sum()) - n * mean * mean
    if spread < 1e-9:
        effect = squares / n
    else:
        factors = (clusters - 1) / clusters / (1 - sizes / (times * n)) ** 2
        effect = float((net - mean * sizes) ** 2 @ factors) * (times * n - 1) / (times * n * spread)
    degrees = min(clusters - 1, max(1.0, times * n * n / squares - 1))
    return times * n / max(1.0, effect), t_quantile(1 - alpha / 2, degrees)
