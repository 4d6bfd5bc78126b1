"""A study's trainings: each arm once, or with several seeds; and what all seeds of an arm say together.

Neighbours: `training_jobs` runs them side by side; `redraft.judging.seeds` and `seed_variance` count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from redraft.errors import ConfigurationError
from redraft.judging.folding import Fold, fold_judgments
from redraft.judging.pages import Stage, Table
from redraft.judging.panels import adjusted_p
from redraft.judging.seed_variance import LEAST_SEEDS, MethodRate, method_rate
from redraft.judging.seeds import Pooled, pooled
from redraft.judging.settings import Settings
from redraft.training.settings import settings_of
from tasks.training_job import Wish, write_training
from tasks.training_jobs import compared, train_all
from tasks.verdict_files import JudgedPair

Pair = tuple[str, str]


def names_of(arm: str, seeds: int) -> list[str]:
    """What the arm's trained models are called: `feedback`, or `feedback-1` and so on. Raises ConfigurationError."""
    if seeds < 1:
        raise ConfigurationError(f"seeds {seeds}: each arm is trained at least once")
    return [arm] if seeds == 1 else [f"{arm}-{seed}" for seed in range(1, seeds + 1)]


def pairs_of(pairs: Sequence[Pair], arms: Sequence[str], seeds: int) -> dict[Pair, list[Pair]]:
    """The comparisons of each pair of arms, one for each seed: runs with the same seed are compared with each other."""
    named = {arm: names_of(arm, seeds) for arm in arms}

    def of_seed(name: str, seed: int) -> str:
        return named[name][seed] if name in named else name

    return {(a, b): [(of_seed(a, seed), of_seed(b, seed)) for seed in range(seeds)] for a, b in pairs}


async def train_arms(
    datasets: Mapping[str, str], plan: Mapping[str, Any], seeds: int, *, budget: float | None, at_once: int,
    check_interval: float, credentials: str | None,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The completed job of each trained model, by the names of `names_of`.

    `datasets` are the arms', `plan` the settings that all share. Raises the first fault once all others have ended.
    """
    wishes: dict[str, Wish] = {}
    for arm, dataset in datasets.items():
        file = await write_training(dataset, "sft", None)
        for seed, name in enumerate(names_of(arm, seeds), start=1):
            settings = settings_of({**plan, "suffix": arm, "seed": None if seeds == 1 else seed})
            wishes[name] = Wish(file=file, dataset=dataset, settings=settings, credentials=credentials)
    outcomes = await train_all(
        "train", list(wishes.values()), budget=budget, at_once=at_once, monitor=True, check_interval=check_interval
    )
    await compared(outcomes, "study-trainings")
    for outcome in outcomes:
        if outcome.fault:
            raise outcome.fault
    return {name: outcome.job for name, outcome in zip(wishes, outcomes, strict=True) if outcome.job}


async def seeds_together(
    comparisons: Mapping[Pair, Sequence[Pair]], judged: Mapping[Pair, dict[str, Any]], settings: Settings
) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """(a sentence for each pair of arms, its details, the report's stage) over all seeds; empty with one seed."""
    if all(len(of_pair) == 1 for of_pair in comparisons.values()):
        return [], [], []
    found = await asyncio.to_thread(
        lambda: {
            pair: _Together.of([_folds(judged[one]["folders"]) for one in of_pair], settings)
            for pair, of_pair in comparisons.items()
        }
    )
    these = _adjusted({pair: one.runs.p for pair, one in found.items()})
    method = _adjusted({pair: one.method.p for pair, one in found.items()})
    mark = " (simulated)" if any(pair["cost"]["simulated"] for pair in judged.values()) else ""
    sentences = [
        f"{a} won {one.runs.rate:.1%} against {b}: the mean of {one.runs.seeds} training runs{mark}."
        for (a, b), one in found.items()
    ]
    details = [
        f"These runs: {_interval(one.runs, settings)}; p {these[pair]}; by seed {_rates(one.runs)}. "
        f"The method: {_of_method(one.method, settings)}; p {method[pair]}."
        for pair, one in found.items()
    ]
    rows = tuple(
        (a, b, one.runs.n, f"{one.runs.rate:.1%}", _interval(one.runs, settings), these[a, b],
         _of_method(one.method, settings), method[a, b], _share(one.method), _rates(one.runs))
        for (a, b), one in found.items()
    )  # fmt: skip
    columns = (
        "A",
        "B",
        "contexts",
        "A's win rate",
        "these runs",
        "p",
        "the method",
        "p",
        "owed to the runs",
        "by seed",
    )
    lead = (
        "All training runs of an arm together: a context's verdicts are averaged over the runs first, so that it "
        "counts once. The first interval is about these runs on other contexts, the second about other runs of the "
        "same method, too; with 3 runs that differ much it holds the truth in 93% instead of 95%, and with fewer it "
        "allows no claim. The p-values are adjusted for the number of pairs, the verdicts on single runs for theirs."
    )
    stage = Stage(title="Seeds", lead=lead, tables=(Table(columns=columns, rows=rows),))
    return sentences, details, [msgspec.to_builtins(stage)]


class _Together(msgspec.Struct, frozen=True):
    """All runs of a pair of arms: as a claim about these runs, and about the method."""

    runs: Pooled
    method: MethodRate

    @classmethod
    def of(cls, runs: Sequence[Mapping[str, Fold]], settings: Settings) -> _Together:
        pool = pooled(runs, settings.confidence)
        if not pool.n:
            none = MethodRate(
                seeds=len(runs), n=0, clusters=0, rate=0.5, rates=pool.rates, enough=len(runs) >= LEAST_SEEDS
            )
            return cls(pool, none)
        return cls(pool, method_rate(runs, confidence=settings.confidence))


def _folds(folders: dict[str, str]) -> Any:
    pair = msgspec.convert(folders, JudgedPair)
    return fold_judgments(pair.read_judgments(), (one.context_id for one in pair.comparisons()))


def _adjusted(p_values: Mapping[Pair, float | None]) -> dict[Pair, str]:
    known = {pair: p for pair, p in p_values.items() if p is not None}
    found = known | adjusted_p(known)
    return {
        pair: "not known" if pair not in found else f"{found[pair]:.4f}" if found[pair] >= 0.0001 else "below 0.0001"
        for pair in p_values
    }


def _of_method(one: MethodRate, settings: Settings) -> str:
    if one.low is None or one.high is None:
        return "no interval: the runs or contexts do not differ"
    few = "" if one.enough else f", no claim with fewer than {LEAST_SEEDS} runs"
    return f"{settings.confidence:.0%} interval {one.low:.1%} to {one.high:.1%}{few}"


def _share(one: MethodRate) -> str:
    return "—" if one.seed_share is None else f"{one.seed_share:.0%} of the variance"


def _interval(one: Pooled, settings: Settings) -> str:
    if one.low is None or one.high is None:
        return "no interval: the contexts do not differ"
    return f"{settings.confidence:.0%} interval {one.low:.1%} to {one.high:.1%}"


def _rates(one: Pooled) -> str:
    return ", ".join("none" if rate is None else f"{rate:.1%}" for rate in one.rates)
