"""A run scored anew from its own results, without a call: all its files with other settings, and what that changes.

Neighbours: `publishing` writes the files, `results` reads the old ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from redraft.datasets.files import storage_faults
from redraft.judging.contradictions import Consistent
from redraft.judging.counting import Counted, count_study
from redraft.judging.groups import kept_group, require_kind
from redraft.judging.labels.judged import results_path
from redraft.judging.labels.storage import FOLDER
from redraft.judging.leaderboard.boards import board_of, elo_of_board
from redraft.judging.leaderboard.elo import EloCurve
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.publishing import Told, labels_of, publish
from redraft.judging.results import (
    Head,
    looks_of,
    read_answers,
    read_comparisons,
    read_head,
    read_judgments,
    read_ratings,
    seen_of,
)
from redraft.judging.settings import Settings
from redraft.judging.stored import Stored
from redraft.judging.summary import StudySummary
from redraft.judging.trait_study import TraitStudy, study_traits
from redraft.judging.traits import Rules
from redraft.judging.verdict import summarise_counts
from redraft.records import Answer


def score_again(run: Path, settings: Settings | None = None) -> Head:
    """What `publish_again` would write as the head of the results; nothing is written."""
    found = _Found(run, settings)
    people = labels_of(run, found.comparisons)
    study = StudySummary(pairs=(), settings=found.settings, canaries=found.head.summary.canaries)
    if not found.counts.empty:
        study = summarise_counts(
            found.counts, found.settings, found.clusters, people=people, looks=looks_of(found.head.summary),
            canaries=found.head.summary.canaries, seen=seen_of(found.head.summary),
        )  # fmt: skip
    return msgspec.structs.replace(found.head, summary=study, leaderboard=found.board, trait_study=found.traits)


def publish_again(run: Path, output: Path, created_at: str, settings: Settings | None = None) -> StudySummary:
    """Scores a run anew from its results, with its own settings unless others are given, into `output`.

    Verdicts, leaderboard and traits are made again from what is stored. Looks, canaries and what was seen before the
    run grew are taken over: they cannot be had from the judgments. A flow's own report is that flow's to lay out again
    (`Head.page`). `output` may be the run itself; into another folder
    the labels of people are copied, too. InputError where there are no results, or they are damaged; then nothing is
    written.
    """
    found = _Found(run, settings)
    elo = found.elo()
    _take_labels(run, output)
    return publish(
        output, found.comparisons, found.judgments, found.settings, told_of(found.head, created_at),
        looks=looks_of(found.head.summary), seen=seen_of(found.head.summary),
        canaries=found.head.summary.canaries, board=found.board, elo=elo,
        traits=found.traits, ratings=read_ratings(found.path), answers=found.answers, counts=found.counts,
    )  # fmt: skip


class _Found:
    """A run's records and what they come to under the settings, verdicts on pairs aside."""

    def __init__(self, run: Path, settings: Settings | None) -> None:
        self.path = results_path(run)
        self.head = read_head(self.path)
        self.settings = settings or self.head.summary.settings
        self.comparisons, self.judgments = read_comparisons(self.path), read_judgments(self.path)
        self.answers = read_answers(self.path)
        self.counts = count_study(Consistent(self.judgments, self.path), self.comparisons)
        self.clusters = self.counts.clusters(self.settings.cluster_by)
        self.traits = _traits(self.head, self.path, self.answers, self.settings)
        self.board = self._board()

    def _board(self) -> Leaderboard | None:
        if self.head.leaderboard is None:
            return None
        models = _models(self.head.leaderboard, self.counts.counted())
        return board_of(
            self.counts.counted(), models, self.clusters, confidence=self.settings.confidence,
            max_missing=self.settings.max_missing,
        )  # fmt: skip

    def elo(self) -> EloCurve | None:
        parameters = self.head.parameters
        if not parameters.get("elo") or self.board is None or not self.board.tables:
            return None
        counted = self.counts.counted()
        return elo_of_board(counted, _models(self.board, counted), parameters.get("seed") or 0)


def told_of(head: Head, created_at: str) -> Told:
    """What the results file of a run says of it."""
    title = head.title or "Scored anew"
    return Told(
        title=title, created_at=created_at, parameters=head.parameters, stages=head.stages, costs=head.costs,
        further=head.further, page=head.page,
    )  # fmt: skip


def _traits(head: Head, path: Path, answers: Stored[Answer], settings: Settings) -> TraitStudy | None:
    if head.trait_study is None:
        return None
    stored = head.trait_study
    named = {one.context_id: one.group for one in answers if one.group}
    groups = {key: kept for key, group in named.items() if (kept := kept_group(group, settings.cluster_by))}
    require_kind(settings.cluster_by, named.values(), found=bool(groups))
    rules = Rules(
        confidence=settings.confidence, min_contexts=settings.min_contexts, max_missing=settings.max_missing
    )  # fmt: skip
    return study_traits(
        read_ratings(path), stored.rubric, groups=groups, rules=rules, labels=settings.labels, answers=answers,
        baseline=stored.baseline, pairs=list(dict.fromkeys((one.model_a, one.model_b) for one in stored.pairs)),
        canaries=stored.canaries or head.summary.canaries, simulated=settings.simulated,
    )  # fmt: skip


def _models(board: Leaderboard, counted: Sequence[Counted]) -> list[str]:
    """In the order of their first comparison, then those that met nobody."""
    met = (model for one in counted for model in one.pair)
    return list(dict.fromkeys([*met, *board.alone]))


def _take_labels(run: Path, output: Path) -> None:
    """Copies the files of labels that `output` lacks, or has a shorter, older state of: they only ever grow."""
    if run.resolve() == output.resolve():
        return
    for file in sorted((run / FOLDER).glob("*.jsonl")):
        copy = output / FOLDER / file.name
        with storage_faults(copy):
            if not copy.exists() or copy.stat().st_size < file.stat().st_size:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy)
