"""A trained model that answers as long as a run needs it: its endpoint is stopped however the run ends.

Neighbours: `life` makes and stops it, `users` holds this run's place, `orphans` comes after a kill.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

from redraft.errors import RedraftError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.registry import ModelEndpoint, Registry, endpoint_key
from redraft.training.serving.life import Life, Waits, hours, usual_waits
from redraft.training.serving.offers import Offer
from redraft.training.serving.provider import Project
from redraft.training.serving.users import Users

T = TypeVar("T")


class _InterruptedError(RedraftError):
    """Nothing of a provider's: the run ends."""


class Serving:
    """One model while it is served, and what that came to.

    `name` is what calls are to name the model. `stopped` says that nothing of it runs any more; it does not where
    another run still uses the endpoint.
    """

    # Endpoints that this process has to stop before it ends.
    open: ClassVar[int] = 0

    def __init__(self, offer: Offer, endpoint: ModelEndpoint, name: str, registry: Registry) -> None:
        self.offer, self.endpoint, self.name = offer, endpoint, name
        self._clock = registry.clock

    @property
    def stopped(self) -> bool:
        return self.endpoint.stopped_at is not None

    @property
    def hours(self) -> float:
        """Since it was ready, whichever run made it."""
        return hours(self.endpoint, self._clock())

    @property
    def cost(self) -> float | None:
        """US dollars, None where the provider names no price."""
        price = self.endpoint.hourly_price
        return None if price is None else self.hours * price


@asynccontextmanager
async def served_model(
    offer: Offer,
    endpoint: Endpoint,
    address: str | Path,
    *,
    run: str | None = None,
    waits: Waits | None = None,
    on_state: Callable[[str], None] | None = None,
) -> AsyncGenerator[Serving]:
    """The offer's model, answering under `Serving.name` inside, at the provider `endpoint`.

    The endpoint is in the registry at `address` before it is made; one that is there, of this run's dead predecessor
    or of a living neighbour, is attached to. On the way out, and be it by a signal, the last user stops it. Raises
    TrainingError where it cannot be had, StillRunningError where it cannot be stopped.
    """
    tenant = _Tenant(offer, endpoint, address, run, waits)
    Serving.open += 1
    try:
        serving = await tenant.enter()
        if on_state is not None:
            on_state(f"{serving.endpoint.name} is ready")
        yield serving
    finally:
        try:
            await tenant.leave()
        finally:
            Serving.open -= 1


class _Tenant:
    """A run's use of one endpoint. All that blocks is done by one thread, which holds the run's place."""

    def __init__(
        self, offer: Offer, endpoint: Endpoint, address: str | Path, run: str | None, waits: Waits | None
    ) -> None:
        self._offer, self._endpoint, self._address, self._run = offer, endpoint, address, run
        self._waits = waits or usual_waits(endpoint)
        self._thread = ThreadPoolExecutor(1, "serving")
        self._interrupted = threading.Event()
        self._held, self._place = ExitStack(), ExitStack()
        self._serving: Serving | None = None
        self._life: Life | None = None

    async def enter(self) -> Serving:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._enter)

    async def leave(self) -> None:
        """Returns, or raises, only once that is done: a cancellation meanwhile is put off until then."""
        self._interrupted.set()
        leaving = asyncio.get_running_loop().run_in_executor(self._thread, self._leave)
        cancelled: asyncio.CancelledError | None = None
        while not leaving.done():
            try:
                await asyncio.wait([leaving])
            except asyncio.CancelledError as fault:
                cancelled = fault
        self._thread.shutdown(wait=False)
        if (fault := leaving.exception()) is not None:
            raise fault
        if cancelled is not None:
            raise cancelled

    def _enter(self) -> Serving:
        registry = self._held.enter_context(Registry(self._address))
        chance = random.Random()  # noqa: S311  how long waits are matters to no result
        retries = Retries(tries=self._waits.tries, first=self._waits.first, sleep=self._sleep, random=chance)
        plane = ControlPlane(self._endpoint, retries)
        self._held.callback(plane.close)
        life = self._life = Life(Project(plane), registry, self._waits)
        users = Users(registry, endpoint_key(self._offer.model, life.provider))
        with users.alone():
            self._place.enter_context(users.place())
            row, name = life.started(self._offer, self._run)
        self._serving = Serving(self._offer, row, name, registry)
        self._serving.endpoint = life.ready(row)
        return self._serving

    def _leave(self) -> None:
        # What was under way in this thread has ended by now; from here on waiting is meant.
        self._interrupted.clear()
        try:
            if self._life is not None:
                self._stop(self._life)
        finally:
            self._place.close()
            self._held.close()

    def _stop(self, life: Life) -> None:
        """Whatever of the endpoint was begun is in the registry, and there alone: entering may have failed anywhere."""
        key = endpoint_key(self._offer.model, life.provider)
        users = Users(life.registry, key)
        with users.alone():
            self._place.close()
            row = next((one for one in life.registry.endpoints(open_only=True) if one.endpoint_key == key), None)
            if row is not None and not row.keep and not users.any():
                row = life.stopped(row)
            if self._serving is not None and row is not None:
                self._serving.endpoint = row

    def _sleep(self, seconds: float) -> None:
        if self._interrupted.wait(seconds):
            raise _InterruptedError("the run was stopped while it waited for its endpoint")
