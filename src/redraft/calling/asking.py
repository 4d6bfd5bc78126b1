"""One request of one model, from its claim to an outcome that is durable: attempts, waits, what a fault leads to.

Neighbours: `chains` goes through the models of a request, `desk` claims, `admission` gives leave to send,
`providers.chat` sends, `circuit` and `retries` decide what happens after a fault, `outcomes` says what came of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from time import monotonic, perf_counter, time
from typing import ClassVar

import msgspec

from redraft.calling import prices, tokens
from redraft.calling.accounting import Account
from redraft.calling.admission import Admission
from redraft.calling.circuit import Circuit
from redraft.calling.desk import Desk, TakenOverError
from redraft.calling.errands import Call, Errand, Hopeless
from redraft.calling.ledger import Entry, Ledger
from redraft.calling.limits import Grant, Lanes
from redraft.calling.outcomes import failure_of, outcome_of, patience_over, refusal_of
from redraft.calling.plan import NO_BUDGET, CallPlan
from redraft.calling.retries import Retries, RetryBudget
from redraft.errors import ConfigurationError, ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import FATAL, Answer, CallFault
from redraft.records import Outcome, Request

_TOO_MANY: frozenset[str] = frozenset({"rate_limited", "overloaded"})


class Asking:
    """Shared by all requests of a run."""

    # Calls of this process that wait for their answer: while there are any, leaving would lose what they cost.
    on_the_wire: ClassVar[int] = 0

    def __init__(
        self, client: ChatClient, ledger: Ledger, lanes: Lanes, retries: Retries, plan: CallPlan, account: Account
    ) -> None:
        self._client, self._ledger = client, ledger
        self._retries, self._plan, self._account = retries, plan, account
        self.desk = Desk(ledger, plan)
        self._admission = Admission(lanes, self.desk, plan, account)
        self._circuits: defaultdict[str, Circuit] = defaultdict(lambda: Circuit(retries))
        self._repeats: defaultdict[str, RetryBudget] = defaultdict(lambda: RetryBudget(retries))
        self._hopeless: dict[tuple[str, str], Hopeless] = {}

    def hopeless(self, endpoint: Endpoint, model: str) -> Hopeless | None:
        """Whether no request can succeed there any more."""
        if not self._hopeless:
            return None
        return self._hopeless.get((endpoint.name, "")) or self._hopeless.get((endpoint.name, model))

    def hope(self, endpoint: Endpoint, model: str) -> None:
        """The model may be served now, whatever was said of it."""
        self._hopeless.pop((endpoint.name, model), None)

    async def ask(self, request: Request, endpoint: Endpoint, key: str, errand: Errand, patient: bool) -> Outcome:
        """The outcome; a paid one is in the ledger, one that was not paid is not, so that a rerun asks again.

        Not `patient`: where the provider is down now, that is the outcome. Raises BudgetReachedError, StorageError,
        and ConfigurationError for a model without a price under a budget.
        """
        errand.begin()
        call = Call(request, endpoint, key, self._worst_cost(request), errand, self._circuits[endpoint.name])
        while (recorded := await self._claimed(call)) is None:
            try:
                return await self._attempts(call, patient)
            except TakenOverError:
                errand.claimed_at, errand.funded = 0.0, False
            finally:
                if errand.open_end:
                    self.desk.abandon(key, request.model)
                elif errand.claimed_at and not errand.kept:
                    self.desk.release(key)
        return recorded

    async def _claimed(self, call: Call) -> Outcome | None:
        """None once the request is this process's to ask; its outcome where another one asked it meanwhile."""
        errand, began, now = call.errand, monotonic(), time()
        recorded = await self.desk.claim(call.key, call.request.model, call.worst)
        errand.claimed_at = now
        errand.others += monotonic() - began
        return recorded

    def _worst_cost(self, request: Request) -> float | None:
        """US dollars that one attempt can cost at most; None where no price is known, which no budget allows."""
        worst = prices.worst(request.model, tokens.bound(request), request.max_tokens)
        if worst is None and self._plan.budget is not None:
            raise ConfigurationError(
                f"{request.model} has no known price, so no budget can be held; name its price (guide: money), or "
                f"{NO_BUDGET}"
            )
        return worst

    async def _attempts(self, call: Call, patient: bool) -> Outcome:
        request, endpoint, errand, circuit = call.request, call.endpoint, call.errand, call.circuit
        while True:
            if (hopeless := self.hopeless(endpoint, request.model)) is not None:
                return failure_of(request, endpoint, call.key, hopeless.fault, errand.attempts)
            if circuit.open and not patient:
                return failure_of(request, endpoint, call.key, circuit.fault(), errand.attempts)
            if (probe := await self._ready(call)) is None:
                continue
            if (grant := await self._admitted(call, probe)) is None:
                continue
            errand.attempts += 1
            try:
                outcome = await self._attempt(call, grant, probe)
            except CallFault as fault:
                errand.faults += fault.kind != "rate_limited"
                self._note(fault, call)
                await self._settle_lost(call, fault)
                if errand.ending or not self._worth(fault, call):
                    return failure_of(request, endpoint, call.key, fault, errand.attempts)
                await self._back_off(fault, call)
            else:
                self._repeats[endpoint.name].answered()
                return outcome

    async def _ready(self, call: Call) -> bool | None:
        """Waits while the circuit is open; whether the attempt is its probe, or None where all hope is lost."""
        circuit, endpoint = call.circuit, call.endpoint
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
            call.errand.times.backoff += monotonic() - began

    async def _admitted(self, call: Call, probe: bool) -> Grant | None:
        """Leave to send, or None where money was short, or asking lost its sense while leave was waited for."""
        circuit = call.circuit
        try:
            grant = await self._admission.get(call)
        except BaseException:
            if probe:
                circuit.abandoned()
            raise
        short = grant is None
        if grant is not None and ((circuit.open and not probe) or self.hopeless(call.endpoint, call.request.model)):
            self._admission.give_up(grant, call)
            grant = None
        if grant is None and probe:
            circuit.abandoned()
        if short:
            await self.desk.money(call.worst or 0.0)
        return grant

    async def _attempt(self, call: Call, grant: Grant, probe: bool) -> Outcome:
        request, endpoint, errand, circuit = call.request, call.endpoint, call.errand, call.circuit
        errand.first_sent = errand.first_sent or monotonic()
        errand.sent = True
        self.desk.sent(call.key)
        Asking.on_the_wire += 1
        self._account.in_flight += 1
        started = perf_counter()
        try:
            answer = await self._sent(call, grant)
            latency = perf_counter() - started
            errand.times.provider += latency
            circuit.answered()
            outcome = outcome_of(request, endpoint, call.key, answer, errand.attempts, latency)
            await self._keep(outcome, call)
        except CallFault as fault:
            errand.times.provider += perf_counter() - started
            circuit.failed(fault, probe)
            self._account.retried(request.model, fault.kind, fault.maybe_paid, call.worst)
            raise
        except BaseException as fault:
            errand.open_end = isinstance(fault, asyncio.CancelledError) and not errand.kept
            if probe:
                circuit.abandoned()
            raise
        finally:
            errand.sent = False
            self.desk.returned(call.key, errand.kept)
            Asking.on_the_wire -= 1
            self._account.in_flight -= 1
            self._admission.ended()
        return outcome

    async def _sent(self, call: Call, grant: Grant) -> Answer:
        try:
            answer = await self._client.attempt(call.request, call.endpoint, self._retries.attempt_seconds)
        except CallFault as fault:
            if fault.kind in _TOO_MANY:
                grant.refused(fault.kind, fault.retry_after, fault.rates)
            else:
                grant.failed(fault.rates)
            raise
        except BaseException:
            grant.failed()
            raise
        finally:
            self._admission.answered(call)
        used = answer.input_tokens if answer.counted else tokens.estimate(call.request)
        grant.answered(answer.rates, used, answer.output_tokens)
        return answer

    async def _keep(self, outcome: Outcome, call: Call) -> None:
        plan, errand = self._plan, call.errand
        entry = Entry(
            outcome=msgspec.structs.replace(outcome, passed=errand.passed) if errand.passed else outcome,
            provider=call.endpoint.provider,
            endpoint=call.endpoint.name,
            stage=errand.stage,
            run=plan.run,
            scope=plan.scope,
        )
        errand.kept = True  # from here on it is written even if nobody waits any more
        try:
            await self._ledger.keep(entry)
        except Exception:
            errand.kept = False
            raise
        self.desk.freed()

    def _note(self, fault: CallFault, call: Call) -> None:
        """Remembers what makes every further request pointless."""
        endpoint, model, circuit = call.endpoint, call.request.model, call.circuit
        error: ProviderError | None = None
        nobody = fault.kind == "unreachable" and not circuit.reached
        if fault.kind in FATAL or (nobody and max(call.errand.faults, circuit.openings) >= self._retries.probes):
            error = refusal_of(endpoint, model, fault)
        elif fault.kind == "rate_limited" and circuit.limited() > self._retries.patience:
            error = patience_over(endpoint, self._retries.patience, f"{fault.kind}: {fault.detail}")
        if error is not None:
            which = model if fault.kind == "model_not_served" else ""
            self._hopeless.setdefault((endpoint.name, which), Hopeless(fault, error))

    def _worth(self, fault: CallFault, call: Call) -> bool:
        if monotonic() - call.errand.first_sent > self._retries.request_seconds:
            return False
        return fault.kind == "rate_limited" or self._retries.again(fault, call.errand.faults, call.circuit.reached)

    async def _settle_lost(self, call: Call, fault: CallFault) -> None:
        """What an attempt without an answer may have cost counts as spent; the next one needs money of its own.

        Raises TakenOverError where another process asks the request by now, unless this one is ending.
        """
        if fault.maybe_paid:
            plan, model = self._plan, call.request.model
            said = await self._ledger.extend(
                call.key, call.worst, model=model, reason=fault.kind, run=plan.run, scope=plan.scope, budget=plan.budget
            )
            call.errand.funded = said == "granted"
            if said == "taken" and not call.errand.ending:
                raise TakenOverError

    async def _back_off(self, fault: CallFault, call: Call) -> None:
        if fault.kind == "rate_limited":
            return  # the limits hold every start back now, this one too
        wait = max(self._retries.wait(fault, call.errand.faults), self._repeats[call.endpoint.name].take())
        call.errand.times.backoff += wait
        await asyncio.sleep(wait)
