"""The end of a study: results, report, and what the Prefect UI shows of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.judging.settings import Settings
from tasks.judge_panel import panel_facts
from tasks.showing import show_report, show_table
from tasks.study_judging import JudgedArms
from tasks.study_plan import ARMS, StudyPlan
from tasks.study_stages import costs_of_study, stages_of_study
from tasks.test_contexts import contexts_row
from tasks.verdict_files import require_verdicts, write_verdict


async def report_study(
    plan: StudyPlan,
    contexts: Dataset,
    filtered: dict[str, Any],
    rewritten: dict[str, Any],
    jobs: dict[str, dict[str, Any]],
    judged: JudgedArms,
) -> dict[str, Any]:
    """The verdicts and where they lie; those over all seeds come first.

    Raises PartialError, with them, where too many contexts have none, and before that RedraftError where an endpoint
    could not be stopped.
    """
    serving, folders = judged.serving, [pair["folders"] for pair in judged.pairs]
    settings = msgspec.to_builtins(_settings(plan, judged.models))
    costs = [*costs_of_study(rewritten, judged.answers, judged.pairs), *serving.costs()]
    stages = [*stages_of_study(filtered, rewritten, list(jobs.values())), *serving.stages()]
    parameters = _parameters(plan, contexts, judged)
    verdict = await write_verdict(plan.output, "Feedback study", folders, settings, parameters, stages, costs)
    await show_table("study-verdicts", verdict["table"], "Verdicts")
    await show_table("study-costs", costs, "Costs in US dollars")
    await show_report("study", Path(verdict["report"]), verdict["markdown"])
    serving.require_stopped()
    verdict["served"] = serving.said()
    require_verdicts(verdict, plan.max_missing)
    said = f"{len(judged.pairs)} verdicts; report: {verdict['report']}{serving.said()}"
    return {"said": said, **verdict}


def _settings(plan: StudyPlan, models: dict[str, str]) -> Settings:
    named = {name: arm for arm in ARMS for name in plan.names_of(arm)}
    arms = {made: named.get(name, name) for name, made in models.items()} if plan.seeds > 1 else {}
    return Settings(
        labels={one: name for name, one in models.items()},
        arms=arms,
        max_missing=plan.max_missing,
        one_training_run=plan.seeds == 1,
        baseline=plan.model,
    )


def _parameters(plan: StudyPlan, contexts: Dataset, judged: JudgedArms) -> dict[str, Any]:
    """What results.json and the report say of how it was done."""
    return {
        "input": plan.input, "rewriter": plan.rewriter, **judged.models,
        **plan.training, **panel_facts(plan.judges, judged.models.values()), "test_share": plan.test_share,
        "seed": plan.seed, "seeds": plan.seeds, "training_budget": plan.training_budget, "ask_above": plan.ask_above,
        "taxonomy": plan.taxonomy, "max_conversations": plan.max_conversations,
        "allow_lost_rows": plan.allow_lost_rows, **plan.pace,
        "budget": plan.calls.budget, "fallback": list(plan.calls.fallback), "credentials": plan.credentials,
        "max_missing": plan.max_missing, "test_contexts": contexts_row(contexts),
        "endpoints": judged.serving.facts(),
    }  # fmt: skip
