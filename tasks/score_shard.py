"""The task that has a judge score one shard of new examples on the persona's traits, and the stage over all.

A response under the threshold on any trait is refused, and one whose scores cannot be read as well: there is no score
by default. Neighbours: `persona_shards` makes the examples, `redraft.judging.stage` asks the judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from prefect import task

from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.privacy import redact
from redraft.datasets.shards import Shard, rejections_in
from redraft.datasets.storage import Dataset
from redraft.datasets.totals import Paid, paid_for
from redraft.datasets.work import Work
from redraft.documents.gates.scores import score_finding
from redraft.documents.persona import Persona
from redraft.home import Home
from redraft.judging.judges import Judge
from redraft.judging.ratings import rating_request, rating_template
from redraft.judging.rubric import Rubric, Scale, Trait
from redraft.judging.stage import rate_responses
from redraft.records import Conversation, Example, Rating, Rejection, Request, Response
from tasks.judge_shard import judge_of
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

STAGE = "trait scores"
# The judge said nothing of the response, which may be a good one: it is kept as a rejection, is not made anew, and a
# rerun asks for its scores.
NOT_ASKED = ("judge_error", "skipped_budget")


@task(
    task_run_name="{label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def score_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard: examples that show the persona, and rejections with the scores they had."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        source = here.source("source")
        examples = await asyncio.to_thread(lambda: list(source.read_shard(shard)))
        before = await asyncio.to_thread(lambda: list(rejections_in(source.path, source.shards[shard])))
        rubric = msgspec.convert(here.plan["rubric"], Rubric, str_keys=True)
        ratings = await rate_responses(
            [_context(one) for one in examples], [_response(one) for one in examples], judge_of(here), rubric,
            current_caller(), current_progress(), stage=STAGE,
        )  # fmt: skip
        rows, refused = sorted_out(examples, ratings, rubric, here.plan["least"])
        # Before the shard, which says that all of it is there.
        await asyncio.to_thread(_write_paid, here, shard, paid_for(ratings))
        again = sum(rating.status in NOT_ASKED for rating in ratings)
        finished = await asyncio.to_thread(here.write, shard, "examples", rows, [*before, *refused], again)
    return {"rows": finished.rows, "rejected": finished.rejected}


async def score_examples(
    source: Dataset, persona: Persona, judge: Judge, least: float, ready: Callable[[Path, Shard], None] | None = None
) -> Dataset:
    """Of the examples those that have at least `least` on every trait, with their scores; the rest as rejections,
    beside those that the examples came with. What a row cost stays its response's; the manifest has what all scores
    cost under `scores`. `ready` is told of each shard."""
    rubric = rubric_of(persona)
    endpoint = await current_caller().endpoint(judge.model)
    plan = {
        "source": str(source.path.resolve()),
        "source_hash": source.content_hash,
        "rejected_before": [one.rejections_file for one in source.shards],  # named after their content
        "judge": judge.model,
        "template": rating_template(judge, rubric),
        "how": msgspec.to_builtins(judge),
        "rubric": msgspec.to_builtins(rubric, str_keys=True),
        "endpoint": endpoint.name,
        "least": least,
    }
    work, count = Work.open(Home.of().work, "trait-scores", plan), len(source.shards)
    await send_batches(score_requests(source, judge, rubric, work), STAGE, work.path / "batches")
    await run_shards(score_shard, work, count, STAGE, ready=ready)
    target = work.path.with_name(f"{work.path.name}-dataset")
    meta = {name: source.manifest[name] for name in ("templates", "models", "persona", "round")}
    meta |= {
        "parents": [{"path": plan["source"], "content_hash": source.content_hash}],
        "judge": judge.model,
        "rubric": rubric.id,
        "rubric_digest": rubric.digest,
        "least_score": least,
        "scores": msgspec.to_builtins(await asyncio.to_thread(_paid, work, count)),
    }
    await publish_dataset(str(target), str(work.path), count, "examples", meta, STAGE)
    return Dataset.open(target)


def score_requests(
    source: Dataset, judge: Judge, rubric: Rubric, work: Work | None = None
) -> Iterator[Request]:  # fmt: skip
    """What the judge is asked, a shard in memory at a time; with `work` only for shards that are not settled there."""
    for shard in range(len(source.shards)):
        if work is None or work.finished(shard, settled=True) is None:
            for one in source.read_shard(shard):
                yield rating_request(_context(one), _response(one), judge, rubric)


def rubric_of(persona: Persona) -> Rubric:
    """The persona's traits as judges score them."""
    traits = tuple(
        Trait(name=one.name, label=one.label, description=one.meaning, anchors=one.anchors) for one in persona.traits
    )
    # Floats, whatever the persona was made of: 1 and 1.0 are the same score and would not have the same digest.
    scale = Scale(low=float(persona.scale.low), high=float(persona.scale.high))
    return Rubric(name=persona.name, version=persona.version, scale=scale, traits=traits)


def _context(example: Example) -> Conversation:
    """What the judge sees before the response: the document alone. It judges what is shown, not what was ordered."""
    users = tuple(message for message in example.messages if message.role == "user")
    return Conversation(conversation_id=example.conversation_id, messages=users)


def _response(example: Example) -> Response:
    return Response(
        context_id=example.conversation_id,
        model=example.model or "",
        text=example.messages[-1].content,
        simulated=example.simulated,
    )


def sorted_out(
    examples: Sequence[Example], ratings: Sequence[Rating], rubric: Rubric, least: float
) -> tuple[list[Example], list[Rejection]]:
    """The examples that have at least `least` on every trait of the rubric, with their scores, and why the others have
    not."""
    rows: list[Example] = []
    refused: list[Rejection] = []
    for example, rating in zip(examples, ratings, strict=True):
        scored = _with_scores(example, rating)
        finding = score_finding(
            rating.status, rating.scores, least, detail=rating.detail, traits=rubric.names,
            scale=(rubric.scale.low, rubric.scale.high),
        )  # fmt: skip
        if finding is None:
            rows.append(scored)
            continue
        refused.append(
            Rejection(
                reason=rating.status if rating.status in NOT_ASKED else finding.reason,
                detail=finding.detail,
                place=f"{STAGE} {example.conversation_id}",
                row_id=example.conversation_id,
                row=redact(example.messages[-1].content),
                cost=scored.cost,
                input_tokens=scored.input_tokens,
                output_tokens=scored.output_tokens,
                simulated=scored.simulated,
                answered_model=example.extra["answered_models"]["response"],
                request_key=example.request_key or "",
            )
        )
    return rows, refused


def _with_scores(example: Example, rating: Rating) -> Example:
    judged = {
        "judge": rating.judge,
        "scores": rating.scores,
        "analysis": rating.analysis,
        "violation": rating.violation,
        "input_tokens": rating.input_tokens,
        "output_tokens": rating.output_tokens,
        "cost": rating.cost,
    }
    simulated = example.simulated or rating.simulated
    return msgspec.structs.replace(example, simulated=simulated, extra={**example.extra, "judged": judged})


def _write_paid(work: Work, shard: int, paid: Paid) -> None:
    with storage_faults(work.path):
        write_whole(_paid_file(work, shard), msgspec.json.encode(paid))


def _paid(work: Work, count: int) -> Paid:
    """What the scores of all shards cost."""
    with storage_faults(work.path):
        found = [msgspec.json.decode(_paid_file(work, shard).read_bytes(), type=Paid) for shard in range(count)]
    return sum(found, Paid())


def _paid_file(work: Work, shard: int) -> Path:
    return work.path / f"paid-{shard:05d}.json"
