"""The task that turns the stored judgments of many models into a leaderboard and all files of the run; it makes no
calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from prefect import task

from redraft.datasets.storage import Dataset
from redraft.errors import PartialError
from redraft.judging.artifact import leaderboard_markdown
from redraft.judging.board_words import board_cautions, board_rows, board_sentence
from redraft.judging.caveats import reason_in_words
from redraft.judging.checks import canaries_of, read_checks
from redraft.judging.counting import count_study
from redraft.judging.groups import clusters_of
from redraft.judging.leaderboard.boards import board_of, elo_of_board
from redraft.judging.leaderboard.drawing import Drawing
from redraft.judging.leaderboard.elo import EloCurve
from redraft.judging.leaderboard.remarks import remarks
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.pages import Cost, OwnPage, Stage
from redraft.judging.publishing import REPORT, RESULTS, Told, publish
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries, StudySummary
from redraft.judging.untrusted import visible
from redraft.records import Comparison, Judgment
from tasks.judge_board import Round

R = TypeVar("R")


class RoundFolders(msgspec.Struct, frozen=True, kw_only=True):
    """Folders of the test contexts, of each model's answers, and of each judge's judgments and tests."""

    contexts: str
    answers: tuple[str, ...]
    drawing: Drawing
    judgments: tuple[str, ...]
    checks: tuple[str, ...] = ()

    def round(self) -> Round:
        answers = tuple(Dataset.open(Path(folder)) for folder in self.answers)
        return Round(Dataset.open(Path(self.contexts)), answers, self.drawing)

    def comparisons(self) -> Iterator[Comparison]:
        return self.round().comparisons()

    def read_judgments(self) -> Iterator[Judgment]:
        return (row for folder in self.judgments for row in Dataset.open(Path(folder)).rows())

    def simulated(self) -> bool:
        return any(Dataset.open(Path(folder)).manifest["simulated"] for folder in (*self.answers, *self.judgments))


class _Again(Generic[R]):
    """Records that are read anew from the disk each time: never all in memory."""

    def __init__(self, read: Callable[[], Iterator[R]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[R]:
        return self._read()


@task(task_run_name="leaderboard in {output}")
async def write_board(
    output: str,
    title: str,
    folders: dict[str, Any],
    settings: dict[str, Any],
    parameters: dict[str, Any],
    stages: list[dict[str, Any]],
    costs: list[dict[str, Any]],
    elo: bool = False,
    page: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Paths of the files, and the leaderboard in rows, in words and in Markdown; `elo` adds the curve to the report,
    `page` is an `OwnPage`, what a flow makes its own report of."""
    judged, said = msgspec.convert(folders, RoundFolders), msgspec.convert(settings, Settings)
    told = Told(
        title=title, created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), parameters=parameters,
        stages=tuple(msgspec.convert(stages, list[Stage])), costs=tuple(msgspec.convert(costs, list[Cost])),
        page=None if page is None else msgspec.convert(page, OwnPage),
    )  # fmt: skip
    board, study = await asyncio.to_thread(_write, Path(output), judged, said, told, elo)
    cautions = board_cautions(study)
    return {
        "report": str(Path(output) / REPORT),
        "results": str(Path(output) / RESULTS),
        "markdown": leaderboard_markdown(board, study.settings.label, cautions, simulated=study.simulated),
        "sentence": visible(board_sentence(board, study.settings.label, simulated=study.simulated)),
        "tables": [board_rows(table, board, study.settings.label) for table in board.tables],
        "remarks": [visible(one) for one in (*remarks(board), *cautions)],
        "missing": _missing(board, study),
        "simulated": study.simulated,
    }


def _write(
    output: Path, folders: RoundFolders, settings: Settings, told: Told, with_elo: bool
) -> tuple[Leaderboard, StudySummary]:
    settings = msgspec.structs.replace(settings, simulated=folders.simulated())
    comparisons, judgments = _Again(folders.comparisons), _Again(folders.read_judgments)
    models, clusters = folders.round().models, clusters_of(comparisons, settings.cluster_by)
    counts = count_study(judgments, comparisons)
    counted = counts.counted()
    board = board_of(
        counted, models, clusters, confidence=settings.confidence, max_missing=settings.max_missing
    )  # fmt: skip
    elo: EloCurve | None = None
    if with_elo and board.tables:
        elo = elo_of_board(counted, models, told.parameters.get("seed") or 0)
    study = publish(
        output, comparisons, judgments, settings, told, canaries=_canaries(folders, judgments), board=board, elo=elo,
        counts=counts,
    )  # fmt: skip
    return board, study


def _canaries(folders: RoundFolders, judgments: Iterable[Judgment]) -> list[Canaries]:
    """What the tests of each judge showed."""
    tests = [list(Dataset.open(Path(folder)).rows()) for folder in folders.checks]
    return [shown for asked in tests if asked for shown in canaries_of(read_checks(asked, judgments))]


def _missing(board: Leaderboard, study: StudySummary) -> list[dict[str, Any]]:
    """How many comparisons of each model have no verdict, of how many, and why; of several judges, of any."""
    rows: dict[str, dict[str, Any]] = {}
    for table in board.tables:
        for one in table.standings:
            tried = one.wins + one.losses + one.ties + one.missing
            rows[one.model] = {"model": one.model, "comparisons": tried, "missing": one.missing, "why": {}}
    ranked = set(rows)
    for pair in study.pairs:
        for model in (pair.model_a, pair.model_b):
            row = rows.setdefault(model, {"model": model, "comparisons": 0, "missing": 0, "why": {}})
            if model not in ranked:  # nothing of it has a verdict, or nothing is ranked
                row["comparisons"] += pair.tally.attempted
                row["missing"] += pair.tally.unusable
            for reason, count in pair.tally.unusable_by_reason.items():
                row["why"][reason] = row["why"].get(reason, 0) + count
    return list(rows.values())


def require_ranked(found: dict[str, Any], max_missing: float) -> None:
    """Raises PartialError, with what was found, where more than that share of a model's comparisons have no verdict."""
    short = [one for one in found["missing"] if one["missing"] > max_missing * one["comparisons"]]
    if not short:
        return
    worst = max(short, key=lambda one: one["missing"] / one["comparisons"])
    why = ", ".join(f"{reason_in_words(reason)}: {count}" for reason, count in worst["why"].items())
    others = f", and so it is with {len(short) - 1} more" if len(short) > 1 else ""
    raise PartialError(
        f"{worst['missing']} of {worst['comparisons']} comparisons of {worst['model']} have no verdict ({why}){others}"
        "; a rerun asks again where a call failed by a fault that passes, refusals and cut answers stay",
        found,
    )
