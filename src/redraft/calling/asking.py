"""One request of one model, from its claim to an outcome that is durable: attempts, waits, what a fault leads to.

Neighbours: `chains` goes through the models of a request, `desk` claims, `limits` paces, `circuit` and `retries` decide
what happens after a fault, `providers.chat` sends, `outcomes` says what came of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from time import monotonic, perf_counter
from typing import ClassVar

import msgspec

from redraft.calling import prices, tokens
from redraft.calling.accounting import Account
from redraft.calling.circuit import Circuit
from redraft.calling.desk import Desk
from redraft.calling.errands import Call, Errand, Hopeless
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

# Answers of one commit of the ledger, which the next calls need not wait for.
_MOST_UNKEPT = 200
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
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(lanes.settings.in_flight)
        )
        # Answers that are on the wire or on their way to the disk: what a failing ledger can cost.
        in_flight = lanes.settings.in_flight
        self._unkept = asyncio.Semaphore(in_flight + min(in_flight, _MOST_UNKEPT))
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
        began = monotonic()
        recorded = await self.desk.claim(key)
        errand.others += monotonic() - began
        if recorded is not None:
            return recorded
        try:
            return await self._attempts(call, patient)
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
        """The limits' leave to send, or None where asking has lost its sense while it was waited for."""
        request, endpoint, circuit = call.request, call.endpoint, call.circuit
        lane, began, grant, placed = self._lanes.lane(endpoint, request.model), monotonic(), None, False
        self._account.waiting += 1
        try:
            grant = await lane.admit(tokens.estimate(request), request.max_tokens)
            # All lanes of one endpoint together keep to what may be in flight, and to what may be lost with a ledger.
            await self._places[endpoint.name].acquire()
            placed = True
            await self._unkept.acquire()
        except BaseException:
            if grant is not None:
                grant.failed()
            if placed:
                self._places[endpoint.name].release()
            if probe:
                circuit.abandoned()
            raise
        finally:
            self._account.waiting -= 1
            call.errand.times.limits += monotonic() - began
        try:
            funded = await self._funded(call)
        except BaseException:
            self._give_up(grant, call, probe)
            raise
        if not funded:
            self._give_up(grant, call, probe)
            await self.desk.money(call.worst)
            return None
        if (circuit.open and not probe) or call.errand.ending or self.hopeless(endpoint, request.model) is not None:
            self._give_up(grant, call, probe)
            if call.errand.ending:
                raise asyncio.CancelledError
            return None
        return grant

    async def _funded(self, call: Call) -> bool:
        """Whether the money for an attempt is set aside."""
        if self._plan.budget is not None and not call.errand.funded:
            call.errand.funded = await self.desk.fund(call.key, call.worst)
            return call.errand.funded
        return True

    def _give_up(self, grant: Grant, call: Call, probe: bool) -> None:
        """Nothing is sent after all."""
        grant.failed()
        self._places[call.endpoint.name].release()
        self._unkept.release()
        if probe:
            call.circuit.abandoned()

    async def _attempt(self, call: Call, grant: Grant, probe: bool) -> Outcome:
        request, endpoint, errand, circuit = call.request, call.endpoint, call.errand, call.circuit
        errand.first_sent = errand.first_sent or monotonic()
        errand.sent = True
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
            self._account.retried(request.model, fault.kind, fault.maybe_paid, call.worst or None)
            raise
        except BaseException as fault:
            errand.open_end = isinstance(fault, asyncio.CancelledError) and not errand.kept
            if probe:
                circuit.abandoned()
            raise
        finally:
            errand.sent = False
            Asking.on_the_wire -= 1
            self._account.in_flight -= 1
            self._unkept.release()
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
            self._places[call.endpoint.name].release()
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
        """What an attempt without an answer may have cost counts as spent; the next one needs money of its own."""
        if fault.maybe_paid:
            plan, model = self._plan, call.request.model
            call.errand.funded = await self._ledger.extend(
                call.key, call.worst, model=model, reason=fault.kind, run=plan.run, scope=plan.scope, budget=plan.budget
            )

    async def _back_off(self, fault: CallFault, call: Call) -> None:
        if fault.kind == "rate_limited":
            return  # the limits hold every start back now, this one too
        wait = max(self._retries.wait(fault, call.errand.faults), self._repeats[call.endpoint.name].take())
        call.errand.times.backoff += wait
        await asyncio.sleep(wait)
