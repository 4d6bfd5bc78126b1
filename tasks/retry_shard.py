"""The task that asks again for the rejected rows of one shard of a rewritten dataset, and the stage around it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast, get_args

from prefect import task

from redraft.answering.rewriting import METHODS
from redraft.datasets.columns import from_columns
from redraft.datasets.parquet import read_parquet
from redraft.datasets.reading import resolve_input
from redraft.datasets.shards import Shard
from redraft.datasets.storage import MANIFEST, Dataset
from redraft.datasets.totals import CostColumns, Paid, Payments
from redraft.datasets.work import Work
from redraft.errors import InputError
from redraft.feedback.stage import TEMPLATES, rewrite_conversations, rewrite_requests, stage_name
from redraft.home import Home
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import FaultKind
from redraft.records import Conversation, Example, Rejection, Request
from tasks.filter_file import dataset_of
from tasks.rewrite_shard import rewrite_work
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# A call that gave no usable answer. What was rejected for its content stays so: the same answer would come back.
FROM_A_CALL: frozenset[str] = frozenset(get_args(FaultKind))
# Kinds of the documents study → the command of the stage that makes them.
_GENERATED = {"scenarios": "scenarios", "documents": "write", "examples": "respond"}
# Methods of the answering study's examples.
_ANSWERED = frozenset(METHODS.values())


@task(
    task_run_name="retry {label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def retry_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard: the rows and rejections that were there, with what came of those asked again."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        plan, dataset = here.plan, here.source("dataset")
        rows = {row.conversation_id: row for row in rows_of(dataset.path, dataset.shards[shard])}
        rejected = list(rejections_of(dataset.path, dataset.shards[shard]))
        replaced = _replaced(dataset.path, plan["manifest"])[shard]
        source, again = _source_of(here, dataset, shard)
        mended, still = await rewrite_conversations(
            again, plan["method"], plan["model"], current_caller(), current_progress(), tuple(plan["fallbacks"])
        )
        places = {conversation.conversation_id: place for place, conversation in enumerate(source)}
        rows |= {row.conversation_id: row for row in mended}
        finished = here.write(
            shard,
            "examples",
            sorted(rows.values(), key=lambda row: places.get(row.conversation_id, 0)),
            sorted(
                [*(one for one in rejected if one.reason not in FROM_A_CALL), *still],
                key=lambda one: places.get(one.row_id or "", len(places)),
            ),
            sum(rejection.passing for rejection in still),
            replaced + (dataset.shards[shard].replaced or Paid()),
        )
    return {"rows": finished.rows, "rejected": finished.rejected}


@lru_cache(maxsize=1)
def _replaced(dataset: Path, manifest: str) -> tuple[Paid, ...]:
    """What the attempts cost that a retry of the dataset with this manifest replaces, shard by shard. An answer that
    rows of several shards share counts in the first of them; that is why all are read."""
    payments = Payments()
    return tuple(payments.add(_asked_again(dataset, shard)) for shard in Dataset.open(dataset).shards)


def _asked_again(folder: Path, shard: Shard) -> Iterator[dict[str, object]]:
    """What the rejections of one shard cost that are asked again, as columns."""
    if shard.rejections_file:
        for row in read_parquet(folder / shard.rejections_file, ["reason", *CostColumns.__struct_fields__]):
            if row["reason"] in FROM_A_CALL:
                yield row


def _source_of(work: Work, dataset: Dataset, shard: int) -> tuple[list[Conversation], list[Conversation]]:
    """The conversations of a shard, and those of them that are asked again."""
    rejected = rejections_of(dataset.path, dataset.shards[shard])
    again = {rejection.row_id for rejection in rejected if rejection.reason in FROM_A_CALL}
    source = list(cast("Iterator[Conversation]", work.source("source").read_shard(shard)) if again else ())
    return source, [conversation for conversation in source if conversation.conversation_id in again]


def _requests(dataset: Dataset, work: Work, count: int) -> Iterator[Request]:
    plan = work.plan
    for shard in range(count):
        _, again = _source_of(work, dataset, shard)
        yield from rewrite_requests(again, plan["method"], plan["model"], tuple(plan["fallbacks"]))


def rows_of(folder: Path, shard: Shard) -> Iterator[Example]:
    """The examples of one shard, in order."""
    if shard.rows_file:
        for row in read_parquet(folder / shard.rows_file):
            yield cast("Example", from_columns(Example, row))


def rejections_of(folder: Path, shard: Shard) -> Iterator[Rejection]:
    """The rejections of one shard, in order."""
    if shard.rejections_file:
        for row in read_parquet(folder / shard.rejections_file):
            yield cast("Rejection", from_columns(Rejection, row))


def rewritten_dataset(path: str) -> Dataset:
    """The rewritten dataset that a path means. Raises InputError for anything else; for a dataset of the documents or
    the answering study with the commands that ask again for what is missing there."""
    found = resolve_input(Path(path))
    if found.is_dir():
        made = Dataset.open(found)
        if made.kind in _GENERATED and (made.kind != "examples" or made.manifest.get("method") == "documents"):
            raise InputError(
                f"{path}: {made.kind} of the documents study, which are not retried; the command that made them, run "
                "once more, asks again for what a passing fault kept from being made: redraft documents generate, "
                f"{_GENERATED[made.kind]} or study"
            )
        if made.kind == "questions" or made.manifest.get("method") in _ANSWERED:
            raise InputError(
                f"{path}: {made.kind} of the answering study, which are not retried; redraft answers rewrite, run once "
                "more, asks again for what a passing fault kept from being made"
            )
    return dataset_of(path)


def retryable(dataset: Dataset) -> Counter[str]:
    """How many rows of a dataset can be asked again, by reason."""
    return Counter({reason: n for reason, n in dataset.manifest["reasons"].items() if reason in FROM_A_CALL})


def chain_of(dataset: Dataset) -> tuple[str, ...]:
    """Who was asked to rewrite it, in turn. Raises InputError where the dataset does not say how it was made."""
    said = dataset.manifest
    if not {"method", "templates", "asked", "parents"} <= said.keys() or said["method"] not in TEMPLATES:
        raise InputError(f"{dataset.path}: does not say how it was rewritten; run redraft rewrite again")
    return (said["asked"]["model"], *said["asked"].get("fallbacks", ()))


def retry_began(dataset: Dataset, chain: Sequence[str], move_on: str) -> float:
    """When this retry was first started (seconds since the epoch), however often it was killed since: what failed from
    then on is what came of it. The next retry of the dataset begins anew, as its work does."""
    plan = {
        "dataset": str(dataset.path.resolve()),
        "manifest": _manifest_hash(dataset),
        "models": list(chain),
        "move_on": move_on,
    }
    return Work.open(Home.of().work, "retry-began", plan).began()


def _manifest_hash(dataset: Dataset) -> str:
    return hashlib.sha256((dataset.path / MANIFEST).read_bytes()).hexdigest()


def retry_work(
    dataset: Dataset, model: str, fallbacks: tuple[str, ...], move_on: str, endpoint: Endpoint
) -> Work:  # fmt: skip
    """The folder of this retry; the next one of the same dataset has another, since its manifest counts them.

    Raises InputError where the dataset was made by texts of another version, or its source is gone or has changed.
    """
    said = dataset.manifest
    template = TEMPLATES[said["method"]]
    if said["templates"] != [template]:
        raise InputError(
            f"{dataset.path}: rewritten with {', '.join(said['templates'])}, this version asks with {template}; run "
            "redraft rewrite again"
        )
    source = said["parents"][0]
    plan = {
        "dataset": str(dataset.path.resolve()),
        "dataset_hash": dataset.content_hash,
        "manifest": _manifest_hash(dataset),
        "source": source["path"],
        "source_hash": source["content_hash"],
        "method": said["method"],
        "template": template,
        "model": model,
        "fallbacks": list(fallbacks),
        "move_on": move_on,
        "endpoint": endpoint.name,
    }
    work = Work.open(Home.of().work, "retry", plan)
    work.source("source")  # refused now where it is gone or has changed, before anything is paid
    return work


async def retry_all(dataset: Dataset, work: Work) -> dict[str, Any]:
    """Asks, and publishes the new version in the dataset's place; its manifest. What was mended stays so when the
    dataset is rewritten again with the settings that it was made with."""
    count, target = len(dataset.shards), str(dataset.path)
    await send_batches(_requests(dataset, work, count), stage_name(work.plan["method"]), work.path / "batches")
    shards = await run_shards(retry_shard, work, count, dataset.path.name)
    await _hand_on(dataset, work, shards)
    return await publish_dataset(target, str(work.path), count, "examples", _meta(dataset, work.plan), target)


async def _hand_on(dataset: Dataset, work: Work, shards: list[Shard]) -> None:
    """Puts the new shards where the rewriting keeps its own for reruns, if those are the dataset's."""
    asked, chain = dataset.manifest["asked"], chain_of(dataset)
    endpoint = await current_caller().endpoint(chain[0])
    kept = rewrite_work(
        work.source("source"), work.plan["method"], chain[0], endpoint, asked["limit"], chain[1:],
        asked.get("move_on", "any"),
    )  # fmt: skip
    lock = await kept.alone()
    try:
        for old, new in zip(dataset.shards, shards, strict=True):
            there = kept.finished(old.index)
            if there is not None and there.sha256 == old.sha256 and there.reasons == old.reasons:
                rows, rejections = list(rows_of(work.path, new)), list(rejections_of(work.path, new))
                # Settled: rewriting this shard anew would lose what other models have mended in it, and its cost.
                kept.write(old.index, "examples", rows, rejections, 0, new.replaced)
    finally:
        lock.release()


def _meta(dataset: Dataset, plan: dict[str, Any]) -> dict[str, Any]:
    """What the manifest said, and who was asked now."""
    said = dataset.manifest
    kept = {name: said[name] for name in ("parents", "method", "templates", "max_tokens", "asked") if name in said}
    models = dict.fromkeys([*said["models"], plan["model"], *plan["fallbacks"]])
    return {**kept, "models": list(models), "retries": said.get("retries", 0) + 1}
