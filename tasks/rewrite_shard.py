"""The task that rewrites one shard of conversations with one method, and the plan that names its work."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from prefect import task

from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.feedback.stage import TEMPLATES, Method, rewrite_conversations
from redraft.home import Home
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import TRANSIENT
from tasks.session import current_caller
from tasks.shards import source_rows
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours


@task(
    task_run_name="rewrite {label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def rewrite_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard; its rows are in the work folder, and its paid calls in the ledger at once."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        plan = here.plan
        source = here.source("source")
        conversations = list(islice(source.read_shard(shard), source_rows(source, shard, plan["limit"])))
        rows, rejections = await rewrite_conversations(
            conversations, plan["method"], plan["model"], current_caller(), current_progress()
        )
        again = sum(rejection.reason in TRANSIENT for rejection in rejections)
        finished = here.write(shard, "examples", rows, rejections, again)
    return {"rows": finished.rows, "rejected": finished.rejected}


def rewrite_work(source: Dataset, method: Method, model: str, endpoint: Endpoint, limit: int | None) -> Work:
    """The folder of this rewriting: named after the rows, the method, the template and who is asked."""
    plan = {
        "source": str(source.path.resolve()),
        "source_hash": source.content_hash,
        "method": method,
        "template": TEMPLATES[method],
        "model": model,
        "endpoint": endpoint.name,
        "limit": limit,
    }
    return Work.open(Home.of().work, f"rewrite-{method}", plan)


def rewrite_meta(source: Dataset, plan: dict[str, Any]) -> dict[str, Any]:
    """What the manifest of a rewritten dataset says beside its counts."""
    return {
        "parents": [{"path": plan["source"], "content_hash": source.content_hash}],
        "method": plan["method"],
        "templates": [plan["template"]],
        "models": [plan["model"]],
    }
