"""What a run asks of every call beside the request itself: whose budget, which failures are asked again, when a chain
moves on. Neighbours: `engine` follows it."""

from __future__ import annotations

from math import inf
from typing import Literal

import msgspec

from redraft.errors import ConfigurationError
from redraft.providers.wire import TRANSIENT

# How a budget is lifted, at the command line and where a deployment holds it.
NO_BUDGET = "leave --budget out (budget: null in a deployment)"

MoveOn = Literal["any", "faults"]

# What says something of the provider and nothing of the request.
_FAULTS = TRANSIENT | {"spend_limit", "model_not_served", "key_refused"}
# Who answers there is not who was asked: a fallback would hide that rehearsal and real calls, or somebody in between,
# were mixed up.
_NEVER = frozenset({"other_sandbox", "other_model", "untrusted"})


class CallPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`run` is the id that answers are filed under (32 hex digits). `budget` (US dollars) is that of `scope`: what
    was spent under the same scope before counts. With `again`, failures recorded before `began` (seconds since the
    epoch) are asked again: those from then on are what came of asking again, even if the process was killed since.

    `move_on`: `any` unusable answer moves on to the next model of a chain, or only the provider's `faults`. With
    `here_only` nobody is asked but a sandbox on this machine.
    """

    run: str = ""
    scope: str | None = None
    budget: float | None = None
    again: bool = False
    began: float = inf
    move_on: MoveOn = "any"
    here_only: bool = False

    def __post_init__(self) -> None:
        if self.budget is not None and not 0 <= self.budget < float("inf"):
            raise ConfigurationError(f"--budget {self.budget}: give US dollars, 0 or more")
        if self.budget is not None and self.scope is None:
            raise ValueError("a budget needs a scope")

    @property
    def failures_since(self) -> float:
        """From when on recorded failures count as answers (seconds since the epoch; infinite: never)."""
        return self.began if self.again else 0.0

    def moves_on(self, reason: str) -> bool:
        """Whether this outcome of one model is a reason to ask the next one of the chain."""
        if reason in _NEVER:
            return False
        return self.move_on == "any" or reason in _FAULTS
