"""The one entry through which models are asked: requests in, completions or failures out, durable as they come.

Around `providers.chat` it puts the ledger (nothing paid twice), the limits, the retries and the prices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from time import perf_counter

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from redraft.calling import prices
from redraft.calling.ledger import Ledger
from redraft.calling.limits import LONGEST_PAUSE, Limits
from redraft.errors import ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint, split_model
from redraft.providers.wire import DOWN, FATAL, TRANSIENT, Answer, CallFault
from redraft.records import Completion, Failure, Outcome, Request

ATTEMPTS = 6
# This many requests in a row given up because nobody answers: the provider is down, not the row at fault.
DOWN_IN_A_ROW = 20
_BACKOFF = wait_random_exponential(multiplier=0.5, max=30)

EndpointSource = Callable[[str], Awaitable[Endpoint]]


class Caller:
    """Asks models. One per run and event loop; `endpoint_of` gives the endpoint of a provider by name."""

    def __init__(self, client: ChatClient, endpoint_of: EndpointSource, ledger: Ledger, limits: Limits) -> None:
        self._client = client
        self._endpoint_of = endpoint_of
        self._ledger = ledger
        self.limits = limits
        self._endpoints: dict[str, asyncio.Task[Endpoint]] = {}
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._answered = False
        self._down = 0

    async def endpoint(self, model: str) -> Endpoint:
        """The identified endpoint that serves `provider:model`; identified once a run."""
        provider, _ = split_model(model)
        if provider not in self._endpoints:
            self._endpoints[provider] = asyncio.create_task(self._identified(provider))
        return await self._endpoints[provider]

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
        if (running := self._running.get(key)) is not None:
            return await asyncio.shield(running)
        task = asyncio.create_task(self._pay(request, endpoint, key))
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))
        return await task

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
                finished, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    yield task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _paired(self, request: Request) -> tuple[Request, Outcome]:
        return request, await self.call(request)

    async def _pay(self, request: Request, endpoint: Endpoint, key: str) -> Outcome:
        started = perf_counter()
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS), wait=_wait, retry=retry_if_exception(_worth_retrying), reraise=True
        )
        try:
            answer: Answer = await retrying(self._attempt, request, endpoint)
        except CallFault as fault:
            return self._given_up(request, endpoint, key, fault, retrying.statistics["attempt_number"])
        attempts = retrying.statistics["attempt_number"]
        self._answered, self._down = True, 0
        outcome = _outcome(request, endpoint, key, answer, attempts, perf_counter() - started)
        self._ledger.put(outcome)
        return outcome

    async def _attempt(self, request: Request, endpoint: Endpoint) -> Answer:
        async with self.limits.slot():
            try:
                return await self._client.attempt(request, endpoint)
            except CallFault as fault:
                if fault.kind == "rate_limited" and fault.retry_after:
                    self.limits.pause(fault.retry_after)
                raise

    def _given_up(self, request: Request, endpoint: Endpoint, key: str, fault: CallFault, attempts: int) -> Failure:
        where = f"{endpoint.provider} at {endpoint.base_url}"
        if fault.kind in FATAL:
            raise ProviderError(
                f"{where}: {_MENDS[fault.kind]} (model {request.model}; {fault.detail})", fault.kind
            ) from None
        if fault.kind in DOWN:
            self._down += 1
            if not self._answered or self._down >= DOWN_IN_A_ROW:
                raise ProviderError(
                    f"{where} cannot be used: {fault.detail}; check the address, rerun later", fault.kind
                ) from None
        return Failure(
            request_key=key, model=request.model, reason=fault.kind, detail=fault.detail, attempts=attempts,
            simulated=endpoint.simulated,
        )  # fmt: skip


_MENDS = {
    "key_refused": "the key is refused; check the key of this provider",
    "spend_limit": "the account's spend limit is reached; raise it, then rerun",
    "model_not_served": "the model is not served there; check its name",
}


def _worth_retrying(fault: BaseException) -> bool:
    return isinstance(fault, CallFault) and fault.kind in TRANSIENT


def _wait(state: RetryCallState) -> float:
    fault = state.outcome.exception() if state.outcome else None
    named = fault.retry_after if isinstance(fault, CallFault) else None
    # A little jitter on the provider's own time, so that a thousand waiters do not return in one instant.
    return min(named, LONGEST_PAUSE) + _BACKOFF(state) * 0.1 if named is not None else _BACKOFF(state)


def _outcome(request: Request, endpoint: Endpoint, key: str, answer: Answer, attempts: int, latency: float) -> Outcome:
    cost = prices.cost(request.model, answer.input_tokens, answer.output_tokens)
    if answer.fault is not None:  # paid for all the same: recorded, and not paid again
        return Failure(
            request_key=key, model=request.model, reason=answer.fault, detail=answer.detail, attempts=attempts,
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
