"""The one entry through which models are asked: requests in, completions or failures out, durable as they come.

Below it, each for itself: `streaming` (many at once), `chains` (fallbacks, schemas, equal requests), `asking`
(attempts), `desk` (claims), `admission` (leave to send), `ledger`, `limits`, `circuit`, `retries`, `prices`,
`accounting`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from time import monotonic

import msgspec

from redraft.calling import tracing
from redraft.calling.accounting import Account
from redraft.calling.asking import Asking
from redraft.calling.chains import Chains, settled
from redraft.calling.errands import Errand
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes
from redraft.calling.outcomes import chain_over
from redraft.calling.own_prices import own_prices
from redraft.calling.plan import CallPlan
from redraft.calling.retries import Retries
from redraft.calling.streaming import GRACE_SECONDS, Stream
from redraft.errors import ConfigurationError, ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint, identified_by
from redraft.records import Completion, Outcome, Request

__all__ = ["GRACE_SECONDS", "Caller", "EndpointSource"]

EndpointSource = Callable[[str], Awaitable[Endpoint]]
# So many requests at most, but not more than may be in flight, wait ready, so that no place in the window stays empty.
_MOST_AHEAD = 128


class Caller:
    """Asks models. One per run and event loop; `endpoint_of` gives the endpoint of a provider by name.

    `plan` says whose budget it is and what is asked again; `account` adds up what happened.
    """

    def __init__(
        self,
        client: ChatClient,
        endpoint_of: EndpointSource,
        ledger: Ledger,
        lanes: Lanes,
        retries: Retries | None = None,
        *,
        plan: CallPlan | None = None,
    ) -> None:
        self.ledger, self.lanes, self.plan = ledger, lanes, plan or CallPlan()
        self.account = Account()
        own_prices()  # a broken file of prices is found before anything is paid
        self._client, self._endpoint_of = client, endpoint_of
        self._asking = Asking(client, ledger, lanes, retries or Retries(), self.plan, self.account)
        self._chains = Chains(self._asking, ledger, self.endpoint, self.plan, self.account)
        self._tracer = tracing.tracer_or_none()
        self._runs = 0
        self._known: dict[tuple[str, str], Endpoint] = {}
        self._identifying: dict[tuple[str, str], asyncio.Task[Endpoint]] = {}

    @staticmethod
    def asking() -> int:
        """Calls of this process whose answers are on the wire: leaving now would lose what they cost."""
        return Asking.on_the_wire

    async def endpoint(self, model: str) -> Endpoint:
        """The identified endpoint that serves `provider:model`; identified once a run. All that is sent goes through
        here, so that a run that keeps to this machine is held to it: ConfigurationError."""
        which = identified_by(model)
        if (known := self._known.get(which)) is not None:
            return known
        if (task := self._identifying.get(which)) is None:
            task = self._identifying[which] = asyncio.create_task(self._identified(which))
            # One that failed is not kept: what ailed it may have passed.
            task.add_done_callback(lambda _: self._identifying.pop(which, None))
        return await asyncio.shield(task)

    async def _identified(self, which: tuple[str, str]) -> Endpoint:
        provider, model = which
        endpoint = await self._client.identify(await self._endpoint_of(provider), model)
        if self.plan.here_only and not endpoint.sandbox_here:
            raise ConfigurationError(
                f"{provider} is no sandbox on this machine, and nobody allowed to send there: say --allow-sending"
            )
        self._known[which] = endpoint
        return endpoint

    async def serve_as(self, model: str, name: str | None) -> None:
        """From now on the provider calls this model by that name, as one that has an endpoint of its own; None ends it.

        Answers are filed under the model's own name, so that any other endpoint's answers of it are the same."""
        if name is None:
            self._client.names.pop(model, None)
        else:
            self._client.names[model] = name
        self._asking.hope(await self.endpoint(model), model)

    def has_endpoint(self, model: str) -> bool:
        """Whether it is an endpoint of its own that answers for the model."""
        return model in self._client.names

    async def call(self, request: Request, stage: str = "") -> Outcome:
        """The outcome of one request: from the ledger, from an equal call already under way, or paid now.

        Raises ProviderError where no row can succeed (key refused, spend limit, model not served, nobody answers),
        BudgetReachedError where the budget does not allow the call.
        """
        async with aclosing(self.run([request], stage=stage)) as outcomes:
            async for _, outcome in outcomes:
                if (error := self._error(request, outcome)) is not None:
                    raise error
                return outcome
        raise AssertionError("a request ends with an outcome or an error")

    async def run(
        self, requests: Iterable[Request], *, ordered: bool = False, stage: str = ""
    ) -> AsyncGenerator[tuple[Request, Outcome]]:
        """Outcomes as they finish, or in the order of the requests, which are drawn only as fast as calls can start.

        `stage` is the name that costs are filed under. Each outcome is durable before it is given out. Where no
        request can succeed any more the run ends with the error that `call` raises, after the outcomes of all
        requests that were drawn.
        """

        async def serve(request: Request, errand: Errand) -> Outcome:
            outcome = await self._served(request, errand)
            if (error := self._error(request, outcome)) is not None:
                stream.stop(error)
            return outcome

        async def look_up(chunk: list[Request]) -> dict[int, Outcome]:
            return await self._recorded(chunk, stage)

        in_flight = self.lanes.settings.in_flight
        ahead = in_flight + min(in_flight, _MOST_AHEAD)
        self._runs += 1
        stream = Stream(iter(requests), look_up, serve, stage=stage, ordered=ordered, ahead=ahead, order=self._runs)
        async with aclosing(stream.outcomes()) as outcomes:
            async for served in outcomes:
                yield served

    async def settled(self) -> None:
        """Until claims that were given up are given back; before the ledger is closed."""
        await self._asking.desk.idle()

    async def _recorded(self, chunk: list[Request], stage: str) -> dict[int, Outcome]:
        """Those outcomes in the ledger that are final as they are: nothing is asked for them."""
        keys = [await self._keys(request) for request in chunk]
        found = await self.ledger.find([key for some in keys for key in some], failures_since=self.plan.failures_since)
        known: dict[int, Outcome] = {}
        for place, (request, some) in enumerate(zip(chunk, keys, strict=True)):
            if request.reasks is None and (outcome := settled(self.plan, request, [found.get(key) for key in some])):
                known[place] = outcome
                self.account.outcome(stage, outcome, _NO_TIME)
        return known

    async def _keys(self, request: Request) -> list[str]:
        """Of the request to each model of its chain."""
        keys = [request.key((await self.endpoint(request.model)).name)]
        for model in request.fallbacks:
            other = msgspec.structs.replace(request, model=model)
            keys.append(other.key((await self.endpoint(model)).name))
        return keys

    async def _served(self, request: Request, errand: Errand) -> Outcome:
        began = monotonic()
        new = request.reasks is None and not request.fallbacks
        if self._tracer is None:
            outcome = await self._chains.serve(request, errand, new)
        else:
            with tracing.span(self._tracer, request, errand.stage) as tell:
                outcome = await self._chains.serve(request, errand, new)
                tell(outcome)
        times = errand.times
        elsewhere = times.limits + times.provider + times.backoff + errand.others
        times.ours = max(0.0, monotonic() - began - elsewhere)
        self.account.outcome(errand.stage, errand.own or outcome, times)
        return outcome

    def _error(self, request: Request, outcome: Outcome) -> ProviderError | None:
        """Why the run cannot go on: no model that the chain may move on to can answer anything."""
        if isinstance(outcome, Completion):
            return None
        moves_on = self.plan.moves_on(outcome.reason)
        errors: dict[str, ProviderError] = {}
        for model in (request.model, *request.fallbacks) if moves_on else (outcome.model,):
            endpoint = self._known.get(identified_by(model))
            hopeless = endpoint and self._asking.hopeless(endpoint, model)
            if not hopeless:
                return None
            errors[model] = hopeless.error
        return chain_over(errors)


_NO_TIME = Errand("").times
