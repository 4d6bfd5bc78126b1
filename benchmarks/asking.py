"""The call engine alone, as one process: requests from a file or made up, ledger and limits on; figures as JSON.

The other programs here start it, kill it, measure it. `python -m benchmarks.asking --help`
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from redraft.calling.engine import Caller
from redraft.calling.garbage import seldom_collected
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.plan import CallPlan
from redraft.calling.progress import Progress
from redraft.calling.retries import Retries
from redraft.calling.sharing import SharedRates
from redraft.errors import BudgetReachedError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Completion, Conversation, Message, Request

# Those of ../shared/bench/common.py, so that both send the same.
SYSTEM = "You improve assistant responses by following user feedback. Answer with the improved response only."
BUDGET_REACHED = 3

WORDS = ["water", "tea", "boil", "pan", "heat", "metre", "height", "cook", "rice", "pasta", "time", "minute", "salt"]


class Row(msgspec.Struct):
    id: str
    prompt: str


def rows(source: str, shuffle: int | None = None) -> Iterator[Row]:
    """Of a JSONL file, or as many as `source` says; each holds `[row N]`, by which the stub knows it. Rows that are
    made up may come in the order that the seed `shuffle` gives."""
    if not source.isdigit():
        with Path(source).open("rb") as file:
            for line in file:
                yield msgspec.json.decode(line, type=Row)
        return
    answers = [" ".join(WORDS[(start + place * place) % len(WORDS)] for place in range(110)) for start in range(13)]
    numbers = range(int(source))
    if shuffle is not None:
        numbers = random.Random(shuffle).sample(numbers, len(numbers))  # noqa: S311
    for number in numbers:
        answer = answers[number % len(answers)]
        yield Row(f"r{number:06d}", f"Question:\n[row {number}] Why?\n\nCurrent answer:\n{answer}.\n\nRewrite it.")


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, where, and how. `source` is a JSONL file of {id, prompt}, or a number of rows to make up; with
    `rewrite` a file of conversations, of which is asked what `redraft rewrite` asks. Rows take turns among `models`.
    `urls` are base URLs: one for all providers, or PROVIDER=URL. With `on_go` nothing is asked before a line
    comes from standard input; `quick` shortens the waits after faults."""

    urls: tuple[str, ...]
    source: str
    ledger: str
    models: tuple[str, ...] = ("vllm:stub-model",)
    rewrite: bool = False
    shuffle: int | None = None
    in_flight: int = 256
    max_tokens: int = 1024
    budget: float | None = None
    attempt_seconds: float = 600.0
    batch: bool = False
    on_go: bool = False
    quick: bool = False

    def requests(self) -> Iterator[Request]:
        if self.rewrite:
            # Only here: reading datasets brings libraries along that calls do not need.
            from redraft.datasets.conversations import read_conversations
            from redraft.feedback.stage import rewrite_requests

            read = read_conversations(Path(self.source))
            yield from rewrite_requests(
                (row for row in read if isinstance(row, Conversation)), "feedback", self.models[0]
            )
            return
        for number, row in enumerate(rows(self.source, self.shuffle)):
            messages = (Message("system", SYSTEM), Message("user", row.prompt))
            model = self.models[number % len(self.models)]
            yield Request(model=model, messages=messages, template="bench@1", row_id=row.id, max_tokens=self.max_tokens)

    @property
    def retries(self) -> Retries:
        pace = (
            {"first_wait": 0.01, "longest_wait": 0.1, "cool_down": 0.05, "longest_cool_down": 0.2, "floor": 200.0}
            if self.quick
            else {}
        )
        return Retries(attempt_seconds=self.attempt_seconds, **pace)

    @property
    def plan(self) -> CallPlan:
        return CallPlan(run="0" * 32, scope=None if self.budget is None else "bench", budget=self.budget)


@click.command()
@click.option("--url", "urls", multiple=True, required=True, help="URL of all providers, or PROVIDER=URL; repeatable.")
@click.option("--rows", "source", required=True, help="A JSONL file of {id, prompt}, or a number.")
@click.option("--ledger", required=True, help="Path or database URL.")
@click.option("--model", "models", multiple=True, default=("vllm:stub-model",), help="Repeatable: rows take turns.")
@click.option("--rewrite", is_flag=True, help="The rows are conversations, and asked is what `redraft rewrite` asks.")
@click.option("--shuffle", type=int, help="Seed of the order of rows that are made up.")
@click.option("--in-flight", default=256)
@click.option("--max-tokens", default=1024)
@click.option("--budget", type=float)
@click.option("--attempt-seconds", default=600.0)
@click.option("--batch", is_flag=True, help="Through the provider's batch API first.")
@click.option("--on-go", is_flag=True, help="Says `ready` and waits for a line of standard input.")
@click.option("--quick", is_flag=True, help="Waits of milliseconds after faults.")
def main(**options: Any) -> None:
    """Asks every row once and prints what came of it as one JSON line; exit status 3 where a budget was reached."""
    with seldom_collected():
        said, status = asyncio.run(ask(Work(**options)))
    print(json.dumps(said))
    sys.exit(status)


async def ask(work: Work) -> tuple[dict[str, Any], int]:
    """Counts of the outcomes and what the account says, and the exit status."""
    bases = {name: base for name, _, base in (url.rpartition("=") for url in work.urls)}
    seen: Counter[str] = Counter()
    status = 0

    async def endpoint_of(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=bases.get(provider) or bases[""], api_key="sk-stub")

    address = work.ledger if "://" in work.ledger else Path(work.ledger)
    async with ChatClient(connections=work.in_flight) as client, Ledger(address) as ledger:
        lanes = Lanes(LimitSettings(in_flight=work.in_flight), SharedRates(ledger.database))
        caller = Caller(client, endpoint_of, ledger, lanes, work.retries, plan=work.plan)
        if work.on_go:
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
        try:
            if work.batch:
                from redraft.calling.batching import run_batches  # brings the SDKs along

                folder, progress = Path(f"{work.ledger}.batches"), Progress("bench")
                await run_batches(
                    work.requests(), caller, stage="bench", folder=folder, progress=progress, poll_seconds=0.2
                )
            async for _, outcome in caller.run(work.requests(), stage="bench"):
                seen["completion" if isinstance(outcome, Completion) else outcome.reason] += 1
                seen["reused"] += outcome.reused
        except BudgetReachedError:
            status = BUDGET_REACHED
        await caller.settled()
        summary = caller.account.summary()
    return {"counts": dict(seen), "summary": json.loads(msgspec.json.encode(summary))}, status


if __name__ == "__main__":
    main()
