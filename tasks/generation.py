"""The stages of the documents study: scenarios, documents, examples; each made in rounds and published as a dataset.

Neighbours: `persona_rounds` runs the rounds, `persona_shards` and `score_shard` the shards, `persona_files` writes the
training files of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from prefect import task
from prefect.cache_policies import NO_CACHE

from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset, DatasetWriter, assemble, require_target
from redraft.documents import responding, scenarios, sieves, writing
from redraft.documents.exporting import write_refused
from redraft.documents.grid import wanted
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.persona import Persona
from redraft.documents.prompting import Prompts, prompted
from redraft.home import Home
from redraft.records import Side
from tasks.generation_plan import Gating
from tasks.made_inputs import intact
from tasks.persona_rounds import Rounds, in_rounds
from tasks.persona_shards import generate
from tasks.score_shard import score_examples
from tasks.showing import shown
from tasks.sifting import Sifting
from tasks.spreads import begin_spread
from tasks.states import not_ours

# Whole calls: what one asks for must not depend on where a shard ends, or a longer run would not find it again.
CELLS_A_SHARD = 50 * scenarios.BATCH


@task(task_run_name="{count} cells on the {side} side", cache_policy=NO_CACHE)
async def draw_cells(persona: Persona, count: int, seed: int, side: Side) -> str:
    """Folder of the cells that scenarios are asked for. Those after them, which fill the last call up, stand in its
    manifest under `following`."""
    target = Home.of().work / f"cells-{persona.digest[:16]}-{seed}-{side}-{count}"
    if not intact(target):
        await asyncio.to_thread(_write_cells, persona, count, seed, side, target)
    return str(target)


def _write_cells(persona: Persona, count: int, seed: int, side: Side, target: Path) -> None:
    cells = wanted(persona, count, seed, side, -count % scenarios.BATCH)
    with DatasetWriter(target, "scenarios", CELLS_A_SHARD) as writer:
        for cell in cells[:count]:
            writer.add(cell)
        following = msgspec.to_builtins(cells[count:])
        writer.finish({"persona": persona.id, "seed": seed, "side": side, "following": following})


async def make_scenarios(
    cells: Dataset, persona: Persona, chain: Sequence[str], regenerate: int, target: str
) -> tuple[Dataset, Rounds]:
    """An idea for each cell, none like another."""
    sifting = Sifting(sieves.AlikeScenarios, (), cells.count)
    async with shown(scenarios.STAGE, cells.count):
        rounds = await in_rounds(
            cells,
            lambda todo, number, ready, last: generate(scenarios.STAGE, todo, persona, chain, number, ready, last=last),
            sifting,
            regenerate,
        )
    return await publish(rounds, target, "scenarios", persona, chain), rounds


async def make_documents(
    ideas: Dataset, persona: Persona, chain: Sequence[str], regenerate: int, target: str, tested: Iterable[str] = (),
    trained: Sequence[Path] | None = None,
) -> tuple[Dataset, Rounds]:  # fmt: skip
    """A document for each scenario; none like another, none with words of what is `tested`. Of documents to test on
    nothing may be in the datasets that are `trained` on."""
    if trained is None:
        sifting = Sifting(sieves.AlikeDocuments, (EvaluationGrams.of(tested),), ideas.count)
    else:
        sifting = Sifting(sieves.AlikeTestDocuments, (list(trained),), ideas.count)
    async with shown(writing.STAGE, ideas.count):
        rounds = await in_rounds(
            ideas,
            lambda todo, number, ready, last: generate(writing.STAGE, todo, persona, chain, number, ready, last=last),
            sifting,
            regenerate,
        )
    return await publish(rounds, target, "documents", persona, chain), rounds


async def make_examples(
    documents: Dataset, persona: Persona, chain: Sequence[str], gating: Gating, target: str, prompts: Prompts,
    tested: Iterable[str] = (), wordings: Mapping[str, Any] | None = None,
) -> tuple[Dataset, Rounds]:  # fmt: skip
    """A response to each document that shows the persona, as training rows; none with words of what is `tested`.
    `wordings`: what those of the prompt cost, where some were asked for."""

    async def make(todo: Dataset, number: int, ready: Callable[[Path, Shard], None], last: bool) -> Dataset:
        if gating.judge is None:
            return await generate(responding.STAGE, todo, persona, chain, number, ready, last=last)
        made = await generate(responding.STAGE, todo, persona, chain, number, last=last)
        return await score_examples(made, persona, gating.judge, gating.least_score, ready)

    sifting = Sifting(sieves.AlikeResponses, (EvaluationGrams.of(tested),), documents.count)
    async with shown(responding.STAGE, documents.count * (1 if gating.judge is None else 2)):
        rounds = await in_rounds(documents, make, sifting, gating.regenerate)
    return await publish(rounds, target, "examples", persona, chain, prompts, wordings), rounds


async def publish(
    rounds: Rounds, target: str, kind: str, persona: Persona, chain: Sequence[str], prompts: Prompts = "persona",
    wordings: Mapping[str, Any] | None = None,
) -> Dataset:  # fmt: skip
    """What stays of all rounds as the dataset `target`, with what does not beside it and what all of it cost."""
    await _publish(rounds, target, kind, persona, list(chain), prompts, wordings)
    made = Dataset.open(Path(target))
    begin_spread(made)
    return made


@task(
    task_run_name="publish {target}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def _publish(
    rounds: Rounds, target: str, kind: str, persona: Persona, chain: list[str], prompts: Prompts,
    wordings: Mapping[str, Any] | None,
) -> dict[str, Any]:  # fmt: skip
    manifest = await asyncio.to_thread(_write, rounds, Path(target), kind, persona, chain, prompts, wordings)
    await asyncio.to_thread(write_refused, Path(target), rounds.on_the_way())
    return {name: value for name, value in manifest.items() if name != "shards"}


def _write(
    rounds: Rounds, target: Path, kind: str, persona: Persona, chain: list[str], prompts: Prompts,
    wordings: Mapping[str, Any] | None,
) -> dict[str, Any]:  # fmt: skip
    require_target(target, kind, rounds.todo.path)
    meta = {
        "parents": [{"path": str(rounds.todo.path), "content_hash": rounds.todo.content_hash}],
        "templates": rounds.made[0].manifest["templates"],
        "models": chain,
        "persona": persona.id,
        "persona_digest": persona.digest,
        "rounds": len(rounds.made),
        "asked": rounds.todo.count,
        # Given up for now: a rerun asks again, as a fault that passes was part of it.
        "passing": sum(one.passing for one in rounds.rejections()),
        "refused": dict(sorted(rounds.reasons().items())),
        **rounds.paid(wordings),
    }
    if kind != "scenarios":
        meta["words"] = list(persona.words)
    if kind == "examples":
        meta |= {"method": "documents", "system_prompts": prompts}
    if (only := rounds.only) is not None and (kind != "examples" or prompts == "persona"):
        return assemble(target, only.path, only.shards, kind, meta).manifest  # its files are linked, not written anew
    rows = rounds.rows()
    with DatasetWriter(target, kind) as writer:
        for row in prompted(rows, persona, prompts) if kind == "examples" else rows:
            writer.add(row)
        for rejection in rounds.rejections():
            writer.reject(rejection)
        return writer.finish(meta).manifest
