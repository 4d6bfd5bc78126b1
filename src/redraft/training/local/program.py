"""A process that trains or writes, as a program: one word names the folder of its run, a signal asks it to end.

Neighbours: `redraft.curriculum.process` and `redraft.training.adapting.process` say what is done there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from redraft.errors import RedraftError
from redraft.training.local.stopping import Stop


def run_program(words: Sequence[str], usage: str, work: Callable[[Path, Stop], object]) -> int:
    """The program's exit status is that of the project: 0 complete, 1 failed, 2 bad input, 3 stopped in order."""
    if len(words) != 1 or words[0].startswith("-"):
        print(usage, file=sys.stderr)  # noqa: T201
        return 2
    stop = Stop()
    stop.listen()
    try:
        work(Path(words[0]).resolve(), stop)
    except RedraftError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_status
    return 0
