"""One request of one model, from its claim to an outcome that is durable: attempts, waits, what a fault leads to.

Neighbours: `chains` goes through the models of a request, `desk` claims, `limits` paces, `circuit` and `retries` decide
what happens after a fault, `providers.chat` sends, `outcomes` says what came of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from time import monotonic, perf_counter
from typing import ClassVar

from redraft.calling import prices, tokens
from redraft.calling.accounting import Account
from redraft.calling.circuit import Circuit
from redraft.calling.desk import Desk
from redraft.calling.errands import Errand, Hopeless
from redraft.calling.ledger import Entry, Ledger
from redraft.calling.limits import Grant, Lanes
from redraft.calling.outcomes import failure_of, outcome_of, patience_over, refusal_of
from redraft.calling.plan import CallPlan
from redraft.calling.retries import Retries, RetryBudget
from redraft.errors import ConfigurationError, ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import FATAL, Answer, CallFault
from redraft.records import Outcome, Request

# The call was sent and no whole answer came: the provider may have charged for it all the same.
_MAYBE_PAID: frozenset[str] = frozenset({"timeout", "connection", "malformed_answer"})
_TOO_MANY: frozenset[str] = frozenset({"rate_limited", "overloaded"})


class Asking:
    """Shared by all requests of a run."""

    # Calls of this process that wait for their answer: while there are any, leaving would lose what they cost.
    on_the_wire: ClassVar[int] = 0

    def __init__(
        self, client: ChatClient, ledger: Ledger, lanes: Lanes, retries: Retries, plan: CallPlan, account: Account
    ) -> None:
        self._client, self._ledger, self._lanes = client, ledger, lanes
        self._retries, self._plan, self._account = retries, plan, account
        self.desk = Desk(ledger, plan)
        self._circuits: defaultdict[str, Circuit] = defaultdict(lambda: Circuit(retries))
        self._repeats: defaultdict[str, RetryBudget] = defaultdict(lambda: RetryBudget(retries))
        self._hopeless: dict[tuple[str, str], Hopeless] = {}

    def hopeless(self, endpoint: Endpoint, model: str) -> Hopeless | None:
        """Whether no request can succeed there any more."""
        if not self._hopeless:
            return None
        return self._hopeless.get((endpoint.name, "")) or self._hopeless.get((endpoint.name, model))

    async def ask(self, request: Request, endpoint: Endpoint, key: str, errand: Errand, patient: bool) -> Outcome:
        """The outcome; a paid one is in the ledger, one that was not paid is not, so that a rerun asks again.

        Not `patient`: where the provider is down now, that is the outcome. Raises BudgetReachedError, StorageError,
        and ConfigurationError for a model without a price under a budget.
        """
        worst = self._worst_cost(request)
        began = monotonic()
        recorded = await self.desk.claim(key, worst)
        errand.others += monotonic() - began
        if recorded is not None:
            return recorded
        errand.kept = errand.open_end = False
        try:
            return await self._attempts(request, endpoint, key, worst, errand, patient)
        finally:
            if errand.open_end:
                self.desk.abandon(key, request.model)
            elif not errand.kept:
                self.desk.release(key)

    def _worst_cost(self, request: Request) -> float:
        """US dollars that one attempt can cost at most; 0 where no price is known, which no budget allows."""
        worst = prices.worst(request.model, tokens.bound(request), request.max_tokens)
        if worst is None and self._plan.budget is not None:
            raise ConfigurationError(
                f"{request.model} has no known price, so no budget can be held; name its price (guide: money), or "
                "leave --budget out"
            )
        return worst or 0.0

    async def _attempts(
        self, request: Request, endpoint: Endpoint, key: str, worst: float, errand: Errand, patient: bool
    ) -> Outcome:
        circuit, number, counted = self._circuits[endpoint.name], 0, 0
        while True:
            if (hopeless := self.hopeless(endpoint, request.model)) is not None:
                return failure_of(request, endpoint, key, hopeless.fault, number)
            if circuit.open and not patient:
                return failure_of(request, endpoint, key, circuit.fault(), number)
            probe = await self._ready(circuit, endpoint, errand)
            if probe is None:
                continue
            grant = await self._admitted(request, endpoint, errand, circuit, probe)
            if grant is None:
                continue
            number += 1
            try:
                outcome = await self._attempt(request, endpoint, key, number, errand, circuit, probe, grant, worst)
            except CallFault as fault:
                counted += fault.kind != "rate_limited"
                self._note(fault, endpoint, request.model, circuit, counted)
                affordable = await self._settle_lost(request, key, worst, fault)
                if errand.ending or not affordable or not self._worth(fault, counted, errand, circuit):
                    return failure_of(request, endpoint, key, fault, number)
                await self._back_off(endpoint, fault, counted, errand)
            else:
                self._repeats[endpoint.name].answered()
                return outcome

    async def _ready(self, circuit: Circuit, endpoint: Endpoint, errand: Errand) -> bool | None:
        """Waits while the circuit is open; whether the attempt is its probe, or None where all hope is lost."""
        if not circuit.open:
            return False
        if circuit.down_for() > self._retries.outage:
            fault = circuit.fault()
            error = patience_over(endpoint, self._retries.outage, f"{fault.kind}: {fault.detail}")
            self._hopeless.setdefault((endpoint.name, ""), Hopeless(fault, error))
            return None
        began = monotonic()
        try:
            return await circuit.ready()
        finally:
            errand.times.backoff += monotonic() - began

    async def _admitted(
        self, request: Request, endpoint: Endpoint, errand: Errand, circuit: Circuit, probe: bool
    ) -> Grant | None:
        """The limits' leave to send, or None where asking has lost its sense while it was waited for."""
        self._account.waiting += 1
        try:
            grant = await self._lanes.lane(endpoint, request.model).admit(tokens.estimate(request), request.max_tokens)
        except BaseException:
            if probe:
                circuit.abandoned()
            raise
        finally:
            self._account.waiting -= 1
        errand.times.limits += grant.waited
        if (circuit.open and not probe) or self.hopeless(endpoint, request.model) is not None:
            grant.failed()
            if probe:
                circuit.abandoned()
            return None
        return grant

    async def _attempt(
        self,
        request: Request,
        endpoint: Endpoint,
        key: str,
        number: int,
        errand: Errand,
        circuit: Circuit,
        probe: bool,
        grant: Grant,
        worst: float,
    ) -> Outcome:
        errand.first_sent = errand.first_sent or monotonic()
        errand.sent = True
        Asking.on_the_wire += 1
        self._account.in_flight += 1
        started = perf_counter()
        try:
            answer = await self._sent(request, endpoint, grant)
            latency = perf_counter() - started
            errand.times.provider += latency
            circuit.answered()
            outcome = outcome_of(request, endpoint, key, answer, number, latency)
            await self._keep(outcome, endpoint, errand)
        except CallFault as fault:
            errand.times.provider += perf_counter() - started
            circuit.failed(fault, probe)
            lost = fault.kind in _MAYBE_PAID
            self._account.retried(request.model, fault.kind, lost, worst or None)
            raise
        except asyncio.CancelledError:
            errand.open_end = True
            if probe:
                circuit.abandoned()
            raise
        finally:
            errand.sent = False
            Asking.on_the_wire -= 1
            self._account.in_flight -= 1
        return outcome

    async def _sent(self, request: Request, endpoint: Endpoint, grant: Grant) -> Answer:
        try:
            answer = await self._client.attempt(request, endpoint, self._retries.attempt_seconds)
        except CallFault as fault:
            if fault.kind in _TOO_MANY:
                grant.refused(fault.kind, fault.retry_after, fault.rates)
            else:
                grant.failed(fault.rates)
            raise
        except BaseException:
            grant.failed()
            raise
        grant.answered(answer.rates, answer.input_tokens, answer.output_tokens)
        return answer

    async def _keep(self, outcome: Outcome, endpoint: Endpoint, errand: Errand) -> None:
        plan = self._plan
        entry = Entry(
            outcome=outcome,
            provider=endpoint.provider,
            endpoint=endpoint.name,
            stage=errand.stage,
            run=plan.run,
            scope=plan.scope,
        )
        await self._ledger.keep(entry)
        errand.kept = True

    def _note(self, fault: CallFault, endpoint: Endpoint, model: str, circuit: Circuit, counted: int) -> None:
        """Remembers what makes every further request pointless."""
        error: ProviderError | None = None
        nobody = fault.kind == "unreachable" and not circuit.reached
        if fault.kind in FATAL or (nobody and max(counted, circuit.openings) >= self._retries.probes):
            error = refusal_of(endpoint, model, fault)
        elif fault.kind == "rate_limited" and circuit.limited() > self._retries.patience:
            error = patience_over(endpoint, self._retries.patience, f"{fault.kind}: {fault.detail}")
        if error is not None:
            which = model if fault.kind == "model_not_served" else ""
            self._hopeless.setdefault((endpoint.name, which), Hopeless(fault, error))

    def _worth(self, fault: CallFault, counted: int, errand: Errand, circuit: Circuit) -> bool:
        if monotonic() - errand.first_sent > self._retries.request_seconds:
            return False
        return fault.kind == "rate_limited" or self._retries.again(fault, counted, circuit.reached)

    async def _settle_lost(self, request: Request, key: str, worst: float, fault: CallFault) -> bool:
        """Whether the budget allows another attempt; what this one may have cost counts as spent."""
        if fault.kind not in _MAYBE_PAID:
            return True
        plan = self._plan
        return await self._ledger.extend(
            key, worst, model=request.model, reason=fault.kind, run=plan.run, scope=plan.scope, budget=plan.budget
        )

    async def _back_off(self, endpoint: Endpoint, fault: CallFault, counted: int, errand: Errand) -> None:
        if fault.kind == "rate_limited":
            return  # the limits hold every start back now, this one too
        wait = max(self._retries.wait(fault, counted), self._repeats[endpoint.name].take())
        errand.times.backoff += wait
        await asyncio.sleep(wait)
