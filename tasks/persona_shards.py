"""The tasks that make one shard of scenarios, documents or examples, and the work each belongs to.

Neighbours: `persona_rounds` runs them over all rows and again over what was refused; `redraft.documents.stage` asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
from prefect import task

from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.documents import responding, scenarios, stage, writing
from redraft.documents.gates.reasons import WORTH_ANOTHER
from redraft.documents.persona import Persona
from redraft.home import Home
from redraft.records import Document, Request, Scenario
from tasks.round_of_shards import round_of_shards
from tasks.session import current_caller
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# Stage → what its calls are filed under, the kind of dataset it makes, and its template.
KINDS = {scenarios.STAGE: "scenarios", writing.STAGE: "documents", responding.STAGE: "examples"}
TEMPLATES = {
    scenarios.STAGE: scenarios.TEMPLATE,
    writing.STAGE: writing.TEMPLATE,
    responding.STAGE: responding.TEMPLATE,
}


@task(
    task_run_name="{label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def generate_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard; its rows are in the work folder, and its paid calls in the ledger at once."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        plan = here.plan
        source = here.source("source")
        todo = await asyncio.to_thread(lambda: list(source.read_shard(shard)))
        asked = _persona(plan), tuple(plan["chain"]), plan["round"], current_caller(), current_progress()
        rows, rejections = await _made(plan["stage"], todo, following(source, shard), *asked)
        # What this run makes anew is asked about there.
        again = stage.worth_another_try(one for one in rejections if one.reason not in WORTH_ANOTHER)
        finished = await asyncio.to_thread(here.write, shard, KINDS[plan["stage"]], rows, rejections, again)
    return {"rows": finished.rows, "rejected": finished.rejected}


async def _made(
    name: str, todo: Sequence[Any], after: Sequence[Scenario], *asked: Any
) -> tuple[Sequence[msgspec.Struct], list[Any]]:
    if name == scenarios.STAGE:
        return await stage.think_up(cast("list[Scenario]", todo), *asked, after)
    if name == writing.STAGE:
        return await stage.write_documents(cast("list[Scenario]", todo), *asked)
    return await stage.respond(cast("list[Document]", todo), *asked)


def following(source: Dataset, shard: int) -> list[Scenario]:
    """The cells of the grid that fill up the last call of a shard of cells: behind the last shard those that the
    manifest has; the others end with a whole call."""
    last = shard == len(source.shards) - 1
    return msgspec.convert(source.manifest.get("following", []) if last else [], list[Scenario])


async def generate(
    name: str,
    source: Dataset,
    persona: Persona,
    chain: Sequence[str],
    round: int,
    ready: Callable[[Path, Shard], None] | None = None,
    *,
    last: bool = False,
) -> Dataset:
    """What a stage makes of the rows of `source` in one round; see `round_of_shards`."""
    work = await _work(name, source, persona, chain, round)
    requests = requests_of(name, source, persona, chain, round, work)
    meta = {"templates": [TEMPLATES[name]], "persona": persona.id}
    return await round_of_shards(generate_shard, work, source, requests, name, KINDS[name], meta, ready, last=last)


def requests_of(
    name: str, source: Dataset, persona: Persona, chain: Sequence[str], round: int, work: Work | None = None
) -> Iterator[Request]:
    """What a stage asks, a shard in memory at a time; with `work` only for shards that are not settled there."""
    for shard in range(len(source.shards)):
        if work is None or work.finished(shard, settled=True) is None:
            rows = source.read_shard(shard)
            if name == scenarios.STAGE:
                yield from stage.idea_requests(list(rows), persona, chain, round, following(source, shard))
            elif name == writing.STAGE:
                yield from stage.document_requests(rows, persona, chain, round)
            else:
                yield from stage.response_requests(rows, persona, chain, round)


async def _work(name: str, source: Dataset, persona: Persona, chain: Sequence[str], round: int) -> Work:
    """The folder of a stage's round: named after the rows, the persona, the template and who is asked."""
    endpoints = [(await current_caller().endpoint(model)).name for model in chain]
    return Work.open(
        Home.of().work,
        name,
        {
            "stage": name,
            "source": str(source.path.resolve()),
            "source_hash": source.content_hash,
            "persona": msgspec.to_builtins(persona, str_keys=True),
            "template": TEMPLATES[name],
            "chain": list(chain),
            "endpoints": endpoints,
            "move_on": current_caller().plan.move_on,
            "round": round,
        },
    )


def _persona(plan: dict[str, Any]) -> Persona:
    """The persona as the plan has it, whatever became of the user's file since."""
    return msgspec.convert(plan["persona"], Persona, str_keys=True, strict=False)
