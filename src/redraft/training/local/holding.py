"""A run's folder while a process works in it: held by that one alone, and told how it ended.

Neighbours: `training` and the program in `redraft.training.adapting` begin and end with it; `reading` and `watching`
read what is left there.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from redraft.errors import ConfigurationError, InputError, RedraftError
from redraft.training.local.reading import LOCK
from redraft.training.local.stopping import StoppedError
from redraft.training.local.telling import Teller, TrainingState

# Whoever looks whether a process works here holds the lock for a moment.
_PATIENCE = 5.0


def is_first() -> bool:
    """Whether this process is the first of those that work together; torch need not be there to say so."""
    return int(os.environ.get("RANK") or 0) == 0


def is_finished(state: TrainingState, folder: Path, digest: str, product: str) -> bool:
    """Whether the run is complete, with its product there. Raises InputError where it was begun with another plan than
    that with the digest."""
    if state.plan_sha256 and state.plan_sha256 != digest:
        raise InputError(f"{folder}: begun with another plan.json; put the old one back, or give a new folder")
    return state.state == "completed" and (folder / product).exists()


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Holds the run's lock, which a kill frees. Raises ConfigurationError where another process has it."""
    if not is_first():
        yield
        return
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise ConfigurationError(f"{folder}: another process works here; follow it, or give another folder") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def told(teller: Teller) -> Generator[None]:
    """Says in the run's folder how it ended."""
    try:
        yield
    except StoppedError as stopped:
        teller.event("stopped", str(stopped), "warning", step=teller.state.step)
        teller.now(state="stopped")
        raise
    except Exception as error:
        line = str(error) if isinstance(error, RedraftError) else f"{type(error).__name__}: {error}"
        teller.event("error", line, "error", step=teller.state.step)
        # Nothing has changed then: what is mended outside, such as what is installed, lets the same run begin.
        refused = teller.state.stage == "loading" and isinstance(error, ConfigurationError | InputError)
        teller.now(state="error", error=line, refused=refused)
        raise
