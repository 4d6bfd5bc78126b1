"""The training files of a generated dataset, and what a person is shown of its stages: counts, reasons, shares, costs.

Neighbours: `generation` makes the datasets, `redraft.documents.exporting` writes the files.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft import __version__
from redraft.datasets.storage import Dataset
from redraft.documents.exporting import write_views
from redraft.documents.prompting import STAGE as PARAPHRASES
from redraft.errors import PartialError
from redraft.records import Example
from tasks.score_shard import STAGE as SCORES
from tasks.showing import show_table
from tasks.spreads import spread_of_rows
from tasks.states import not_ours

STAGES = ("scenarios", "documents", "responses")
# What a dataset's manifest sums up beside its own models' part: the name in the table of costs → that in the manifest.
_PARTS = {SCORES: "scores", PARAPHRASES: "paraphrases"}
_COUNTED = ("calls", "input_tokens", "output_tokens", "cost", "unpriced")


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
        "cost": _cost(manifests),
        "spread": told["spread"],
    }
    return {"files": write_views(dataset, metadata), "metadata": metadata}


def stage_facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What metadata say of a stage: rows, rejections, every reason that came up, rounds, who was asked."""
    counted = ("asked", "count", "rejected", "passing", "reasons", "refused", "rounds")
    return {name: manifest[name] for name in (*counted, "models", "templates", "simulated") if name in manifest}


def stage_rows(stage: str, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A stage as rows of the table of costs: its own models, then the judge that scored what they wrote, and wordings
    of the prompt. `calls` are requests that were answered: what one took is in its tokens and cost, with re-asks and
    the models of the chain that were passed over."""
    parts = {name: manifest[part] for name, part in _PARTS.items() if part in manifest}
    own = {name: manifest[name] - sum(one[name] for one in parts.values()) for name in _COUNTED}
    own |= {"model": ", ".join(manifest["models"]), "simulated": manifest["simulated"]}
    return [
        {
            "stage": name, "model": one["model"], "calls": one["calls"], "input_tokens": one["input_tokens"],
            "output_tokens": one["output_tokens"], "cost": None if one["unpriced"] else round(one["cost"], 6),
            "simulated": one["simulated"],
        }
        for name, one in {stage: own, **parts}.items()
    ]  # fmt: skip


async def conclude(output: str, made: Mapping[str, Dataset], max_rejected: float, **more: Any) -> dict[str, Any]:
    """The result of a flow that made these datasets, stage by stage, the last of them at `output`; shown to people.

    Raises PartialError, with the result, where more than that share of a stage's rows was rejected.
    """
    manifests = {name: one.manifest for name, one in made.items()}
    await show_stages(manifests)
    stages = {name: str(one.path) for name, one in made.items()}
    simulated = " (simulated)" if any(one["simulated"] for one in manifests.values()) else ""
    result = {"said": f"{in_words(manifests)}, in {output}{simulated}", "dataset": output, **more, "stages": stages}
    require_few_rejected(result, manifests, max_rejected)
    return result


async def show_stages(manifests: Mapping[str, Mapping[str, Any]]) -> None:
    """Counts and reasons of each stage in the run's Artifacts tab."""
    rows = [
        {
            "stage": name, "rows": one["count"], "rejected": one["rejected"], "rounds": one["rounds"],
            "reasons": _in_words(one["reasons"]), "made anew for": _in_words(one["refused"]),
            "requests": one["calls"], "cost (US dollars)": one["cost"], "simulated": one["simulated"],
        }
        for name, one in manifests.items()
    ]  # fmt: skip
    await show_table("generated", rows, "What was generated, and what was refused")


def require_few_rejected(result: dict[str, Any], manifests: Mapping[str, Mapping[str, Any]], most: float) -> None:
    """Raises PartialError, with the result, where more than that share of a stage's rows was rejected."""
    for name, one in manifests.items():
        # Of what was asked for: a response may be several rows.
        if one["rejected"] > most * one["asked"]:
            raise PartialError(
                f"{result['said']}; {name}: {one['rejected']} of {one['asked']} rejected "
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


def _cost(manifests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What all of it cost, and each stage's part. A request is one however often it was asked again, and of whom."""
    known = {name: one for name, one in manifests.items() if "calls" in one}  # of a dataset of a user's own nothing is
    total = {name: sum(one[name] for one in known.values()) for name in _COUNTED}
    return {
        "us_dollars": round(total["cost"], 6),
        "requests": total["calls"],
        "input_tokens": total["input_tokens"],
        "output_tokens": total["output_tokens"],
        "requests_without_a_known_price": total["unpriced"],
        "stages": [
            {"requests" if name == "calls" else name: value for name, value in row.items()}
            for stage, one in known.items()
            for row in stage_rows(stage, one)
        ],
    }
