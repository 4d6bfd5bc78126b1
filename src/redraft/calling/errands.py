"""What is known of a request while it is under way, and of an endpoint at which no request can succeed any more.

Neighbours: `streaming` and `engine` start errands, `asking` runs them.
"""

from __future__ import annotations

from typing import NamedTuple

from redraft.calling.accounting import Times
from redraft.calling.circuit import Circuit
from redraft.errors import ProviderError
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault
from redraft.records import Outcome, Passed, Request


class Errand:
    """One request under way: where its time went, and what may be done with it.

    `sent`: its answer is still on the wire. `ending`: given up by all who asked; an answer on the wire is still
    recorded, nothing else is sent. `kept`: the outcome is in the ledger, or on its way there whatever happens.
    `open_end`: it was left while on the wire. `claimed_at` (seconds since the epoch): since when it is this process's
    to ask, 0 where it is not. `attempts` and `faults` count those of the present model. `funded`: money
    is set aside for the next one. `passed` are the models of the chain before it. `own`: what the last model gave,
    without the cost of those before it. `order`: among those that wait for a lane the lowest starts first.
    """

    __slots__ = (
        "attempts", "claimed_at", "ending", "faults", "first_sent", "funded", "kept", "open_end", "order", "others",
        "own", "passed", "sent", "stage", "times",
    )  # fmt: skip

    def __init__(self, stage: str, order: int = 0) -> None:
        self.stage, self.order = stage, order
        self.times = Times()
        self.others = 0.0  # seconds of waiting for another process's answer
        self.passed: tuple[Passed, ...] = ()
        self.own: Outcome | None = None
        self.sent = self.ending = False
        self.begin()

    def begin(self) -> None:
        """Another model, or another question, is asked."""
        self.first_sent = self.claimed_at = 0.0
        self.attempts = self.faults = 0
        self.kept = self.open_end = self.funded = False


class Call(NamedTuple):
    """One request to one model, with all that its attempts need; `worst` is the most that one can cost (dollars), None
    where no price is known."""

    request: Request
    endpoint: Endpoint
    key: str
    worst: float | None
    errand: Errand
    circuit: Circuit


class Hopeless(NamedTuple):
    """Why no request can succeed at an endpoint, or with a model of it, and the error that says so."""

    fault: CallFault
    error: ProviderError
