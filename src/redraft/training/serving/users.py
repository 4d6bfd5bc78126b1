"""Who uses an endpoint right now: each run holds one of its places, a lock that ends with its process.

So several runs share one endpoint, the last one stops it, and one that was killed is noticed. The locks of a database
server end with its connections, too: there a run also says every few seconds that it lives, and counts as living until
it has said nothing for a while. Neighbours: `life`, `orphans`, `served`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from redraft.errors import StorageError, TrainingError
from redraft.training.registry import EndpointUse, Registry

log = logging.getLogger(__name__)

PLACES = 16
# A run says that it lives so many times in the time for which it is believed.
_BEATS = 4


class Users:
    """Of the endpoint with this key. A place is given back in the thread that took it; `alive` as in `Waits`."""

    def __init__(self, registry: Registry, key: str, alive: float) -> None:
        self._registry, self._key, self._alive = registry, key, alive
        self._name = f"endpoint-{key[:16]}"

    def alone(self, patience: float | None = None) -> AbstractContextManager[object]:
        """Nobody else comes, goes, makes or ends the endpoint meanwhile.

        Raises TrainingError where somebody has been at it for `patience` seconds.
        """
        return self._registry.locked(self._name) if patience is None else self._registry.locked(self._name, patience)

    @contextmanager
    def place(self) -> Generator[None]:
        """Holds one of the places; to be taken and given back under `alone`."""
        for number in range(PLACES):
            try:
                taken = self._registry.locked(f"{self._name}-{number}", 0)
                taken.__enter__()
            except TrainingError:
                continue
            try:
                yield
            finally:
                taken.__exit__(None, None, None)
            return
        raise TrainingError(f"{PLACES} runs use this endpoint already; wait for one of them")

    def any(self) -> bool:
        """Whether a living process uses it, as far as is known; to be asked under `alone`."""
        return self.held() or self.lives_for() > 0

    def held(self) -> bool:
        """Whether a place is held, which only a living process does."""
        return any(self._registry.is_locked(f"{self._name}-{number}") for number in range(PLACES))

    def lives_for(self) -> float:
        """Seconds for which a run still counts as living although it holds no place; 0.0 where there is none."""
        if self._registry.database.path is not None:  # a locked file ends with its process, and with nothing else
            return 0.0
        ago = self._registry.seconds_since_use(self._key)
        return 0.0 if ago is None else max(0.0, self._alive - ago)

    def others(self, sleep: Callable[[float], None]) -> bool:
        """Whether a living process uses it, for certain: who holds no place is waited for until it says that it lives,
        or has not for too long."""
        began = time.monotonic()
        while not self.held():
            left = self.lives_for()
            if left == 0.0:
                return False
            if self._alive - left < time.monotonic() - began:  # it spoke while we waited
                return True
            sleep(min(left, self._alive / _BEATS))
        return True


class Living:
    """Says, from a thread of its own, that a run that uses an endpoint lives. To be closed before the use is ended."""

    def __init__(self, registry: Registry, use: EndpointUse, alive: float) -> None:
        self._registry, self.use, self._every = registry, use, alive / _BEATS
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._say, name="endpoint in use", daemon=True)
        self._thread.start()

    def _say(self) -> None:
        while not self._over.wait(self._every):
            try:
                self._registry.renew_use(self.use)
            except StorageError as fault:  # said again soon: a database that restarts is back by then
                log.warning("that an endpoint is in use could not be written down: %s", fault)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
