"""Claims and releases of many requests, gathered into few transactions.

A claim is what keeps two processes from paying for one request, and sets its worst case aside under a budget.
Neighbours: `asking` claims before it sends; `ledger` decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Literal

from redraft.calling.ledger import Claim, Ledger
from redraft.calling.ledger.money import picodollars
from redraft.calling.plan import CallPlan
from redraft.errors import BudgetReachedError, StorageError
from redraft.records import Outcome

_MOST = 256
# How often to look again at a request that another process is asking, and at a budget that is all set aside.
_FIRST_LOOK, _LONGEST_LOOK = 0.1, 1.0
_GATHER = 0.01
# Calls that are longer than this on the wire are marked as sent, all of them at once.
_MARK_SECONDS = 0.25

Verdict = Outcome | Literal["granted", "taken", "short"]
Asked = list[tuple[Claim, asyncio.Future[Verdict]]]


class TakenOverError(Exception):
    """Another process took this one for dead, and the request is its to ask."""


class Desk:
    """One per caller. Requests that come while a transaction runs are served together by the next one."""

    def __init__(self, ledger: Ledger, plan: CallPlan) -> None:
        self._ledger, self._plan = ledger, plan
        self._claims: Asked = []
        self._wants_money: Asked = []
        self._doubts: Asked = []
        # Calls that went on the wire (True) or came back unpaid (False) since this was last written down.
        self._news: dict[str, bool] = {}
        self._marking: asyncio.TimerHandle | None = None
        self._mark_now = False
        self._releases: list[str] = []
        self._abandoned: list[tuple[str, str]] = []
        self._serving: asyncio.Task[None] | None = None
        self._money = asyncio.Event()

    async def claim(self, request_key: str, model: str, worst_cost: float | None) -> Outcome | None:
        """None when the request is this process's to ask; its outcome where another one asked it meanwhile.

        Waits as long as another living process asks it.
        """
        look = _FIRST_LOOK
        while True:
            verdict = await self._ask(self._claims, Claim(request_key, model=model, may_cost=worst_cost))
            if verdict == "granted":
                return None
            if not isinstance(verdict, str):
                return verdict
            await asyncio.sleep(look)
            look = min(_LONGEST_LOOK, look * 1.5)

    async def fund(self, request_key: str, worst_cost: float) -> bool:
        """Sets the worst case of a claimed request aside, just before it is sent; False where that is not free now.

        Raises TakenOverError.
        """
        self._money.clear()
        verdict = await self._ask(self._wants_money, Claim(request_key, worst_cost))
        if verdict == "taken":
            raise TakenOverError
        return verdict == "granted"

    def may_be_taken(self, since: float) -> bool:
        """Whether what was claimed then (seconds since the epoch) may be another process's by now."""
        return self._ledger.may_be_taken(since)

    async def require_ours(self, request_key: str) -> None:
        """Raises TakenOverError where the request is another process's by now."""
        if await self._ask(self._doubts, Claim(request_key)) == "taken":
            raise TakenOverError

    def sent(self, request_key: str) -> None:
        """Its call goes on the wire. Under a budget the money that is set aside says so already."""
        if self._plan.budget is None:
            self._note(request_key, True)

    def returned(self, request_key: str, kept: bool) -> None:
        """Its call has ended; where the answer was `kept` its claim has too, with all that stands in it."""
        if self._plan.budget is None and self._news.pop(request_key, None) is None and not kept:
            self._note(request_key, False)

    def _note(self, request_key: str, on_the_wire: bool) -> None:
        self._news[request_key] = on_the_wire
        if self._marking is None:
            self._marking = asyncio.get_running_loop().call_later(_MARK_SECONDS, self._mark_soon)

    def _mark_soon(self) -> None:
        self._marking = None
        if self._news:
            self._mark_now = True
            self._wake()

    async def money(self, worst_cost: float) -> None:
        """Waits until money that calls under way hold may be free; to be done without holding a place among them.

        Raises BudgetReachedError where what is spent does not allow another call.
        """
        await self._require_money(worst_cost)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_LOOK):
                await self._money.wait()
        await asyncio.sleep(_GATHER)  # what is freed in one commit comes together

    def freed(self) -> None:
        """Money that was set aside was booked, or is free again: whoever waits for it may ask once more."""
        self._money.set()

    async def _ask(self, queue: Asked, wanted: Claim) -> Verdict:
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        queue.append((wanted, future))
        self._wake()
        return await future

    def release(self, request_key: str) -> None:
        """Gives a claim back: the request was not paid for."""
        self._releases.append(request_key)
        self._wake()

    def abandon(self, request_key: str, model: str) -> None:
        """Gives up a claim whose call was sent and is no longer awaited: its worst case counts as spent."""
        self._abandoned.append((request_key, model))
        self._wake()

    async def idle(self) -> None:
        """Until nothing waits to be written."""
        while self._serving is not None:
            await asyncio.wait([self._serving])

    def _wake(self) -> None:
        if self._serving is None:
            self._serving = asyncio.get_running_loop().create_task(self._serve())

    @property
    def _busy(self) -> bool:
        asked = self._claims or self._wants_money or self._doubts
        return bool(asked or self._releases or self._abandoned or self._mark_now)

    async def _serve(self) -> None:
        try:
            await asyncio.sleep(0)  # lets those that start in this instant come along
            while self._busy:
                if self._abandoned or self._releases:
                    await self._give_back()
                await self._each(self._claims, self._claim)
                await self._each(self._wants_money, self._fund)
                await self._each(self._doubts, self._hold)
                if self._mark_now:
                    await self._mark()
        finally:
            self._serving = None
            if self._busy:
                self._wake()

    async def _each(self, queue: Asked, serve: Callable[[list[Claim]], Awaitable[Mapping[str, Verdict]]]) -> None:
        """Serves the first of a queue in one transaction; a fault is told to each of them."""
        asked, queue[:_MOST] = queue[:_MOST], []
        asked = [(claim, future) for claim, future in asked if not future.done()]
        if not asked:
            return
        try:
            said = await serve([claim for claim, _ in asked])
        except Exception as fault:  # noqa: BLE001  whoever waits gets it, each in a row of its own
            for _, future in asked:
                if not future.done():
                    future.set_exception(fault)
            return
        for claim, future in asked:
            if not future.done():
                future.set_result(said[claim.request_key])
            elif serve == self._claim and said[claim.request_key] == "granted":  # given up meanwhile
                self._releases.append(claim.request_key)

    async def _claim(self, claims: list[Claim]) -> Mapping[str, Verdict]:
        plan = self._plan
        said = await self._ledger.claim(claims, scope=plan.scope, failures_since=plan.failures_since, run=plan.run)
        verdicts: dict[str, Verdict] = {**said.answered}
        for key in said.taken:
            verdicts[key] = "taken"
        for key in said.granted:
            verdicts[key] = "granted"
        return verdicts

    async def _fund(self, claims: list[Claim]) -> Mapping[str, Verdict]:
        said = await self._ledger.fund(claims, scope=self._plan.scope, budget=self._plan.budget)
        verdicts: dict[str, Verdict] = dict.fromkeys(said.granted, "granted")
        verdicts.update(dict.fromkeys(said.short, "short"))
        verdicts.update(dict.fromkeys(said.taken, "taken"))
        return verdicts

    async def _hold(self, claims: list[Claim]) -> Mapping[str, Verdict]:
        held = await self._ledger.held([one.request_key for one in claims])
        return {one.request_key: "granted" if one.request_key in held else "taken" for one in claims}

    async def _mark(self) -> None:
        news, self._news, self._mark_now = self._news, {}, False
        sent = [key for key, on_the_wire in news.items() if on_the_wire]
        # Only a killed process's calls are told by it: where the ledger ails, the next answer to be kept says so.
        with suppress(StorageError):
            await self._ledger.mark(sent, [key for key, on_the_wire in news.items() if not on_the_wire])

    async def _give_back(self) -> None:
        abandoned, self._abandoned = self._abandoned, []
        keys, self._releases = [*self._releases, *(key for key, _ in abandoned)], []
        run, scope = self._plan.run, self._plan.scope
        try:
            for key, model in abandoned:
                await self._ledger.extend(key, None, model=model, reason="abandoned", run=run, scope=scope)
            await self._ledger.release(keys)
            self.freed()
        except Exception as fault:  # noqa: BLE001
            # Nothing is lost by it: a claim ends with its process. Whoever waits for the ledger learns what ails it.
            for _, future in (*self._claims, *self._wants_money, *self._doubts):
                if not future.done():
                    future.set_exception(fault)
            self._claims.clear()
            self._wants_money.clear()
            self._doubts.clear()

    async def _require_money(self, worst_cost: float) -> None:
        plan = self._plan
        if plan.scope is None or plan.budget is None:
            raise RuntimeError("the ledger found a budget short that nobody set")
        spent = await self._ledger.spent(plan.scope)
        known, unknown = spent.spent + spent.uncertain, spent.uncertain
        # All in one look: what is set aside may come back, what is spent does not.
        if picodollars(known) + picodollars(worst_cost) > picodollars(plan.budget):
            lost = f", {unknown:.4f} of it for calls whose answer never came" if unknown else ""
            raise BudgetReachedError(
                f"budget ${plan.budget:g} reached: ${known:.4f} spent{lost}, and the next call may cost up to "
                f"${worst_cost:.4f}; run again with a larger --budget"
            )
