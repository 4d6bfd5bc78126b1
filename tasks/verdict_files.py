"""The task that turns stored judgments into results.json and report.html; it makes no calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from prefect import task

from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.storage import Dataset
from redraft.errors import PartialError
from redraft.judging.examples import pick_examples
from redraft.judging.report import Cost, ReportInput, Stage, render_report
from redraft.judging.results import write_results
from redraft.judging.seed_words import seed_sentences, seed_stage
from redraft.judging.summary import Settings, StudySummary
from redraft.judging.verdict import summarise_study
from redraft.records import Comparison, Judgment
from tasks.judge_shard import comparisons_of

R = TypeVar("R")


class JudgedPair(msgspec.Struct, frozen=True, kw_only=True):
    """Folders of one judged pair: test contexts, both models' responses, judgments."""

    contexts: str
    responses_a: str
    responses_b: str
    judgments: str

    def comparisons(self) -> Iterator[Comparison]:
        return comparisons_of(*(Dataset.open(Path(p)) for p in (self.contexts, self.responses_a, self.responses_b)))

    def made(self) -> tuple[str, str, str]:
        """Folders of what models answered."""
        return self.responses_a, self.responses_b, self.judgments

    def read_judgments(self) -> Iterator[Judgment]:
        return Dataset.open(Path(self.judgments)).rows()


class _Rows(Generic[R]):
    """Records of all pairs, read anew from the disk each time: never all in memory."""

    def __init__(self, pairs: list[JudgedPair], read: str) -> None:
        self._pairs, self._read = pairs, read

    def __iter__(self) -> Iterator[R]:
        for pair in self._pairs:
            yield from getattr(pair, self._read)()


@task(task_run_name="verdict in {output}")
async def write_verdict(
    output: str,
    title: str,
    pairs: list[dict[str, str]],
    settings: dict[str, Any],
    parameters: dict[str, Any],
    stages: list[dict[str, Any]],
    costs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Paths of both files, and in words: what all training runs of an arm say together, then each pair's verdict."""
    judged = [msgspec.convert(pair, JudgedPair) for pair in pairs]
    said = msgspec.convert(settings, Settings)
    shown = msgspec.convert(stages, list[Stage]), msgspec.convert(costs, list[Cost])
    study = await asyncio.to_thread(_write, Path(output), title, judged, said, parameters, *shown)
    together = seed_sentences(study)
    return {
        "report": str(Path(output) / "report.html"),
        "results": str(Path(output) / "results.json"),
        "verdicts": [sentence for sentence, _ in together] + [pair.sentence for pair in study.pairs],
        "details": [details for _, details in together]
        + [f"{pair.explanation} {pair.frequencies}".strip() for pair in study.pairs],
        "conclusion": study.conclusion,
        "table": [_row(pair, said) for pair in study.pairs],
        "simulated": study.simulated,
    }


def _write(
    output: Path,
    title: str,
    pairs: list[JudgedPair],
    settings: Settings,
    parameters: dict[str, Any],
    stages: list[Stage],
    costs: list[Cost],
) -> StudySummary:
    simulated = any(Dataset.open(Path(p)).manifest["simulated"] for pair in pairs for p in pair.made())
    settings = msgspec.structs.replace(settings, simulated=simulated)
    comparisons, judgments = _Rows[Comparison](pairs, "comparisons"), _Rows[Judgment](pairs, "read_judgments")
    study = summarise_study(judgments, comparisons, settings)
    with storage_faults(output):
        output.mkdir(parents=True, exist_ok=True)
        write_results(output / "results.json", study, comparisons, judgments, parameters)
        report = ReportInput(
            title=title,
            created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            study=study,
            examples=pick_examples(comparisons, judgments),
            stages=(*stages, *seed_stage(study)),
            costs=tuple(costs),
            facts={name.replace("_", " "): _fact(value) for name, value in parameters.items() if value is not None},
            results_file="results.json",
        )
        write_whole(output / "report.html", render_report(report).encode())
    return study


def _fact(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _row(pair: Any, settings: Settings) -> dict[str, Any]:
    return {
        "A": settings.label(pair.model_a),
        "B": settings.label(pair.model_b),
        "contexts": pair.tally.attempted,
        "A won": pair.tally.wins,
        "tie": pair.tally.ties,
        "B won": pair.tally.losses,
        "no verdict": pair.tally.unusable,
        "why": ", ".join(f"{count} {reason}" for reason, count in pair.tally.unusable_by_reason.items()),
        "A's win rate": f"{pair.win_rate:.1%}",
        "95% interval": f"{pair.low:.1%} to {pair.high:.1%}",
        "p": f"{pair.p_mid:.4f}",
        "verdict": pair.sentence,
        "simulated": pair.simulated,
    }


def require_verdicts(verdict: dict[str, Any], max_missing: float) -> None:
    """Raises PartialError, with the verdict, where more than that share of the contexts of a pair have none."""
    worst = max(verdict["table"], key=lambda row: row["no verdict"])
    if worst["no verdict"] > max_missing * worst["contexts"]:
        raise PartialError(
            f"{worst['no verdict']} of {worst['contexts']} contexts have no verdict ({worst['why']}); a rerun asks "
            "again where a call failed by a fault that passes, refusals and cut answers stay",
            verdict,
        )


def cost_of(stage: str, dataset: Dataset) -> dict[str, Any]:
    """A row of the report's costs from what a dataset's manifest adds up."""
    manifest = dataset.manifest
    return {
        "stage": stage,
        "model": ", ".join(manifest["models"]),
        "calls": manifest["calls"],
        "input_tokens": manifest["input_tokens"],
        "output_tokens": manifest["output_tokens"],
        "cost": None if manifest["unpriced"] else manifest["cost"],
        "simulated": manifest["simulated"],
    }
