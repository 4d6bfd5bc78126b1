"""Random runs under a budget, with mixed prices, faults and concurrency: what the providers charge never exceeds it.

Run: python -m benchmarks.budgets [--runs 100]
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from benchmarks.asking import BUDGET_REACHED, Work, ask
from benchmarks.stub import load
from redraft.calling import prices, tokens
from redraft.calling.ledger import Ledger
from redraft.sandbox.process import SandboxProcess

# Each provider is a sandbox of its own with one model, so that its tokens have one price.
MODELS = {"openai": "openai:one", "together": "together:two", "openrouter": "openrouter:three"}
MOUNTS = {"openai": "/openai/v1", "together": "", "openrouter": "/openrouter/v1"}
_MILLION = Decimal(1_000_000)


class Result(NamedTuple):
    """US dollars: the limit, what the providers charge, and what redraft booked as spent or possibly spent."""

    budget: Decimal
    charged: Decimal
    booked: Decimal
    reached: bool

    @property
    def overshot(self) -> bool:
        return self.charged > self.budget or self.booked > self.budget


def start_providers(seed: int) -> dict[str, SandboxProcess]:
    """Answers are dropped, spoiled, cut short: all of them are charged for. Stop them at the end."""
    faults = {"drop_rate": 0.1, "malformed_rate": 0.05, "error_rate": 0.05, "truncate_rate": 0.1, "latency_ms": 10}
    return {name: SandboxProcess.start({"seed": seed, **faults}) for name in MODELS}


def run_one(chance: random.Random, providers: Mapping[str, SandboxProcess], folder: Path) -> Result:
    """One or two callers on one ledger, some requests, a budget for a part of them."""
    tariffs = {name: (round(chance.uniform(0.05, 20), 2), round(chance.uniform(0.1, 60), 2)) for name in MODELS}
    lines = [f'["{MODELS[name]}"]\ninput = {a}\noutput = {b}\n' for name, (a, b) in tariffs.items()]
    file = folder / f"prices-{chance.getrandbits(48)}.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    os.environ["REDRAFT_PRICES"] = str(file)
    for sandbox in providers.values():
        sandbox.post("/sandbox/reset")
    work = Work(
        urls=tuple(f"{name}={sandbox.url}{MOUNTS[name]}" for name, sandbox in providers.items()),
        source=str(chance.randrange(20, 120)),
        ledger=str(folder / f"{file.stem}.sqlite"),
        models=tuple(chance.sample(list(MODELS.values()), chance.randint(1, 3))),
        in_flight=chance.choice([1, 4, 16, 64]),
        max_tokens=chance.choice([64, 512, 2048]),
        attempt_seconds=chance.choice([0.03, 5.0]),
        quick=True,
    )
    worst = sum(prices.worst(one.model, tokens.bound(one), one.max_tokens) or 0.0 for one in work.requests())
    work = msgspec.structs.replace(work, budget=round(worst * chance.uniform(0.01, 0.5), 6))
    statuses = asyncio.run(_run(work, chance.choice([1, 1, 2])))
    charged = sum((_charged(providers[name], *tariffs[name]) for name in MODELS), Decimal(0))
    return Result(Decimal(str(work.budget)), charged, asyncio.run(_booked(work.ledger)), BUDGET_REACHED in statuses)


async def _run(work: Work, callers: int) -> list[int]:
    done = await asyncio.gather(*(ask(work) for _ in range(callers)))
    return [status for _, status in done]


def _charged(sandbox: SandboxProcess, for_input: float, for_output: float) -> Decimal:
    """What the provider counts, answers that never arrived included."""
    counted: Any = sandbox.stats()["tokens"]
    return (counted["input"] * Decimal(str(for_input)) + counted["output"] * Decimal(str(for_output))) / _MILLION


async def _booked(ledger: str) -> Decimal:
    async with Ledger(Path(ledger)) as kept:
        spent = await kept.spent("bench")
    return Decimal(repr(round(spent.spent + spent.uncertain + spent.set_aside, 12)))


@click.command()
@click.option("--runs", default=100, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(runs: int, seed: int) -> None:
    """Prints one JSON line; exit status 1 where a budget was overshot."""
    chance, providers = random.Random(seed), start_providers(seed)  # noqa: S311
    try:
        with tempfile.TemporaryDirectory() as folder:
            results = [run_one(chance, providers, Path(folder)) for _ in range(runs)]
    finally:
        for sandbox in providers.values():
            sandbox.stop()
    overshot = sum(result.overshot for result in results)
    used = [float(result.charged / result.budget) for result in results if result.reached]
    said = {
        "runs": runs, "overshot": overshot, "reached": len(used), "load": load(),
        "charged_more_than_booked": sum(result.charged > result.booked for result in results),
        "share_of_the_budget_charged_where_reached": round(sum(used) / len(used), 3) if used else None,
    }  # fmt: skip
    print(json.dumps(said))
    raise SystemExit(overshot > 0)


if __name__ == "__main__":
    main()
