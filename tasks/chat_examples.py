"""Examples of one person's replies, by each strategy: the tasks that make the datasets and the files to train on, and
what people are shown of them.

Neighbours: `chat_contexts` has a model pick contexts, `redraft.chat.examples` selects by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import task
from prefect.cache_policies import NO_CACHE

from redraft.beside import Helper
from redraft.chat.choosing import STRATEGY
from redraft.chat.comparing import Spread, compared
from redraft.chat.embedding.cache import EmbeddingCache
from redraft.chat.embedding.sentences import SentenceModel
from redraft.chat.examples import EXAMPLES, ExampleOptions, build_examples, require_messages
from redraft.chat.lineage import Made, note_made
from redraft.chat.selection import Strategy
from redraft.chat.selection.semantic import Semantic
from redraft.chat.selection.window import Window
from redraft.chat.training_rows import SIDES, write_files
from redraft.datasets.storage import MANIFEST, Dataset, assemble, require_target
from redraft.errors import ConfigurationError, InputError, PartialError
from redraft.home import Home
from tasks.made_inputs import intact
from tasks.showing import show_table, shown
from tasks.states import not_ours

Named = Literal["window", "semantic", "llm"]


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What contexts are chosen by: `settings` by strategy, and how replies are cut and parted."""

    settings: dict[str, dict[str, Any]]
    options: ExampleOptions


def dataset_in(output: str, strategy: str) -> str:
    """Where the examples of a strategy lie."""
    return f"{output}/{strategy}"


def require_output(output: str, strategies: Sequence[str], messages: str, person: str) -> None:
    """Raises InputError where one of the datasets cannot be made there, or `person` writes nothing in the messages;
    ConfigurationError where no strategy is named, or one twice."""
    if not strategies or len(set(strategies)) < len(strategies):
        raise ConfigurationError(f"strategies {', '.join(strategies) or 'none'}: name each of those wanted once")
    if (Path(output) / MANIFEST).is_file():
        raise InputError(f"{output}: a dataset itself; name another folder for the datasets of examples")
    source = Dataset.open(Path(messages))
    for strategy in strategies:
        require_target(Path(dataset_in(output, strategy)), EXAMPLES, source.path)
    require_messages(source, person)


@task(
    task_run_name="examples by {strategy}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def examples_by(
    strategy: str, messages: str, person: str, settings: dict[str, Any], options: dict[str, Any], output: str
) -> dict[str, Any]:
    """The manifest of the dataset that a strategy of our own makes. What it needs, torch perhaps, is imported in a
    process beside, and gone with it."""
    helper = Helper()
    try:
        return await helper.run(_build, strategy, messages, person, settings, options, output)
    finally:
        await helper.close()


def _build(
    strategy: str, messages: str, person: str, settings: dict[str, Any], options: dict[str, Any], output: str
) -> dict[str, Any]:
    dataset = Dataset.open(Path(messages))
    _note(Path(messages), Path(output))
    made = build_examples(dataset, person, _strategy(strategy, settings), ExampleOptions(**options), Path(output))
    return _told(made)


def _note(messages: Path, output: Path) -> None:
    """Notes beside the messages where examples of them are about to be, so that a person can leave those, too."""
    if Home.of().work not in output.resolve().parents:
        note_made(messages, Made(path=str(output.resolve())))


def _strategy(name: str, settings: dict[str, Any]) -> Strategy:
    if name == "window":
        return Window(**settings)
    own = dict(settings)
    cache = EmbeddingCache(SentenceModel.open(own.pop("embedder")), Home.of().work)
    return Semantic(cache, **own)


async def candidates_for(messages: str, person: str, most: int, options: dict[str, Any]) -> Dataset:
    """Examples whose contexts are all that a model may choose from: the last `most` messages of the session."""
    source = Dataset.open(Path(messages))
    what = msgspec.json.encode([source.content_hash, person, most, options], order="sorted")
    folder = Home.of().work / f"chat-candidates-{hashlib.sha256(what).hexdigest()[:16]}"
    if not intact(folder):
        await examples_by("window", messages, person, {"k": most}, options, str(folder))
    return Dataset.open(folder)


@task(
    task_run_name="publish {target}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def publish_chosen(made: str, candidates: str, settings: dict[str, Any], target: str) -> dict[str, Any]:
    """What a model chose as the dataset `target`, a child of the messages as those of the other strategies are."""
    return await asyncio.to_thread(_publish, Dataset.open(Path(made)), Dataset.open(Path(candidates)), settings, target)


def _publish(made: Dataset, candidates: Dataset, settings: dict[str, Any], target: str) -> dict[str, Any]:
    stated = {"format", "kind", "count", "rejected", "reasons", "content_hash", "schema", "shards", "parents"}
    wider = {name: candidates.manifest[name] for name in ("parents", "person", "options", "chats")}
    sides: dict[str, int] = dict.fromkeys(SIDES, 0)
    for one in made.rows():
        sides[one.side] += 1
    if not any(sides.values()):
        raise PartialError(f"{target}: no context was chosen ({_reasons(made.manifest)}); a rerun asks again")
    meta = {name: value for name, value in made.manifest.items() if name not in stated}
    for parent in wider["parents"]:
        _note(Path(parent["path"]), Path(target))
    told = {**meta, **wider, "strategy": STRATEGY, "settings": settings, "sides": sides}
    return _told(assemble(Path(target), made.path, made.shards, EXAMPLES, told))


@task(
    task_run_name="files of {dataset}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def write_training_files(dataset: str) -> dict[str, int]:
    """File → rows: what trainers read, every side in either form, beside the dataset."""
    return await asyncio.to_thread(lambda: write_files(Dataset.open(Path(dataset))))


async def show_examples(datasets: Mapping[str, str]) -> dict[str, Spread]:
    """How the strategies' contexts differ, as an artifact too."""
    found = await asyncio.to_thread(compared, {name: Dataset.open(Path(folder)) for name, folder in datasets.items()})
    async with shown("compare", len(found)) as progress:
        progress.finish(len(found))
    await show_table("chat-examples", [spread.as_row() for spread in found.values()], "Examples by strategy")
    return found


def require_few_rejected(result: dict[str, Any], manifest: Mapping[str, Any], most: float) -> None:
    """Raises PartialError, with the result, where a model gave no context for more than that share of the replies."""
    asked = manifest["count"] + manifest["rejected"]
    if manifest["rejected"] > most * asked:
        raise PartialError(
            f"{result['said']}; {manifest['rejected']} of {asked} contexts were not chosen ({_reasons(manifest)}), "
            f"above the {most:.0%} allowed; a rerun asks again where a fault was one that passes",
            result,
        )


def _reasons(manifest: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in manifest["reasons"].items()) or "no reason"


def _told(dataset: Dataset) -> dict[str, Any]:
    return {name: value for name, value in dataset.manifest.items() if name != "shards"}
