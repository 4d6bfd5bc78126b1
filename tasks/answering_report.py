"""The end of an answering study: one report, one results.json, and what the Prefect UI shows of them. No calls.

Neighbours: `answering_scores` measures, `answering_words` and `answering_methods` say it, `answering_sections` and
`answering_samples` show it, `answering_data` tells of the data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.answering.forgetting import forgetting_of
from redraft.answering.matrix import as_markdown, as_rows, matrix_of
from redraft.answering.metrics import Scored
from redraft.answering.predictions import read_scores
from redraft.datasets.curriculum_files import PHASES
from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.storage import Dataset
from redraft.judging.pages import Further, Part, Section
from redraft.judging.publishing import REPORT, RESULTS, facts_of
from redraft.judging.report import ReportInput, render_report
from redraft.judging.untrusted import markdown
from redraft.training.local.plan import CurriculumPlan, read_plan
from redraft.training.local.reading import Reader, state_in
from tasks.answering_data import costs_of, files_stage, layers_stage, lineage_of, read_manifest, rewrites_stage
from tasks.answering_methods import model_name, paragraphs_of
from tasks.answering_samples import samples_section
from tasks.answering_scores import Evaluations, evaluations_of
from tasks.answering_sections import answers_section, curves_section, gate_section, matrix_section, refusals_section
from tasks.answering_words import cautions_of, heading_of, of_forgetting, sentences_of
from tasks.showing import show_report, show_table

FORMAT = 1
# Settings that say nothing of the model, or are said in words.
_TOLD_OTHERWISE = {"replay_fraction", "allow_memory", "wandb_project", "checkpoint_steps", "logging_steps"}
_SIMULATED_BY = (
    "The sandbox wrote the answers and refusals that this model was trained on, not a real model. It shows that the "
    "study runs, and says nothing about any model."
)


@task(task_run_name="report in {output}")
async def report_answers(
    output: str, run: str, curriculum: str, layers: str, positives: str, negatives: str, job: dict[str, Any]
) -> dict[str, Any]:
    """`write_answers_report`, with paths in place of datasets; shown in the run's artifacts."""
    datasets = [Dataset.open(Path(one)) for one in (layers, positives, negatives)]
    found = await asyncio.to_thread(write_answers_report, Path(output), Path(run), Path(curriculum), *datasets, job)
    await show_table("answers-matrix", found["matrix"], "All evaluations before the training and after each phase")
    await show_report("answers", Path(found["report"]), found["markdown"])
    return found


def write_answers_report(
    output: Path,
    run: Path,
    curriculum: Path,
    layers: Dataset,
    positives: Dataset,
    negatives: Dataset,
    job: Mapping[str, Any],
) -> dict[str, Any]:
    """report.html and results.json in `output`, each whole or not at all, from a training's folder `run` and its data.

    `curriculum` is the folder with the files that were trained on, `layers` the questions, `positives` and `negatives`
    the rewrites, `job` the registry's record. Gives `report` and `results` (paths), `heading`, `sentences` (the
    verdicts), `remarks` (what was forgotten), `matrix` (rows of a table), `markdown`, `simulated`. Raises InputError
    where a file of the run is missing or damaged, StorageError where the disk is full or closed.
    """
    plan, evaluations, scores = read_plan(run), evaluations_of(run), read_scores(run)
    simulated = plan.simulated or any(one.manifest.get("simulated") for one in (positives, negatives))
    remarks = forgetting_of(scores, plan.settings.replay_fraction)
    told = _Told(
        run=run, plan=plan, job=job, found=evaluations, scores=scores, remarks=remarks, simulated=simulated,
        cautions=cautions_of(evaluations, _about(plan, curriculum, simulated=simulated)),
        sentences=[*sentences_of(evaluations), *of_forgetting(evaluations, remarks)],
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )  # fmt: skip
    page = _page(told, curriculum, layers, positives, negatives)
    with storage_faults(output):
        output.mkdir(parents=True, exist_ok=True)
        write_whole(output / RESULTS, msgspec.json.format(msgspec.json.encode(_results(told, page))) + b"\n")
        write_whole(output / REPORT, render_report(page).encode())
    matrix = matrix_of(scores)
    return {
        "report": str(output / REPORT), "results": str(output / RESULTS), "heading": page.heading,
        "sentences": [one.sentence for one in told.sentences], "remarks": remarks, "matrix": as_rows(matrix),
        "markdown": _markdown(told, page.heading, as_markdown(matrix)), "simulated": simulated,
    }  # fmt: skip


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """All that page and results.json are made of, beside the data."""

    run: Path
    plan: CurriculumPlan
    job: Mapping[str, Any]
    found: Evaluations
    scores: list[Scored]
    remarks: list[str]
    cautions: list[str]
    sentences: list[Further]
    simulated: bool
    created_at: str


