"""Rewriting with one method or both: what it will cost, the run itself, what a person is shown of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset, require_target
from redraft.errors import PartialError
from redraft.feedback.stage import Method, stage_name
from tasks.estimates import estimate
from tasks.rewrite_shard import rewrite_all, rewrite_meta, rewrite_work, rewriting_requests
from tasks.session import CallOptions, current_caller, require_reachable
from tasks.shards import publish_dataset, shard_count
from tasks.showing import show_table, shown
from tasks.side_by_side import side_by_side


class Rewriting(msgspec.Struct, frozen=True, kw_only=True):
    """What is rewritten, by whom, and into which folders: one dataset for each method."""

    source: Dataset
    targets: dict[Method, str]
    model: str
    fallbacks: tuple[str, ...]
    move_on: str
    limit: int | None

    def require_targets(self) -> None:
        """Raises InputError where a dataset must not be written to one of the folders."""
        for target in self.targets.values():
            require_target(Path(target), "examples", self.source.path)


def targets_of(folder: str, method: str) -> dict[Method, str]:
    """Method → the dataset that is made with it."""
    if method == "both":
        return {"feedback": f"{folder}/feedback", "alternative": f"{folder}/alternative"}
    return {"alternative" if method == "alternative" else "feedback": folder}


async def estimate_rewriting(
    asked: Rewriting, credentials: str | None, options: CallOptions, limit: int | None
) -> list[dict[str, Any]]:
    """One estimate for each method, of the first `limit` rows."""
    return [
        await estimate(
            stage_name(method),
            rewriting_requests(asked.source, method, asked.model, limit, asked.fallbacks),
            credentials,
            options,
        )
        for method in asked.targets
    ]


async def rewrite(asked: Rewriting) -> dict[str, Any]:
    """Folders and manifests of the finished datasets, by method."""
    await require_reachable(asked.model, fallbacks=asked.fallbacks)
    for target in asked.targets.values():
        require_writable(Path(target))
    endpoint = await current_caller().endpoint(asked.model)
    works = {
        method: rewrite_work(
            asked.source, method, asked.model, endpoint, asked.limit, asked.fallbacks, asked.move_on
        )
        for method in asked.targets
    }  # fmt: skip
    count = shard_count(asked.source, asked.limit)
    async with shown("rewrite", len(works) * min(asked.source.count, asked.limit or asked.source.count)):
        await side_by_side(rewrite_all(work, count) for work in works.values())
    manifests: dict[str, dict[str, Any]] = {}
    for method, work in works.items():
        meta, target = rewrite_meta(asked.source, work.plan), asked.targets[method]
        manifests[method] = await publish_dataset(target, str(work.path), count, "examples", meta, target)
    await show_rewritten("rewrite-counts", manifests)
    return {"datasets": asked.targets, "manifests": manifests}


async def show_rewritten(name: str, manifests: dict[str, dict[str, Any]]) -> None:
    """Counts and costs in the run's Artifacts tab."""
    await show_table(name, [_row(method, manifest) for method, manifest in manifests.items()], "Rewriting")


def counts_in_words(manifests: dict[str, dict[str, Any]]) -> str:
    return "; ".join(f"{name}: {m['count']} examples, {m['rejected']} rejected" for name, m in manifests.items())


def require_few_rejections(result: dict[str, Any], max_rejected: float) -> None:
    """Raises PartialError, with the result, where more than that share of a dataset's rows was rejected."""
    manifests: dict[str, dict[str, Any]] = result["manifests"]
    if any(m["rejected"] > max_rejected * (m["count"] + m["rejected"]) for m in manifests.values()):
        raise PartialError(
            f"{counts_in_words(manifests)}, above the {max_rejected:.0%} allowed; a rerun asks again where a fault was "
            "one that passes, redraft retry asks again wherever a call gave no usable answer",
            result,
        )


def _row(method: str, manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": method,
        "examples": manifest["count"],
        "rejected": manifest["rejected"],
        "reasons": ", ".join(f"{count} {reason}" for reason, count in manifest["reasons"].items()),
        "calls": manifest["calls"],
        "input tokens": manifest["input_tokens"],
        "output tokens": manifest["output_tokens"],
        "cost (US dollars)": manifest["cost"],
        "simulated": manifest["simulated"],
    }
