"""The end of a persona study: one report, one results.json, its tables, and what the Prefect UI shows of them.

Neighbours: `persona_sections` tells of the stages, `persona_evaluation` has what was judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.datasets.storage import Dataset
from redraft.judging.groups import group_of
from redraft.judging.pages import Cost, Further, Stage
from redraft.judging.publishing import REPORT, RESULTS, Told, publish
from redraft.judging.rubric import Rubric
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary
from redraft.judging.trait_study import TraitStudy, study_traits
from redraft.judging.traits import Rules
from redraft.records import Comparison, Judgment
from tasks.board_files import require_ranked, write_board
from tasks.judge_panel import panel_facts
from tasks.persona_evaluation import Judged
from tasks.persona_plan import PersonaPlan
from tasks.persona_sections import board_stage, costs_of, generation_stages, plain_stage, training_stage
from tasks.persona_tests import Tests
from tasks.showing import show_report, show_table
from tasks.test_contexts import contexts_row
from tasks.trait_files import RatedModels, StoredAnswers, StoredRatings, in_scores, require_scores, trait_canaries
from tasks.verdict_files import JudgedPair, PairRows, in_verdicts, pair_canaries, require_verdicts, write_verdict


async def report_personas(
    plan: PersonaPlan, made: Sequence[dict[str, Any]], tests: Tests, jobs: Mapping[str, dict[str, Any]], judged: Judged
) -> dict[str, Any]:
    """The verdicts and where they lie: traits, comparisons by these, and what the persona costs at plain tasks.

    Raises PartialError, with them, where too many contexts or answers have none, and before that RedraftError where an
    endpoint could not be stopped.
    """
    serving, settings = judged.serving, settings_of_report(plan, judged.models)
    parameters = _parameters(plan, tests, judged)
    plain = await write_verdict(
        f"{plan.output}/plain", "Plain tasks", [one["folders"] for one in judged.plain],
        msgspec.to_builtins(settings), {**parameters, **panel_facts(plan.judges, judged.models.values()),
                                        "test_contexts": contexts_row(tests.plain)},
        [], [cost for one in judged.plain for cost in one["costs"]],
    )  # fmt: skip
    boards = {
        name: await write_board(
            f"{plan.output}/{name}", f"{len(judged.models)} models compared", one["folders"],
            msgspec.to_builtins(settings), parameters, [], [],
        )
        for name, one in judged.boards.items()
    }  # fmt: skip
    costs = await asyncio.to_thread(costs_of, made, tests, judged)
    stages = [
        *generation_stages(plan, made, tests), training_stage(jobs), *([plain_stage(plain)] if judged.plain else []),
        *(board_stage(name, by, one) for by, (name, one) in by_traits(plan, boards)), *serving.stages(),
    ]  # fmt: skip
    found = await write_persona(
        plan.output, title_of(plan), [one["folders"] for one in judged.pairs], judged.rated["rated"],
        msgspec.to_builtins(plan.rubric, str_keys=True), [(judged.models[a], judged.models[b]) for a, b in plan.pairs],
        msgspec.to_builtins(settings), parameters,
        stages, costs, further(plan, plain, boards),
    )  # fmt: skip
    await _show(found, plain, boards, costs)
    serving.require_stopped()
    found |= {"served": serving.said(), "plain": plain, "leaderboards": boards}
    require_scores(found, plan.max_missing)
    for one in (found, plain):
        require_verdicts(one, plan.max_missing)
    for one in boards.values():
        require_ranked(one, plan.max_missing)
    told = found["sentences"] if len(plan.arms) == 1 else [f"{len(found['sentences'])} findings;"]
    return {**found, "said": f"{' '.join(told)} report: {found['report']}{serving.said()}"}


@task(task_run_name="report in {output}")
async def write_persona(
    output: str,
    title: str,
    pairs: list[dict[str, Any]],
    rated: dict[str, Any],
    rubric: dict[str, Any],
    compared: list[tuple[str, str]],
    settings: dict[str, Any],
    parameters: dict[str, Any],
    stages: list[dict[str, Any]],
    costs: list[dict[str, Any]],
    further: list[dict[str, Any]],
) -> dict[str, Any]:
    """Paths of the files, and in words, as tables and in Markdown what judgments and ratings say; makes no calls.

    Scores of the models of each pair in `compared` are held against each other.
    """
    told = Told(
        title=title, created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), parameters=parameters,
        stages=tuple(msgspec.convert(stages, list[Stage])), costs=tuple(msgspec.convert(costs, list[Cost])),
        further=tuple(msgspec.convert(further, list[Further])),
    )  # fmt: skip
    said = msgspec.convert(settings, Settings)
    study, traits = await asyncio.to_thread(
        _write, Path(output), [msgspec.convert(one, JudgedPair) for one in pairs], msgspec.convert(rated, RatedModels),
        msgspec.convert(rubric, Rubric, str_keys=True), compared, said, told,
    )  # fmt: skip
    scores, verdicts = in_scores(traits, said.label), in_verdicts(study, said)
    beside = [f"**{one.sentence}** {one.detail}".strip() for one in told.further]
    by_traits = [f"Compared by these traits: {one}" for one in verdicts["verdicts"]]
    sentences = [*scores["sentences"], *by_traits, *(one.sentence for one in told.further)]
    return {
        **scores, **verdicts,
        "report": str(Path(output) / REPORT), "results": str(Path(output) / RESULTS),
        "markdown": "\n\n".join([scores["markdown"], verdicts["markdown"], *beside]),
        "sentences": sentences, "simulated": study.simulated or traits.simulated,
    }  # fmt: skip


def _write(
    output: Path, pairs: list[JudgedPair], rated: RatedModels, rubric: Rubric,
    compared: list[tuple[str, str]], settings: Settings, told: Told,
) -> tuple[StudySummary, TraitStudy]:  # fmt: skip
    made = (folder for pair in pairs for folder in pair.made())
    simulated = rated.simulated or any(Dataset.open(Path(one)).manifest["simulated"] for one in made)
    settings = msgspec.structs.replace(settings, simulated=simulated)
    comparisons, judgments = PairRows[Comparison](pairs, "comparisons"), PairRows[Judgment](pairs, "read_judgments")
    ratings, answers = StoredRatings(rated), StoredAnswers(rated)
    contexts = Dataset.open(Path(rated.contexts)).rows()
    traits = study_traits(
        ratings, rubric, groups={one.conversation_id: group_of(one) for one in contexts}, pairs=compared,
        labels=settings.labels, rules=Rules(max_missing=settings.max_missing),
        canaries=trait_canaries(rated, rubric), answers=answers, simulated=simulated,
    )  # fmt: skip
    study = publish(
        output, comparisons, judgments, settings, told, canaries=pair_canaries(pairs, judgments), traits=traits,
        ratings=ratings, answers=answers,
    )  # fmt: skip
    return study, traits


def settings_of_report(plan: PersonaPlan, models: Mapping[str, str]) -> Settings:
    return Settings(
        labels={model: name for name, model in models.items() if model != name},
        max_missing=plan.max_missing, one_training_run=True, baseline=plan.model,
    )  # fmt: skip


def title_of(plan: PersonaPlan) -> str:
    names = [one.name for one in plan.arms]
    return f"Persona study: {names[0]}" if len(names) == 1 else f"Persona study: {' and '.join(names)}"


def by_traits(plan: PersonaPlan, boards: Mapping[str, dict[str, Any]]) -> list[tuple[str, tuple[str, dict[str, Any]]]]:
    """By what each leaderboard ranks, with its name and itself: of several it says whose traits they are."""
    whose = [f"the traits of {' and '.join(names)}" for _, names in plan.sharing] if len(boards) > 1 else ["the traits"]
    # Two models have no leaderboard.
    return list(zip(whose, boards.items(), strict=False))


def further(plan: PersonaPlan, plain: dict[str, Any], boards: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What is said beside traits and comparisons by these: plain tasks, and leaderboards."""
    found = [
        Further(sentence=f"At plain tasks: {sentence}", detail=detail)
        for sentence, detail in zip(plain["verdicts"], plain["details"], strict=True)
    ]
    found += [
        Further(sentence=f"Of all models, by {by}: {one['sentence']}") for by, (_, one) in by_traits(plan, boards)
    ]
    return [msgspec.to_builtins(one) for one in found]


