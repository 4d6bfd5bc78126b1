"""Does the interval hold the truth where contexts come in groups? And how often do equal models get a winner?

Simulated groups of contexts that share a tendency: each group's chances are drawn from a Dirichlet distribution whose
precision gives the intraclass correlation. Run: python -m benchmarks.clusters
"""

from __future__ import annotations

import json

import click
import numpy as np
from numpy.typing import NDArray

from redraft.judging.clustered import ClusterCounts
from redraft.judging.intervals import tango_interval

LEADS = (0.0, 0.3)


def drawn(
    rng: np.random.Generator, sizes: NDArray[np.int_], shares: tuple[float, float, float], correlation: float
) -> ClusterCounts:
    """Counts of groups of these sizes; `shares` of wins, losses, ties hold over all groups."""
    if correlation:
        chances = rng.dirichlet(np.array(shares) * (1 - correlation) / correlation, len(sizes))
    else:
        chances = np.tile(shares, (len(sizes), 1))
    return ClusterCounts(*rng.multinomial(sizes, chances).T)


@click.command()
@click.option("--runs", default=4000, show_default=True, help="Simulated runs of each setting.")
@click.option("--seed", default=1, show_default=True)
@click.option("--correlation", default=0.3, show_default=True, help="Intraclass correlation of a group's contexts.")
@click.option("--ties", default=0.3, show_default=True)
@click.option("--groups", "all_groups", multiple=True, type=int, default=(8, 15, 30, 60), show_default=True)
def main(runs: int, seed: int, correlation: float, ties: float, all_groups: tuple[int, ...]) -> None:
    """Prints coverage with clusters counted and ignored; groups hold 5 contexts each, or 1 to 15."""
    rng = np.random.default_rng(seed)
    for groups in all_groups:
        for uneven in (False, True):
            for lead in LEADS:
                wins = (1 - ties) * (1 + lead) / 2
                shares, held, naive, winners = (wins, 1 - ties - wins, ties), 0, 0, 0
                truth = 0.5 + (shares[0] - shares[1]) / 2
                for _ in range(runs):
                    sizes = 1 + rng.geometric(0.25, groups).clip(max=15) if uneven else np.full(groups, 5)
                    counts = drawn(rng, sizes, shares, correlation)
                    effective = counts.effective()
                    low, high = effective.interval()
                    held += low <= truth <= high
                    winners += not low <= 0.5 <= high and effective.p <= 0.05
                    low, high = tango_interval(counts.wins.sum(), counts.losses.sum(), counts.ties.sum())
                    naive += low <= truth <= high
                said = {"groups": groups, "sizes": "2-16" if uneven else "5", "truth": round(truth, 3)}
                found = {"held": round(held / runs, 4), "held_if_ignored": round(naive / runs, 4)}
                extra = {"winner_between_equals": round(winners / runs, 4)} if lead == 0 else {}
                print(json.dumps({**said, **found, **extra}), flush=True)


if __name__ == "__main__":
    main()
