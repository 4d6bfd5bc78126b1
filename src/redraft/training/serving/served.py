"""A model that answers as long as a run needs it: its endpoint is stopped however the run ends.

Neighbours: `life` makes and `stopping` stops it, `users` holds this run's place, `orphans` comes after a kill.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

from redraft.errors import RedraftError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.registry import EndpointUse, ModelEndpoint, Registry
from redraft.training.serving.hours import at_most, hours
from redraft.training.serving.life import Life, StillRunningError, Waits, usual_waits
from redraft.training.serving.offers import Offer
from redraft.training.serving.provider import Project
from redraft.training.serving.stopping import stopped
from redraft.training.serving.users import Living, Users

T = TypeVar("T")


class _InterruptedError(RedraftError):
    """Nothing of a provider's: the run ends."""


class Serving:
    """One model while it is served to a run, and what that came to; all of it stands still once the run has left.

    `name` is what calls are to name the model. `stopped` says that nothing of it runs any more; it does not where
    another run still uses the endpoint, or where it was made elsewhere (`made_here`). `others` are the runs that used
    it in between, if any (`shared`): what they and this one count is then more than was paid, and `whole_hours` and
    `whole_cost` say what the endpoint came to up to this run's leaving. `whole_at_most`: that may be more than was
    paid, since nobody saw it stop after an earlier run.
    """

    # The endpoints that this process has to stop before it ends, by a number for each use: their names, empty where
    # they have none yet.
    open: ClassVar[dict[int, str]] = {}

    def __init__(
        self, offer: Offer, endpoint: ModelEndpoint, name: str, clock: Callable[[], datetime], joined: datetime
    ) -> None:
        """`endpoint` as it stood once the run had `joined` its users."""
        self.offer, self.endpoint, self.name = offer, endpoint, name
        self.others: tuple[str, ...] = ()
        self._clock, self._joined = clock, joined
        self._left: datetime | None = None

    @property
    def stopped(self) -> bool:
        return self.endpoint.stopped_at is not None and self.made_here

    @property
    def made_here(self) -> bool:
        return self.endpoint.ours

    @property
    def shared(self) -> bool:
        return bool(self.others)

    @property
    def hours(self) -> float:
        """From when the run had it, and it was ready, until the run left it."""
        return hours(self.endpoint, self._until, self._joined, self._until)

    @property
    def cost(self) -> float | None:
        """US dollars for these hours, None where the provider names no price."""
        return self._priced(self.hours)

    @property
    def whole_hours(self) -> float:
        """Since it was made, whichever runs used it."""
        return hours(self.endpoint, self._until, until=self._until)

    @property
    def whole_cost(self) -> float | None:
        return self._priced(self.whole_hours)

    @property
    def whole_at_most(self) -> bool:
        return at_most(self.endpoint)

    def left(self, endpoint: ModelEndpoint, others: Sequence[str]) -> None:
        """The run is not a user any more; `others` were at the same time."""
        self.endpoint, self.others, self._left = endpoint, tuple(others), self._clock()

    @property
    def _until(self) -> datetime:
        return self._left or self._clock()

    def _priced(self, ran: float) -> float | None:
        price = self.endpoint.hourly_price
        return None if price is None else ran * price


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
    Serving.open[id(tenant)] = ""
    entering: BaseException | None = None
    try:
        try:
            serving = await tenant.enter()
        except BaseException as fault:
            entering = fault
            raise
        if on_state is not None:
            on_state(f"{serving.endpoint.name} is ready")
        yield serving
    finally:
        try:
            await tenant.leave()
        except StillRunningError as fault:
            if isinstance(entering, RedraftError):  # why it could not be had is worth as much
                raise StillRunningError(f"{entering}; and {fault}") from fault
            raise
        finally:
            del Serving.open[id(tenant)]


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
        self._users: Users | None = None
        self._living: Living | None = None
        self._row: ModelEndpoint | None = None
        self._company = False

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
        users = self._users = Users(registry, life.key(self._offer.model), self._waits.alive)
        with users.alone():
            joined, self._company = registry.clock(), users.any()
            self._place.enter_context(users.place())
            row = self._row = life.planned(self._offer, self._run)
            Serving.open[id(self)] = row.name
            self._living = Living(registry, registry.begin_use(row, row.run, row.owner), self._waits.alive)
            row, name = life.started(self._offer, row)
        self._serving = Serving(self._offer, row, name, registry.clock, joined)
        self._serving.endpoint = life.ready(row)
        return self._serving

    def _leave(self) -> None:
        # What was under way in this thread has ended by now; from here on waiting is meant.
        self._interrupted.clear()
        try:
            if self._life is not None and self._users is not None:
                self._stop(self._life, self._users)
        finally:
            if self._living is not None:
                self._living.close()
            self._place.close()
            self._held.close()

    def _stop(self, life: Life, users: Users) -> None:
        """Whatever of the endpoint was begun is in the registry, and there alone: entering may have failed anywhere."""
        with users.alone():
            self._place.close()
            used = self._use_ended(life)
            if self._row is None:
                return
            row = self._current(life, self._row)
            try:
                if not row.keep and row.stopped_at is None and not users.others(self._sleep):
                    foreign = row.deployment_id is not None and not row.ours
                    row = life.left(row) if foreign else stopped(life, row) or row
            finally:
                if self._serving is not None:
                    # Those that were there before had died, unless somebody held a place.
                    slack = timedelta(seconds=self._waits.alive if self._company else 0)
                    others = [] if used is None else _at_the_same_time(life.registry, used, slack)
                    self._serving.left(self._current(life, row), others)

    def _use_ended(self, life: Life) -> EndpointUse | None:
        if self._living is None:
            return None
        self._living.close()
        return life.registry.end_use(self._living.use)

    def _current(self, life: Life, row: ModelEndpoint) -> ModelEndpoint:
        return next(one for one in life.registry.endpoints() if one.name == row.name)

    def _sleep(self, seconds: float) -> None:
        if self._interrupted.wait(seconds):
            raise _InterruptedError("the run was stopped while it waited for its endpoint")


def _at_the_same_time(registry: Registry, mine: EndpointUse, slack: timedelta) -> list[str]:
    """Whose use of the endpoint was not over when mine began, nor began when mine was over. One that was killed was
    over at most `slack` after it last said that it lives."""
    began, ended = datetime.fromisoformat(mine.since), datetime.fromisoformat(mine.until or mine.seen_at)

    def meets(one: EndpointUse) -> bool:
        over = datetime.fromisoformat(one.until) if one.until else datetime.fromisoformat(one.seen_at) + slack
        return datetime.fromisoformat(one.since) < ended and over > began

    return [one.who for one in registry.uses(mine.endpoint_key, mine.attempt) if one.id != mine.id and meets(one)]
