"""Does the interval hold the truth where contexts come in groups? And how often do equal models get a winner?

Simulated groups of contexts that share a tendency: each group's chances are drawn from a Dirichlet distribution whose
precision gives the intraclass correlation. Sizes are equal or, as users' are, not. Run: python -m benchmarks.clusters
"""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import numpy as np
from numpy.typing import NDArray

from redraft.judging.clustered import ClusterCounts
from redraft.judging.intervals import tango_interval
from redraft.judging.paired import clustered_mean

LEADS = (0.0, 0.3)
Sizes = Callable[[np.random.Generator, int], NDArray[np.int_]]
SIZES: dict[str, Sizes] = {
    "5 each": lambda rng, groups: np.full(groups, 5),
    "geometric, mean 7": lambda rng, groups: rng.geometric(0.15, groups),
    "one of half": lambda rng, groups: np.append(3 * (groups - 1), np.full(groups - 1, 3)),
    "one of 40, others 1-4": lambda rng, groups: np.append(40, rng.integers(1, 5, groups - 1)),
    "Zipf, at most 60": lambda rng, groups: rng.zipf(1.6, groups).clip(max=60),
}


def drawn(
    rng: np.random.Generator, sizes: NDArray[np.int_], shares: tuple[float, float, float], correlation: float
) -> ClusterCounts:
    """Counts of groups of these sizes; `shares` of wins, losses, ties hold over all groups."""
    if correlation:
        chances = rng.dirichlet(np.array(shares) * (1 - correlation) / correlation, len(sizes))
    else:
        chances = np.tile(shares, (len(sizes), 1))
    return ClusterCounts(*rng.multinomial(sizes, chances).T)


def mean_holds(counts: ClusterCounts, truth: float) -> bool:
    """Whether the t interval of the mean score holds the truth; where there is none, it does."""
    values = np.repeat(np.tile([1.0, 0.0, 0.5], len(counts.wins)), _table(counts).ravel())
    found = clustered_mean(values, np.repeat(np.arange(len(counts.wins)), _table(counts).sum(axis=1)))
    return found.low is None or found.high is None or found.low <= truth <= found.high


def _table(counts: ClusterCounts) -> NDArray[np.int_]:
    return np.stack([counts.wins, counts.losses, counts.ties], axis=1).astype(int)


@click.command()
@click.option("--runs", default=2000, show_default=True, help="Simulated runs of each setting.")
@click.option("--seed", default=1, show_default=True)
@click.option("--correlation", default=0.3, show_default=True, help="Intraclass correlation of a group's contexts.")
@click.option("--ties", default=0.3, show_default=True)
@click.option("--groups", "all_groups", multiple=True, type=int, default=(8, 12, 30, 60), show_default=True)
def main(runs: int, seed: int, correlation: float, ties: float, all_groups: tuple[int, ...]) -> None:
    """Prints coverage with clusters counted and ignored, of the win rate's interval and of a mean score's."""
    rng = np.random.default_rng(seed)
    for name, sizes_of in SIZES.items():
        for groups in all_groups:
            for lead in LEADS:
                wins = (1 - ties) * (1 + lead) / 2
                shares, found = (wins, 1 - ties - wins, ties), np.zeros(4)
                truth, width, freedom = 0.5 + (shares[0] - shares[1]) / 2, 0.0, 0.0
                for _ in range(runs):
                    counts = drawn(rng, sizes_of(rng, groups), shares, correlation)
                    effective = counts.effective()
                    low, high = effective.interval()
                    width, freedom = width + high - low, freedom + (effective.freedom or 0.0)
                    naive = tango_interval(counts.wins.sum(), counts.losses.sum(), counts.ties.sum())
                    found += (
                        low <= truth <= high, naive[0] <= truth <= naive[1], mean_holds(counts, truth),
                        not low <= 0.5 <= high and effective.p <= 0.05,
                    )  # fmt: skip
                held, ignored, mean, winners = (found / runs).round(4).tolist()
                extra = {"winner_between_equals": winners} if lead == 0 else {}
                print(json.dumps({
                    "sizes": name, "groups": groups, "truth": round(truth, 3), "held": held, "mean_held": mean,
                    "held_if_ignored": ignored, "width": round(width / runs, 3), "freedom": round(freedom / runs, 1),
                    **extra,
                }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
