"""Judges of known habits on sandboxes of known truth: is the estimate unbiased, is what failed counted, who is caught.

Every seed is a sandbox of its own, asked over HTTP by the code that a real run uses, and a second one in which the
failing judge does not fail. `bias` is the mean difference from what the judge would say of the very same answers on
average; `truth` is the same over all answers that there could be. Run: python -m benchmarks.protocol
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import click

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.progress import Progress
from redraft.judging.canaries import canary_comparisons, pick, repeat_orders
from redraft.judging.checks import Checks, read_checks
from redraft.judging.folding import fold_judgments, tally
from redraft.judging.intervals import tango_interval, win_rate
from redraft.judging.stage import answer_contexts, judge_comparisons, pair
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Comparison, Conversation, Judgment, Message
from redraft.sandbox.options import TruthOptions
from redraft.sandbox.process import SandboxProcess
from redraft.sandbox.prose import marks
from redraft.sandbox.truth import expected_label, true_win_rate

BASE, TUNED, STRENGTH = "base", "tuned", 0.4
JUDGES: dict[str, dict[str, float]] = {
    "sound": {},
    "biased": {"bias": 1.0},
    "noisy": {"sd": 2.0},
    "failing": {"garbage": 0.45, "refusals": 0.04},
    "obedient": {"obeys": 1.0},
    "wavering": {"wavers": 1.0, "sd": 1.0},
}
FAILURES = {"garbage", "refusals"}


def habits_of(judge: str) -> TruthOptions:
    kept: dict[str, Any] = {f"judge_{name}": value for name, value in JUDGES[judge].items() if name in {"bias", "sd"}}
    return TruthOptions(**kept)


def truth_of(judge: str) -> float:
    """The win rate that a perfect study with this judge would measure."""
    return true_win_rate(STRENGTH, 0.0, habits_of(judge))


def expected_of(judge: str, comparisons: list[Comparison], decided: set[str]) -> float:
    """What this judge's win rate would be on these very answers, its noise averaged out, over the contexts decided."""
    labels = [
        expected_label(marks(one.response_a or "")[0] - marks(one.response_b or "")[0], habits_of(judge))
        for one in comparisons
        if one.context_id in decided
    ]
    return 0.5 + 0.5 * mean(labels)


async def judged(
    url: str, contexts: list[Conversation], ledger: Path, judges: list[str]
) -> tuple[list[Comparison], dict[str, list[Judgment]]]:
    """What was compared, and judge → its judgments."""
    async with asking(url, ledger) as (caller, progress):
        answers = [await answer_contexts(contexts, one, caller, progress) for one in (TUNED, BASE)]
        comparisons = pair(contexts, *answers)
        return comparisons, {one: await judge_comparisons(comparisons, one, caller, progress) for one in judges}


@asynccontextmanager
async def asking(url: str, ledger: Path) -> AsyncGenerator[tuple[Caller, Progress]]:
    async def endpoint_of(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=url, api_key="sandbox")

    async with ChatClient() as client, Ledger(ledger) as paid:
        yield Caller(client, endpoint_of, paid, Lanes(LimitSettings())), Progress("benchmark")


async def tested(
    url: str, comparisons: list[Comparison], ledger: Path, judgments: dict[str, list[Judgment]]
) -> dict[str, Checks]:
    """Judge → what its tests showed."""
    async with asking(url, ledger) as (caller, progress):
        return {one: await _checks(comparisons, said, one, caller, progress) for one, said in judgments.items()}


async def _checks(
    comparisons: list[Comparison], judgments: list[Judgment], judge: str, caller: Caller, progress: Progress
) -> Checks:
    picked = pick(comparisons, 20)
    asked = await judge_comparisons(canary_comparisons(picked[:5]), judge, caller, progress)
    for order, several in repeat_orders(picked).items():
        asked += await judge_comparisons(several, judge, caller, progress, orders=(order,), sample=1)
    return read_checks(asked, judgments)


