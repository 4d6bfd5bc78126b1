"""Claims and releases of many requests, gathered into few transactions.

A claim is what keeps two processes from paying for one request, and sets its worst case aside under a budget.
Neighbours: `asking` claims before it sends; `ledger` decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from redraft.calling.ledger import Claim, Ledger
from redraft.calling.plan import CallPlan
from redraft.errors import BudgetReachedError, StorageError
from redraft.records import Outcome

_MOST = 256
# How often to look again at a request that another process is asking, and at a budget that is all set aside.
_FIRST_LOOK, _LONGEST_LOOK = 0.1, 1.0

Verdict = Outcome | Literal["granted", "taken", "short"]


class Desk:
    """One per caller. Requests that come while a transaction runs are served together by the next one."""

    def __init__(self, ledger: Ledger, plan: CallPlan) -> None:
        self._ledger, self._plan = ledger, plan
        self._claims: list[tuple[Claim, asyncio.Future[Verdict]]] = []
        self._releases: list[str] = []
        self._abandoned: list[tuple[str, str]] = []
        self._serving: asyncio.Task[None] | None = None

    async def claim(self, request_key: str, worst_cost: float) -> Outcome | None:
        """None when the request is this process's to ask; its outcome where another one asked it meanwhile.

        Waits as long as another living process asks it, or as the budget is set aside by calls under way. Raises
        BudgetReachedError once nothing is under way and the budget does not allow another call.
        """
        wanted, look = Claim(request_key, worst_cost), _FIRST_LOOK
        while True:
            verdict = await self._ask(wanted)
            if verdict == "granted":
                return None
            if not isinstance(verdict, str):
                return verdict
            if verdict == "short":
                await self._require_money(worst_cost)
            await asyncio.sleep(look)
            look = min(_LONGEST_LOOK, look * 1.5)

    async def _ask(self, wanted: Claim) -> Verdict:
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._claims.append((wanted, future))
        self._wake()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None and future.result() == "granted":
                self.release(wanted.request_key)
            raise

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

    async def _serve(self) -> None:
        try:
            await asyncio.sleep(0)  # lets those that start in this instant come along
            while self._claims or self._releases or self._abandoned:
                abandoned, self._abandoned = self._abandoned, []
                releases, self._releases = [*self._releases, *(key for key, _ in abandoned)], []
                claims, self._claims = self._claims[:_MOST], self._claims[_MOST:]
                if releases:
                    await self._release(abandoned, releases)
                if live := [(claim, future) for claim, future in claims if not future.done()]:
                    await self._claim(live)
        finally:
            self._serving = None
            if self._claims or self._releases or self._abandoned:
                self._wake()

    async def _release(self, abandoned: list[tuple[str, str]], keys: list[str]) -> None:
        run, scope = self._plan.run, self._plan.scope
        try:
            for key, model in abandoned:
                await self._ledger.extend(key, 0.0, model=model, reason="abandoned", run=run, scope=scope)
            await self._ledger.release(keys)
        except StorageError as fault:
            # Nothing is lost by it: a claim ends with its process. Whoever waits for the ledger learns what ails it.
            for _, future in self._claims:
                if not future.done():
                    future.set_exception(fault)
            self._claims.clear()

    async def _claim(self, claims: Sequence[tuple[Claim, asyncio.Future[Verdict]]]) -> None:
        plan = self._plan
        try:
            said = await self._ledger.claim(
                [claim for claim, _ in claims], scope=plan.scope, budget=plan.budget, failures=not plan.again
            )
        except Exception as fault:  # noqa: BLE001  whoever waits for a claim gets it, each in a row of its own
            for _, future in claims:
                if not future.done():
                    future.set_exception(fault)
            return
        for claim, future in claims:
            key = claim.request_key
            if future.done():  # given up meanwhile
                if key in said.granted:
                    self._releases.append(key)
                continue
            verdict: Verdict = "granted" if key in said.granted else "taken" if key in said.taken else "short"
            future.set_result(said.answered.get(key, verdict))

    async def _require_money(self, worst_cost: float) -> None:
        plan = self._plan
        if plan.scope is None or plan.budget is None:
            raise RuntimeError("the ledger found a budget short that nobody set")
        spent = await self._ledger.spent(plan.scope)
        if spent.set_aside <= 0:
            known, unknown = spent.spent + spent.uncertain, spent.uncertain
            lost = f", {unknown:.4f} of it for calls whose answer never came" if unknown else ""
            raise BudgetReachedError(
                f"budget ${plan.budget:g} reached: ${known:.4f} spent{lost}, and the next call may cost up to "
                f"${worst_cost:.4f}; run again with a larger --budget"
            )
