"""What is known of a request while it is under way, and of an endpoint at which no request can succeed any more.

Neighbours: `streaming` and `engine` start errands, `asking` runs them.
"""

from __future__ import annotations

from typing import NamedTuple

from redraft.calling.accounting import Times
from redraft.errors import ProviderError
from redraft.providers.wire import CallFault
from redraft.records import Outcome


class Errand:
    """One request under way: where its time went, and what may be done with it.

    `sent`: its answer is still on the wire. `ending`: given up by all who asked; an answer on the wire is still
    recorded, nothing else is sent. `kept`: the outcome is in the ledger. `open_end`: it was left while on the wire.
    `own`: what the last model of the chain gave, without the cost of those before it.
    """

    __slots__ = ("ending", "first_sent", "kept", "open_end", "others", "own", "sent", "stage", "times")

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.times = Times()
        self.others = 0.0  # seconds of waiting for another process's answer
        self.first_sent = 0.0
        self.own: Outcome | None = None
        self.sent = self.ending = self.kept = self.open_end = False


class Hopeless(NamedTuple):
    """Why no request can succeed at an endpoint, or with a model of it, and the error that says so."""

    fault: CallFault
    error: ProviderError
