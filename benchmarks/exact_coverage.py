"""How often the two-model interval holds the truth, and how often equal models get a winner: exactly, not simulated.

Every possible count of wins, losses and ties is weighed with its multinomial probability.
Run: python -m benchmarks.exact_coverage
"""

from __future__ import annotations

import json
import time

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import multinomial

from redraft.judging.decision import WINNING, decide
from redraft.judging.folding import Tally
from redraft.judging.intervals import mid_p, tango_interval
from redraft.judging.summary import Settings

TIES = (0.0, 0.3, 0.6, 0.8)
LEADS = (0.0, 0.1, 0.2, 0.4, 0.7)  # wins less losses among the decisive contexts


class Outcomes:
    """Every outcome of n contexts, with its interval, mid-p and verdict; arrays of shape (outcomes,)."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.table = np.array([(w, l, n - w - l) for w in range(n + 1) for l in range(n + 1 - w)])  # noqa: E741
        limits = np.array([tango_interval(*row) for row in self.table.tolist()])
        self.low, self.high = limits.T
        self.p = np.array([mid_p(w, l) for w, l, _ in self.table.tolist()])  # noqa: E741
        settings = Settings()
        verdicts = [decide(Tally(wins=w, losses=l, ties=t), settings).code for w, l, t in self.table.tolist()]  # noqa: E741
        self.winner = np.isin(verdicts, WINNING)

    def chances(self, tie: float, delta: float) -> NDArray[np.float64]:
        win = (1 - tie + delta) / 2
        return np.asarray(multinomial.pmf(self.table, self.n, [win, max(0.0, 1 - tie - win), tie]))


@click.command()
@click.option("--size", "sizes", multiple=True, type=int, default=(20, 50, 100, 200), show_default=True)
def main(sizes: tuple[int, ...]) -> None:
    """Prints smallest, mean and largest coverage, and the chance of a winner between equal models."""
    started = time.monotonic()
    covered: list[float] = []
    false: dict[str, list[float]] = {"interval": [], "mid-p": [], "verdict": []}
    for n in sizes:
        outcomes, here = Outcomes(n), list[float]()
        for tie in TIES:
            for delta in (round(lead * (1 - tie), 12) for lead in LEADS):
                chances, truth = outcomes.chances(tie, delta), 0.5 + delta / 2
                inside = (outcomes.low <= truth + 1e-12) & (truth - 1e-12 <= outcomes.high)
                here.append(float(chances[inside].sum()))
                if delta == 0:
                    excluded = (outcomes.low > 0.5) | (outcomes.high < 0.5)
                    false["interval"].append(float(chances[excluded].sum()))
                    false["mid-p"].append(float(chances[outcomes.p <= 0.05].sum()))
                    false["verdict"].append(float(chances[outcomes.winner].sum()))
        covered += here
        print(json.dumps({"contexts": n, "settings": len(here), **_spread(here)}), flush=True)
    print(json.dumps({
        "settings": len(covered), "coverage": _spread(covered),
        "within_93_and_97": sum(0.93 <= one <= 0.97 for one in covered),
        "winner_between_equals": {name: _spread(values) for name, values in false.items()},
        "seconds": round(time.monotonic() - started, 1),
    }, indent=1))  # fmt: skip


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "smallest": round(min(values), 4),
        "mean": round(float(np.mean(values)), 4),
        "largest": round(max(values), 4),
    }


if __name__ == "__main__":
    main()
