"""From stored comparisons and judgments to everything a run leaves: results.json, two Parquet tables, report.html.

Without a call, a clock or Prefect, so that a run can be scored anew from its own results. Neighbours: `results`,
`tables`, `report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.judging.counting import count_study
from redraft.judging.examples import pick_examples
from redraft.judging.groups import clusters_of
from redraft.judging.labels.effect import fingerprints, human_labels, labels_together
from redraft.judging.labels.effect_wording import by_whom
from redraft.judging.labels.judged import judged_pairs
from redraft.judging.labels.storage import read_sheets
from redraft.judging.pages import Cost, Stage
from redraft.judging.report import ReportInput, render_report
from redraft.judging.results import Head, looks_of, read_comparisons, read_head, read_judgments, write_results
from redraft.judging.seed_words import seed_stage
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries, StudySummary
from redraft.judging.tables import write_tables
from redraft.judging.verdict import Looks, summarise_counts
from redraft.records import Comparison, Judgment

RESULTS, REPORT = "results.json", "report.html"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says of itself beside its judgments; `created_at` is printed as given."""

    title: str
    created_at: str
    parameters: dict[str, Any] = {}
    stages: tuple[Stage, ...] = ()
    costs: tuple[Cost, ...] = ()


def publish(
    output: Path,
    comparisons: Iterable[Comparison],
    judgments: Iterable[Judgment],
    settings: Settings,
    told: Told,
    *,
    looks: Looks | None = None,
    canaries: Sequence[Canaries] = (),
) -> StudySummary:
    """Writes all files of a run into the folder `output`, each whole or not at all, and gives the summary.

    Comparisons and judgments are read several times. Labels of people that lie in the folder count. StorageError where
    the disk is full or closed, InputError where records or labels do not fit.
    """
    counts, clusters = count_study(judgments, comparisons), clusters_of(comparisons)
    sheets = read_sheets(output)
    shown = fingerprints(sheets, comparisons) if sheets else {}
    people = labels_together(sheets, shown)
    study = summarise_counts(counts, settings, clusters, people=people, looks=looks, canaries=canaries)
    labelled = {
        pair.models: tuple(dict.fromkeys(line for one in human_labels(pair, sheets, shown) for line in by_whom(one)))
        for pair in (judged_pairs(judgments) if people else [])
    }
    with storage_faults(output):
        output.mkdir(parents=True, exist_ok=True)
        write_results(
            output / RESULTS, study, comparisons, judgments, told.parameters,
            title=told.title, stages=told.stages, costs=told.costs,
        )  # fmt: skip
        write_tables(output, comparisons, judgments, counts, clusters=clusters, people=people)
        report = ReportInput(
            title=told.title,
            created_at=told.created_at,
            study=study,
            examples=pick_examples(comparisons, judgments, counts, people=people),
            labelled_by=labelled,
            stages=(*told.stages, *seed_stage(study)),
            costs=told.costs,
            facts=facts_of(told.parameters),
            results_file=RESULTS,
        )
        write_whole(output / REPORT, render_report(report).encode())
    return study


def publish_again(run: Path, output: Path, created_at: str, settings: Settings | None = None) -> StudySummary:
    """Scores a run anew from its results, with its own settings unless others are given, into `output`.

    No call is made. Looks and canaries are taken over: they cannot be had from the judgments. `output` may be the run
    itself; InputError where there are no results.
    """
    path = run / RESULTS
    head = read_head(path)
    return publish(
        output, read_comparisons(path), read_judgments(path), settings or head.summary.settings,
        told_of(head, created_at), looks=looks_of(head.summary), canaries=head.summary.canaries,
    )  # fmt: skip


def told_of(head: Head, created_at: str) -> Told:
    """What the results file of a run says of it."""
    title = head.title or "Scored anew"
    return Told(
        title=title, created_at=created_at, parameters=head.parameters, stages=head.stages, costs=head.costs
    )  # fmt: skip


def facts_of(parameters: dict[str, Any]) -> dict[str, str]:
    """The parameters as the report names them; None is left out."""
    return {name.replace("_", " "): _fact(value) for name, value in parameters.items() if value is not None}


def _fact(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
