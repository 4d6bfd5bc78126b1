"""What a run did and where its time went: answers, failures, money, seconds; per stage and model, in constant memory.

Neighbours: `engine` tells it of every request, `histogram` has the percentiles, `progress` shows its gauges, `runs`
keeps its summary for `redraft explain`.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from time import monotonic
from typing import Literal

import msgspec

from redraft.calling.histogram import Histogram
from redraft.calling.outcomes import was_answered
from redraft.records import Completion, Outcome

Mode = Literal["call", "batch"]


class Times(msgspec.Struct):
    """Seconds of one request: held back by limits, waiting for the provider, by us, and backing off after faults."""

    limits: float = 0.0
    provider: float = 0.0
    ours: float = 0.0
    backoff: float = 0.0


class Line(msgspec.Struct, kw_only=True):
    """What came of the requests of one stage to one model; costs in US dollars.

    `paid` completions were asked for now, `reused` ones came from the ledger; `failures` counts both by reason, and
    `reused_failures` says how many of them came from the ledger. `moved_on` counts answers that could not be used and
    for which the next model of the chain was asked. Tokens and costs are those of this run; `unpriced` counts its
    answers of no known price.
    """

    stage: str
    provider: str
    model: str
    mode: Mode = "call"
    paid: int = 0
    reused: int = 0
    failures: dict[str, int] = {}
    reused_failures: int = 0
    moved_on: dict[str, int] = {}
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    simulated: bool = False


class Lost(msgspec.Struct, kw_only=True):
    """Calls of a model that were sent and whose answer never came: the provider may charge for them.

    `worst_cost` is the most they can have cost (US dollars), but for the `unpriced` ones.
    """

    model: str
    calls: int = 0
    worst_cost: float = 0.0
    unpriced: int = 0


class Share(msgspec.Struct, frozen=True):
    """Seconds over all requests, and of one request in the middle and among the slowest hundredth."""

    seconds: float = 0.0
    p50: float = 0.0
    p99: float = 0.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in figures. `requests` counts those that ended, `rate` those a second of `wall`; `faults` the attempts that
    failed, by model and kind; `retries` how often a request was sent again."""

    wall: float = 0.0
    requests: int = 0
    rate: float = 0.0
    lines: tuple[Line, ...] = ()
    faults: dict[str, dict[str, int]] = {}
    retries: int = 0
    lost: tuple[Lost, ...] = ()
    limits: Share = Share()
    provider: Share = Share()
    backoff: Share = Share()
    ours: Share = Share()

    @property
    def simulated(self) -> bool:
        return any(line.simulated for line in self.lines)

    @property
    def paid(self) -> int:
        return sum(line.paid for line in self.lines)

    @property
    def reused(self) -> int:
        return sum(line.reused + line.reused_failures for line in self.lines)

    @property
    def cost(self) -> float:
        return sum(line.cost for line in self.lines)

    @property
    def unpriced(self) -> int:
        return sum(line.unpriced for line in self.lines)

    def failed(self) -> Counter[str]:
        """Requests without a usable answer, by reason."""
        counted: Counter[str] = Counter()
        for line in self.lines:
            counted.update(line.failures)
        return +counted


class Collected:
    """Answers that batches of this run brought. The stage then reads each of them from the ledger: that is no reuse."""

    def __init__(self) -> None:
        self._unread: Counter[tuple[str, str]] = Counter()

    def read_again(self, outcome: Outcome) -> bool:
        """Whether this is the reading of an answer that was counted when it was collected."""
        if outcome.mode == "call":
            return False
        key = outcome.model, "" if isinstance(outcome, Completion) else outcome.reason
        if not outcome.reused:
            self._unread[key] += 1
        elif self._unread[key]:
            self._unread[key] -= 1
            return True
        return False


