"""Who uses an endpoint right now: each run holds one of its places, a lock that ends with its process.

So several runs share one endpoint, the last one stops it, and one that was killed is noticed. Neighbours: `life`,
`orphans`.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

from redraft.errors import TrainingError
from redraft.training.registry import Registry

PLACES = 16


class Users:
    """Of the endpoint with this key. A place is given back in the thread that took it."""

    def __init__(self, registry: Registry, key: str) -> None:
        self._registry, self._name = registry, f"endpoint-{key[:16]}"

    def alone(self, patience: float | None = None) -> AbstractContextManager[None]:
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
        """Whether a living process uses it; to be asked under `alone`."""
        return any(self._registry.is_locked(f"{self._name}-{number}") for number in range(PLACES))
