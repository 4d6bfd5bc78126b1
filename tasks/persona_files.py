"""The training files of a generated dataset, and what a person is shown of its stages: counts, reasons, shares, costs.

Neighbours: `generation` makes the datasets, `redraft.documents.exporting` writes the files.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft import __version__
from redraft.datasets.storage import Dataset
from redraft.documents.exporting import write_views
from redraft.errors import PartialError
from redraft.records import Example
from tasks.showing import show_table
from tasks.spreads import spread_of_rows
from tasks.states import not_ours

STAGES = ("scenarios", "documents", "responses")


@task(task_run_name="files of {dataset}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def write_files(dataset: str, made: dict[str, str], facts: dict[str, Any]) -> dict[str, Any]:
    """Writes {output}.jsonl, _detailed.json and _metadata.json; their paths and the metadata. `made` is stage → folder
    of what it made, as far as it is known."""
    finished = Dataset.open(Path(dataset))
    datasets = {name: Dataset.open(Path(folder)) for name, folder in made.items()}
    spread = {name: msgspec.to_builtins(await spread_of_rows(one), str_keys=True) for name, one in datasets.items()}
    return await asyncio.to_thread(_write, finished, datasets, {"parameters": facts, "spread": spread})


def _write(dataset: Dataset, made: Mapping[str, Dataset], told: Mapping[str, Any]) -> dict[str, Any]:
    manifests = {name: one.manifest for name, one in made.items()}
    metadata: dict[str, Any] = {
        "redraft": __version__,
        "simulated": any(one.get("simulated") for one in manifests.values()),
        "parameters": told["parameters"],
        "rows": dataset.count,
        "dataset": {
            "path": dataset.path.name,
            "content_hash": dataset.content_hash,
            "schema": dataset.manifest["schema"],
        },
        "stages": {name: stage_facts(one) for name, one in manifests.items()},
        "models": _models(dataset),
        "cost": _cost(list(manifests.values())),
        "spread": told["spread"],
    }
    return {"files": write_views(dataset, metadata), "metadata": metadata}


def stage_facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What metadata say of a stage: rows, rejections, every reason that came up, rounds, calls and cost."""
    names = ("count", "rejected", "reasons", "refused", "rounds", "models", "templates", "calls", "input_tokens",
             "output_tokens", "cost", "unpriced", "scores", "simulated")  # fmt: skip
    return {name: manifest[name] for name in names if name in manifest}


def stage_row(stage: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A stage as a row of the table of costs."""
    return {
        "stage": stage,
        "model": ", ".join(manifest["models"]),
        "calls": manifest["calls"],
        "input_tokens": manifest["input_tokens"],
        "output_tokens": manifest["output_tokens"],
        "cost": None if manifest["unpriced"] else manifest["cost"],
        "simulated": manifest["simulated"],
    }


async def conclude(output: str, made: Mapping[str, Dataset], max_rejected: float, **more: Any) -> dict[str, Any]:
    """The result of a flow that made these datasets, stage by stage, the last of them at `output`; shown to people.

    Raises PartialError, with the result, where more than that share of a stage's rows was rejected.
    """
    manifests = {name: one.manifest for name, one in made.items()}
    await show_stages(manifests)
    stages = {name: str(one.path) for name, one in made.items()}
    result = {"said": f"{in_words(manifests)}, in {output}", "dataset": output, **more, "stages": stages}
    require_few_rejected(result, manifests, max_rejected)
    return result


async def show_stages(manifests: Mapping[str, Mapping[str, Any]]) -> None:
    """Counts and reasons of each stage in the run's Artifacts tab."""
    rows = [
        {
            "stage": name, "rows": one["count"], "rejected": one["rejected"], "rounds": one["rounds"],
            "reasons": _in_words(one["reasons"]), "made anew for": _in_words(one["refused"]),
            "calls": one["calls"], "cost (US dollars)": one["cost"], "simulated": one["simulated"],
        }
        for name, one in manifests.items()
    ]  # fmt: skip
    await show_table("generated", rows, "What was generated, and what was refused")


def require_few_rejected(result: dict[str, Any], manifests: Mapping[str, Mapping[str, Any]], most: float) -> None:
    """Raises PartialError, with the result, where more than that share of a stage's rows was rejected."""
    for name, one in manifests.items():
        if one["rejected"] > most * (one["count"] + one["rejected"]):
            raise PartialError(
                f"{result['said']}; {name}: {one['rejected']} of {one['count'] + one['rejected']} rejected "
                f"({_in_words(one['reasons'])}), above the {most:.0%} allowed; a rerun asks again where a fault was "
                "one that passes, with more --regenerate where a gate refused",
                result,
            )


def in_words(manifests: Mapping[str, Mapping[str, Any]]) -> str:
    """`50 scenarios, 0 rejected; 49 documents, 1 rejected`."""
    return "; ".join(f"{one['count']} {name}, {one['rejected']} rejected" for name, one in manifests.items())


def _in_words(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())


def _models(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Stage → model → how many rows it wrote a part of."""
    counts: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
    for row in dataset.rows():
        example: Example = row
        counts["scenarios"][str(example.extra.get("scenario_model", ""))] += 1
        counts["documents"][str(example.extra.get("document_model", ""))] += 1
        counts["responses"][example.model or ""] += 1
    return {stage: dict(count.most_common()) for stage, count in counts.items()}


def _cost(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of a dataset of a user's own nothing may be known."""
    return {
        "us_dollars": round(sum(one.get("cost", 0.0) for one in manifests), 6),
        "calls": sum(one.get("calls", 0) for one in manifests),
        "calls_without_a_known_price": sum(one.get("unpriced", 0) for one in manifests),
    }
