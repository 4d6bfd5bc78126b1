"""Weights & Biases, which a training reports to where that is asked for: whether it can.

Neighbours: `training` asks before the first step; `redraft.curriculum.looking_ahead` before a process is begun.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec

from redraft.errors import ConfigurationError


def require_wandb(project: str | None, environment: Mapping[str, str] = os.environ) -> None:
    """Raises ConfigurationError where W&B is asked for and cannot be used. The key comes from the environment alone;
    nothing is imported."""
    if project is None:
        return
    if find_spec("wandb") is None:
        raise ConfigurationError("W&B needs its client: pip install wandb, or leave --wandb-project out")
    if not environment.get("WANDB_API_KEY") and environment.get("WANDB_MODE") not in ("offline", "disabled"):
        raise ConfigurationError("W&B needs WANDB_API_KEY in the environment, or WANDB_MODE=offline")
