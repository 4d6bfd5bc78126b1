"""What a run has while a process works in it: its folder, whom it tells, when it is to end, who works with it.

Neighbours: `process` begins here, `lora` and `generating` do the work; `redraft.training.local.holding` keeps others
out of the folder, and what is written there is read as any local training's.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from redraft.training.local.plan import ADAPTING
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller
from redraft.training.local.world import World


class Run(msgspec.Struct, frozen=True):
    """One run: its folder, whom it tells, when it is to end. `work` is the folder for what outlives a run."""

    folder: Path
    teller: Teller
    stop: Stop
    work: Path


def tell_shortened(run: Run, what: str, shortened: int, left_out: int, used: int) -> None:
    """Says how many rows were too long, where any was."""
    if shortened or left_out:
        run.teller.event(
            "shortened",
            f"{what}: {shortened:,} lost their oldest messages, and {left_out:,} are left out, as their newest message "
            f"alone is too long; raise max_tokens to keep them; {used:,} are used",
            "warning",
        )


def joined(device: str, processes: int) -> World:
    """The processes that work together, this one among them."""
    return World(device, processes, program=ADAPTING)
