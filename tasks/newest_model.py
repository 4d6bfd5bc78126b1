"""The evaluation of the newest trained model: what its comparisons say, written down, and told to the world once.

Neighbours: `redraft.training.newest` chooses and words; the flow `evaluate-newest` has `judge-models` do the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.errors import PartialError
from redraft.judging.decision import WINNING
from redraft.judging.results import read_head
from redraft.judging.summary import StudySummary
from redraft.training.announcing import NotToldError
from redraft.training.newest import Newest, Role, announcement, evaluation_of, in_words, newest_model
from redraft.training.registry import Compared, ModelEvaluation, Registry, TrainingJob
from redraft.training.registry.records import Outcome
from tasks.showing import show_table
from tasks.sources import sources
from tasks.training_events import tell

# Verdicts that say nothing of the models.
_SILENT = frozenset({"not_enough", "not_poolable", "judges_disagree"})


async def find_newest(registry: Registry, models: str, credentials: str | None) -> Newest | None:
    """The newest completed model where the credentials lead; needs no key and sends nothing."""
    async with sources(credentials) as (_, endpoint):
        provider = await endpoint("together:any")
    return await asyncio.to_thread(newest_model, registry, provider.name, models)


async def comparison_of(result: dict[str, Any], role: Role, against: str) -> tuple[Compared, bool]:
    """What a run of `judge-models` with the evaluated model first came to, and whether it was simulated."""
    head = await asyncio.to_thread(read_head, Path(result["results"]))
    return compared(head.summary, role, against, result["report"], result["results"]), head.simulated


def compared(study: StudySummary, role: Role, against: str, report: str, results: str) -> Compared:
    """What a study of one pair says of its model A, the evaluated one: with several judges what they say together."""
    if study.panels:
        found, numbers = study.panels[0], study.panels[0].panel
        rate, low, high = numbers.rate, numbers.low, numbers.high
    else:
        found = study.pairs[0]
        rate, low, high = found.win_rate, found.low, found.high
    won = found.verdict in WINNING
    outcome: Outcome = "no verdict" if found.verdict in _SILENT else "worse" if won and found.favours == "B" else "good"
    return Compared(
        against=against, role=role, verdict=found.verdict,
        better=(found.model_a if found.favours == "A" else found.model_b) if won else None, outcome=outcome,
        win_rate=rate, low=low, high=high, sentence=found.sentence, report=report, results=results,
    )  # fmt: skip


async def conclude(
    registry: Registry, job: TrainingJob, comparisons: Sequence[Compared], *, simulated: bool
) -> ModelEvaluation:
    """Writes the evaluation down, shows it and tells of it. Raises PartialError where Prefect did not take the event;
    the next run tells it then."""
    found = evaluation_of(registry, job, comparisons, simulated=simulated)
    await asyncio.to_thread(registry.record_evaluation, found)
    await show_table("newest-model", [_row(found, one) for one in found.comparisons], in_words(job, found))
    await tell_of(registry, job, found)
    return found


async def tell_of(registry: Registry, job: TrainingJob, found: ModelEvaluation) -> None:
    """Tells of an evaluation that nobody was told of; under one id, so that twice is once. Raises PartialError."""
    if found.told_at is not None:
        return
    try:
        await asyncio.to_thread(tell, announcement(job, found))
    except NotToldError as fault:
        raise PartialError(
            f"{in_words(job, found)} But {fault}; the next run tells it, and pays nothing again"
        ) from None
    await asyncio.to_thread(registry.evaluation_told, found)


def _row(found: ModelEvaluation, one: Compared) -> dict[str, Any]:
    return {
        "compared with": f"{one.against} ({one.role})",
        "outcome": one.outcome,
        "win rate": f"{one.win_rate:.1%}",
        "interval": f"{one.low:.1%} to {one.high:.1%}",
        "verdict": one.sentence,
        "report": one.report,
        "simulated": found.simulated,
    }
