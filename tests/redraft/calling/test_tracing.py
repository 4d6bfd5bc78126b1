"""Spans exist where somebody collects them, and then without a word of what was said."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace

from redraft.calling import tracing
from redraft.records import Completion, Failure, Message, Request

REQUEST = Request(
    model="gemini:flash", messages=(Message("user", "SECRET question"),), template="t@1", max_tokens=64, row_id="row 7"
)


class Kept(trace.NonRecordingSpan):
    """A span that an SDK would export."""

    def __init__(self) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.attributes: dict[str, Any] = {}
        self.status: trace.StatusCode | None = None

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: Any) -> None:
        self.attributes |= attributes

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status.status_code


class Collecting(trace.Tracer):
    def __init__(self) -> None:
        self.spans: dict[str, Kept] = {}

    def start_span(self, name: str, *_: Any, **__: Any) -> trace.Span:
        raise NotImplementedError

    @contextmanager
    def start_as_current_span(self, name: str, *_: Any, **__: Any) -> Iterator[Any]:  # pyright: ignore
        self.spans[name] = Kept()
        yield self.spans[name]


def completion() -> Completion:
    return Completion(
        request_key="k", text="SECRET answer", model="gemini:flash", answered_model="flash-2", provider="gemini",
        finish_reason="stop", input_tokens=10, output_tokens=5, cost=0.25, latency=0.1, attempts=2,
        created_at="2026-01-01T00:00:00Z", simulated=False,
    )  # fmt: skip


def test_a_span_tells_names_and_counts_but_no_text() -> None:
    tracer = Collecting()
    with tracing.span(tracer, REQUEST, "rewrite") as ended:
        ended(completion())
    (span,) = tracer.spans.values()
    assert list(tracer.spans) == ["chat flash"]
    assert span.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "flash",
        "gen_ai.request.max_tokens": 64, "gen_ai.response.model": "flash-2", "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5, "gen_ai.response.finish_reasons": ("stop",), "redraft.stage": "rewrite",
        "redraft.template": "t@1", "redraft.attempts": 2, "redraft.reused": False, "redraft.simulated": False,
        "redraft.cost": 0.25, "redraft.outcome": "completion", "redraft.answered_by": "gemini:flash",
    }  # fmt: skip
    assert span.status is None


def test_a_failure_and_a_fault_are_errors_by_name() -> None:
    tracer = Collecting()
    with tracing.span(tracer, REQUEST) as ended:
        ended(Failure(request_key="k", model="gemini:flash", reason="refused", detail="SECRET", attempts=1))
    assert tracer.spans["chat flash"].attributes["error.type"] == "refused"
    assert tracer.spans["chat flash"].status is trace.StatusCode.ERROR
    with pytest.raises(RuntimeError), tracing.span(tracer, REQUEST):
        raise RuntimeError("SECRET")
    assert tracer.spans["chat flash"].attributes["error.type"] == "RuntimeError"
    assert "SECRET" not in str([span.attributes for span in tracer.spans.values()])


def test_the_engine_puts_a_span_around_what_it_asks(
    sandbox: Any, caller_at: Callable[..., Any], asked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracer = Collecting()
    monkeypatch.setattr(tracing, "tracer_or_none", lambda: tracer)

    async def run() -> None:
        async with caller_at(sandbox.url) as caller:
            for _ in range(2):
                await caller.call(asked("one", model="together:some/model"), stage="judge")

    asyncio.run(run())
    (span,) = tracer.spans.values()
    assert (span.attributes["redraft.stage"], span.attributes["redraft.simulated"]) == ("judge", True)
    assert span.attributes["redraft.outcome"] == "completion", "what the ledger answers is no call"


SET_UP = """
from redraft.calling import tracing
import sys
assert tracing.tracer_or_none() is None and "opentelemetry" not in sys.modules
from opentelemetry import trace
assert tracing.tracer_or_none() is None
class Provider(trace.TracerProvider):
    def get_tracer(self, name, *_, **__):
        return ("tracer", name)
trace.set_tracer_provider(Provider())
assert tracing.tracer_or_none() == ("tracer", "redraft")
trace._TRACER_PROVIDER = trace.NoOpTracerProvider()
assert tracing.tracer_or_none() is None
"""


def test_there_is_a_tracer_exactly_where_somebody_set_one_up() -> None:
    """In a process of its own: a tracer provider can be set once, and nothing may have imported OpenTelemetry."""
    done = subprocess.run([sys.executable, "-c", SET_UP], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
