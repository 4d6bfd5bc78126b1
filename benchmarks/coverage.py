"""Studies on sandboxes with a known truth: how often the 95% interval holds it, and what the verdicts claim.

Every seed is a sandbox of its own, asked over HTTP by the code that a real study uses: answers of three models to
the same contexts, judgments in both orders, the summary from stored judgments. Run: python -m benchmarks.coverage
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.progress import Progress
from redraft.datasets.conversations import read_conversations
from redraft.feedback.contexts import to_context
from redraft.judging.stage import answer_contexts, judge_comparisons, pair
from redraft.judging.summary import Settings, StudySummary
from redraft.judging.verdict import summarise_study
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Conversation, Judgment
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample_conversations.json"
BASE, FEEDBACK, ALTERNATIVE = "base", "tuned-feedback", "tuned-alternative"
PAIRS = ((FEEDBACK, BASE), (ALTERNATIVE, BASE), (FEEDBACK, ALTERNATIVE))


def contexts(count: int) -> list[Conversation]:
    """The first `count` test contexts of the bundled sample."""
    made = (to_context(row) for row in read_conversations(SAMPLE) if isinstance(row, Conversation))
    return [context for context in made if isinstance(context, Conversation)][:count]


async def study(url: str, shown: list[Conversation], ledger: Path) -> StudySummary:
    """One study against the sandbox at `url`."""

    async def endpoint_of(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=url, api_key="sandbox")

    async with ChatClient() as client, Ledger(ledger) as paid:
        caller, progress = Caller(client, endpoint_of, paid, Lanes(LimitSettings())), Progress("benchmark")
        answers = {one: await answer_contexts(shown, one, caller, progress) for one in (BASE, FEEDBACK, ALTERNATIVE)}
        judgments: list[Judgment] = []
        for a, b in PAIRS:
            judgments += await judge_comparisons(pair(shown, answers[a], answers[b]), "judge", caller, progress)
    return summarise_study(judgments, settings=Settings(one_training_run=True))


@click.command()
@click.option("--seeds", default=200, show_default=True, help="Simulated studies.")
@click.option("--size", default=100, show_default=True, help="Test contexts in each study.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
def main(seeds: int, size: int, first: int) -> None:
    """Prints the share of intervals that hold the truth, by pair and in all, and the verdicts."""
    shown, held = contexts(size), Counter[str]()
    verdicts: dict[str, Counter[str]] = {f"{a} vs {b}": Counter() for a, b in PAIRS}
    truth: dict[str, float] = {}
    wrong = 0
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as folder, SandboxProcess.start({"seed": seed}) as sandbox:
            summary = asyncio.run(study(sandbox.url, shown, Path(folder) / "ledger.sqlite"))
            for one in summary.pairs:
                name = f"{one.model_a} vs {one.model_b}"
                if name not in truth:
                    said: Any = sandbox.get(f"/sandbox/truth?a={quote(one.model_a)}&b={quote(one.model_b)}")
                    truth[name] = said["win_rate"]
                held[name] += one.low <= truth[name] <= one.high
                verdicts[name][one.verdict] += 1
                wrong += one.favours == "B"
    total = sum(held.values()) / (len(PAIRS) * seeds)
    print(json.dumps({
        "seeds": seeds, "contexts": len(shown), "coverage": round(total, 4),
        "by_pair": {name: round(count / seeds, 4) for name, count in held.items()},
        "truth": {name: round(rate, 4) for name, rate in truth.items()},
        "verdicts": {name: dict(counts) for name, counts in verdicts.items()},
        "verdicts_for_the_weaker_model": wrong,
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
