"""The end of a comparison of imitators: one report, one results.json, and what the Prefect UI shows of them. No calls.

Neighbours: `imitation_arms` has the replies, `imitation_words` and `imitation_cautions` say what came out,
`imitation_sections`, `imitation_training`, `imitation_samples` and `imitation_methods` show it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.storage import Dataset
from redraft.imitating.arms import BEST, PERSON, PROVIDER, Written
from redraft.imitating.measures import Measured, measure
from redraft.judging.counting import count_study
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.pages import Cost, Part, Section, Stage, Table
from redraft.judging.publishing import REPORT, RESULTS, facts_of
from redraft.judging.report import ReportInput, render_report
from redraft.judging.results import read_head
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary
from redraft.judging.untrusted import markdown
from tasks.board_files import RoundFolders, require_ranked, write_board
from tasks.imitation_arms import ImitationPlan, Tested
from tasks.imitation_cautions import cautions_of, recitals
from tasks.imitation_methods import paragraphs_of
from tasks.imitation_samples import Verdicts, samples_section
from tasks.imitation_sections import recitation_section, stages_of, style_section, worth_section
from tasks.imitation_training import Around, curves_stage, data_stages, reward_section, rl_section, took_in_words
from tasks.imitation_words import besides_of, ceiling_of, heading_of, worth_of
from tasks.showing import show_report, show_table

_SIMULATED_BY = (
    "The sandbox judged these replies, or stood in for a model that wrote what was trained on. They show that the "
    "comparison runs, and say nothing about any model."
)


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
    told = _Told(plan=plan, measured=measured, around=around, parameters={**parameters, **_facts(plan, tested)})
    costs = [*around.costs, *judged["costs"]]
    settings = Settings(
        labels={model: plan.labels[name] for name, model in zip(plan.names, plan.models, strict=True)},
        max_missing=max_missing, one_training_run=True, simulated=plan.simulated,
    )  # fmt: skip
    found = await write_board(
        plan.output, f"Imitating {plan.person}", judged["folders"], msgspec.to_builtins(settings), told.parameters,
        [msgspec.to_builtins(one) for one in told.stages], costs,
    )  # fmt: skip
    more = await asyncio.to_thread(
        _write_page, told, tested, replies, msgspec.convert(judged["folders"], RoundFolders), costs
    )
    found |= more
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


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page is made of beside judgments."""

    plan: ImitationPlan
    measured: Mapping[str, Measured]
    around: Around
    parameters: dict[str, Any]

    @property
    def sections(self) -> list[Section]:
        """Those that need no judgment: style, recitation, the reward model, reinforcement learning."""
        labels = self.plan.labels
        found = [
            style_section(self.measured, labels),
            recitation_section(self.measured, labels),
            None if self.around.reward is None else reward_section(self.around.reward),
            None if self.around.course is None else rl_section(self.around.course),
        ]
        return [one for one in found if one is not None]

    @property
    def data(self) -> list[Stage]:
        return data_stages(self.around.examples, self.around.preferences)

    @property
    def stages(self) -> list[Stage]:
        """For results.json: every number of the sections, too, and the points of curves."""
        took = Table(columns=("", "what it took"), rows=tuple((self.plan.labels[n], t) for n, t in self.takes.items()))
        course = self.around.course
        curves = [] if course is None else [curves_stage(course)]
        return [*self.data, Stage(title="What each arm took", tables=(took,)), *stages_of(self.sections), *curves]

    @property
    def takes(self) -> dict[str, str]:
        """What each arm took, in words."""
        plan, reward = self.plan, took_in_words(self.around.took_reward)
        found = {name: took_in_words(one) for name, one in self.around.took.items()}
        for name, one in self.around.took.items():
            if one is not None and one.kind == "rl":
                found[name] += " and a reward model"
        if plan.best:
            found[plan.best] = f"{plan.outputs} outputs a reply, and the {reward}"
        return found

    @property
    def bases(self) -> list[str]:
        return list(dict.fromkeys(one.notes.base_model for one in self.plan.arms))


