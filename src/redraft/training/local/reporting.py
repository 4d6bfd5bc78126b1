"""Weights & Biases, which a training reports to where that is asked for: whether it can, and a W&B run for each phase.

Neighbours: `training` asks before the first step; `prerequisites` before a process is begun.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from redraft.errors import ConfigurationError

_ID_LENGTH = 16


def require_wandb(project: str | None, environment: Mapping[str, str] = os.environ) -> None:
    """Raises ConfigurationError where W&B is asked for and cannot be used. The key comes from the environment alone;
    nothing is imported."""
    if project is None:
        return
    if find_spec("wandb") is None:
        raise ConfigurationError("W&B needs its client: pip install wandb, or leave --wandb-project out")
    if not environment.get("WANDB_API_KEY") and environment.get("WANDB_MODE") not in ("offline", "disabled"):
        raise ConfigurationError("W&B needs WANDB_API_KEY in the environment, or WANDB_MODE=offline")


@contextmanager
def reported(project: str | None, label: str, begun_at: str, *, first: bool) -> Generator[None]:
    """Inside, what a trainer logs goes to a W&B run called `label`; after a stop, to the same one again.

    Each phase needs its own: its trainer counts steps from 0. `begun_at` tells a training from others of that name.
    Only the `first` of several processes reports.
    """
    if project is None or not first:
        yield
        return
    wandb: Any = importlib.import_module("wandb")
    # The trainer takes the run that it finds, and would go on with the one of the phase before.
    wandb.init(project=project, name=label, id=run_id(label, begun_at), resume="allow")
    try:
        yield
    finally:
        wandb.finish()


def run_id(label: str, begun_at: str) -> str:
    """The id at W&B of one phase of one training."""
    return hashlib.sha256(f"{label}/{begun_at}".encode()).hexdigest()[:_ID_LENGTH]
