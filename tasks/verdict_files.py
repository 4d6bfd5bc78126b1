"""The task that turns stored judgments into results.json, report.html and two Parquet tables; it makes no calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from prefect import task

from redraft.datasets.storage import Dataset
from redraft.errors import PartialError
from redraft.judging.artifact import study_markdown
from redraft.judging.checks import canaries_of, read_checks
from redraft.judging.pages import Cost, Stage
from redraft.judging.panel import Panel
from redraft.judging.publishing import REPORT, RESULTS, Told, publish
from redraft.judging.seed_words import seed_sentences
from redraft.judging.settings import Settings
from redraft.judging.stopping import Look
from redraft.judging.summary import Canaries, StudySummary, Summary
from redraft.judging.untrusted import visible
from redraft.judging.wording import interval_name
from redraft.records import Comparison, Judgment
from tasks.judge_shard import comparisons_of

R = TypeVar("R")


class JudgedPair(msgspec.Struct, frozen=True, kw_only=True):
    """Folders of one judged pair: test contexts, both models' responses, judgments, those of `others` beside the first
    judge, and the judges' tests."""

    contexts: str
    responses_a: str
    responses_b: str
    judgments: str
    others: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    def comparisons(self) -> Iterator[Comparison]:
        contexts, first, second = (Dataset.open(Path(p)) for p in (self.contexts, self.responses_a, self.responses_b))
        return comparisons_of(contexts, first, second)

    def made(self) -> tuple[str, ...]:
        """Folders of what models answered."""
        return self.responses_a, self.responses_b, self.judgments, *self.others

    def read_judgments(self) -> Iterator[Judgment]:
        return (row for folder in (self.judgments, *self.others) for row in Dataset.open(Path(folder)).rows())


class PairRows(Generic[R]):
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
    pairs: list[dict[str, Any]],
    settings: dict[str, Any],
    parameters: dict[str, Any],
    stages: list[dict[str, Any]],
    costs: list[dict[str, Any]],
    looks: dict[str, list[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Paths of the files, and in words and in Markdown: what all training runs of an arm say together, then each pair's
    verdict.

    `looks` are those that were taken, by the folder of a pair's judgments. Labels of people that lie in `output` from
    earlier count.
    """
    judged = [msgspec.convert(pair, JudgedPair) for pair in pairs]
    said = msgspec.convert(settings, Settings)
    shown = msgspec.convert(stages, list[Stage]), msgspec.convert(costs, list[Cost])
    taken = msgspec.convert(looks or {}, dict[str, tuple[Look, ...]])
    study = await asyncio.to_thread(_write, Path(output), judged, said, Told(
        title=title, created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), parameters=parameters,
        stages=tuple(shown[0]), costs=tuple(shown[1]),
    ), taken)  # fmt: skip
    return {"report": str(Path(output) / REPORT), "results": str(Path(output) / RESULTS), **in_verdicts(study, said)}


def in_verdicts(study: StudySummary, settings: Settings) -> dict[str, Any]:
    """The verdicts in Markdown, as sentences and as tables, as `require_verdicts` reads them."""
    together, each = seed_sentences(study), study.panels or study.pairs
    return {
        "markdown": study_markdown(study),
        "verdicts": [sentence for sentence, _ in together] + [one.sentence for one in each],
        "details": [details for _, details in together]
        + [f"{one.explanation} {one.frequencies}".strip() for one in each],
        "conclusion": study.conclusion,
        "table": [_row(pair, settings) for pair in study.pairs],
        "together": [_together(one.panel) for one in study.panels],
        "simulated": study.simulated,
    }


def _write(
    output: Path, pairs: list[JudgedPair], settings: Settings, told: Told, looks: dict[str, tuple[Look, ...]]
) -> StudySummary:
    simulated = any(Dataset.open(Path(p)).manifest["simulated"] for pair in pairs for p in pair.made())
    settings = msgspec.structs.replace(settings, simulated=simulated)
    comparisons, judgments = PairRows[Comparison](pairs, "comparisons"), PairRows[Judgment](pairs, "read_judgments")
    return publish(
        output, comparisons, judgments, settings, told,
        looks=_looks_by_judge(pairs, looks), canaries=pair_canaries(pairs, judgments),
    )  # fmt: skip


def _looks_by_judge(
    pairs: list[JudgedPair], looks: dict[str, tuple[Look, ...]]
) -> dict[tuple[str, str, str], tuple[Look, ...]]:
    """As `summarise_study` takes them: by both models and the judge, whose judgments lie in one folder."""
    found: dict[tuple[str, str, str], tuple[Look, ...]] = {}
    for pair in pairs:
        if taken := looks.get(pair.judgments):
            one: Judgment = next(iter(Dataset.open(Path(pair.judgments)).rows()))
            found[one.model_a, one.model_b, one.judge] = taken
    return found


def pair_canaries(pairs: list[JudgedPair], judgments: Iterable[Judgment]) -> list[Canaries]:
    """What the tests of each judge showed."""
    tests = [list(Dataset.open(Path(folder)).rows()) for pair in pairs for folder in pair.checks]
    return [shown for asked in tests if asked for shown in canaries_of(read_checks(asked, judgments))]


def _row(pair: Summary, settings: Settings) -> dict[str, Any]:
    return {
        "A": visible(settings.label(pair.model_a)),
        "B": visible(settings.label(pair.model_b)),
        "judge": visible(pair.judge),
        "contexts": pair.tally.attempted,
        "A won": pair.tally.wins,
        "tie": pair.tally.ties,
        "B won": pair.tally.losses,
        "no verdict": pair.tally.unusable,
        "why": ", ".join(f"{count} {reason}" for reason, count in pair.tally.unusable_by_reason.items()),
        "A's win rate": f"{pair.win_rate:.1%}",
        interval_name(pair, settings): f"{pair.low:.1%} to {pair.high:.1%}",
        "p": f"{pair.p_mid:.4f}",
        "verdict": visible(pair.sentence),
        "simulated": pair.simulated,
    }


def _together(panel: Panel) -> dict[str, int]:
    """Of how many contexts not every judge has a verdict: these are missing from what the judges say together."""
    missing = panel.partial + panel.unusable
    return {"contexts": panel.n + missing, "no verdict": missing}


def _missing(row: Mapping[str, Any]) -> float:
    """The share of a pair's contexts without a verdict."""
    return row["no verdict"] / max(1, row["contexts"])


def require_verdicts(verdict: dict[str, Any], max_missing: float) -> None:
    """Raises PartialError, with the verdict, where more than that share of the contexts of a pair have none: of a
    judge, or of all judges together."""
    worst = max(verdict["table"], key=_missing, default=None)
    if worst is not None and worst["no verdict"] > max_missing * worst["contexts"]:
        raise PartialError(
            f"{worst['no verdict']} of {worst['contexts']} contexts have no verdict ({worst['why']}); a rerun asks "
            "again where a call failed by a fault that passes, refusals and cut answers stay",
            verdict,
        )
    together = max(verdict["together"], key=_missing, default=None)
    if together is not None and together["no verdict"] > max_missing * together["contexts"]:
        raise PartialError(
            f"{together['no verdict']} of {together['contexts']} contexts lack a verdict of one judge at least; a "
            "rerun asks again where a call failed by a fault that passes, refusals and cut answers stay",
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
