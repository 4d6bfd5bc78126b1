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
from redraft.errors import BudgetReachedError
from redraft.records import Outcome

_MOST = 256
# How often to look again at a request that another process is asking, and at a budget that is all set aside.
_FIRST_LOOK, _LONGEST_LOOK = 0.1, 1.0
_GATHER = 0.01

Verdict = Outcome | Literal["granted", "taken", "short"]
Asked = list[tuple[Claim, asyncio.Future[Verdict]]]


class Desk:
    """One per caller. Requests that come while a transaction runs are served together by the next one."""

    def __init__(self, ledger: Ledger, plan: CallPlan) -> None:
        self._ledger, self._plan = ledger, plan
        self._claims: Asked = []
        self._wants_money: Asked = []
        self._releases: list[str] = []
        self._abandoned: list[tuple[str, str]] = []
        self._serving: asyncio.Task[None] | None = None
        self._money = asyncio.Event()

    async def claim(self, request_key: str) -> Outcome | None:
        """None when the request is this process's to ask; its outcome where another one asked it meanwhile.

        Waits as long as another living process asks it.
        """
        look = _FIRST_LOOK
        while True:
            verdict = await self._ask(self._claims, Claim(request_key))
            if verdict == "granted":
                return None
            if not isinstance(verdict, str):
                return verdict
            await asyncio.sleep(look)
            look = min(_LONGEST_LOOK, look * 1.5)

    async def fund(self, request_key: str, worst_cost: float) -> bool:
        """Sets the worst case of a claimed request aside, just before it is sent; False where that is not free now."""
        self._money.clear()
        return await self._ask(self._wants_money, Claim(request_key, worst_cost)) == "granted"

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
        return bool(self._claims or self._wants_money or self._releases or self._abandoned)

    async def _serve(self) -> None:
        try:
            await asyncio.sleep(0)  # lets those that start in this instant come along
            while self._busy:
                if self._abandoned or self._releases:
                    await self._give_back()
                await self._each(self._claims, self._claim)
                await self._each(self._wants_money, self._fund)
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
        said = await self._ledger.claim(claims, scope=self._plan.scope, failures=not self._plan.again)
        verdicts: dict[str, Verdict] = {**said.answered}
        for key in said.taken:
            verdicts[key] = "taken"
        for key in said.granted:
            verdicts[key] = "granted"
        return verdicts

    async def _fund(self, claims: list[Claim]) -> Mapping[str, Verdict]:
        granted = await self._ledger.fund(claims, scope=self._plan.scope, budget=self._plan.budget)
        verdicts: dict[str, Verdict] = {}
        for one in claims:
            verdicts[one.request_key] = "granted" if one.request_key in granted else "short"
        return verdicts

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
            for _, future in (*self._claims, *self._wants_money):
                if not future.done():
                    future.set_exception(fault)
            self._claims.clear()
            self._wants_money.clear()

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
