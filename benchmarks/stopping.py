"""Planned looks: how often does a run between equal models end with a winner, what does stopping early save?

Simulated counts go through the code that a run asks after each look. Unplanned looks are measured beside it: the
naive test after every tenth context, and the e-process. Run: python -m benchmarks.stopping
"""

from __future__ import annotations

import json
from math import log

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.clusters import drawn
from redraft.judging.anytime import log_e_value
from redraft.judging.clustered import ClusterCounts
from redraft.judging.folding import Tally
from redraft.judging.intervals import mid_p
from redraft.judging.planning import Aim, plan
from redraft.judging.stopping import Look, LookPlan, review
from redraft.judging.summary import Settings

EVEN = (0.2, 0.4, 0.6, 0.8, 1.0)


def counted(table: NDArray[np.int_], at: tuple[int, ...]) -> list[Tally]:
    """Counts at each look; `table` has a row a context: win, loss, tie, missing."""
    sums = np.cumsum(table, axis=0)
    return [Tally(wins=w, losses=l, ties=t, unusable=u) for w, l, t, u in sums[np.array(at) - 1].tolist()]  # noqa: E741


def measured(
    name: str, aim: Aim, rate: float, places: tuple[float, ...], runs: int, rng: np.random.Generator
) -> dict[str, object]:
    """Runs with a true win rate of `rate`; `places` are where looks really happen, shares of the plan."""
    size = plan(aim).contexts
    fixed = plan(Aim(rate=aim.rate, tie_rate=aim.tie_rate)).contexts
    looks = LookPlan(contexts=size, fractions=aim.looks, rate=aim.rate)
    gap, usable = 2 * rate - 1, 1 - aim.missing
    wins = (1 - aim.tie_rate + gap) / 2
    shares = [wins * usable, (1 - aim.tie_rate - wins) * usable, aim.tie_rate * usable, aim.missing]
    at = tuple(max(1, round(place * size)) for place in places)
    ends = [review(looks, counted(rng.multinomial(1, shares, size), at), Settings(), final=True) for _ in range(runs)]
    return {"setting": name, "truth": rate, "contexts": size, **_shares(ends, fixed, rate)}


def _shares(ends: list[Look], fixed: int, rate: float) -> dict[str, object]:
    reasons = [end.reason for end in ends]
    spent = float(np.mean([end.contexts for end in ends]))
    return {
        "winner": round(sum(end.reason == "winner" for end in ends) / len(ends), 4),
        "held": round(sum(end.low <= rate <= end.high for end in ends) / len(ends), 4),
        "mean_contexts": round(spent, 1),
        "of_a_fixed_run": round(spent / fixed, 3),
        "ends": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
    }


def clustered(runs: int, rng: np.random.Generator, groups: int = 60, correlation: float = 0.3) -> dict[str, object]:
    """Equal models, groups of five contexts; a look sees whole groups."""
    looks, ends = LookPlan(contexts=groups * 5), list[Look]()
    for _ in range(runs):
        all_counts = drawn(rng, np.full(groups, 5), (0.35, 0.35, 0.3), correlation)
        seen = [round(groups * share) for share in EVEN]
        counts = [ClusterCounts(all_counts.wins[:k], all_counts.losses[:k], all_counts.ties[:k]) for k in seen]
        tallies = [
            Tally(wins=int(one.wins.sum()), losses=int(one.losses.sum()), ties=int(one.ties.sum())) for one in counts
        ]
        ends.append(review(looks, tallies, Settings(), counts))
    return {
        "setting": f"{groups} groups of 5, correlation {correlation}",
        "truth": 0.5,
        **_shares(ends, 5 * groups, 0.5),
    }


def unplanned(runs: int, rng: np.random.Generator, contexts: int = 500) -> dict[str, object]:
    """Equal models, somebody looks after every tenth context and stops at a p below .05, or at an E of 20."""
    naive = bets = 0
    for _ in range(runs):
        sums = np.cumsum(rng.multinomial(1, [0.35, 0.35, 0.3], contexts), axis=0)[9::10, :2].tolist()
        naive += any(mid_p(wins, losses) <= 0.05 for wins, losses in sums)
        bets += any(log_e_value(wins, losses) >= log(20) for wins, losses in sums)
    return {"looks": "every tenth context to 500", "naive": round(naive / runs, 4), "e_process": round(bets / runs, 4)}


@click.command()
@click.option("--runs", default=4000, show_default=True, help="Simulated runs of each setting.")
@click.option("--seed", default=1, show_default=True)
def main(runs: int, seed: int) -> None:
    """Prints winners between equal models, power, contexts spent, and how often the repeated interval holds."""
    rng = np.random.default_rng(seed)
    for ties in (0.0, 0.3, 0.6):
        aim = Aim(tie_rate=ties, looks=EVEN)
        for rate in (0.5, aim.rate, 0.5 + 1.5 * (aim.rate - 0.5)):
            print(json.dumps(measured(f"5 looks, ties {ties}", aim, rate, EVEN, runs, rng)), flush=True)
    aim = Aim(looks=EVEN)
    for name, places in (
        ("looks elsewhere than planned", (0.1, 0.33, 0.35, 0.9, 1.0)),
        ("ended by a budget at 70%", (0.2, 0.4, 0.6, 0.7)),
        ("a look after every twentieth part", tuple(k / 20 for k in range(1, 21))),
    ):
        print(json.dumps(measured(name, aim, 0.5, places, runs, rng)), flush=True)
    small = Aim(rate=0.7, looks=EVEN, missing=0.02)
    print(json.dumps(measured("a small run, 2% missing", small, 0.5, EVEN, runs, rng)), flush=True)
    print(json.dumps(clustered(runs, rng)), flush=True)
    print(json.dumps(unplanned(runs, rng)), flush=True)


if __name__ == "__main__":
    main()
