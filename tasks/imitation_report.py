"""The end of a comparison of imitators: one report, one results.json, and what the Prefect UI shows of them. No calls.

Neighbours: `imitation_arms` has the replies, `imitation_training` what came before; `imitation_page` lays the report
out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.imitating.arms import BEST, PERSON, Written
from redraft.imitating.measures import Measured, measure
from redraft.judging.pages import OwnPage, Stage, Table
from redraft.judging.settings import Settings
from tasks.board_files import require_ranked, write_board
from tasks.imitation_arms import ImitationPlan, Tested
from tasks.imitation_page import KIND, ImitationPage, sections_of, write_page
from tasks.imitation_samples import samples_of
from tasks.imitation_sections import stages_of
from tasks.imitation_training import Around, curves_stage, data_stages, took_in_words
from tasks.showing import show_report, show_table


async def report_imitation(
    plan: ImitationPlan,
    tested: Tested,
    replies: Mapping[str, Written],
    judged: Mapping[str, Any],
    around: Around,
    parameters: dict[str, Any],
    max_missing: float,
) -> dict[str, Any]:
    """The report and where it lies; raises PartialError, with that, where too many comparisons have no verdict."""
    measured = await asyncio.to_thread(
        measure, Dataset.open(Path(plan.examples)), _models(replies), _plain(plan, around)
    )
    page = await asyncio.to_thread(_page, plan, tested, replies, around, measured)
    costs = [*around.costs, *judged["costs"]]
    settings = Settings(
        labels={model: plan.labels[name] for name, model in zip(plan.names, plan.models, strict=True)},
        max_missing=max_missing, one_training_run=True, simulated=plan.simulated,
    )  # fmt: skip
    found = await write_board(
        plan.output, f"Imitating {plan.person}", judged["folders"], msgspec.to_builtins(settings),
        {**parameters, **_facts(plan, tested)}, [msgspec.to_builtins(one) for one in _stages(page)], costs,
        page=msgspec.to_builtins(OwnPage(kind=KIND, made_of=msgspec.to_builtins(page))),
    )  # fmt: skip
    found |= await asyncio.to_thread(write_page, Path(plan.output))
    found["measured"] = {name: one.figures() for name, one in measured.items()}
    await show_table("imitators", found["arms"], "Each arm beside the plain one")
    await show_table("judging-costs", costs, "Costs in US dollars")
    await show_report("imitation", Path(found["report"]), found["markdown"])
    require_ranked(found, max_missing)
    return {**found, "said": f"{found['heading']}; report: {found['report']}"}


def _models(replies: Mapping[str, Written]) -> dict[str, Written]:
    return {name: one for name, one in replies.items() if name != PERSON}


def _plain(plan: ImitationPlan, around: Around) -> list[str]:
    """The arms that a model wrote which saw no context of the ranking: best-of-n chooses among the plain one's."""
    first = plan.arms[0].name
    known = around.took.get(first)
    if known is None or known.kind != "lora":
        return []
    return [first, *(name for name in plan.names if name.startswith(BEST))]


def _page(
    plan: ImitationPlan,
    tested: Tested,
    replies: Mapping[str, Written],
    around: Around,
    measured: Mapping[str, Measured],
) -> ImitationPage:
    order = [plan.plain, *(name for name in plan.names if name != plan.plain)]
    return ImitationPage(
        person=plan.person, names=tuple(plan.names), plain=plan.plain, best=plan.best, labels=plan.labels,
        takes=_takes(plan, around), bases=tuple(dict.fromkeys(one.notes.base_model for one in plan.arms)),
        kinds={name: one.kind for name, one in around.took.items() if one is not None}, settings=plan.settings,
        unended_penalty=plan.unended_penalty, measured={name: one.without_texts() for name, one in measured.items()},
        reward=around.reward, course=around.course, ranked_by=around.ranked_by,
        data=tuple(data_stages(around.examples, around.preferences)),
        samples=samples_of(tested.contexts.rows(), {name: replies[name].texts for name in order}),
    )  # fmt: skip


def _takes(plan: ImitationPlan, around: Around) -> dict[str, str]:
    """What each arm took, in words."""
    found = {name: took_in_words(one) for name, one in around.took.items()}
    for name, one in around.took.items():
        if one is not None and one.kind == "rl":
            found[name] += " and a reward model"
    if plan.best:
        found[plan.best] = f"{plan.outputs} outputs a reply, and the {took_in_words(around.took_reward)}"
    return found


def _stages(page: ImitationPage) -> list[Stage]:
    """For results.json: every number of the sections, too, and the points of curves."""
    took = Table(columns=("", "what it took"), rows=tuple((page.labels[n], t) for n, t in page.takes.items()))
    curves: Sequence[Stage] = [] if page.course is None else [curves_stage(page.course)]
    return [*page.data, Stage(title="What each arm took", tables=(took,)), *stages_of(sections_of(page)), *curves]


def _facts(plan: ImitationPlan, tested: Tested) -> dict[str, Any]:
    """How replies were written, as results.json and the report tell it."""
    return {
        "person": plan.person, "adapters": {one.name: Path(one.folder).parent.name for one in plan.arms},
        "base_models": {one.name: one.notes.base_model for one in plan.arms}, "baseline": plan.models[-1],
        "examples_hash": Dataset.open(Path(plan.examples)).content_hash, "test_replies": tested.contexts.count,
        "voice": plan.voice, "outputs": plan.outputs if plan.best else 1, "seed": plan.seed,
        "unended_penalty": plan.unended_penalty if plan.best else None,
        **{name: value for name, value in msgspec.to_builtins(plan.settings).items()
           if name in ("top_p", "max_new_tokens", "max_tokens")},
        "replies_temperature": plan.settings.temperature,
    }  # fmt: skip
