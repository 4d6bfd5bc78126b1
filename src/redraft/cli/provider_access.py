"""The provider of trainings, for commands that speak to it themselves and start no flow.

Neighbours: `download_command` and `endpoints_commands`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redraft.training.control_plane import ControlPlane


@contextmanager
def control_plane(credentials: str | None) -> Generator[ControlPlane]:
    """Together as this command's credentials reach it. Raises RedraftError."""
    from redraft.training.control_plane import ControlPlane, Retries
    from tasks.open_jobs import together

    plane = ControlPlane(asyncio.run(together(credentials)), Retries(sleep=time.sleep, random=random.Random()))  # noqa: S311  waits only
    try:
        yield plane
    finally:
        plane.close()
