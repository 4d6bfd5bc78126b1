"""One request through the models of its chain, with re-asks where the answer must match a schema, asked once even if
several want it at the same time.

Neighbours: `streaming` and `engine` bring requests, `asking` asks one model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from redraft.calling.accounting import Account
from redraft.calling.asking import Asking
from redraft.calling.errands import Errand
from redraft.calling.ledger import Ledger
from redraft.calling.plan import CallPlan
from redraft.calling.structured import mismatch, reask
from redraft.providers.endpoints import Endpoint
from redraft.records import Completion, Failure, Outcome, Passed, Request

EndpointOf = Callable[[str], Awaitable[Endpoint]]

# A retried request finds its earlier re-asks in the ledger and goes on after them, but not for ever.
_MOST_REASKS = 20


class Chains:
    """`account` learns of the answers that were paid for and passed over; of the last one it is told elsewhere."""

    def __init__(
        self, asking: Asking, ledger: Ledger, endpoint_of: EndpointOf, plan: CallPlan, account: Account
    ) -> None:
        self._asking, self._ledger, self._endpoint_of, self._plan = asking, ledger, endpoint_of, plan
        self._account = account
        self._under_way: dict[str, asyncio.Future[Outcome] | None] = {}

    async def serve(self, request: Request, errand: Errand, new: bool = False) -> Outcome:
        """The outcome of the first model of the chain that gives a usable answer, or the last one's failure.

        It records why those before it did not, and has the tokens and the cost of all; `errand.own` has its own alone.
        `new`: the ledger was asked about the first model already.
        """
        passed: list[Passed] = []
        before: list[Outcome] = []
        models = (request.model, *request.fallbacks)
        for place, model in enumerate(models):
            one = request if place == 0 else msgspec.structs.replace(request, model=model)
            last = place == len(models) - 1
            outcome = await self._read(one, errand, new and place == 0, patient=last)
            if isinstance(outcome, Completion) or last or not self._plan.moves_on(outcome.reason):
                errand.own = outcome
                return _with_earlier(outcome, [*before, outcome], passed=tuple(passed)) if passed else outcome
            self._account.moved_on(errand.stage, outcome)
            before.append(outcome)
            passed.append(Passed(outcome.model, outcome.reason, outcome.detail))
        raise AssertionError("a chain has at least one model")

    async def _read(self, request: Request, errand: Errand, new: bool, patient: bool) -> Outcome:
        """The outcome of one model, as often asked as the schema and `reasks` say."""
        outcome = await self._once(request, errand, new, patient)
        schema, reasks = request.output_schema, request.reasks
        if schema is None or reasks is None:
            return outcome
        asked: list[Outcome] = [outcome]
        fresh = int(not (self._plan.again and outcome.reused))
        while isinstance(outcome, Completion):
            error = mismatch(schema, outcome.text)
            if error is None:
                return _with_earlier(outcome, asked)
            if fresh > reasks or len(asked) > _MOST_REASKS:
                return _unparseable(outcome, asked, error)
            request = reask(request, outcome.text, error)
            outcome = await self._once(request, errand, False, patient)
            asked.append(outcome)
            fresh += not (self._plan.again and outcome.reused)
        return _with_earlier(outcome, asked)

    async def _once(self, request: Request, errand: Errand, new: bool, patient: bool) -> Outcome:
        endpoint = await self._endpoint_of(request.model)
        key = request.key(endpoint.name)
        while key in self._under_way:
            if (shared := await self._shared(key)) is not None:
                return msgspec.structs.replace(shared, reused=True)
            new = False  # whoever asked has gone; the answer may still have been recorded
        self._under_way[key] = None
        outcome: Outcome | None = None
        try:
            if not new and (found := (await self._ledger.find([key], failures=not self._plan.again)).get(key)):
                outcome = found
            else:
                outcome = await self._asking.ask(request, endpoint, key, errand, patient)
            return outcome
        finally:
            self._end(key, outcome)

    async def _shared(self, key: str) -> Outcome | None:
        """The outcome of an equal request under way, or None where it ended without one."""
        if (waiting := self._under_way[key]) is None:
            waiting = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.shield(waiting)
        except _Gone:
            return None

    def _end(self, key: str, outcome: Outcome | None) -> None:
        waiting = self._under_way.pop(key, None)
        if waiting is None or waiting.done():
            return
        if outcome is not None:
            waiting.set_result(outcome)
        else:
            waiting.set_exception(_Gone())
            waiting.exception()  # marks it as seen: those who wait may have gone too


class _Gone(Exception):  # noqa: N818
    """Whoever asked was stopped or failed; those who waited for the answer ask themselves."""


def _with_earlier(outcome: Outcome, asked: list[Outcome], **more: Any) -> Outcome:
    """The last outcome with the tokens and the cost of all asks: each of them was paid."""
    if len(asked) == 1:
        return outcome
    return msgspec.structs.replace(outcome, **_spent(asked), **more)


def _spent(asked: list[Outcome]) -> dict[str, Any]:
    """What was not answered was not charged for, and has no price to know."""
    paid = [one for one in asked if isinstance(one, Completion) or one.input_tokens or one.output_tokens]
    costs = [one.cost for one in paid]
    return {
        "input_tokens": sum(one.input_tokens for one in paid),
        "output_tokens": sum(one.output_tokens for one in paid),
        "cost": None if None in costs else sum(cost or 0.0 for cost in costs),
        "reused": all(one.reused for one in paid),
    }


def _unparseable(last: Completion, asked: list[Outcome], error: str) -> Failure:
    spent = _spent(asked)
    return Failure(
        request_key=last.request_key,
        model=last.model,
        reason="unparseable",
        detail=f"the answer does not match the schema, asked {len(asked)} times: {error}",
        text=last.text,
        attempts=last.attempts,
        simulated=last.simulated,
        provider=last.provider,
        answered_model=last.answered_model,
        mode=last.mode,
        **spent,
    )