class Account:
    """Of one caller. `in_flight` calls are on the wire, `waiting` requests are held back; the engine sets both."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.waiting = 0
        self.requests = 0
        self.faulted = 0
        self._started = monotonic()
        self._retries = 0
        self._lines: dict[tuple[str, str, Mode], Line] = {}
        self._faults: dict[str, dict[str, int]] = {}
        self._lost: dict[str, Lost] = {}
        self._collected = Collected()
        self._limits, self._provider, self._backoff, self._ours = Histogram(), Histogram(), Histogram(), Histogram()

    def outcome(self, stage: str, outcome: Outcome, times: Times) -> None:
        """One request has ended."""
        if self._collected.read_again(outcome):
            return
        self.requests += 1
        line = self._line(stage, outcome)
        if isinstance(outcome, Completion):
            if outcome.reused:
                line.reused += 1
                return
            line.paid += 1
        else:
            line.failures[outcome.reason] = line.failures.get(outcome.reason, 0) + 1
            if outcome.reused:
                line.reused_failures += 1
                return
        self._spent(line, outcome)
        if outcome.mode == "call":
            self._limits.add(times.limits)
            self._provider.add(times.provider)
            self._backoff.add(times.backoff)
            self._ours.add(times.ours)

    def spent(self, stage: str, provider: str, model: str, cost: float, simulated: bool) -> None:
        """US dollars that were paid for something else than calls, such as the hours of an endpoint."""
        key: tuple[str, str, Mode] = (stage, model, "call")
        line = self._lines.setdefault(key, Line(stage=stage, provider=provider, model=model, mode="call"))
        line.cost += cost
        line.simulated = line.simulated or simulated

    def moved_on(self, stage: str, outcome: Outcome) -> None:
        """A model of a chain gave no usable answer, the next one is asked: what it cost counts, the request goes on."""
        line = self._line(stage, outcome)
        reason = "unfit" if isinstance(outcome, Completion) else outcome.reason
        line.moved_on[reason] = line.moved_on.get(reason, 0) + 1
        if self._collected.read_again(outcome):  # it was counted as the end of its request
            self.requests -= 1
            if reason in line.failures:
                line.failures[reason] -= 1
        elif not outcome.reused:
            self._spent(line, outcome)

    def retried(self, model: str, kind: str, lost: bool, worst_cost: float | None = None) -> None:
        """One attempt failed. `lost`: it was sent and may be charged for, with at most `worst_cost` (None: unknown)."""
        self.faulted += 1
        kinds = self._faults.setdefault(model, {})
        kinds[kind] = kinds.get(kind, 0) + 1
        if lost:
            missing = self._lost.setdefault(model, Lost(model=model))
            missing.calls += 1
            missing.unpriced += worst_cost is None
            missing.worst_cost += worst_cost or 0.0

    def _line(self, stage: str, outcome: Outcome) -> Line:
        line = self._lines.get((stage, outcome.model, outcome.mode))
        if line is None:
            provider = outcome.provider or outcome.model.partition(":")[0]
            line = Line(stage=stage, provider=provider, model=outcome.model, mode=outcome.mode)
            self._lines[stage, outcome.model, outcome.mode] = line
        line.simulated = line.simulated or outcome.simulated
        return line

    def _spent(self, line: Line, outcome: Outcome) -> None:
        line.input_tokens += outcome.input_tokens
        line.output_tokens += outcome.output_tokens
        if outcome.cost is not None:
            line.cost += outcome.cost
        elif was_answered(outcome):
            line.unpriced += 1
        if outcome.attempts > 1:
            self._retries += outcome.attempts - 1

    def summary(self) -> Summary:
        """The run so far."""
        wall = monotonic() - self._started
        return Summary(
            wall=wall,
            requests=self.requests,
            rate=self.requests / wall if wall > 0 else 0.0,
            lines=tuple(deepcopy(list(self._lines.values()))),
            faults=deepcopy(self._faults),
            retries=self._retries,
            lost=tuple(deepcopy(list(self._lost.values()))),
            limits=_share(self._limits),
            provider=_share(self._provider),
            backoff=_share(self._backoff),
            ours=_share(self._ours),
        )


def _share(histogram: Histogram) -> Share:
    return Share(histogram.total, histogram.quantile(0.5), histogram.quantile(0.99))
