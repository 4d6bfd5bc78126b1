"""A study's trainings: each arm once, or with several seeds; and what all seeds of an arm say together.

Neighbours: `training_jobs` runs them side by side; `redraft.judging.seeds` counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from redraft.errors import ConfigurationError
from redraft.judging.folding import fold_judgments
from redraft.judging.multiplicity import holm
from redraft.judging.report import Stage, Table
from redraft.judging.seeds import Pooled, pooled
from redraft.judging.summary import Settings
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
            pair: pooled([_folds(judged[one]["folders"]) for one in of_pair], settings.confidence)
            for pair, of_pair in comparisons.items()
        }
    )
    adjusted = _adjusted(found)
    mark = " (simulated)" if any(pair["cost"]["simulated"] for pair in judged.values()) else ""
    sentences = [
        f"{a} won {one.rate:.1%} against {b}: the mean of {one.seeds} training runs{mark}."
        for (a, b), one in found.items()
    ]
    details = [f"{_interval(one, settings)}; p {adjusted[p]}; by seed {_rates(one)}." for p, one in found.items()]
    rows = tuple(
        (a, b, one.n, f"{one.rate:.1%}", _interval(one, settings), adjusted[a, b], _rates(one))
        for (a, b), one in found.items()
    )
    columns = ("A", "B", "contexts", "A's win rate", "interval", "p (Holm)", "by seed")
    lead = (
        "All training runs of an arm together: a context's verdicts are averaged over the runs first, so that it "
        "counts once. The interval is about these runs on other contexts; how far runs with other seeds may lie from "
        "them, the last column gives an idea of. The verdicts on single runs are adjusted for their number."
    )
    stage = Stage(title="Seeds", lead=lead, tables=(Table(columns=columns, rows=rows),))
    return sentences, details, [msgspec.to_builtins(stage)]


def _folds(folders: dict[str, str]) -> Any:
    pair = msgspec.convert(folders, JudgedPair)
    return fold_judgments(pair.read_judgments(), (one.context_id for one in pair.comparisons()))


def _adjusted(found: Mapping[Pair, Pooled]) -> dict[Pair, str]:
    known = {pair: one.p for pair, one in found.items() if one.p is not None}
    words = {
        pair: f"{p:.4f}" if p >= 0.0001 else "below 0.0001"
        for pair, p in zip(known, holm(list(known.values())), strict=True)
    }
    return {pair: words.get(pair, "not known") for pair in found}


def _interval(one: Pooled, settings: Settings) -> str:
    if one.low is None or one.high is None:
        return "no interval: the contexts do not differ"
    return f"{settings.confidence:.0%} interval {one.low:.1%} to {one.high:.1%}"


def _rates(one: Pooled) -> str:
    return ", ".join("none" if rate is None else f"{rate:.1%}" for rate in one.rates)
