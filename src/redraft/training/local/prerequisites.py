"""Whether a run can begin on this machine, as far as that is known without torch: the extra `local`, W&B, the launcher.

Neighbours: `starting` begins the process; `reporting` knows W&B.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from redraft.errors import ConfigurationError
from redraft.training.local.plan import ADAPTING, CURRICULUM
from redraft.training.local.reporting import require_wandb

# What the programs that train import, of the extra `local`.
_EXTRA = {
    CURRICULUM: ("torch", "transformers", "accelerate"),
    ADAPTING: ("torch", "transformers", "accelerate", "peft"),
}  # fmt: skip
# How many processes a launcher starts on one machine; what says more is left to who wrote it.
_PROCESSES = re.compile(r"--(?:nproc[_-]per[_-]node|num[_-]processes)[= ](\d+)(?: |$)")
_MACHINES = re.compile(r"--(?:nnodes|num[_-]machines)\b")


def require_extra(program: str = CURRICULUM) -> None:
    """Raises ConfigurationError where the extra `local` is not installed; nothing of it is imported."""
    missing = [name for name in _EXTRA[program] if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"training on this machine needs {', '.join(missing)}: install redraft[local] (pip install -e '.[local]')"
        )


def require_setup(settings: Any, launcher: Sequence[str]) -> None:
    """Raises ConfigurationError for what no training with these settings could begin with: W&B without its client or
    key, several processes that nobody starts, or not as many as are started. Settings without `processes` and
    `wandb_project` train alone and report to nobody."""
    require_wandb(getattr(settings, "wandb_project", None))
    planned: int = getattr(settings, "processes", 1)
    if planned > 1 and not launcher:
        raise ConfigurationError(
            f'{planned} processes are planned, and nothing starts them: give --launcher "torchrun --nproc_per_node '
            f'{planned}", or leave --processes out'
        )
    found = started(launcher)
    if found and found != planned and not _MACHINES.search(" ".join(launcher)):
        raise ConfigurationError(
            f"the launcher starts {found} processes, and planned {'is' if planned == 1 else 'are'} {planned}: give "
            f"--processes {found}, as the batches of all of them make one step"
        )


def started(launcher: Sequence[str]) -> int:
    """How many processes a launcher says that it starts on one machine; 0 where it does not say."""
    found = _PROCESSES.search(" ".join(launcher))
    return int(found[1]) if found else 0


def launcher_words(words: str) -> tuple[str, ...]:
    """Raises ConfigurationError for a quotation mark without its second."""
    try:
        return tuple(shlex.split(words))
    except ValueError as fault:
        raise ConfigurationError(f"launcher {words!r}: {fault}") from None
