"""How often the interval of the length-adjusted win rate holds the rate at equal length that was put in.

Verdicts are drawn from a judge with a known taste for length, ties among them, contexts in clusters or not.
Run: python -m benchmarks.adjusted
"""

from __future__ import annotations

import json

import click
import numpy as np
from numpy.typing import NDArray

from redraft.judging.length_adjusted import adjusted_rate

# Contexts, size of clusters, mean length difference in its own sd, log-odds at equal length, log-odds of length.
CASES = (
    (60, 1, 0.3, 0.0, 1.0),
    (150, 1, 0.3, 0.3, 1.0),
    (150, 1, 1.0, 0.0, 2.0),
    (500, 1, 0.6, -0.5, 1.5),
    (300, 5, 0.3, 0.2, 1.0),
)


def drawn(
    random: np.random.Generator, n: int, size: int, mean: float, theta: float, phi: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Points, length differences and clusters. P(win) + P(tie)/2 is logistic in tanh of the difference."""
    clusters = np.arange(n) // size
    shared = random.random(size=clusters.max() + 1)[clusters]  # a cluster's contexts often share their luck
    luck = np.where(random.random(size=n) < (0.3 if size > 1 else 0.0), shared, random.random(size=n))
    d = random.normal(mean, 1.0, size=n)
    p = 1 / (1 + np.exp(-(theta + phi * np.tanh(d))))
    tied = 0.5 * np.minimum(p, 1 - p)
    return np.where(luck < p - tied / 2, 1.0, np.where(luck < p + tied / 2, 0.5, 0.0)), d, clusters


@click.command()
@click.option("--studies", default=1000, show_default=True)
@click.option("--samples", default=1000, show_default=True, help="Bootstrap samples in each.")
@click.option("--seed", default=3, show_default=True)
def main(studies: int, samples: int, seed: int) -> None:
    """Prints coverage of the 95% interval, and of the raw rate's mean, which is what length has added to."""
    random = np.random.default_rng(seed)
    for n, size, mean, theta, phi in CASES:
        truth, held, raw, fitted = float(1 / (1 + np.exp(-theta))), 0, 0.0, 0
        for number in range(studies):
            points, d, clusters = drawn(random, n, size, mean, theta, phi)
            found = adjusted_rate(points, d, clusters if size > 1 else None, samples=samples, seed=number)
            raw += found.raw / studies
            if found.low is not None and found.high is not None:
                fitted += 1
                held += found.low <= truth <= found.high
        print(json.dumps({
            "contexts": n, "cluster": size, "rate at equal length": round(truth, 3), "mean raw rate": round(raw, 3),
            "coverage": round(held / fitted, 3), "without a fit": studies - fitted,
        }))  # fmt: skip


if __name__ == "__main__":
    main()
