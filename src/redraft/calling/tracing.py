"""OpenTelemetry spans of requests, where somebody collects spans; elsewhere nothing is done and nothing imported.

Names follow the GenAI semantic conventions. A span tells counts and names, never a text or a key.
Neighbours: `engine` puts one around every request that it serves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redraft.providers.endpoints import split_model
from redraft.records import Completion, Outcome, Request

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

# What the conventions call those providers whose names differ from ours.
_CONVENTIONAL = {"gemini": "gcp.gemini"}


def tracer_or_none() -> Tracer | None:
    """A tracer where a real tracer provider is set up (by an SDK, an agent, or OTEL_PYTHON_TRACER_PROVIDER)."""
    if "opentelemetry.trace" not in sys.modules and not os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"):
        return None
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    return provider.get_tracer("redraft")


@contextmanager
def span(tracer: Tracer, request: Request, stage: str = "") -> Generator[Callable[[Outcome], None]]:
    """A span around serving one request; what it gives is called with the outcome."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    provider, model = split_model(request.model)
    with tracer.start_as_current_span(
        f"chat {model}", kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    ) as opened:
        opened.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": _CONVENTIONAL.get(provider, provider),
                "gen_ai.request.model": model,
                "gen_ai.request.max_tokens": request.max_tokens,
                "redraft.stage": stage,
                "redraft.template": request.template,
            }
        )
        try:
            yield lambda outcome: _tell(opened, outcome)
        except BaseException as fault:
            # The name alone: what a fault says may quote an answer.
            opened.set_attribute("error.type", type(fault).__name__)
            opened.set_status(Status(StatusCode.ERROR))
            raise


def _tell(opened: Span, outcome: Outcome) -> None:
    from opentelemetry.trace import Status, StatusCode

    opened.set_attributes(
        {
            "gen_ai.response.model": outcome.answered_model,
            "gen_ai.usage.input_tokens": outcome.input_tokens,
            "gen_ai.usage.output_tokens": outcome.output_tokens,
            "redraft.answered_by": outcome.model,
            "redraft.attempts": outcome.attempts,
            "redraft.reused": outcome.reused,
            "redraft.simulated": outcome.simulated,
        }
    )
    if outcome.cost is not None:
        opened.set_attribute("redraft.cost", outcome.cost)
    if isinstance(outcome, Completion):
        opened.set_attribute("redraft.outcome", "completion")
        opened.set_attribute("gen_ai.response.finish_reasons", (outcome.finish_reason,))
    else:
        opened.set_attribute("redraft.outcome", outcome.reason)
        opened.set_attribute("error.type", outcome.reason)
        opened.set_status(Status(StatusCode.ERROR))