def _about(plan: CurriculumPlan, curriculum: Path, *, simulated: bool) -> dict[str, Any]:
    """What the cautions ask of the training."""
    return {
        "simulated": simulated, "model": model_name(plan), "replay_fraction": plan.settings.replay_fraction,
        "evaluation_rows": plan.settings.evaluation_rows,
        "exact_tokenizer": (read_manifest(curriculum).get("tokenizer") or {}).get("exact"),
    }  # fmt: skip


def _page(
    told: _Told, curriculum: Path, layers: Dataset, positives: Dataset, negatives: Dataset
) -> ReportInput:  # fmt: skip
    title = f"Answering study: {model_name(told.plan)}"
    said = told.remarks or [one.sentence for one in of_forgetting(told.found, ())]
    first = [
        matrix_section(told.found), gate_section(said), refusals_section(told.found), answers_section(told.found),
        curves_section(Reader(told.run).metrics(), [one.name for one in told.plan.phases]),
        _mind(told.cautions), samples_section(told.found),
    ]  # fmt: skip
    lineage = lineage_of(curriculum, ("questions", layers), ("answers", positives), ("refusals", negatives))
    return ReportInput(
        title=title,
        heading=heading_of(told.found, title),
        created_at=told.created_at,
        further=tuple(told.sentences),
        first=tuple(one for one in first if one is not None),
        stages=(layers_stage(layers), rewrites_stage(positives, negatives), files_stage(curriculum)),
        costs=tuple(costs_of(positives, negatives)),
        facts=facts_of({**_facts(told), **lineage}),
        paragraphs=paragraphs_of(told.plan, told.found, simulated=told.simulated),
        simulated=told.simulated,
        simulated_by=_SIMULATED_BY,
    )


def _mind(cautions: list[str]) -> Section:
    return Section(anchor="mind", title="What to keep in mind", parts=(Part(points=tuple(cautions)),))


def _facts(told: _Told) -> dict[str, Any]:
    """How it was done, name by name."""
    plan, state, job = told.plan, state_in(told.run), told.job
    return {
        "model": model_name(plan),
        "revision": (state.revision if state is not None else None) or plan.revision,
        "trained model": job.get("model_output_name"),
        "training job": job.get("job_id") or job.get("name"),
        "phases": ", ".join(one.name for one in plan.phases),
        "order": "strict" if not plan.settings.replay_fraction else f"replay of {plan.settings.replay_fraction:g}",
        "steps": f"{state.step:,} of {state.total_steps:,}" if state is not None else None,
        **{name: value for name, value in msgspec.to_builtins(plan.settings).items() if name not in _TOLD_OTHERWISE},
        "plan, sha256": plan.digest,
        "every number": RESULTS,
        "every prediction": "predictions/ in the training's folder",
    }


def _results(told: _Told, page: ReportInput) -> dict[str, Any]:
    """results.json: every number of the page."""
    return {
        "format": FORMAT, "title": page.title, "created_at": told.created_at, "simulated": told.simulated,
        "heading": page.heading, "sentences": told.sentences, "remarks": told.remarks, "caveats": told.cautions,
        "matrix": as_rows(matrix_of(told.scores)),
        "scores": [
            {"after": after, "evaluation": evaluation, "measures": one.shares}
            for (after, evaluation), one in told.found.found.items()
        ],
        "changes": _changes(told.found), "stages": page.stages, "costs": page.costs, "facts": page.facts,
    }  # fmt: skip


def _changes(found: Evaluations) -> list[dict[str, Any]]:
    """What each phase moved, and all of them together."""
    spans = list(zip(found.points, found.points[1:], strict=False))
    whole = [(found.points[0], found.points[-1])] if len(spans) > 1 else []
    return [
        {"evaluation": evaluation, "measure": measure, **msgspec.to_builtins(change)}
        for since, after in [*spans, *whole]
        for evaluation in PHASES
        for measure in _measures(found, evaluation)
        if (change := found.change(since, after, evaluation, measure)) is not None
    ]


def _measures(found: Evaluations, evaluation: str) -> tuple[str, ...]:
    return next((tuple(one.shares) for (_, kind), one in found.found.items() if kind == evaluation), ())


def _markdown(told: _Told, heading: str, matrix: str) -> str:
    """For the Prefect UI: the verdicts, the matrix, what was forgotten."""
    lines = ["**Simulated:** these numbers say nothing about real models."] if told.simulated else []
    lines.append(f"**{markdown(heading)}**")
    lines += [f"{markdown(one.sentence)} {markdown(one.detail)}".strip() for one in told.sentences]
    return "\n\n".join([*lines, matrix]) + "\n"
