"""The task that turns stored ratings into results.json, report.html and a Parquet table; it makes no calls.

Neighbours: `verdict_files` does it for comparisons, `redraft.judging.publishing` writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.datasets.storage import Dataset
from redraft.errors import PartialError
from redraft.judging.artifact import traits_markdown
from redraft.judging.groups import group_of
from redraft.judging.pages import Cost, Stage
from redraft.judging.publishing import REPORT, RESULTS, Told, publish
from redraft.judging.rubric import Rubric
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries
from redraft.judging.trait_checks import read_trait_checks
from redraft.judging.trait_study import TraitStudy, study_traits
from redraft.judging.trait_wording import difference, p_of, statuses_in_words, titles_of
from redraft.judging.traits import Rules
from redraft.judging.untrusted import visible
from redraft.records import Answer, Rating


class RatedModels(msgspec.Struct, frozen=True, kw_only=True):
    """Folders of one run: the contexts, each model's responses, every judge's ratings of each, every judge's tests."""

    contexts: str
    responses: tuple[str, ...]
    ratings: tuple[str, ...]
    checks: tuple[str, ...] = ()

    @property
    def simulated(self) -> bool:
        return any(Dataset.open(Path(one)).manifest["simulated"] for one in (*self.responses, *self.ratings))


class StoredRatings:
    """All ratings, read anew from the disk each time: never all in memory."""

    def __init__(self, rated: RatedModels) -> None:
        self._rated = rated

    def __iter__(self) -> Iterator[Rating]:
        for folder in self._rated.ratings:
            yield from Dataset.open(Path(folder)).rows()


class StoredAnswers:
    """All answers with their contexts, likewise."""

    def __init__(self, rated: RatedModels) -> None:
        self._rated = rated

    def __iter__(self) -> Iterator[Answer]:
        contexts = Dataset.open(Path(self._rated.contexts))
        for folder in self._rated.responses:
            for context, one in zip(contexts.rows(), Dataset.open(Path(folder)).rows(), strict=True):
                yield Answer(
                    context_id=one.context_id, context=context.messages, model=one.model, response=one.text,
                    failure=one.failure, group=group_of(context), simulated=one.simulated,
                )  # fmt: skip


@task(task_run_name="traits in {output}")
async def write_traits(
    output: str,
    title: str,
    rated: dict[str, Any],
    rubric: dict[str, Any],
    baseline: str,
    settings: dict[str, Any],
    parameters: dict[str, Any],
    stages: list[dict[str, Any]],
    costs: list[dict[str, Any]],
) -> dict[str, Any]:
    """Paths of the files, and in words, as tables and in Markdown what the ratings say."""
    told = Told(
        title=title, created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), parameters=parameters,
        stages=tuple(msgspec.convert(stages, list[Stage])), costs=tuple(msgspec.convert(costs, list[Cost])),
    )  # fmt: skip
    study = await asyncio.to_thread(
        _write, Path(output), msgspec.convert(rated, RatedModels), msgspec.convert(rubric, Rubric, str_keys=True),
        baseline, msgspec.convert(settings, Settings), told,
    )  # fmt: skip
    return {"report": str(Path(output) / REPORT), "results": str(Path(output) / RESULTS), **in_scores(study)}


def in_scores(study: TraitStudy, label: Callable[[str], str] = str) -> dict[str, Any]:
    """What was found in Markdown, as sentences and as tables, as `require_scores` reads them."""
    return {
        "markdown": traits_markdown(study, label),
        "sentences": [visible(one.sentence) for one in study.said],
        "details": [visible(one.detail) for one in study.said],
        "remarks": [visible(one) for one in study.remarks],
        "means": _means(study),
        "differences": _differences(study),
        "statuses": _statuses(study),
        "simulated": study.simulated,
    }


def _write(
    output: Path, rated: RatedModels, rubric: Rubric, baseline: str, settings: Settings, told: Told
) -> TraitStudy:  # fmt: skip
    settings = msgspec.structs.replace(settings, simulated=rated.simulated)
    ratings, answers = StoredRatings(rated), StoredAnswers(rated)
    canaries = trait_canaries(rated, rubric)
    contexts = Dataset.open(Path(rated.contexts)).rows()
    study = study_traits(
        ratings, rubric, groups={one.conversation_id: group_of(one) for one in contexts}, baseline=baseline,
        rules=Rules(
            confidence=settings.confidence, min_contexts=settings.min_contexts, max_missing=settings.max_missing
        ),
        canaries=canaries, answers=answers, simulated=settings.simulated,
    )  # fmt: skip
    publish(output, [], [], settings, told, canaries=canaries, traits=study, ratings=ratings, answers=answers)
    return study


def trait_canaries(rated: RatedModels, rubric: Rubric) -> list[Canaries]:
    """What the tests of each judge showed."""
    tests = [list(Dataset.open(Path(folder)).rows()) for folder in rated.checks]
    return [one for asked in tests if asked for one in read_trait_checks(asked, StoredRatings(rated), rubric)]


def _means(study: TraitStudy) -> list[dict[str, Any]]:
    """A row for each judge, trait and model."""
    titles = titles_of(study.rubric)
    return [
        {
            "judge": visible(one.judge) or "all together",
            "trait": visible(titles[each.trait]),
            "model": visible(one.model),
            "mean": None if each.mean is None else round(each.mean, 2),
            "interval": "-" if each.low is None else f"{each.low:.2f} to {each.high:.2f}",
            "bounds": f"{each.worst:.2f} to {each.best:.2f}",
            "scored": each.n,
            "missing": each.missing,
            "simulated": study.simulated,
        }
        for judge in dict.fromkeys((study.headline, *study.judges))
        for i in range(len(study.rubric.traits))
        for one, each in ((one, one.traits[i]) for one in study.profiles_of(judge))
    ]


def _differences(study: TraitStudy) -> list[dict[str, Any]]:
    """A row for each judge, pair and trait."""
    titles = titles_of(study.rubric)
    return [
        {
            "judge": visible(one.judge) or "all together",
            "A": visible(one.model_a),
            "B": visible(one.model_b),
            "trait": visible(titles[each.trait]),
            "A - B": difference(each),
            "p, adjusted": p_of(each),
            "higher": each.higher,
            "same": each.same,
            "lower": each.lower,
            "contexts": each.n,
            "verdict": each.verdict,
            "simulated": study.simulated,
        }
        for one in study.pairs
        for each in one.found.traits
    ]


def _statuses(study: TraitStudy) -> list[dict[str, Any]]:
    return [
        {
            "judge": visible(one.judge),
            "model": visible(one.model),
            "contexts": one.contexts,
            "without scores": one.missing,
            "why": statuses_in_words(one.statuses),
            **one.statuses,
        }
        for one in study.profiles
        if one.statuses
    ]


def require_scores(found: dict[str, Any], max_missing: float) -> None:
    """Raises PartialError, with what was found, where more than that share of a model's answers have no scores."""
    worst = max(found["statuses"], key=lambda row: row["without scores"] / row["contexts"])
    if worst["without scores"] > max_missing * worst["contexts"]:
        raise PartialError(
            f"{worst['without scores']} of {worst['contexts']} answers of {worst['model']} have no scores by "
            f"{worst['judge']} ({worst['why']}); a rerun asks again where a call failed by a fault that passes, "
            "refusals and cut answers stay",
            found,
        )
