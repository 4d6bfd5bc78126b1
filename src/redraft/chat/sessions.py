"""Where a conversation pauses so long that another begins. Neighbour: `joining` asks for each message of a chat."""

from __future__ import annotations

import math


class Sessions:
    """Tells, message after message, whether one begins a session: the first, and each after more than `pause` seconds.

    A clock that was put back begins none.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._last = -math.inf

    def begins(self, at: float) -> bool:
        """Whether a message at `at` (seconds since the epoch) begins a session."""
        gap, self._last = at - self._last, at
        return gap > self._pause