def _parameters(plan: PersonaPlan, tests: Tests, judged: Judged) -> dict[str, Any]:
    """What results.json and the report say of how it was done."""
    personas = {one.name: {"persona": one.persona.id, "digest": one.persona.digest, "file": one.source,
                           "system_prompt_file": one.system_prompt or None} for one in plan.arms}  # fmt: skip
    traits = panel_facts(plan.trait_judges, judged.models.values())
    return {
        "personas": personas, **{name: value for name, value in plan.generating.items() if value not in (None, ())},
        **judged.models, **plan.training, **panel_facts(plan.judges, judged.models.values()),
        "judge_criteria": {criteria.id: list(criteria.criteria) for criteria, _ in plan.sharing},
        "gate_judge": plan.gate_judge or None, "trait_template": traits.get("judge_template"),
        "rubric": plan.rubric.id, "rubric_digest": plan.rubric.digest, "system_prompts": plan.system_prompts,
        "evaluate_with": plan.evaluate_with, "evaluation_prompts": plan.evaluation_prompts or None,
        "plain_prompts": plan.plain_prompts or None, "training_budget": plan.training_budget,
        "ask_above": plan.ask_above, "allow_lost_rows": plan.allow_lost_rows, **plan.pace,
        "budget": plan.calls.budget, "move_on": plan.calls.move_on, "credentials": plan.credentials,
        "max_missing": plan.max_missing, "test_contexts": contexts_row(tests.hard),
        "plain_contexts": contexts_row(tests.plain), "endpoints": judged.serving.facts(),
    }  # fmt: skip


async def _show(
    found: dict[str, Any], plain: dict[str, Any], boards: Mapping[str, dict[str, Any]], costs: list[dict[str, Any]]
) -> None:
    await show_table("trait-means", found["means"], "Mean scores")
    await show_table("trait-differences", found["differences"], "Differences of the models")
    await show_table("persona-verdicts", found["table"], "Compared by the persona's traits")
    await show_table("plain-verdicts", plain["table"], "Compared at plain tasks")
    for name, one in boards.items():
        await show_table(name, [row for table in one["tables"] for row in table["rows"]], "The leaderboard")
    await show_table("persona-costs", costs, "Costs in US dollars")
    await show_report("persona", Path(found["report"]), found["markdown"])
