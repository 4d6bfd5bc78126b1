"""What a stage will ask, cost and take, before anything is sent: from its requests and from what the ledger knows.

Neighbours: `tokens` counts, `prices` turns tokens into money; whoever plans a stage has its requests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Literal

import msgspec
from sqlalchemy import select

from redraft.calling import prices, tokens
from redraft.calling.chains import settled
from redraft.calling.ledger import Ledger
from redraft.calling.ledger.tables import answers
from redraft.calling.limits import LimitSettings
from redraft.calling.plan import CallPlan
from redraft.providers.endpoints import Endpoint
from redraft.records import Completion, Outcome, Request

# Where nothing is known of a model: an answer of a few paragraphs, and the time that takes.
ASSUMED_OUTPUT, ASSUMED_LATENCY = 600, 6.0
_CHUNK = 256
_EARLIER_ANSWERS = 200


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One stage. Tokens, money (US dollars) and time (seconds) are those of the `calls` still to be made.

    `cost` is what is expected, `worst_cost` what it comes to where every input is as long as its bound, every answer
    as long as allowed, and every model of a chain and every re-ask is needed; None where the price of one of
    `unpriced` is not known. `seconds` is None for batches, whose time is the provider's. `paced_by` says what decides
    it. `assumed` names what is no more than a guess, since the ledger has no such answers yet. Equal requests, which
    are paid once, count once.
    """

    stage: str
    models: tuple[str, ...]
    mode: Literal["call", "batch"]
    requests: int
    recorded: int
    calls: int
    input_tokens: int
    output_tokens: int
    most_output_tokens: int
    cost: float | None
    worst_cost: float | None
    unpriced: tuple[str, ...]
    seconds: float | None
    paced_by: str
    latency: float
    assumed: tuple[str, ...]
    simulated: bool


class Learned:
    """What recorded answers tell: real tokens beside the estimated ones, words, and seconds an answer took."""

    def __init__(self) -> None:
        self.answers = self.estimated = self.input_tokens = self.output_tokens = self.words = self.timed = 0
        self.seconds = 0.0

    def each(self, asked: int | None) -> float | None:
        """Output tokens of one answer, where any was seen. `asked`: of how many words it is to be, where those seen may
        have been asked for others; a model's tokens a word, its thinking among them, stay about the same."""
        if asked is None:
            return self.output_tokens / self.answers if self.answers else None
        return asked * self.output_tokens / self.words if self.words else None

    def add(self, request: Request, outcome: Outcome) -> None:
        if outcome.input_tokens + outcome.output_tokens == 0:
            return
        self.answers += 1
        self.estimated += tokens.estimate(request)
        self.input_tokens += outcome.input_tokens
        self.output_tokens += outcome.output_tokens
        if isinstance(outcome, Completion) and outcome.mode == "call":
            self.timed += 1
            self.seconds += outcome.latency


class _ToAsk:
    """Sums over the calls to be made to one model, all of them in one mode."""

    def __init__(self, mode: prices.Mode) -> None:
        self.mode: prices.Mode = mode
        self.calls = self.input_tokens = self.most_output = self.assumed_output = 0
        self.worst: float | None = 0.0


