"""The task that rewrites one shard of conversations with one method, the plan that names its work, and the stage that
runs it over all shards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from prefect import task

from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.feedback.stage import (
    REWRITE_TOKENS,
    TEMPLATES,
    Method,
    rewrite_conversations,
    rewrite_requests,
    stage_name,
)
from redraft.home import Home
from redraft.providers.endpoints import Endpoint
from redraft.records import Conversation, Request
from tasks.session import current_caller, send_batches
from tasks.shards import run_shards, shard_count, source_rows
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
        # Files are read and written in threads: meanwhile the calls of the other shards go on.
        conversations = await asyncio.to_thread(_read, here, shard)
        rows, rejections = await rewrite_conversations(
            conversations, plan["method"], plan["model"], current_caller(), current_progress(), _fallbacks(plan)
        )
        again = sum(rejection.passing for rejection in rejections)
        finished = await asyncio.to_thread(here.write, shard, "examples", rows, rejections, again)
    return {"rows": finished.rows, "rejected": finished.rejected}


def _read(work: Work, shard: int) -> list[Conversation]:
    return list(_conversations(work.source("source"), shard, work.plan["limit"]))


async def rewrite_all(work: Work, count: int) -> list[Shard]:
    """The finished shards of a rewriting; in batch mode its calls go through the provider's batches first."""
    plan, source = work.plan, work.source("source")
    unsettled = [shard for shard in range(count) if work.finished(shard, settled=True) is None]
    requests = rewriting_requests(source, plan["method"], plan["model"], plan["limit"], _fallbacks(plan), unsettled)
    await send_batches(requests, stage_name(plan["method"]), work.path / "batches")
    return await run_shards(rewrite_shard, work, count, plan["method"])


def rewriting_requests(
    source: Dataset,
    method: Method,
    model: str,
    limit: int | None,
    fallbacks: tuple[str, ...],
    shards: Iterable[int] | None = None,
) -> Iterator[Request]:
    """What a rewriting asks, a shard in memory at a time, of all shards or of those named."""
    for shard in range(shard_count(source, limit)) if shards is None else shards:
        yield from rewrite_requests(_conversations(source, shard, limit), method, model, fallbacks)


def _conversations(source: Dataset, shard: int, limit: int | None) -> Iterator[Conversation]:
    return islice(source.read_shard(shard), source_rows(source, shard, limit))


def _fallbacks(plan: dict[str, Any]) -> tuple[str, ...]:
    return tuple(plan.get("fallbacks", ()))


def rewrite_work(
    source: Dataset,
    method: Method,
    model: str,
    endpoint: Endpoint,
    limit: int | None,
    fallbacks: tuple[str, ...] = (),
    move_on: str = "any",
) -> Work:
    """The folder of this rewriting: named after the rows, the method, the template and who is asked."""
    plan: dict[str, Any] = {
        "source": str(source.path.resolve()),
        "source_hash": source.content_hash,
        "method": method,
        "template": TEMPLATES[method],
        "model": model,
        "endpoint": endpoint.name,
        "limit": limit,
    }
    if fallbacks:
        plan |= {"fallbacks": list(fallbacks), "move_on": move_on}
    return Work.open(Home.of().work, f"rewrite-{method}", plan)


def rewrite_meta(source: Dataset, plan: dict[str, Any]) -> dict[str, Any]:
    """What the manifest of a rewritten dataset says beside its counts: enough to ask for its rejections again."""
    return {
        "parents": [{"path": plan["source"], "content_hash": source.content_hash}],
        "method": plan["method"],
        "templates": [plan["template"]],
        "models": [plan["model"], *_fallbacks(plan)],
        "max_tokens": REWRITE_TOKENS,
        "asked": {name: plan[name] for name in ("model", "fallbacks", "move_on", "limit") if name in plan},
    }
