"""Contexts that come in groups (one user's, one document's): counts by cluster, and what they are worth.

Contexts of one cluster resemble each other, so they tell less than so many independent ones. Their counts are divided
by the design effect and go into the same interval and test. Neighbours: `intervals`, `decision`, and `paired`, which
does the same for means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redraft.errors import InputError
from redraft.judging.distributions import normal_quantile, t_quantile
from redraft.judging.folding import Fold, Label
from redraft.judging.intervals import exact_p, mid_p, tango_interval, win_rate

_LEAST = 0.01  # clusters exactly alike would make their contexts count without end
_LABELS: tuple[Label, ...] = ("win", "loss", "tie", "unusable")


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """Wins, losses and ties in numbers of independent contexts that would tell as much; fractions are usual.

    `design_effect` is the variance of the win rate with clusters over that without, 1 or more; the counts are divided
    by it. `clusters` is None where contexts are not grouped, `largest` then too; else that is how many contexts the
    largest cluster has, and intervals and tests use Student's t with so many `degrees` of freedom: clusters - 1 for
    clusters of one size, fewer where some hold most contexts (`jackknife`). Where the clusters' results differ
    less than chance would make them, the design effect is 1 and `underdispersion` holds the ratio below 1: then the
    wider is used of the interval with it and of the interval of independent contexts. A floor of 1 together with
    Student's t would be too wide for few clusters: it holds the truth in 99% where contexts are independent.
    """

    wins: float
    losses: float
    ties: float
    design_effect: float = 1.0
    clusters: int | None = None
    largest: int | None = None
    degrees: float | None = None
    underdispersion: float = 1.0

    @property
    def freedom(self) -> float | None:
        """Degrees of freedom; None where contexts are not grouped, 0 where the clusters tell nothing."""
        if self.clusters is None:
            return None
        return max(0, self.clusters - 1) if self.degrees is None else self.degrees

    @property
    def n(self) -> float:
        return self.wins + self.losses + self.ties

    @property
    def win_rate(self) -> float:
        return win_rate(self.wins, self.losses, self.ties)

    @property
    def p(self) -> float:
        """Two-sided mid-p of wins against losses."""
        return self._tested(mid_p)

    @property
    def p_exact(self) -> float:
        """Two-sided exact p of wins against losses."""
        return self._tested(exact_p)

    def _tested(self, test: Callable[[float, float, float | None], float]) -> float:
        share = self.underdispersion
        p = test(self.wins / share, self.losses / share, self.freedom)
        return p if share == 1 else max(p, test(self.wins, self.losses, None))

    def critical(self, alpha: float = 0.05) -> float:
        """What |Z| must reach at this two-sided level; infinite for a single cluster, where nothing is enough."""
        if self.freedom is None:
            return normal_quantile(1 - alpha / 2)
        return t_quantile(1 - alpha / 2, self.freedom) if self.freedom else inf

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Tango's interval for the win rate."""
        share = self.underdispersion
        low, high = tango_interval(self.wins / share, self.losses / share, self.ties / share, confidence, self.freedom)
        if share == 1:
            return low, high
        alone = tango_interval(self.wins, self.losses, self.ties, confidence)
        return min(low, alone[0]), max(high, alone[1])


