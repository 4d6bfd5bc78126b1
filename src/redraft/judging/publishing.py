"""From stored comparisons and judgments to everything a run leaves: results.json, two Parquet tables, report.html.

Without a call, a clock or Prefect, so that `rescoring` can do the same from a run's own results. Neighbours:
`results`, `tables`, `report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.judging.counting import StudyCounts, count_study
from redraft.judging.examples import Examples, pick_examples
from redraft.judging.labels.effect import fingerprints, human_labels, labels_together
from redraft.judging.labels.effect_wording import by_whom
from redraft.judging.labels.judged import judged_pairs
from redraft.judging.labels.storage import read_sheets
from redraft.judging.leaderboard.elo import EloCurve
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.pages import Cost, Further, OwnPage, Stage
from redraft.judging.report import ReportInput, render_report
from redraft.judging.results import seen_before, write_results
from redraft.judging.seed_words import seed_stage
from redraft.judging.settings import Settings
from redraft.judging.stored import encoded_whole
from redraft.judging.summary import Canaries, StudySummary
from redraft.judging.tables import CONTEXTS, JUDGMENTS, RATINGS, write_tables
from redraft.judging.trait_examples import pick_answers
from redraft.judging.trait_study import TraitStudy
from redraft.judging.unplanned import Seen
from redraft.judging.verdict import Looks, People, summarise_counts
from redraft.records import Answer, Comparison, Judgment, Rating

RESULTS, REPORT = "results.json", "report.html"
# All that is written.
FILES = (RESULTS, REPORT, JUDGMENTS, CONTEXTS, RATINGS)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says of itself beside its judgments; `created_at` is printed as given. `further` stands beside the
    verdicts. `page` is what a flow makes its own report of, in place of the one that is written here."""

    title: str
    created_at: str
    parameters: dict[str, Any] = {}
    stages: tuple[Stage, ...] = ()
    costs: tuple[Cost, ...] = ()
    further: tuple[Further, ...] = ()
    page: OwnPage | None = None


def publish(
    output: Path,
    comparisons: Iterable[Comparison],
    judgments: Iterable[Judgment],
    settings: Settings,
    told: Told,
    *,
    looks: Looks | None = None,
    seen: Seen | None = None,
    canaries: Sequence[Canaries] = (),
    board: Leaderboard | None = None,
    elo: EloCurve | None = None,
    traits: TraitStudy | None = None,
    ratings: Iterable[Rating] = (),
    answers: Iterable[Answer] = (),
    counts: StudyCounts | None = None,
) -> StudySummary:
    """Writes all files of a run into the folder `output`, each whole or not at all, and gives the summary.

    Comparisons, judgments, ratings and answers are read several times. A run without comparisons and judgments (traits
    alone) has a summary without pairs. `traits` is what `trait_study.study_traits` found in the `ratings`, which are
    of the `answers`. `seen` are the verdicts that the run had before it grew, by default those in the results that lie
    in the folder (`results.seen_before`). `counts` are those of the same comparisons and judgments, where they are at
    hand. Labels of people that lie in the folder count. StorageError where the disk is full or closed, InputError where
    records, labels or the earlier results do not fit.
    """
    counts = count_study(judgments, comparisons) if counts is None else counts
    seen = seen_before(output / RESULTS, counts) if seen is None else seen
    clusters = counts.clusters(settings.cluster_by)
    sheets = read_sheets(output)
    shown = fingerprints(sheets, comparisons) if sheets else {}
    people = labels_together(sheets, shown)
    if counts.empty:
        study = StudySummary(pairs=(), settings=settings, canaries=tuple(canaries))
    else:
        study = summarise_counts(counts, settings, clusters, people=people, looks=looks, canaries=canaries, seen=seen)
    labelled = {
        pair.models: tuple(dict.fromkeys(line for one in human_labels(pair, sheets, shown) for line in by_whom(one)))
        for pair in (judged_pairs(judgments) if people else [])
    }
    with storage_faults(output):
        output.mkdir(parents=True, exist_ok=True)
        write_results(
            output / RESULTS, study, comparisons, judgments, told.parameters,
            leaderboard=board, trait_study=traits, ratings=ratings, answers=answers,
            title=told.title, stages=told.stages, costs=told.costs, further=told.further, page=told.page,
            scans=counts.scans,
        )  # fmt: skip
        # Compressing leaves the interpreter alone: of tables and report one is compressed while the other is read.
        with ThreadPoolExecutor(1) as aside:
            tables = aside.submit(
                write_tables, output, comparisons, judgments, counts, clusters=clusters, people=people, ratings=ratings
            )
            report = ReportInput(
                title=told.title,
                created_at=told.created_at,
                study=study if study.pairs else None,
                board=board,
                elo=elo,
                traits=traits,
                rated=pick_answers(answers, ratings, traits) if traits else (),
                judges=study.judges or (traits.judges if traits else ()),
                labels=settings.labels,
                simulated=study.simulated,
                examples=Examples() if counts.empty else pick_examples(comparisons, judgments, counts, people=people),
                labelled_by=labelled,
                stages=(*told.stages, *seed_stage(study)),
                costs=told.costs,
                further=told.further,
                facts=facts_of(told.parameters),
                results_file=RESULTS,
            )
            page = render_report(report).encode()
            tables.result()
        write_whole(output / REPORT, page)
    return study


def labels_of(run: Path, comparisons: Iterable[Comparison]) -> People:
    """What people said who labelled contexts of the run, as `summarise_counts` takes it."""
    sheets = read_sheets(run)
    return labels_together(sheets, fingerprints(sheets, comparisons)) if sheets else {}


def facts_of(parameters: dict[str, Any]) -> dict[str, str]:
    """The parameters as the report names them; None is left out."""
    return {name.replace("_", " "): _fact(value) for name, value in parameters.items() if value is not None}


def _fact(value: object) -> str:
    return value if isinstance(value, str) else encoded_whole(value).decode()
