"""Studies of three arms with a known truth: how often any false claim is made, and what several training runs show.

Judges are simulated as noisy readers of a latent quality; folding, correction and verdict are the product's own.
Run: python -m benchmarks.arms
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from math import sqrt
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.clusters import SIZES
from redraft.judging.clustered import ClusterCounts
from redraft.judging.decision import decide, extremes
from redraft.judging.folding import Fold, tally
from redraft.judging.missing_bounds import Bounded, correct_bounded
from redraft.judging.multiplicity import Pair, correct, holm
from redraft.judging.seed_variance import method_rate
from redraft.judging.summary import Settings

ARMS = ("feedback", "alternative", "base")
PAIRS: tuple[Pair, ...] = (("feedback", "base"), ("feedback", "alternative"), ("alternative", "base"))
SEQUENCE = (("feedback", "base"), ("feedback", "alternative"))
TIE = 0.5  # a judge who sees a smaller gap than this calls a tie
LABELS = {1: "win", 0: "tie", -1: "loss"}

# Name → effects of the three arms, size of clusters, spread of what a cluster adds to each arm, share of the contexts
# that the first of a pair lost whose verdict is missing: the worst way to lose some.
SCENARIOS: dict[str, tuple[tuple[float, float, float], int, float, float]] = {
    "all equal": ((0.0, 0.0, 0.0), 1, 0.0, 0.0),
    "two equal, one far below": ((0.8, 0.8, 0.0), 1, 0.0, 0.0),
    "all equal, contexts in clusters of 5": ((0.0, 0.0, 0.0), 5, 0.7, 0.0),
    "all equal, a tenth of the lost missing": ((0.0, 0.0, 0.0), 1, 0.0, 0.1),
    "two equal, one far below, a tenth of the lost missing": ((0.8, 0.8, 0.0), 1, 0.0, 0.1),
    "all different": ((0.35, 0.15, 0.0), 1, 0.0, 0.0),
    "all different, a tenth of the lost missing": ((0.35, 0.15, 0.0), 1, 0.0, 0.1),
}


def study(
    random: np.random.Generator,
    contexts: int,
    effects: tuple[float, float, float],
    size: int,
    spread: float,
    missing: float = 0.0,
) -> dict[Pair, dict[str, Fold]]:
    """Folds of each pair; three arms share contexts and answers, each pair has judge's noise of its own."""
    of_cluster = random.normal(size=(-(-contexts // size), 3)).repeat(size, axis=0)[:contexts] * spread
    quality = np.array(effects) + of_cluster + random.normal(size=(contexts, 3))
    made: dict[Pair, dict[str, Fold]] = {}
    for a, b in PAIRS:
        seen = quality[:, ARMS.index(a)] - quality[:, ARMS.index(b)] + 0.5 * random.normal(size=contexts)
        points = np.where(np.abs(seen) < TIE, 0, np.sign(seen)).astype(int)
        gone = (points < 0) & (random.random(contexts) < missing)
        made[a, b] = {
            str(i): Fold(context_id=str(i), label="unusable" if none else LABELS[p])
            for i, (p, none) in enumerate(zip(points.tolist(), gone.tolist(), strict=True))
        }
    return made


def claims(random: np.random.Generator, contexts: int, studies: int, name: str) -> dict[str, Any]:
    """Share of studies with any false claim, by method, and how often each true difference is found."""
    effects, size, spread, missing = SCENARIOS[name]
    false, found = Counter[str](), Counter[str]()
    groups = {str(i): str(i // size) for i in range(contexts)} if size > 1 else None
    truth = {pair: effects[ARMS.index(pair[0])] - effects[ARMS.index(pair[1])] for pair in PAIRS}
    for _ in range(studies):
        pairs = study(random, contexts, effects, size, spread, missing)
        tallies = {pair: tally(folds.values()) for pair, folds in pairs.items()}
        counts = {pair: ClusterCounts.of_folds(f.values(), groups) if groups else None for pair, f in pairs.items()}
        at = {
            pair: Bounded(counted=as_counted.p, worst=lost.p, best=won.p)
            for pair, t in tallies.items()
            for as_counted, lost, won in [extremes(t, counts[pair])]
        }
        p_values = {pair: p.counted for pair, p in at.items()}
        raw = [p_values[pair] for pair in PAIRS]
        correction, adjusted = correct_bounded(pairs, at, clusters=groups)
        closed = correction.adjusted
        ways = {
            "unadjusted": raw, "holm": holm(raw), "closed": closed,
            "fixed sequence": correct(pairs, p_values, sequence=SEQUENCE).adjusted,
        }  # fmt: skip
        stated = {way: {pair: p <= 0.05 for pair, p in zip(PAIRS, ps, strict=True)} for way, ps in ways.items()}
        stated["verdict"] = {
            pair: decide(tallies[pair], Settings(), adjusted[pair], counts[pair]).code in {"better", "clearly_better"}
            for pair in PAIRS
        }
        for way, of_pair in stated.items():
            false[way] += any(
                said and (truth[pair] == 0 or truth[pair] * (tallies[pair].wins - tallies[pair].losses) < 0)
                for pair, said in of_pair.items()
            )
            for pair, said in of_pair.items():
                found[f"{way}: {pair[0]} against {pair[1]}"] += said and truth[pair] != 0
    shares: dict[str, Any] = {"false claims": {way: round(count / studies, 4) for way, count in false.items()}}
    if any(truth.values()):
        shares["found"] = {key: round(count / studies, 3) for key, count in found.items() if count}
    return shares


def runs_of(random: np.random.Generator, runs: int, contexts: int, of_run: float) -> NDArray[np.float64]:
    """Points (1, 1/2, 0) of one method's runs against a fixed model, shape (runs, contexts)."""
    seen = 0.15 + of_run * random.normal(size=(runs, 1)) + 0.5 * random.normal(size=contexts)
    seen = seen + random.normal(size=(runs, contexts))
    return np.where(seen > TIE, 1.0, np.where(seen < -TIE, 0.0, 0.5))


def two_way_bootstrap(random: np.random.Generator, points: NDArray[np.float64], samples: int) -> tuple[float, float]:
    """Percentile interval from drawing runs and contexts, both with replacement."""
    runs, contexts = points.shape
    of_runs = random.multinomial(runs, np.full(runs, 1 / runs), size=samples)
    of_contexts = random.multinomial(contexts, np.full(contexts, 1 / contexts), size=samples)
    low, high = np.quantile(((of_runs @ points) * of_contexts).sum(axis=1) / points.size, [0.025, 0.975])
    return float(low), float(high)


def seeds(random: np.random.Generator, runs: int, contexts: int, of_run: float, studies: int) -> dict[str, Any]:
    """Coverage and mean width of both intervals for the method's win rate, over runs never trained."""
    spread = sqrt(of_run**2 + 0.25 + 1)
    above, below = stats.norm.sf((TIE - 0.15) / spread), stats.norm.cdf((-TIE - 0.15) / spread)
    truth = float(above + (1 - above - below) / 2)
    held, width = Counter[str](), Counter[str]()
    for _ in range(studies):
        points = runs_of(random, runs, contexts, of_run)
        folds = [
            {str(i): Fold(context_id=str(i), label=LABELS[int(2 * p - 1)]) for i, p in enumerate(row.tolist())}
            for row in points
        ]
        rate = method_rate(folds)
        for way, (low, high) in {
            "variance components": (rate.low or 0.0, rate.high or 1.0),
            "two-way bootstrap": two_way_bootstrap(random, points, 1000),
        }.items():
            held[way] += low <= truth <= high
            width[way] += high - low
    return {way: {"coverage": round(held[way] / studies, 3), "width": round(width[way] / studies, 3)} for way in held}


def grouped_seeds(random: np.random.Generator, runs: int, groups: int, sizes: str, studies: int) -> dict[str, Any]:
    """Coverage of a method's win rate of one half, contexts in groups that lean, a little otherwise in each run."""
    held, degrees = 0, 0.0
    for _ in range(studies):
        many = SIZES[sizes](random, groups)
        group = np.arange(groups).repeat(many)
        lean = random.normal(size=groups) + 0.5 * random.normal(size=(runs, groups))
        seen = 0.3 * random.normal(size=(runs, 1)) + lean[:, group] + random.normal(size=(runs, len(group)))
        points = np.digitize(seen, [-TIE, TIE]) - 1
        folds = [
            {str(i): Fold(context_id=str(i), label=LABELS[p]) for i, p in enumerate(row.tolist())} for row in points
        ]
        rate = method_rate(folds, clusters={str(i): str(one) for i, one in enumerate(group.tolist())})
        held += rate.low is None or rate.high is None or rate.low <= 0.5 <= rate.high
        degrees += rate.freedom or 0.0
    return {"coverage": round(held / studies, 3), "freedom": round(degrees / studies, 1)}


@click.command()
@click.option("--studies", default=4000, show_default=True, help="Simulated studies of each kind.")
@click.option("--contexts", default=150, show_default=True, help="Contexts in each study.")
@click.option("--seed", default=5, show_default=True)
@click.option("--unequal", is_flag=True, help="Only the claim about a method, contexts in groups of unequal size.")
def main(studies: int, contexts: int, seed: int, unequal: bool) -> None:
    """Prints the shares of studies with a false claim (at most .055 for the verdict), and the coverage over runs."""
    assert {frozenset(pair) for pair in PAIRS} == {frozenset(pair) for pair in combinations(ARMS, 2)}
    random = np.random.default_rng(seed)
    for sizes in SIZES if unequal else ():
        for runs, groups in ((3, 10), (3, 20), (3, 40), (5, 40)):
            name = f"{runs} runs, {groups} groups, {sizes}"
            print(json.dumps({name: grouped_seeds(random, runs, groups, sizes, max(1, studies // 4))}), flush=True)
    if unequal:
        return
    for name in SCENARIOS:
        print(json.dumps({name: claims(random, contexts, studies, name)}, indent=1))
    for runs, of_run in ((3, 0.0), (3, 0.1), (3, 0.3), (5, 0.3)):
        name = f"{runs} runs, their spread {of_run}"
        print(json.dumps({name: seeds(random, runs, contexts, of_run, max(1, studies // 4))}))


if __name__ == "__main__":
    main()