class ClusterCounts:
    """Wins, losses, ties and contexts without a verdict, each an array of shape (clusters,).

    InputError where the arrays do not fit each other or hold a negative or fractional number.
    """

    def __init__(self, wins: ArrayLike, losses: ArrayLike, ties: ArrayLike, unusable: ArrayLike | None = None) -> None:
        self.wins, self.losses, self.ties = (
            _counts(values, name) for values, name in ((wins, "wins"), (losses, "losses"), (ties, "ties"))
        )
        self.unusable = np.zeros_like(self.wins) if unusable is None else _counts(unusable, "unusable")
        shapes = {len(one) for one in (self.wins, self.losses, self.ties, self.unusable)}
        if len(shapes) > 1:
            raise InputError(f"counts of {sorted(shapes)} clusters do not fit each other; one of each is needed")

    @classmethod
    def of_folds(cls, folds: Iterable[Fold], clusters: Mapping[str, str]) -> ClusterCounts:
        """Counts by cluster; `clusters` maps context id → cluster. InputError for a context that it does not name."""
        known: dict[str, int] = {}
        rows: list[list[int]] = []
        for fold in folds:
            if fold.context_id not in clusters:
                raise InputError(f"context {fold.context_id} belongs to no cluster; name one for every context or none")
            row = known.setdefault(clusters[fold.context_id], len(known))
            if row == len(rows):
                rows.append([0, 0, 0, 0])
            rows[row][_LABELS.index(fold.label)] += 1
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(_LABELS))
        return cls(*table.T)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Contexts with a verdict, by cluster."""
        return self.wins + self.losses + self.ties

    def worst(self) -> ClusterCounts:
        """As if every missing verdict had been a loss."""
        return ClusterCounts(self.wins, self.losses + self.unusable, self.ties)

    def best(self) -> ClusterCounts:
        """As if every missing verdict had been a win."""
        return ClusterCounts(self.wins + self.unusable, self.losses, self.ties)

    def swapped(self) -> ClusterCounts:
        """From the other model's side."""
        return ClusterCounts(self.losses, self.wins, self.ties, self.unusable)

    def signs(self) -> tuple[int, int]:
        """Clusters in which A won more contexts, and in which B did.

        Where clusters are independent and neither model is better, each sign is a fair coin: what an e-process over
        grouped contexts bets on.
        """
        return int((self.wins > self.losses).sum()), int((self.losses > self.wins).sum())

    def effective(self) -> Effective:
        """The counts divided by the design effect.

        Clusters without a verdict do not count. Where every cluster has one context, contexts are not grouped. Where
        nothing varies (all ties, all wins), nothing shows how alike a cluster's contexts are, and each cluster counts
        as one context, the worst there can be. A single cluster gives the interval (0, 1) and p = 1.
        """
        sizes = self.sizes
        clusters = int((sizes > 0).sum())
        wins, losses, ties = (float(one.sum()) for one in (self.wins, self.losses, self.ties))
        if clusters == 0 or float(sizes.max()) <= 1:
            return Effective(wins=wins, losses=losses, ties=ties)
        ratio = design_effect(self.wins - self.losses, sizes, wins + losses)
        effect = max(1.0, ratio)
        return Effective(
            wins=wins / effect,
            losses=losses / effect,
            ties=ties / effect,
            design_effect=effect,
            clusters=clusters,
            largest=int(sizes.max()),
            degrees=jackknife(sizes)[1],
            underdispersion=min(1.0, max(_LEAST, ratio)),
        )


def design_effect(net: NDArray[np.float64], sizes: NDArray[np.float64], decisive: float) -> float:
    """Variance of the mean net win by clusters over that by contexts: Kish's (1965) design effect.

    Per cluster `net` wins (wins less losses) of `sizes` contexts, both of shape (clusters,); `decisive` is wins plus
    losses in all. (SE_cluster/SE_iid)^2 with SE_cluster^2 = sum_c f_c (sum_{i in c} r_i)^2 / n^2, the `jackknife`
    giving f. Where residuals are all 0, or there is one cluster, it is the largest value there can be, sum m^2/n.
    """
    n, clusters = float(sizes.sum()), int((sizes > 0).sum())
    mean = float(net.sum()) / n
    spread = decisive - n * mean * mean
    if clusters < 2 or spread < 1e-9:
        return float(sizes @ sizes) / n
    residuals = net - mean * sizes
    return float(residuals**2 @ jackknife(sizes)[0]) * (n - 1) / (n * spread)


def jackknife(sizes: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """For a mean over clusters of these sizes, shape (clusters,): factors, of that shape, and degrees of freedom.

    A cluster's sum of residuals, squared, times its factor (C-1)/C / (1 - m_c/n)^2 is n^2 times what leaving it out
    adds to the jackknife's variance of the mean: MacKinnon, Nielsen, Webb (2023), Journal of Applied Econometrics
    38:671, CV3. For clusters of one size that is CR1, with its factor C/(C-1); where one holds most contexts CR1 is
    much too small, as the mean follows that cluster and leaves it no residual. The degrees are the effective number of
    clusters, n^2 / sum m^2, less 1, and 1 at least: Carter, Schnepel, Steigerwald (2017), Review of Economics and
    Statistics 99:698. 0 for a single cluster; empty ones do not count. With Bell and McCaffrey's
    fewer degrees the interval of few or dominated clusters would be two or three times too wide:
    benchmarks/clusters.py.
    """
    n, count = float(sizes.sum()), int((sizes > 0).sum())
    if count < 2:
        return np.ones_like(sizes), 0.0
    factors = (count - 1) / count / np.maximum(1 - sizes / n, _LEAST / n) ** 2
    return factors, min(count - 1.0, max(1.0, n**2 / float(sizes @ sizes) - 1))


def planned_design_effect(cluster_size: float, correlation: float) -> float:
    """1 + (m - 1) rho for clusters of m contexts and an intraclass correlation of rho: Kish (1965), Survey Sampling.

    InputError for a size below 1 or a correlation outside [0, 1].
    """
    if cluster_size < 1 or not 0 <= correlation <= 1:
        raise InputError(f"clusters of {cluster_size} contexts, correlation {correlation}: 1 or more, and 0 to 1")
    return 1 + (cluster_size - 1) * correlation


def _counts(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or (array % 1 != 0).any():
        raise InputError(f"{name} by cluster: one row of whole numbers of 0 or more is needed")
    return array
