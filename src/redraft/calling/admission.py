"""What an attempt must have before it is sent: leave of the limits, a place at its endpoint, room on the way to the
disk, and money. All of it, or nothing is held.

Neighbours: `asking` sends and gives each back when its time has come, `limits` grants, `desk` sets money aside.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from time import monotonic

from redraft.calling import tokens
from redraft.calling.accounting import Account
from redraft.calling.desk import Desk
from redraft.calling.errands import Call
from redraft.calling.limits import Grant, Lanes
from redraft.calling.plan import CallPlan

# Answers of one commit of the ledger, which the next calls need not wait for.
_MOST_UNKEPT = 200


class Admission:
    """Shared by all requests of a run."""

    def __init__(self, lanes: Lanes, desk: Desk, plan: CallPlan, account: Account) -> None:
        self._lanes, self._desk, self._plan, self._account = lanes, desk, plan, account
        in_flight = lanes.settings.in_flight
        # All lanes of one endpoint together keep to what may be in flight.
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(in_flight))
        # Answers that are on the wire or on their way to the disk: what a failing ledger can cost.
        self._unkept = asyncio.Semaphore(in_flight + min(in_flight, _MOST_UNKEPT))

    async def get(self, call: Call) -> Grant | None:
        """Waits for all but the money; None where that is not free now. Raises TakenOverError."""
        grant = await self._granted(call)
        try:
            funded = await self._funded(call)
        except BaseException:
            self.give_up(grant, call)
            raise
        if not funded:
            self.give_up(grant, call)
            return None
        return grant

    async def _granted(self, call: Call) -> Grant:
        request, began, grant, placed = call.request, monotonic(), None, False
        self._account.waiting += 1
        try:
            lane = self._lanes.lane(call.endpoint, request.model)
            grant = await lane.admit(tokens.estimate(request), request.max_tokens, call.errand.order)
            await self._places[call.endpoint.name].acquire()
            placed = True
            await self._unkept.acquire()
        except BaseException:
            if grant is not None:
                grant.failed()
            if placed:
                self.answered(call)
            raise
        finally:
            self._account.waiting -= 1
            call.errand.times.limits += monotonic() - began
        return grant

    async def _funded(self, call: Call) -> bool:
        """Whether the money for an attempt is set aside. Raises TakenOverError where the request is another's by now.

        A first attempt that needs no money asks the ledger only where this process was still for long.
        """
        errand = call.errand
        if self._plan.budget is not None and not errand.funded:
            errand.funded = await self._desk.fund(call.key, call.worst or 0.0)
            return errand.funded
        if errand.attempts or self._desk.may_be_taken(errand.claimed_at):
            await self._desk.require_ours(call.key)
        return True

    def give_up(self, grant: Grant, call: Call) -> None:
        """Nothing is sent after all. The money stays set aside as long as the claim."""
        grant.failed()
        self.answered(call)
        self.ended()

    def answered(self, call: Call) -> None:
        """The attempt's place at the endpoint is free."""
        self._places[call.endpoint.name].release()

    def ended(self) -> None:
        """What came of the attempt is on the disk, or nothing will be."""
        self._unkept.release()
