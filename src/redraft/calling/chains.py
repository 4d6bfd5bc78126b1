"""One request through the models of its chain, with re-asks where the answer must match a schema, asked once even if
several want it at the same time.

Neighbours: `streaming` and `engine` bring requests, `asking` asks one model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from redraft.calling.accounting import Account
from redraft.calling.asking import Asking
from redraft.calling.errands import Errand
from redraft.calling.ledger import Ledger
from redraft.calling.notices import tell
from redraft.calling.outcomes import was_answered
from redraft.calling.plan import CallPlan
from redraft.calling.structured import mismatch, reask, require_schema
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
        self._asked_again: set[str] = set()
        self._told: set[str] = set()

    async def serve(self, request: Request, errand: Errand, new: bool = False) -> Outcome:
        """The outcome of the first model of the chain that gives a usable answer, or the last one's failure.

        It records why those before it did not, and has the tokens and the cost of all; `errand.own` has its own alone.
        `new`: the ledger was asked about the request already.
        """
        if request.output_schema is not None and request.reasks is not None:
            require_schema(request.output_schema)
        before: list[Outcome] = []
        models = (request.model, *request.fallbacks)
        for place, model in enumerate(models):
            one = request if place == 0 else msgspec.structs.replace(request, model=model)
            last = place == len(models) - 1
            errand.passed = passed_over(before)
            outcome = await self._read(one, errand, new, patient=last)
            if isinstance(outcome, Completion) or last or errand.ending or not self._plan.moves_on(outcome.reason):
                errand.own = outcome
                return with_earlier(outcome, before)
            self._account.moved_on(errand.stage, outcome)
            await self._tell_of(outcome.model)
            before.append(outcome)
        raise AssertionError("a chain has at least one model")

    async def _tell_of(self, model: str) -> None:
        """A key that is refused is a person's to mend: a fallback that answers every row must not hide it."""
        hopeless = self._asking.hopeless(await self._endpoint_of(model), model)
        if hopeless is not None and (said := str(hopeless.error)) not in self._told:
            self._told.add(said)
            tell(f"{said}; the next model of the chain is asked instead")

    async def _read(self, request: Request, errand: Errand, new: bool, patient: bool) -> Outcome:
        """The outcome of one model, as often asked as the schema and `reasks` say."""
        outcome = await self._once(request, errand, new, patient)
        schema, reasks = request.output_schema, request.reasks
        if schema is None or reasks is None:
            return outcome
        asked: list[Outcome] = [outcome]
        fresh = int(not (self._plan.again and outcome.reused))
        while isinstance(outcome, Completion) and not errand.ending:
            error = mismatch(schema, outcome.text)
            if error is None:
                break
            if fresh > reasks or len(asked) > _MOST_REASKS:
                return _unparseable(outcome, asked, error)
            request = reask(request, outcome.text, error)
            outcome = await self._once(request, errand, False, patient)
            asked.append(outcome)
            fresh += not (self._plan.again and outcome.reused)
        return _summed(outcome, asked)

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
            if (found := None if new else await self._found(key)) is not None:
                outcome = found
                return found
            outcome = asked = await self._asking.ask(request, endpoint, key, errand, patient)
            if self._plan.again:
                self._asked_again.add(key)
            if isinstance(asked, Failure) and not errand.kept and not asked.reused and (errand.ending or not patient):
                outcome = None  # it says more of who asked than of the request: others ask themselves
            return asked
        finally:
            self._end(key, outcome)

    async def _found(self, key: str) -> Outcome | None:
        """From the ledger. What is asked again is so once a run, however often it is wanted."""
        since = 0.0 if key in self._asked_again else self._plan.failures_since
        return (await self._ledger.find([key], failures_since=since)).get(key)

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


def settled(plan: CallPlan, request: Request, recorded: Sequence[Outcome | None]) -> Outcome | None:
    """What the ledger's outcomes of the chain's models amount to, or None where somebody must be asked.

    A later model's answer counts where it is known that all before it gave none: by what is recorded of them, or by
    what the answer itself says of the chain that it came through.
    """
    models = (request.model, *request.fallbacks)
    failed: list[Outcome] = []
    for place, outcome in enumerate(recorded):
        if outcome is None:
            continue
        if isinstance(outcome, Failure) and plan.moves_on(outcome.reason) and place < len(models) - 1:
            failed.append(outcome)
            continue
        passed = _passed(plan, models[:place], failed, outcome)
        return None if passed is None else _told(outcome, failed, passed)
    return None


def _passed(
    plan: CallPlan, models: Sequence[str], failed: Sequence[Outcome], outcome: Outcome
) -> tuple[Passed, ...] | None:
    """Why each of these models was passed over, or None where that is not known of all."""
    why = {one.model: one for one in passed_over(failed)}
    if isinstance(outcome, Completion):  # after a failure, those that could not be reached then are asked now
        why = {one.model: one for one in outcome.passed if plan.moves_on(one.reason)} | why
    return tuple(why[model] for model in models) if all(model in why for model in models) else None


def passed_over(before: Sequence[Outcome]) -> tuple[Passed, ...]:
    """The models of a chain that gave no usable answer."""
    return tuple(Passed(one.model, one.reason, one.detail) for one in before if isinstance(one, Failure))


def with_earlier(outcome: Outcome, before: Sequence[Outcome]) -> Outcome:
    """The outcome of a chain: why the models before did not answer, and what all of them cost."""
    return _told(outcome, before, passed_over(before))


def _told(outcome: Outcome, failed: Sequence[Outcome], passed: tuple[Passed, ...]) -> Outcome:
    """The outcome as this chain's: what is recorded with an answer may speak of another chain."""
    if not failed and outcome.passed == passed:
        return outcome
    return msgspec.structs.replace(_summed(outcome, [*failed, outcome]), passed=passed)


def _summed(outcome: Outcome, asked: Sequence[Outcome]) -> Outcome:
    """The outcome with the tokens and the cost of all that was asked for it: each of it was paid."""
    return outcome if len(asked) == 1 else msgspec.structs.replace(outcome, **_spent(asked))


def _spent(asked: Sequence[Outcome]) -> dict[str, Any]:
    """What was not answered was not charged for, and has no price to know."""
    paid = [one for one in asked if was_answered(one)]
    if not paid:
        return {}
    costs = [one.cost for one in paid]
    return {
        "input_tokens": sum(one.input_tokens for one in paid),
        "output_tokens": sum(one.output_tokens for one in paid),
        "cost": None if None in costs else sum(cost or 0.0 for cost in costs),
        "answered_model": paid[-1].answered_model,
        "reused": all(one.reused for one in paid),
    }


def _unparseable(last: Completion, asked: Sequence[Outcome], error: str) -> Failure:
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
        mode=last.mode,
        **spent,
    )
