"""The task that has a model on this machine go on with prompts, in a process of its own.

What is written is written once: a finished run is read again, a killed one goes on. Neighbours: `local_training` trains
models; `redraft.training.adapting.generating` writes.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
from prefect import task
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.datasets.files import require_folder
from redraft.errors import ConfigurationError, InputError, TrainingError
from redraft.imitating.given_rows import GivenRows, given_rows
from redraft.imitating.tokens import TOKENS
from redraft.training.adapting.generating import GENERATIONS, Generation, read_generations
from redraft.training.adapting.plans import GeneratePlan, PlannedRows, write_plan
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.local.machine import machine_id
from redraft.training.local.places import claim
from redraft.training.local.plan import ADAPTING
from redraft.training.local.prerequisites import require_extra
from redraft.training.local.reading import Reader, is_alive, last_words, place_of, run_in, share_of, state_in
from redraft.training.local.starting import ask_to_end, begin, kept, reap, wait_for_end
from redraft.training.local.watching import TIME_TO_BEGIN
from redraft.training.registry import Registry, registry_address
from tasks.adapter_wish import ROWS, Found, found_model
from tasks.local_training import in_thread
from tasks.showing import current_progress
from tasks.states import not_ours

_SECONDS_BETWEEN_LOOKS = 0.5
_PAUSE = 0.1


@task(task_run_name="generate {folder}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def generate_replies(
    folder: str,
    model: str,
    rows: str,
    settings: GenerationSettings,
    *,
    simulated: bool,
    revision: str | None = None,
) -> list[Generation]:
    """The outputs to each line `{"prompt"}` of the file `rows`, in its order. `model` is a folder (of a model, or of an
    adapter: `model/` of its run), an id at the Hub, or "tiny".

    Another run in `folder`, of other prompts, settings or another model, is put aside. Raises InputError and
    ConfigurationError for what cannot be asked, and where another run goes on there; TrainingError where the process
    ended without its outputs. Where this is cancelled, the process ends in order, and the same call goes on.
    """
    run = Path(folder).absolute()
    beginning = in_thread(partial(_goes_on, run, model, Path(rows), settings, simulated, revision))
    try:
        going = await asyncio.shield(beginning)
    except asyncio.CancelledError:
        await asyncio.wait([beginning])
        if not beginning.exception() and beginning.result():
            await in_thread(partial(_end, run))
        raise
    if going:
        with kept(run) as mine:
            try:
                await _followed(run)
            except asyncio.CancelledError:
                if mine:
                    await in_thread(partial(_end, run))
                raise
            finally:
                reap()
    return await asyncio.to_thread(read_generations, run)


def _goes_on(
    run: Path, model: str, rows: Path, settings: GenerationSettings, simulated: bool, revision: str | None
) -> bool:
    """Whether the run is under way, begun here where it was not; else it is finished."""
    require_extra(ADAPTING)
    require_folder(run)
    given, found = given_rows(rows), found_model(model, revision)
    if given is None:
        raise ConfigurationError(f"{rows}: no prompts; there is nothing to go on with")
    plan = GeneratePlan(
        model=found.model, revision=found.revision, rows=PlannedRows(file=ROWS, sha256=given.sha256), tokens=TOKENS,
        settings=settings, simulated=simulated,
    )  # fmt: skip
    with Registry(registry_address()) as registry:
        key = _key(plan, found, given)
        with registry.locked(f"generate-{hashlib.sha256(str(run).encode()).hexdigest()[:16]}"):
            if is_alive(run) and run_in(run) != key:
                raise InputError(f"{run}: other outputs are being written there; wait for them, or give another folder")
            claim(registry, run, key)
            if is_alive(run):
                return True
            state = state_in(run)
            if state is not None and state.state == "completed" and (run / GENERATIONS).is_file():
                return False
            given.write(run / ROWS)
            write_plan(run, plan)
            _begin(run)
            return True


def _begin(run: Path) -> None:
    """Begins the process, and waits until it works."""
    process = begin(run, (), datetime.now(UTC).isoformat(), machine_id())
    until = time.monotonic() + TIME_TO_BEGIN.total_seconds()
    while not is_alive(run) and process.poll() is None and time.monotonic() < until:
        time.sleep(_PAUSE)


def _key(plan: GeneratePlan, found: Found, given: GivenRows) -> str:
    """sha256 (hex) over what the outputs depend on: what the model is, and not where it lies."""
    parts = [
        "generate", found.identity, given.sha256, msgspec.to_builtins(plan.settings), msgspec.to_builtins(plan.tokens),
        plan.simulated,
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


async def _followed(run: Path) -> None:
    """Until the process has ended with its outputs. Raises as `generate_replies`."""
    logger, progress, reader = get_run_logger(), current_progress(), Reader(run)
    while True:
        going = is_alive(run)  # before its last word is read
        state = await asyncio.to_thread(state_in, run)
        for event in reader.events():
            said = logger.warning if event.level in {"warning", "error"} else logger.info
            said("%s: %s", run.name, event.message)
        if state is not None and (share := share_of(state)) is not None:
            progress.note = f"{run.name}: {share:.0%}"
            progress.changed()
        if not going:
            break
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    if state is None or state.state != "completed":
        _raise(run)


def _raise(run: Path) -> None:
    """Why the process ended, in one line."""
    state = state_in(run)
    if state is not None and state.state == "error":
        line = f"{run}: {state.error or last_words(run) or 'it says no reason'}"
        raise ConfigurationError(line) if state.refused else TrainingError(line)
    if state is None:
        raise TrainingError(f"{run}: its process ended before it began ({last_words(run) or 'it said nothing'})")
    how = "stopped in order" if state.state == "stopped" else "its process is gone"
    raise TrainingError(f"{run}: {how} ({place_of(state)}); the same command goes on")


def _end(run: Path) -> None:
    """Has the process end after the outputs that it is at."""
    if ask_to_end(run):
        tell(f"{run.name} ends after the outputs that it is writing; the same command goes on from there")
        wait_for_end(run)
