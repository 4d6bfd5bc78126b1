"""The one entry through which models are asked: requests in, completions or failures out, durable as they come.

Around `providers.chat` it puts the ledger (nothing paid twice), the limits, the retries and the prices.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from time import monotonic, perf_counter
from typing import ClassVar

import msgspec

from redraft.calling import prices
from redraft.calling.health import Health
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Limits
from redraft.calling.retries import Retries
from redraft.errors import KeyRefusedError, ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint, split_model
from redraft.providers.wire import FATAL, Answer, CallFault
from redraft.records import Completion, Failure, Outcome, Request

# A call that is under way when a run ends may be paid for: its answer has this long to arrive and be recorded.
GRACE_SECONDS = 30.0

EndpointSource = Callable[[str], Awaitable[Endpoint]]


class Caller:
    """Asks models. One per run and event loop; `endpoint_of` gives the endpoint of a provider by name."""

    # Requests of this process that wait for their answer: while there are any, leaving would lose what they cost.
    asking: ClassVar[int] = 0

    def __init__(
        self,
        client: ChatClient,
        endpoint_of: EndpointSource,
        ledger: Ledger,
        limits: Limits,
        retries: Retries | None = None,
    ) -> None:
        self._client = client
        self._endpoint_of = endpoint_of
        self._ledger = ledger
        self.limits = limits
        self._retries = retries or Retries()
        self._endpoints: dict[str, asyncio.Task[Endpoint]] = {}
        self._running: dict[str, _Shared] = {}
        self._health: defaultdict[str, Health] = defaultdict(Health)

    async def endpoint(self, model: str) -> Endpoint:
        """The identified endpoint that serves `provider:model`; identified once a run."""
        provider, _ = split_model(model)
        if provider not in self._endpoints:
            self._endpoints[provider] = asyncio.create_task(self._identified(provider))
        return await asyncio.shield(self._endpoints[provider])

    async def _identified(self, provider: str) -> Endpoint:
        return await self._client.identify(await self._endpoint_of(provider))

    async def call(self, request: Request) -> Outcome:
        """The outcome of one request: from the ledger, from an equal call already under way, or paid now.

        Raises ProviderError where no row can succeed: key refused, spend limit, model not served, nobody answers.
        """
        endpoint = await self.endpoint(request.model)
        key = request.key(endpoint.name)
        if (recorded := self._ledger.get(key)) is not None:
            return recorded
        if (shared := self._running.get(key)) is not None:
            if shared.ending:  # given up by all who asked, but its answer may still be recorded
                await asyncio.wait([shared.task])
                return await self.call(request)
            return msgspec.structs.replace(await shared.outcome(), reused=True)
        shared = self._running[key] = _Shared(asyncio.create_task(self._pay(request, endpoint, key)))
        shared.task.add_done_callback(lambda _: self._running.pop(key, None))
        return await shared.outcome()

    async def run(self, requests: Iterable[Request]) -> AsyncGenerator[tuple[Request, Outcome]]:
        """Outcomes as they finish. `requests` is drawn only as fast as calls can start: never all in memory."""
        source = iter(requests)
        tasks: set[asyncio.Task[tuple[Request, Outcome]]] = set()
        try:
            while True:
                while len(tasks) < self.limits.in_flight and (request := next(source, None)) is not None:
                    tasks.add(asyncio.create_task(self._paired(request)))
                if not tasks:
                    return
                finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    tasks.discard(task)
                    yield task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _paired(self, request: Request) -> tuple[Request, Outcome]:
        return request, await self.call(request)

    async def _pay(self, request: Request, endpoint: Endpoint, key: str) -> Outcome:
        health, number, counted = self._health[endpoint.provider], 0, 0
        while True:
            number += 1
            try:
                return await self._attempt(request, endpoint, key, number)
            except CallFault as fault:
                health.failed(fault.kind)
                if fault.kind == "rate_limited":
                    self._require_patience(health, endpoint, fault)
                    continue  # the limits hold every start back now, this one too
                counted += 1
                if not self._retries.again(fault, counted, health.reached):
                    return self._given_up(request, endpoint, key, fault, number)
                wait = self._retries.wait(fault, counted)
            await asyncio.sleep(wait)

    async def _attempt(self, request: Request, endpoint: Endpoint, key: str, number: int) -> Outcome:
        async with self.limits.slot() as started:
            sent = asyncio.create_task(self._ask(request, endpoint, key, number))
            try:
                outcome = await asyncio.shield(sent)
            except CallFault as fault:
                if fault.kind == "rate_limited":
                    self.limits.slow_down(started, fault.retry_after)
                raise
            except asyncio.CancelledError:
                await asyncio.gather(asyncio.wait_for(sent, GRACE_SECONDS), return_exceptions=True)
                raise
        self._health[endpoint.provider].answered()
        self.limits.speed_up()
        return outcome

    async def _ask(self, request: Request, endpoint: Endpoint, key: str, number: int) -> Outcome:
        started = perf_counter()
        Caller.asking += 1
        try:
            answer = await self._client.attempt(request, endpoint)
            outcome = _outcome(request, endpoint, key, answer, number, perf_counter() - started)
            self._ledger.put(outcome)
        finally:
            Caller.asking -= 1
        return outcome

    def _given_up(self, request: Request, endpoint: Endpoint, key: str, fault: CallFault, attempts: int) -> Failure:
        if fault.kind in FATAL:
            error = KeyRefusedError if fault.kind == "key_refused" else ProviderError
            raise error(
                f"{_where(endpoint)}: {_MENDS[fault.kind]} (model {request.model}; {fault.detail})", fault.kind
            ) from None
        if self._health[endpoint.provider].given_up(fault.kind):
            raise ProviderError(
                f"{_where(endpoint)} cannot be used: {fault.detail}; check the address, rerun later", fault.kind
            ) from None
        return Failure(
            request_key=key, model=request.model, reason=fault.kind, detail=fault.detail, attempts=attempts,
            simulated=endpoint.simulated,
        )  # fmt: skip

    def _require_patience(self, health: Health, endpoint: Endpoint, fault: CallFault) -> None:
        if health.limited(monotonic()) > self._retries.patience:
            raise ProviderError(
                f"{_where(endpoint)} has refused every call as too many for {self._retries.patience:.0f} s "
                f"({fault.detail}); ask for a higher limit, or rerun later",
                fault.kind,
            ) from None


class _Shared:
    """A call under way with all who wait for it. It ends with the last of them, not with the first."""

    def __init__(self, task: asyncio.Task[Outcome]) -> None:
        self.task = task
        self.ending = False
        self._waiting = 0

    async def outcome(self) -> Outcome:
        self._waiting += 1
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if self._waiting == 1:
                self.ending = True
                self.task.cancel()
                await asyncio.gather(self.task, return_exceptions=True)
            raise
        finally:
            self._waiting -= 1


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.provider} at {endpoint.base_url}"


_MENDS = {
    "key_refused": "the key is refused; check the key of this provider",
    "spend_limit": "the account's spend limit is reached; raise it, then rerun",
    "model_not_served": "the model is not served there; check its name and the base URL",
    "other_sandbox": "a sandbox that the run did not know at its start; keep one running on loopback, then rerun",
}


def _outcome(request: Request, endpoint: Endpoint, key: str, answer: Answer, attempts: int, latency: float) -> Outcome:
    cost = prices.cost(request.model, answer.input_tokens, answer.output_tokens)
    if answer.fault is not None:  # paid for all the same: recorded, and not paid again
        return Failure(
            request_key=key, model=request.model, reason=answer.fault, detail=answer.detail,
            text=answer.text, attempts=attempts,
            input_tokens=answer.input_tokens, output_tokens=answer.output_tokens, cost=cost,
            simulated=endpoint.simulated,
        )  # fmt: skip
    return Completion(
        request_key=key,
        text=answer.text,
        model=request.model,
        answered_model=answer.model,
        provider=endpoint.provider,
        finish_reason=answer.finish_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost=cost,
        latency=latency,
        attempts=attempts,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        simulated=endpoint.simulated,
    )
