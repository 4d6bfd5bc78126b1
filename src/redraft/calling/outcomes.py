"""What an answer or a fault amounts to: a completion, or a failure with its one-word reason; and what ends a whole run.

Pure functions. Neighbours: `asking` and `batching` make outcomes of what providers say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from redraft.calling import prices
from redraft.errors import KeyRefusedError, ProviderError
from redraft.providers.endpoints import BY_MODEL, Endpoint
from redraft.providers.wire import ASKED_AGAIN, Answer, CallFault
from redraft.records import Completion, Failure, Outcome, Request

_MENDS = {
    "key_refused": "the key is refused; check the key of this provider",
    "spend_limit": "the account's spend limit is reached; raise it, then rerun",
    "model_not_served": "the model is not served there; check its name and the base URL",
    "other_sandbox": "a sandbox that the run did not know at its start; keep one running on loopback, then rerun",
    "other_model": "another model than at the start of the run; keep one served under a name, then rerun",
    "untrusted": "its TLS certificate cannot be trusted; check the address, the clock and the proxy",
}


def outcome_of(
    request: Request,
    endpoint: Endpoint,
    key: str,
    answer: Answer,
    attempts: int,
    latency: float,
    mode: Literal["call", "batch"] = "call",
) -> Outcome:
    """What an answer is worth: a completion, or the failure that it is although it was paid for."""
    cost = _cost(request.model, answer, mode)
    cut_but_usable = answer.fault == "truncated" and request.accept_truncated and answer.text.strip()
    if answer.fault is not None and not cut_but_usable:
        return Failure(
            request_key=key,
            model=request.model,
            reason=answer.fault,
            detail=answer.detail,
            text=answer.text,
            attempts=attempts,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=cost,
            simulated=endpoint.simulated,
            category=answer.category,
            provider=endpoint.provider,
            answered_model=answer.model,
            mode=mode,
        )
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
        mode=mode,
    )


def _cost(model: str, answer: Answer, mode: Literal["call", "batch"]) -> float | None:
    """US dollars; unknown where the tokens are and the model is not free. Nothing paid may pass for a gift."""
    if not answer.counted and not prices.is_free(model, mode):
        return None
    return prices.cost(model, answer.input_tokens, answer.output_tokens, mode)


def was_answered(outcome: Outcome) -> bool:
    """Whether a provider answered, so that it charges: an answer may come without the tokens that it took."""
    return (
        isinstance(outcome, Completion)
        or outcome.input_tokens + outcome.output_tokens > 0
        or outcome.cost is not None
        or bool(outcome.answered_model)
    )


def answered_model(outcome: Outcome) -> str:
    """The model that answered, by the asked one's name where the provider does not say; "" where none did."""
    return (outcome.answered_model or outcome.model) if was_answered(outcome) else ""


def passing(outcome: Outcome) -> bool:
    """Whether one of a chain's models that gave nothing may give something to a rerun: its fault passes."""
    own = () if isinstance(outcome, Completion) else (outcome.reason,)
    return any(reason in ASKED_AGAIN for reason in (*own, *(one.reason for one in outcome.passed)))


def failure_of(request: Request, endpoint: Endpoint, key: str, fault: CallFault, attempts: int) -> Failure:
    """A request that no usable answer came to."""
    return Failure(
        request_key=key,
        model=request.model,
        reason=fault.kind,
        detail=fault.detail,
        attempts=attempts,
        simulated=endpoint.simulated,
        provider=endpoint.provider,
    )


def refusal_of(endpoint: Endpoint, model: str, fault: CallFault) -> ProviderError:
    """The error for a fault with which no request can succeed."""
    where = f"{endpoint.provider} at {endpoint.base_url}"
    if fault.kind == "unreachable" and endpoint.provider in BY_MODEL:
        said = "nothing is served there; start it with: redraft serve MODEL_FOLDER"
        return ProviderError(f"{where}: {said} (model {model}; {fault.detail})", fault.kind)
    if (mend := _MENDS.get(fault.kind)) is None:
        return ProviderError(f"{where} cannot be used: {fault.detail}; check the address, rerun later", fault.kind)
    error = KeyRefusedError if fault.kind == "key_refused" else ProviderError
    return error(f"{where}: {mend} (model {model}; {fault.detail})", fault.kind)


def chain_over(errors: Mapping[str, ProviderError]) -> ProviderError:
    """The error for a chain none of whose models can answer, from that of each: bad input (2) only where all keys are
    refused, of the kind of the last."""
    first, *others = errors.values()
    if not others:
        return first
    said: dict[str, list[str]] = {}  # models of one provider have one error
    for model, error in errors.items():
        said.setdefault(str(error), []).append(model)
    error = KeyRefusedError if all(isinstance(one, KeyRefusedError) for one in errors.values()) else ProviderError
    reasons = "; ".join(f"{', '.join(models)}: {text}" for text, models in said.items())
    return error(f"no model of the chain can answer: {reasons}", others[-1].kind)


def patience_over(endpoint: Endpoint, seconds: float, fault: str) -> ProviderError:
    """The error for a provider that refused or failed every call for that long."""
    return ProviderError(
        f"{endpoint.provider} at {endpoint.base_url} has answered nothing but faults for {seconds:.0f} s ({fault}); "
        "ask for a higher limit, or rerun later",
        fault.partition(":")[0],
    )
