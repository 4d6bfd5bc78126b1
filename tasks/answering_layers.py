"""The task that builds the answering study's questions from users' files, and what people are shown of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import task

from redraft.answering.candidates import Sources
from redraft.answering.domain import load_templates
from redraft.answering.layers import LayerOptions, build_layers
from redraft.answering.room import Room
from redraft.answering.tokenizing import load_tokenizer
from tasks.showing import current_progress, show_table, shown

_TABLE = ("extraction", "reasoning", "domain", "negatives")


@task(task_run_name="layers into {output}")
async def build_questions(
    output: str,
    squad: Sequence[str],
    hotpot: Sequence[str],
    pairs: Sequence[str],
    tokenizer: str | None,
    max_tokens: int,
    templates: str | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    """The manifest of the dataset of questions; `options` are the fields of `LayerOptions`."""
    dataset = await asyncio.to_thread(
        build_layers,
        Sources(squad=_paths(squad), hotpot=_paths(hotpot), pairs=_paths(pairs)),
        Path(output),
        Room(load_tokenizer(tokenizer), max_tokens),
        load_templates(Path(templates) if templates else None),
        LayerOptions(**options),
        current_progress().advance,
    )
    return {name: value for name, value in dataset.manifest.items() if name != "shards"}


async def questions_of(output: str, **parameters: Any) -> dict[str, Any]:
    """Builds the dataset under a progress of its own, and shows its counts; gives the manifest."""
    async with shown("layers", None) as progress:
        manifest = await build_questions(output, **parameters)
        progress.finish(2 * manifest["rows_read"])  # every row is read twice
    rows = [
        {"side": side, **{layer: counts.get(layer, 0) for layer in _TABLE}, **counts["negative"]}
        for side, counts in manifest["counts"].items()
    ]
    await show_table("answer-layers", rows, "Questions by side and layer")
    reasons = [{"rejected for": reason, "rows": count} for reason, count in manifest["reasons"].items()]
    await show_table("answer-layers-rejections", reasons, "Rejections by reason")
    return manifest


def _paths(files: Sequence[str]) -> tuple[Path, ...]:
    return tuple(Path(file) for file in files)
