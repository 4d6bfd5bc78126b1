"""Outputs to prompts, written by a model or an adapter: in batches, ended at the plan's tokens, and gone on with after
a kill.

Neighbours: `writing` writes one batch, `sampling` draws the tokens, `bases` has the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from redraft.datasets.files import storage_faults, whole_file
from redraft.errors import InputError
from redraft.training.adapting.bases import adapter_revision, base_for, is_adapter, notes_in, prepared_for, told_name
from redraft.training.adapting.plans import GeneratePlan
from redraft.training.adapting.rows import Prompt, read_rows
from redraft.training.adapting.running import Run, joined
from redraft.training.adapting.sampling import chance, occurrences
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.adapting.writing import Output, Writer, adapter_writer, model_writer
from redraft.training.local.models import require_same
from redraft.training.local.parts import lines_in, whole_batches
from redraft.training.local.reading import PHASES_FOLDER
from redraft.training.local.stopping import StoppedError
from redraft.training.local.world import World

GENERATIONS = "generations.jsonl"
PHASE = "generate"


class Generation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outputs to the prompt in `row` (from 1). `reason` says why there are none."""

    row: int
    outputs: tuple[Output, ...]
    reason: Literal["", "too_long"] = ""


# A prompt's place, the number of its sample, and what was written.
_Line = tuple[int, int, Output]
_Task = tuple[int, int]


def generate(run: Run, plan: GeneratePlan) -> None:
    """Writes generations.jsonl of the run, whole: a `Generation` a line, in the prompts' order.

    Raises InputError and ConfigurationError before anything is written, StoppedError between batches where a signal
    asked for the end; what was written then is not written again.
    """
    settings, teller = plan.settings, run.teller
    world = joined(settings.device, 1)
    rows = read_rows(run.folder, plan.rows, Prompt)
    writer = _writer(run, plan, rows, world)
    prompts = writer.encoded(rows)
    if too_long := sum(prompt is None for prompt in prompts):
        teller.event(
            "shortened", f"{too_long:,} prompts get no output: their newest message alone is too long", "warning"
        )
    batches = _batches(prompts, settings)
    part = run.folder / PHASES_FOLDER / PHASE / "outputs.jsonl"
    with storage_faults(part):
        part.parent.mkdir(parents=True, exist_ok=True)
    done = whole_batches(part, batches, _Line)
    teller.now(phase=PHASE, stage="generating", total_steps=len(batches), step=done)
    teller.event("resumed" if done else "started", f"{len(rows):,} prompts, {settings.outputs} outputs each", step=done)
    earlier = occurrences([row.prompt for row in rows])
    for number, batch in enumerate(batches[done:], done + 1):
        if run.stop.asked:
            raise StoppedError(f"stopped at batch {number} of {len(batches)}; run it again to go on")
        chances = [chance(settings.seed, rows[place].prompt, earlier[place], sample) for place, sample in batch]
        outputs = writer.write([prompts[place] or [] for place, _ in batch], chances)
        lines = [(place, sample, output) for (place, sample), output in zip(batch, outputs, strict=True)]
        with storage_faults(part), part.open("ab", buffering=0) as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        teller.beat(number)
    teller.now(stage="saving", step=len(batches), done=(PHASE,))
    _join(run.folder / GENERATIONS, part, [prompt is None for prompt in prompts])


def read_generations(folder: Path) -> list[Generation]:
    """What was written in a finished run. Raises InputError where it is not there or cannot be read."""
    path = folder / GENERATIONS
    try:
        return [msgspec.json.decode(line, type=Generation) for line in path.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no outputs that can be read ({error}); generate them anew") from None


def _writer(run: Run, plan: GeneratePlan, rows: Sequence[Prompt], world: World) -> Writer:
    if is_adapter(plan.model):
        folder = Path(plan.model)
        notes = notes_in(folder)
        _pin(run, folder, f"an adapter to {notes.base_model}", adapter_revision(folder))
        return adapter_writer(folder, notes, plan.tokens, plan.settings, world.device, run.work)
    base = base_for(run, plan.model, plan.revision, (row.prompt for row in rows), plan.settings.seed, world)
    _pin(run, base.path, told_name(base), base.revision)
    return model_writer(prepared_for(run, base, plan.tokens, world).path, plan.tokens, plan.settings, world.device)


def _pin(run: Run, path: Path, name: str, revision: str) -> None:
    require_same(path, revision, run.teller.state.revision)
    run.teller.now(base=name, revision=revision)


def _batches(prompts: Sequence[list[int] | None], settings: GenerationSettings) -> list[list[_Task]]:
    """The outputs to write, longest prompts first: a batch is of like lengths, and memory runs out at once or never."""
    order = sorted(
        (place for place, prompt in enumerate(prompts) if prompt is not None), key=lambda one: -len(prompts[one] or [])
    )
    tasks = [(place, sample) for place in order for sample in range(settings.outputs)]
    return [tasks[start : start + settings.batch_size] for start in range(0, len(tasks), settings.batch_size)]


def _join(path: Path, part: Path, too_long: Sequence[bool]) -> None:
    written: dict[int, list[tuple[int, Output]]] = {}
    for place, sample, output in lines_in(part, _Line):
        written.setdefault(place, []).append((sample, output))
    with whole_file(path) as file:
        for place, without in enumerate(too_long):
            outputs = tuple(output for _, output in sorted(written.get(place, []), key=lambda one: one[0]))
            generation = Generation(place + 1, outputs, "too_long" if without else "")
            file.write(msgspec.json.encode(generation) + b"\n")
    part.unlink(missing_ok=True)
