"""A comparison with planned looks: a portion of the contexts is answered and judged, then a look decides on the next.

What a stop leaves out is never sent. Neighbours: `redraft.judging.stopping` decides, `look_portions` makes the portions
and keeps the plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.datasets.storage import Dataset
from redraft.errors import BudgetReachedError
from redraft.judging.folding import Fold, fold_judgments
from redraft.judging.judges import Judge
from redraft.judging.pages import Stage
from redraft.judging.portions import NotAsked, clusters_of_contexts, look_at
from redraft.judging.settings import Settings
from redraft.judging.stopping import Look
from redraft.training.serving.offers import Offer
from tasks.answer_shard import answer_all
from tasks.comparison import Compared, added_up
from tasks.judge_pair import judge_pair
from tasks.look_portions import Looking, keep_looks, make_portions, part_of_answers
from tasks.serving import answers_of
from tasks.showing import current_progress, show_table
from tasks.side_by_side import side_by_side
from tasks.verdict_files import cost_of


class _Run:
    """What came of the portions so far."""

    def __init__(self) -> None:
        self.pairs: list[dict[str, Any]] = []
        self.costs: list[dict[str, Any]] = []
        self.folds: list[list[Fold]] = []
        self.looks: list[Look] = []
        self.short: BudgetReachedError | None = None

    def not_asked(self, planned: int) -> NotAsked | None:
        """What the stop spared; None where the money ended it, or nothing is left."""
        reached = self.looks[-1].contexts
        if self.short is not None or reached == planned:
            return None
        rows = [row for row in self.costs if row["stage"] != "tests"]  # a judge is tested once, however long a run
        return NotAsked.beyond(
            reached, planned, calls=sum(row["calls"] for row in rows), costs=[row["cost"] for row in rows],
            simulated=any(row["simulated"] for row in rows),
        )  # fmt: skip


async def compare_in_looks(
    models: Sequence[str],
    contexts: Dataset,
    offers: Sequence[Offer],
    judge: Judge,
    output: str,
    looking: Looking,
    settings: Settings,
) -> Compared:
    """Portion after portion is answered and judged until a look stops the run; folders lie in `output`/looks.

    A model with an endpoint of its own answers all contexts at once, as that is paid by the hour. Where the budget ends
    between two looks, what was decided up to the last of them stands: no alpha is spent beyond it, so that a larger
    budget may go on. Raises BudgetReachedError before the first look.
    """
    parts = [Dataset.open(Path(one)) for one in await make_portions(str(contexts.path), looking.due, looking.seed)]
    clusters = await asyncio.to_thread(lambda: clusters_of_contexts(part.rows() for part in parts))
    keep_looks(Path(output), looking)
    if looking.weak:
        get_run_logger().warning("%s", looking.weak)
        tell(looking.weak)
    served = [one.model for one in offers if one.model in models]
    answers, serving = await answers_of(served, contexts, offers)
    whole, run = dict(zip(served, answers, strict=True)), _Run()

    async def answered(model: str, part: Dataset) -> Dataset:
        return await part_of_answers(whole[model], part) if model in whole else await answer_all(part, model)

    async def judged(number: int, part: Dataset) -> None:
        first, second = await side_by_side(answered(model, part) for model in models)
        folder, checks = f"{output}/looks/{number}/judgments", f"{output}/checks" if number == 1 else ""
        pair = await judge_pair(part, first, second, judge, folder, checks)
        run.pairs.append(pair["folders"])
        asked = [made for model, made in zip(models, (first, second), strict=True) if model not in whole]
        run.costs += [*(cost_of("answers", one) for one in asked), *pair["costs"]]
        run.folds.append(await asyncio.to_thread(_folds, part, Path(folder)))

    for number, part in enumerate(parts, start=1):
        try:
            await judged(number, part)
        except BudgetReachedError as fault:
            if not run.looks:
                raise
            run.short = fault
            break
        run.looks.append(look_at(looking.plan, run.folds, settings, clusters))
        await _show(run.looks, models)
        if run.looks[-1].stops:
            break
    current_progress().total = current_progress().done
    costs = added_up([*(cost_of("answers", one) for one in answers), *run.costs, *serving.costs()])
    return Compared(
        pairs=run.pairs, costs=costs, serving=serving,
        taken=tuple(run.looks), not_asked=run.not_asked(contexts.count), short=run.short,
    )  # fmt: skip


def looks_facts(looking: Looking, compared: Compared) -> dict[str, Any]:
    """What results.json and the report say of the plan and of where it ended."""
    spared = compared.not_asked
    return {
        "looks": looking.due,
        "looks_seed": looking.seed,
        "looks_rate": looking.plan.rate,
        "looks_futility": looking.plan.futility,
        "looks_taken": len(compared.taken),
        "not_asked": msgspec.to_builtins(spared) if spared else None,
    }


def looks_stage(looking: Looking, compared: Compared) -> list[dict[str, Any]]:
    """The report's stage."""
    last, planned = compared.taken[-1], looking.plan.contexts
    lead = (
        f"Contexts were taken in an order drawn with the seed {looking.seed}; {last.contexts:,} of {planned:,} were "
        f"answered and judged, in {len(compared.taken)} of {len(looking.due)} portions. {looks_said(compared)}"
    )
    return [msgspec.to_builtins(Stage(title="Planned looks", lead=lead.strip()))]


def looks_said(compared: Compared) -> str:
    """What a stop spared, or that the money ended it; "" for a run that went to its end."""
    if compared.short is not None:
        after = f"look {len(compared.taken)}"
        return f"The budget ended after {after}, whose verdict this is; a larger one goes on."
    return f"{compared.not_asked}." if compared.not_asked else ""


def _folds(part: Dataset, judgments: Path) -> list[Fold]:
    contexts = [context.conversation_id for context in part.rows()]
    return list(fold_judgments(Dataset.open(judgments).rows(), contexts).values())


async def _show(looks: Sequence[Look], models: Sequence[str]) -> None:
    """In the log, to whoever started the run, and in the run's Artifacts tab."""
    said, side = looks[-1].why, looks[-1].decision.favours
    if side is not None:
        said = said.replace(f"enough for {side}.", f"enough for {side}, which is {models['AB'.index(side)]}.")
    get_run_logger().info("%s", said)
    tell(said)
    rows = [
        {
            "look": one.number, "contexts": one.contexts, "z": round(one.statistic, 2),
            "boundary": round(one.boundary, 2), "what follows": one.reason.replace("_", " "), "why": one.why,
        }
        for one in looks
    ]  # fmt: skip
    await show_table("looks", rows, "Planned looks")
