"""The task that takes answers which exist already: datasets of responses, or a user's files of contexts and answers."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from prefect import task

from redraft.datasets.files import storage_faults
from redraft.datasets.given_answers import Given, given_datasets, open_given, read_given
from redraft.datasets.privacy import redact
from redraft.datasets.reading import resolve_input
from redraft.errors import ConfigurationError, InputError
from redraft.providers.endpoints import canonical, split_model
from tasks.made_inputs import digest_of, made_at


@task(task_run_name="answers of {files}")
async def given_answers(files: list[str]) -> dict[str, object]:
    """Folders of the contexts and, by model, of the responses. Personal data in a user's file is masked, as it is
    wherever texts are sent to a provider."""
    found = [resolve_input(Path(one)) for one in files]
    if twice := sorted({str(one) for one in found if found.count(one) > 1}):
        raise InputError(f"{', '.join(twice)} is named twice; name each once")
    folders = [one for one in found if one.is_dir()]
    if folders and len(folders) < len(found):
        raise InputError("--responses: give datasets of responses or files, not both; score them one after another")
    given = await asyncio.to_thread(given_datasets, found) if folders else await _of_files(found)
    for model in given.responses:
        _require_name(model, files)
    return {
        "contexts": str(given.contexts.path),
        "responses": {model: str(one.path) for model, one in given.responses.items()},
    }


async def _of_files(files: Sequence[Path]) -> Given:
    digests = [f"{one.stem}:{await digest_of(one)}" for one in files]
    folder = made_at("given", files[0], hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16])
    # Another run of the same files waits here, and then finds them read; a killed process holds no lock.
    lock = await _alone(folder.with_name(f".{folder.name}.lock"))
    try:
        return await _read_once(files, folder)
    finally:
        lock.release()


async def _alone(path: Path) -> FileLock:
    lock = FileLock(path)
    while True:
        try:
            with storage_faults(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                lock.acquire(timeout=0)
            return lock
        except Timeout:
            await asyncio.sleep(0.2)


async def _read_once(files: Sequence[Path], folder: Path) -> Given:
    # The mark comes last: without it a run was stopped on the way.
    mark = folder / "whole"
    if mark.exists():
        try:
            return await asyncio.to_thread(open_given, folder)
        except InputError:
            pass  # somebody has removed a part: made anew below
    shutil.rmtree(folder, ignore_errors=True)
    given = await asyncio.to_thread(read_given, files, folder, redact)
    mark.touch()
    return given


def _require_name(model: str, files: Sequence[str]) -> None:
    """A name with a colon reads as `provider:model` everywhere."""
    try:
        split_model(canonical(model))
    except ConfigurationError as fault:
        raise InputError(f"{', '.join(files)}: the model {model!r}: {fault}") from None