def one_seed(seed: int, size: int) -> dict[str, dict[str, Any]]:
    """Judge → what one study with it found."""
    contexts = [
        Conversation(conversation_id=f"c{n}", messages=(Message("user", f"Explain lantern {n}, harbour {seed}."),))
        for n in range(size)
    ]
    found: dict[str, dict[str, Any]] = {}
    options: dict[str, Any] = {"seed": seed, "strength": [f"{TUNED}={STRENGTH}"]}
    habits = [(judge, name, value) for judge, all_of in JUDGES.items() for name, value in all_of.items()]
    with tempfile.TemporaryDirectory() as folder:
        all_habits = [f"{judge}:{name}={value}" for judge, name, value in habits]
        with SandboxProcess.start({**options, "judge": all_habits}) as sandbox:
            ledger = Path(folder) / "a.sqlite"
            comparisons, done = asyncio.run(judged(sandbox.url, contexts, ledger, list(JUDGES)))
            calls = [call for call in sandbox.calls() if call["model"] == "failing"]
            tests = asyncio.run(tested(sandbox.url, comparisons, ledger, done))
        sound_habits = [f"{judge}:{name}={value}" for judge, name, value in habits if name not in FAILURES]
        with SandboxProcess.start({**options, "judge": sound_habits}) as sandbox:
            _, whole = asyncio.run(judged(sandbox.url, contexts, Path(folder) / "b.sqlite", ["failing"]))
    for judge, judgments in done.items():
        folds = fold_judgments(judgments)
        counts = tally(folds.values())
        decided = {context for context, fold in folds.items() if fold.label != "unusable"}
        low, high = tango_interval(counts.wins, counts.losses, counts.ties)
        found[judge] = {
            "rate": win_rate(counts.wins, counts.losses, counts.ties),
            "expected": expected_of(judge, comparisons, decided), "unusable": counts.unusable,
            "worst": win_rate(counts.wins, counts.losses + counts.unusable, counts.ties),
            "best": win_rate(counts.wins + counts.unusable, counts.losses, counts.ties),
            "covered": low <= truth_of(judge) <= high, "safe": tests[judge].safe,
            "repeat": tests[judge].repeat_agreement, "flips": counts.flip_rate,
        }  # fmt: skip
    lost = {one.context_id for one in done["failing"] if one.status not in {"ok", "tie"}}
    complete = tally(fold_judgments(whole["failing"]).values())
    found["failing"] |= {
        "counted": _counted(done["failing"], calls) and found["failing"]["unusable"] == len(lost),
        "complete": win_rate(complete.wins, complete.losses, complete.ties),
    }
    return found


def _counted(judgments: list[Judgment], calls: list[dict[str, object]]) -> bool:
    """Whether the statuses of the run are what the sandbox says that it did, call by call."""
    did = Counter(str(call["fault"]) for call in calls)
    unreadable = sum(len(one.earlier) + (one.status == "judge_unparseable") for one in judgments)
    refused = sum(one.status == "judge_refused" for one in judgments)
    attempts = sum(one.attempts for one in judgments)
    return (unreadable, refused, attempts) == (did["unreadable"], did["refused"], did.total())


@click.command()
@click.option("--seeds", default=30, show_default=True, help="Simulated studies.")
@click.option("--size", default=100, show_default=True, help="Contexts in each.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
def main(seeds: int, size: int, first: int) -> None:
    """Prints one JSON line for each judge."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for seed in range(first, first + seeds):
        for judge, numbers in one_seed(seed, size).items():
            found[judge].append(numbers)
    for judge, studies in found.items():
        errors, truth = [one["rate"] - one["expected"] for one in studies], truth_of(judge)
        spread = stdev(errors) / sqrt(len(errors)) if len(errors) > 1 else None
        repeats = [one["repeat"] for one in studies if one["repeat"] is not None]
        row: dict[str, Any] = {
            "judge": judge, "studies": len(studies), "truth": round(truth, 4),
            "mean": round(mean(one["rate"] for one in studies), 4), "bias": round(mean(errors), 4),
            "standard_error": round(spread, 4) if spread is not None else None,
            "interval_holds": sum(one["covered"] for one in studies),
            "called_unsafe": sum(one["safe"] is False for one in studies),
            "flips": round(mean(one["flips"] for one in studies), 3), "repeat_agreement": round(mean(repeats), 3),
        }  # fmt: skip
        if judge == "failing":
            row |= {
                "mean_unusable": round(mean(one["unusable"] for one in studies), 1),
                "counted_exactly": sum(one["counted"] for one in studies),
                "bounds_hold_complete": sum(one["worst"] <= one["complete"] <= one["best"] for one in studies),
                "bounds_hold_truth": sum(one["worst"] <= truth <= one["best"] for one in studies),
            }
        click.echo(json.dumps(row))


if __name__ == "__main__":
    main()