def _write_page(
    told: _Told, tested: Tested, replies: Mapping[str, Written], folders: RoundFolders, costs: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """report.html in place of the plain leaderboard's; gives its words and rows."""
    plan, output = told.plan, Path(told.plan.output)
    head = read_head(output / RESULTS)
    page, rows = _page(told, head.summary, head.leaderboard, tested, replies, _folds(folders), costs)
    path = output / REPORT
    with storage_faults(path):
        write_whole(path, render_report(page).encode())
    return {
        "heading": page.heading, "sentences": [one.sentence for one in page.further], "arms": rows,
        "measured": {name: one.figures() for name, one in told.measured.items()},
        "markdown": _markdown(page), "simulated": page.simulated, "labels": plan.labels,
    }  # fmt: skip


def _folds(folders: RoundFolders) -> Verdicts:
    """What the first judge said of each arm beside the plain one, context by context."""
    first = Dataset.open(Path(folders.judgments[0]))
    return {
        (one.model_a.removeprefix(f"{PROVIDER}:"), context): fold
        for one in count_study(first.rows()).counted()
        for context, fold in one.folds.items()
    }


def _page(
    told: _Told, study: StudySummary, board: Leaderboard | None, tested: Tested, replies: Mapping[str, Written],
    folds: Verdicts, costs: Sequence[dict[str, Any]],
) -> tuple[ReportInput, list[dict[str, Any]]]:  # fmt: skip
    plan, labels, around = told.plan, told.plan.labels, told.around
    plain = labels[plan.plain]
    besides = besides_of(study, plan.names, plan.plain)
    ceiling = ceiling_of(besides, plan.person, plain)
    cautions = cautions_of(
        simulated=study.simulated, canaries=study.canaries, bases=told.bases, judges=study.judges,
        measured=told.measured, besides=besides, labels=labels,
        reward=None if around.reward is None else around.reward.quality, course=around.course,
        ranked_by=around.ranked_by,
    )  # fmt: skip
    order = [plan.plain, *(name for name in plan.names if name != plan.plain)]
    samples = samples_section(
        tested.contexts.rows(), {name: replies[name].texts for name in order}, labels, folds
    )  # fmt: skip
    first = [
        worth_section(besides, ceiling, {name: labels[name] for name in order}, told.takes, plain),
        Section(anchor="caution", title="Before you believe it", parts=(Part(points=tuple(cautions)),)),
        *told.sections, *([] if samples is None else [samples]),
    ]  # fmt: skip
    page = ReportInput(
        title=f"Imitating {plan.person}",
        heading=heading_of(besides, plan.person, plain, simulated=study.simulated),
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        study=study,
        board=board,
        labels=study.settings.labels,
        further=(*recitals(told.measured, labels), *worth_of(besides, plain), *([ceiling] if ceiling else [])),
        first=tuple(first),
        stages=tuple(told.data),
        costs=tuple(msgspec.convert(list(costs), list[Cost])),
        facts=facts_of(told.parameters),
        paragraphs=paragraphs_of(
            labels=labels, plain=plan.plain, best=plan.best, settings=plan.settings,
            kinds={name: one.kind for name, one in around.took.items() if one is not None}, measured=told.measured,
            reward=around.reward, correction=study.correction,
        ),
        results_file=RESULTS,
        simulated=study.simulated,
        simulated_by=_SIMULATED_BY,
    )  # fmt: skip
    return page, [msgspec.to_builtins(one) for one in besides]


def _facts(plan: ImitationPlan, tested: Tested) -> dict[str, Any]:
    """How replies were written, as results.json and the report tell it."""
    return {
        "person": plan.person, "adapters": {one.name: Path(one.folder).parent.name for one in plan.arms},
        "base_models": {one.name: one.notes.base_model for one in plan.arms}, "baseline": plan.models[-1],
        "examples_hash": Dataset.open(Path(plan.examples)).content_hash, "test_replies": tested.contexts.count,
        "voice": plan.voice, "outputs": plan.outputs if plan.best else 1, "seed": plan.seed,
        **{name: value for name, value in msgspec.to_builtins(plan.settings).items()
           if name in ("top_p", "max_new_tokens", "max_tokens")},
        "replies_temperature": plan.settings.temperature,
    }  # fmt: skip


def _markdown(page: ReportInput) -> str:
    """For the Prefect UI: the answer, and what was found."""
    lines = ["**Simulated:** these numbers say nothing about real models."] if page.simulated else []
    lines.append(f"**{markdown(page.heading)}**")
    lines += [f"{markdown(one.sentence)} {markdown(one.detail)}".strip() for one in page.further]
    return "\n\n".join(lines) + "\n"
