"""What a curriculum will take, before anything of it is done: its steps and its memory.

Neighbours: `preparing` counts the rows; `redraft.training.local.memory` has the estimate, in a process beside this one,
and `redraft.training.local.prerequisites` says whether it can run here at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.beside import Helper
from redraft.curriculum.preparing import PreparedFile
from redraft.training.local.prerequisites import started
from redraft.training.local.settings import CurriculumSettings


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that the training needs, and that are free on the device that it would run on."""

    needed: int
    free: int
    device: str

    @property
    def in_words(self) -> str:
        too_much = "; that is too much: lower --batch-size or --max-input-tokens" if self.needed > self.free else ""
        return (
            f"about {self.needed / 1e9:.1f} GB of memory needed on the {self.device}, {self.free / 1e9:.1f} GB "
            f"free{too_much}"
        )


def steps_of(prepared: Iterable[PreparedFile], settings: CurriculumSettings) -> dict[str, int]:
    """Optimizer steps by phase, those for rehearsed rows of earlier phases included; early stopping may end sooner."""
    from redraft.training.local.phases import planned_steps

    steps: dict[str, int] = {}
    earlier = 0
    for one in prepared:
        if one.what == "trained":
            rehearsed = min(earlier, round(settings.replay_fraction * one.rows))
            steps[one.name] = planned_steps(one.rows + rehearsed, settings)
            earlier += one.rows
    return steps


async def memory_of(
    folder: Path, settings: CurriculumSettings, inputs: int, outputs: int, launcher: Sequence[str] = ()
) -> Memory:
    """What training the model in `folder` needs on one machine; `inputs` and `outputs` are the tokens of the longest
    row. torch is imported in a process of its own, which ends with this. Raises ConfigurationError for a model that is
    no sequence-to-sequence model, and for numbers that the device does not compute with."""
    together = started(launcher) or settings.processes
    helper = Helper()
    try:
        return msgspec.convert(await helper.run(_memory, folder, settings, inputs, outputs, together), Memory)
    finally:
        await helper.close()


def _memory(folder: Path, settings: CurriculumSettings, inputs: int, outputs: int, together: int) -> dict[str, Any]:
    from importlib import import_module

    from redraft.training.local.encoding import Lengths
    from redraft.training.local.memory import estimate, free_memory
    from redraft.training.local.models import require_local
    from redraft.training.local.phases import precision

    require_local()
    torch: Any = import_module("torch")
    on_cpu = settings.device == "cpu" or not torch.cuda.is_available()
    half = any(precision(settings, on_cpu=on_cpu).values())
    needed = estimate(folder, settings, Lengths(inputs, outputs), half=half, on_cpu=on_cpu, together=together)
    return {"needed": needed.total, "free": free_memory(on_cpu), "device": "CPU" if on_cpu else "GPU"}
