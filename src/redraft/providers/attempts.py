"""What one attempt at a provider gives: an Answer, or a CallFault of one kind; and which kinds are worth another try.

Neighbours: `wire_answers` and `wire_errors` read them off the wire, `redraft.calling` decides what follows from them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from redraft.providers.rates import Rates

FaultKind = Literal[
    "unreachable",
    "untrusted",
    "connection",
    "timeout",
    "rate_limited",
    "overloaded",
    "server_error",
    "malformed_answer",
    "bad_request",
    "model_not_served",
    "key_refused",
    "spend_limit",
    "other_sandbox",
    "other_model",
    "truncated",
    "empty",
    "refused",
    "filtered",
    "unparseable",
]

# Worth another attempt; everything else is final for the row or for the run.
TRANSIENT: frozenset[str] = frozenset(
    {"unreachable", "connection", "timeout", "rate_limited", "overloaded", "server_error", "malformed_answer"}
)
# No row can succeed: the run stops.
FATAL: frozenset[str] = frozenset(
    {"key_refused", "spend_limit", "model_not_served", "other_sandbox", "other_model", "untrusted"}
)
# What a rerun asks again: nothing was paid, and it passes by itself, or somebody may have mended it since.
ASKED_AGAIN = TRANSIENT | FATAL
# The provider is not doing its work, whatever is asked.
DOWN: frozenset[str] = TRANSIENT - {"rate_limited"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider answered with HTTP 200; `fault` names why its text cannot be used, if so.

    `category` is the provider's own word for why it refused, where it has one. `rates` is what the headers told of
    its limits. Not `counted`: the provider did not say how many tokens it took; what it left out is 0 here.
    """

    text: str
    finish_reason: str
    model: str
    input_tokens: int
    output_tokens: int
    counted: bool = True
    fault: FaultKind | None = None
    detail: str = ""
    category: str = ""
    rates: Rates | None = None


class CallFault(Exception):  # noqa: N818  (a fault of one attempt; what a person sees is a RedraftError)
    """One attempt failed. `retry_after` is in seconds, where the provider named a time. `maybe_paid`: it was sent and
    may have been charged for, although nothing of use came back."""

    def __init__(
        self,
        kind: FaultKind,
        detail: str,
        retry_after: float | None = None,
        rates: Rates | None = None,
        *,
        maybe_paid: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: FaultKind = kind
        self.detail = detail
        self.retry_after = retry_after
        self.rates = rates
        self.maybe_paid = maybe_paid
