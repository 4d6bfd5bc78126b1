"""The tasks that make test contexts, and that make sure no model was trained on them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from prefect import task
from prefect.logging import get_run_logger

from blocks.credentials import endpoint_of
from redraft.calling.notices import tell
from redraft.chat.rendering import context_messages, read_prompt
from redraft.datasets.conversations import holds_questions
from redraft.datasets.curriculum_files import rows_of
from redraft.datasets.privacy import redact
from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.feedback.contexts import (
    fewer_contexts,
    last_contexts,
    refuse_overlap,
    split_held_out,
    trained_fingerprints,
)
from redraft.feedback.splitting import context_fingerprint
from redraft.home import Home
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import identified_by, split_model
from redraft.records import Message
from redraft.training.adapting.bases import is_adapter
from redraft.training.adapting.plans import read_plan as read_adapter
from redraft.training.adapting.process import Kind
from redraft.training.adapting.rows import Prompt
from redraft.training.local.plan import ADAPTING, PLAN, program_of, read_plan
from redraft.training.registry import Registry, registry_address
from tasks.made_inputs import digest_of, intact, made_at
from tasks.session import credentials_name
from tasks.training_source import untold


@task(task_run_name="contexts of {conversations}")
async def make_contexts(conversations: str, test_size: int) -> str:
    """Folder of the contexts of the last `test_size` conversations; of contexts made before, the last ones; of rows
    with `input` a spread."""
    found = resolve_input(Path(conversations))
    ready = found.is_dir() and Dataset.open(found).manifest.get("contexts")
    if ready and Dataset.open(found).count <= test_size:
        return str(found)
    drawn = ("spread",) if not ready and await asyncio.to_thread(holds_questions, found) else ()
    target = made_at("contexts", found, await digest_of(found), test_size, *drawn)
    if not intact(target):
        await asyncio.to_thread(fewer_contexts if ready else last_contexts, found, target, test_size)
    if not Dataset.open(target).count:
        raise InputError(f"{conversations}: none of the last {test_size} conversations gives a test context")
    return str(target)


@task(task_run_name="hold out {test_share} of {input}")
async def hold_out(input: str, test_share: float, seed: int) -> dict[str, str]:
    """Folders of the two sides, cut before anything is rewritten."""
    found = resolve_input(Path(input))
    settings = (await digest_of(found), test_share, seed)
    train, test = (made_at(side, found, *settings) for side in ("train", "test"))
    if not (intact(train) and intact(test)):
        await asyncio.to_thread(split_held_out, found, train, test, test_share, seed)
    for side, path in (("train", train), ("test", test)):
        if not Dataset.open(path).count:
            raise InputError(f"{input}: too few conversations, the {side} side is empty; give more or another share")
    return {"train": _from_here(train), "test": _from_here(test)}


def _from_here(path: Path) -> str:
    """The path as people write it in this folder: it stands in names of runs and in advice."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@task(task_run_name="held-out check")
async def check_held_out(contexts: str, models: list[str], credentials: str | None = None) -> None:
    """Raises OverlapError where a model was trained here on a test context, whatever provider serves it now; says where
    that cannot be told."""
    opened = Dataset.open(Path(contexts))
    lines = await asyncio.to_thread(_check, opened, models)
    async with ChatClient() as client:
        for provider, name in map(identified_by, models):
            if name:
                endpoint = await endpoint_of(provider, credentials_name(credentials))
                listed = await client.listed(endpoint, name)
                if listed is not None and listed.root:
                    await asyncio.to_thread(_check_folder, opened, f"{provider}:{name}", Path(listed.root).parent)
    for line in lines:
        get_run_logger().warning("%s", line)
        tell(line)


def _check_folder(contexts: Dataset, model: str, run: Path) -> None:
    """The same of a model in the folder of a run that trained it here. Raises OverlapError."""
    if not (run / PLAN).is_file():
        return  # not trained here: nothing is known of what it was trained on
    if program_of(run) == ADAPTING:
        _check_adapter(contexts, model, run)
        return
    for file in read_plan(run).phases:
        path = run / file.file
        if not path.is_file():
            raise InputError(
                f"{path}: gone, so whether {model} was trained on these contexts cannot be told; copy it back"
            )
        # As contexts are sent, and so compared.
        inputs = (Message("user", redact(row.input)) for row in rows_of(path, file.name))
        refuse_overlap(contexts, (context_fingerprint([one]) for one in inputs), model, str(path))


def _check_adapter(contexts: Dataset, model: str, run: Path) -> None:
    """The same of an adapter, and of the one that it was trained on from."""
    plan: Kind = read_adapter(run, Kind)
    path = run / plan.rows.file
    if not path.is_file():
        raise InputError(f"{path}: gone, so whether {model} was trained on these contexts cannot be told; copy it back")
    prompts = (msgspec.json.decode(line, type=Prompt).prompt for line in path.read_bytes().splitlines())
    refuse_overlap(contexts, filter(None, map(_fingerprint, prompts)), model, str(path))
    if is_adapter(plan.model):
        _check_folder(contexts, model, Path(plan.model).parent)


def _fingerprint(prompt: str) -> str | None:
    """Of a prompt of markers as its context is sent to a chat model; None for a prompt of another form."""
    try:
        return context_fingerprint(context_messages(read_prompt(prompt)))
    except ValueError:
        return None


@task(task_run_name="no overlap of test and training")
async def check_study_overlap(contexts: str, datasets: list[str]) -> None:
    """Raises OverlapError where something that is about to be trained on holds a test context."""

    def check() -> None:
        for path in datasets:
            fingerprints = trained_fingerprints(Dataset.open(Path(path)).rows())
            refuse_overlap(Dataset.open(Path(contexts)), fingerprints, "a model of this study", path)

    await asyncio.to_thread(check)


def _check(contexts: Dataset, models: list[str]) -> list[str]:
    """A line for each model of which it cannot be told. Raises OverlapError."""
    registry, lines = Registry(registry_address()), list[str]()
    for model in models:
        job = registry.by_model(split_model(model)[1])
        if job is None:
            continue  # not trained here: nothing is known of what it was trained on
        noted = Home.of().trained_on(job.training_sha256)
        try:
            if why := untold(noted):
                lines.append(f"whether {model} was trained on these contexts cannot be told: {why}")
                continue
            with noted.open(encoding="ascii") as trained:
                refuse_overlap(
                    contexts, (line.strip() for line in trained), model, job.dataset_path or job.training_path
                )
        except FileNotFoundError:
            raise InputError(
                f"{noted}: gone, so whether {model} was trained on these contexts cannot be told; run its finetune "
                "command again, which attaches to the job and writes it anew"
            ) from None
    return lines


def contexts_row(contexts: Dataset) -> dict[str, Any]:
    """What a report says of the test contexts."""
    return {
        "source": contexts.manifest["source"],
        "contexts": contexts.count,
        "rejected": contexts.manifest["reasons"],
        "content_hash": contexts.content_hash,
    }
