"""What a curriculum will take, before anything of it is done: whether it can run here, its steps, its memory.

Neighbours: `preparing` counts the rows; `redraft.training.local.memory` has the estimate, in a process beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from redraft.beside import Helper
from redraft.curriculum.preparing import PreparedFile
from redraft.errors import ConfigurationError
from redraft.training.local.reporting import require_wandb
from redraft.training.local.settings import CurriculumSettings

_EXTRA = ("torch", "transformers", "accelerate")
# How many processes a launcher starts on one machine; what says more is left to who wrote it.
_PROCESSES = re.compile(r"--(?:nproc[_-]per[_-]node|num[_-]processes)[= ](\d+)(?: |$)")
_MACHINES = re.compile(r"--(?:nnodes|num[_-]machines)\b")


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


def require_extra() -> None:
    """Raises ConfigurationError where the extra `local` is not installed; nothing of it is imported."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"training on this machine needs {', '.join(missing)}: install redraft[local] (pip install -e '.[local]')"
        )


def require_setup(settings: CurriculumSettings, launcher: Sequence[str]) -> None:
    """Raises ConfigurationError for what no training could begin with, as far as that is known without torch: W&B
    without its client or key, several processes that nobody starts, or not as many as are started."""
    require_wandb(settings.wandb_project)
    planned = settings.processes
    if planned > 1 and not launcher:
        raise ConfigurationError(
            f'{planned} processes are planned, and nothing starts them: give --launcher "torchrun --nproc_per_node '
            f'{planned}", or leave --processes out'
        )
    words = " ".join(launcher)
    found = _started(words)
    if found and found != planned and not _MACHINES.search(words):
        raise ConfigurationError(
            f"the launcher starts {found} processes, and planned {'is' if planned == 1 else 'are'} {planned}: give "
            f"--processes {found}, as the batches of all of them make one step"
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


def _started(words: str) -> int:
    """How many processes a launcher says that it starts on one machine; 0 where it does not say."""
    found = _PROCESSES.search(words)
    return int(found[1]) if found else 0


async def memory_of(
    folder: Path, settings: CurriculumSettings, inputs: int, outputs: int, launcher: Sequence[str] = ()
) -> Memory:
    """What training the model in `folder` needs on one machine; `inputs` and `outputs` are the tokens of the longest
    row. torch is imported in a process of its own, which ends with this. Raises ConfigurationError for a model that is
    no sequence-to-sequence model, and for numbers that the device does not compute with."""
    together = _started(" ".join(launcher)) or settings.processes
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