class Estimator:
    """Adds up one stage's requests, a few hundred in memory at a time."""

    def __init__(
        self, ledger: Ledger, endpoint_of: Callable[[str], Awaitable[Endpoint]], plan: CallPlan, mode: prices.Mode
    ) -> None:
        self._ledger, self._endpoint_of, self._plan = ledger, endpoint_of, plan
        self._mode: prices.Mode = mode
        self._learned = Learned()
        self._models: dict[str, _ToAsk] = {}
        # The first half of each key: who asks the same twice pays once.
        self._seen: set[int] = set()
        self._requests = self._recorded = self._reasks = self._more_input = 0
        self._assumed = ASSUMED_OUTPUT
        self._simulated = False

    async def estimate(
        self, stage: str, requests: Iterable[Request], limits: LimitSettings, *, reasks: int = 0, more_input: int = 0,
        words: int | None = None,
    ) -> Estimate:  # fmt: skip
        """`reasks`: how often the stage asks again at most where it cannot read an answer. `more_input`: tokens by
        which a request may get longer than it is here. `words`: how many an answer is asked to have, where the stage's
        requests say so and others of it may say something else."""
        self._reasks, self._more_input = reasks, more_input
        self._assumed = ASSUMED_OUTPUT if words is None else round(words * tokens.A_WORD)
        for chunk in _chunks(requests):
            await self._add(chunk)
        if self._learned.answers or not self._models:
            return self._summed(stage, self._learned, self._learned.each(None), limits)
        earlier = await self.earlier(stage, next(iter(self._models)))
        return self._summed(stage, earlier, earlier.each(words), limits)

    async def _add(self, chunk: list[Request]) -> None:
        rows = [(request, _chain(request), await self._keys(request)) for request in chunk]
        rows = [row for row in rows if self._is_new(row[2][0])]
        self._requests += len(rows)
        since = self._plan.failures_since
        found = await self._ledger.find([key for _, _, some in rows for key in some], failures_since=since)
        for request, chain, some in rows:
            recorded = [found.get(key) for key in some]
            known = recorded if settled(self._plan, request, recorded) else recorded[: recorded.index(None)]
            for one, outcome in zip(chain, known, strict=False):
                if outcome is not None:
                    self._learned.add(one, outcome)
            if known is recorded:
                self._recorded += 1
            else:
                self._to_ask(chain[len(known)], request.fallbacks[len(known) :])

    async def _keys(self, request: Request) -> list[str]:
        return [one.key((await self._endpoint(one.model)).name) for one in _chain(request)]

    def _is_new(self, key: str) -> bool:
        half, before = int(key[:32], 16), len(self._seen)
        self._seen.add(half)
        return len(self._seen) > before

    async def _endpoint(self, model: str) -> Endpoint:
        endpoint = await self._endpoint_of(model)
        self._simulated = self._simulated or endpoint.simulated
        return endpoint

    def _to_ask(self, request: Request, rest: tuple[str, ...]) -> None:
        # Batches are for the first model of a chain; those after it are asked in real time.
        asked = self._sums(request.model, self._mode if rest == request.fallbacks else "call")
        asked.calls += 1
        asked.input_tokens += tokens.estimate(request)
        asked.most_output += request.max_tokens
        asked.assumed_output += min(request.max_tokens, self._assumed)
        bound = tokens.bound(request) + self._more_input
        asks = 1 + max(self._reasks, request.reasks or 0)
        for model in (request.model, *rest):
            sums = self._sums(model, "call")
            worst = prices.worst(model, bound, request.max_tokens, sums.mode)
            sums.worst = None if worst is None or sums.worst is None else sums.worst + asks * worst

    def _sums(self, model: str, mode: prices.Mode) -> _ToAsk:
        return self._models.setdefault(model, _ToAsk(mode))

    async def earlier(self, stage: str, model: str) -> Learned:
        """From the newest answers of the model to other rows of such a stage."""
        endpoint, learned = await self._endpoint(model), Learned()
        newest = (
            select(answers.c.input_tokens, answers.c.output_tokens, answers.c.outcome)
            .where(answers.c.model == model, answers.c.stage == stage, answers.c.endpoint == endpoint.name)
            .where(answers.c.kind == "completion", answers.c.mode == "call")
            .order_by(answers.c.id.desc())
            .limit(_EARLIER_ANSWERS)
        )
        async with self._ledger.database.reading() as connection:
            for _, output_tokens, outcome in await connection.execute(newest):
                answer = msgspec.json.decode(outcome, type=_Answer)
                learned.answers += 1
                learned.output_tokens += output_tokens
                learned.words += len(answer.text.split())
                learned.timed += 1
                learned.seconds += answer.latency
        return learned

    def _summed(self, stage: str, learned: Learned, each: float | None, limits: LimitSettings) -> Estimate:
        asked = {model: sums for model, sums in self._models.items() if sums.calls}
        ratio = learned.input_tokens / learned.estimated if learned.estimated else 1.0
        into = {model: round(sums.input_tokens * ratio) for model, sums in asked.items()}
        out = {m: round(s.calls * each) if each is not None else s.assumed_output for m, s in asked.items()}
        costs = [_cost(model, sums.calls, into[model], out[model], sums.mode) for model, sums in asked.items()]
        worsts = [sums.worst for sums in self._models.values()]
        calls = sum(sums.calls for sums in asked.values())
        latency = learned.seconds / learned.timed if learned.timed else ASSUMED_LATENCY
        seconds, paced_by = _time(calls, sum(into.values()) + sum(out.values()), latency, limits)
        batch = self._mode == "batch"
        return Estimate(
            stage=stage,
            models=tuple(self._models),
            mode=self._mode,
            requests=self._requests,
            recorded=self._recorded,
            calls=calls,
            input_tokens=sum(into.values()),
            output_tokens=sum(out.values()),
            most_output_tokens=sum(sums.most_output for sums in asked.values()),
            cost=_total(costs),
            worst_cost=_total(worsts),
            unpriced=tuple(model for model in self._models if prices.tariff_of(model) is None),
            seconds=None if batch and calls else seconds,
            paced_by="the provider's batches" if batch else paced_by,
            latency=latency,
            assumed=tuple(
                name
                for name, known in (("output tokens", each is not None), ("latency", bool(learned.timed) or batch))
                if not known and calls
            ),
            simulated=self._simulated,
        )


class _Answer(msgspec.Struct):
    text: str = ""
    latency: float = 0.0


def _chain(request: Request) -> list[Request]:
    """The request to each model of its chain."""
    return [request, *(msgspec.structs.replace(request, model=model) for model in request.fallbacks)]


def _chunks(requests: Iterable[Request]) -> Iterator[list[Request]]:
    left = iter(requests)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk


def _cost(model: str, calls: int, input_tokens: int, output_tokens: int, mode: prices.Mode) -> float | None:
    """At the price of a call of middling length: prices may rise with the length of a prompt."""
    one = prices.cost(model, round(input_tokens / calls), round(output_tokens / calls), mode)
    return None if one is None else one * calls


def _total(costs: Iterable[float | None]) -> float | None:
    total = 0.0
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def _time(calls: int, all_tokens: int, latency: float, limits: LimitSettings) -> tuple[float, str]:
    """(seconds, what decides them)."""
    paces = [(calls * latency / limits.in_flight, f"{latency:.1f} s an answer, {limits.in_flight} in flight")]
    if limits.rpm is not None:
        paces.append((calls / limits.rpm * 60, f"--rpm {limits.rpm:g}"))
    if limits.tpm is not None:
        paces.append((all_tokens / limits.tpm * 60, f"--tpm {limits.tpm:g}"))
    if limits.delay is not None:
        paces.append((calls * limits.delay, f"--delay {limits.delay:g}"))
    seconds, paced_by = max(paces)
    return max(seconds, latency if calls else 0.0), paced_by
