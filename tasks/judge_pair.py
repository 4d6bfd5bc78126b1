"""The stage that judges one pair of models, for a comparison on its own and for each of a study's three."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from tasks.judge_shard import judge_all
from tasks.verdict_files import cost_of


async def judge_pair(contexts: Dataset, first: Dataset, second: Dataset, judge: str, target: str) -> dict[str, Any]:
    """Folders of two models' responses and of the judgments, and what the judging cost."""
    judgments = await judge_all(contexts, first, second, judge, Path(target))
    folders = {
        "contexts": str(contexts.path),
        "responses_a": str(first.path),
        "responses_b": str(second.path),
        "judgments": str(judgments.path),
    }
    return {"folders": folders, "cost": cost_of("judging", judgments)}
