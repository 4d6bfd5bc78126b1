"""A signal that asks the process to end: it is remembered, and the training ends at the next step, with a checkpoint.

The trainer's own way waits three seconds first, and knows nothing of evaluations. Neighbours: `phases`, `answering`.
"""

from __future__ import annotations

import signal
from types import FrameType

from redraft.errors import PartialError


class StoppedError(PartialError):
    """Ended in order by a signal; run again, it goes on."""


class Stop:
    """Whether the process was asked to end. The second SIGINT ends it at once, as people expect of Ctrl-C."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
