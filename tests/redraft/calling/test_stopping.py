"""When no row can succeed the run ends with one line for a person, soon, and without the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from redraft.calling.retries import Retries
from redraft.errors import ConfigurationError, KeyRefusedError, ProviderError
from redraft.records import Completion, Failure, Message, Outcome, Request
from redraft.sandbox.process import SandboxProcess

Asked = Callable[..., Request]
CallerAt = Callable[..., Any]
KEY = "sk-secret-0123456789"
ALWAYS = 0


def stopped(
    caller_at: CallerAt, url: str, requests: Iterator[Request], **options: Any
) -> tuple[ProviderError, list[Outcome]]:
    """The error that a run ends with, and what it gave before."""
    given: list[Outcome] = []

    async def run() -> None:
        async with caller_at(url, **options) as caller:
            async for _, outcome in caller.run(requests):
                given.append(outcome)

    with pytest.raises(ProviderError) as caught:
        asyncio.run(run())
    refused = isinstance(caught.value, KeyRefusedError)
    assert (caught.value.exit_status, caught.value.word) == ((2, "bad input") if refused else (1, "failed"))
    assert refused == (caught.value.kind == "key_refused")
    assert "\n" not in str(caught.value) and KEY not in str(caught.value)
    return caught.value, given


@pytest.mark.parametrize(
    ("status", "body", "kind", "mend"),
    [
        (401, {"error": {"message": f"Invalid key {KEY}"}}, "key_refused", "check the key"),
        (402, {"error": {"message": "pay first"}}, "spend_limit", "raise it, then rerun"),
        (429, {"error": {"message": "over", "code": "insufficient_quota"}}, "spend_limit", "raise it, then rerun"),
        (404, {"error": {"message": "no such model"}}, "model_not_served", "check its name and the base URL"),
    ],
)
def test_what_no_row_can_survive(
    sandbox: Any, caller_at: CallerAt, asked: Asked, status: int, body: object, kind: str, mend: str
) -> None:
    sandbox.script("", ALWAYS, status=status, body=body)
    error, given = stopped(caller_at, sandbox.url, (asked(i) for i in range(1000)), in_flight=16)
    assert error.kind == kind and mend in str(error)
    assert {outcome.reason for outcome in given if isinstance(outcome, Failure)} == {kind}
    assert f"together at {sandbox.url}" in str(error) and "model m/x" in str(error)
    requests = sandbox.stats()["requests"]["POST /v1/chat/completions"]
    assert sum(requests.values()) <= 16 < len(given) + 1 <= 33, "no more than were under way are sent"


def test_a_wrong_key_and_a_wrong_model(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    for model in ("m/x", "anthropic:claude-haiku-5-5"):
        error, _ = stopped(caller_at, sandbox.url, iter([asked(1, model=model)]), key=f"{KEY}-refused")
        assert error.kind == "key_refused" and "-refused" not in str(error)
    error, _ = stopped(caller_at, sandbox.url, iter([asked(1, model="unknown/m")]))
    assert error.kind == "model_not_served" and "unknown/m" in str(error)


@pytest.mark.parametrize("rows", [1, 1000])
def test_nobody_there_is_told_within_seconds(caller_at: CallerAt, asked: Asked, rows: int) -> None:
    started = time.monotonic()
    error, _ = stopped(caller_at, "http://127.0.0.1:9", (asked(i) for i in range(rows)), retries=Retries())
    assert error.kind == "unreachable" and "cannot connect" in str(error)
    assert time.monotonic() - started < 10


def test_a_provider_that_dies_ends_the_run(
    start_sandbox: Callable[..., SandboxProcess], caller_at: CallerAt, asked: Asked
) -> None:
    sandbox = start_sandbox(latency_ms=2)
    drawn = 0

    def requests() -> Iterator[Request]:
        nonlocal drawn
        for drawn in range(5000):
            if drawn == 200:
                sandbox.kill()
            yield asked(drawn)

    impatient = Retries(outage=1.0, first_wait=0.05, cool_down=0.1, longest_cool_down=0.2)
    error, given = stopped(caller_at, sandbox.url, requests(), in_flight=8, retries=impatient)
    assert error.kind in {"unreachable", "connection"} and "rerun later" in str(error)
    assert 150 <= sum(isinstance(outcome, Completion) for outcome in given) <= 200
    assert drawn < 280, "not thousands of rejections"


@pytest.mark.parametrize(
    "do",
    [
        {"status": 503, "body": "busy"},
        {"status": 500, "body": "oops"},
        {"close": True},
        {"body": "<html>our gateway</html>"},
    ],
)
def test_a_provider_that_only_fails_ends_the_run(
    sandbox: Any, caller_at: CallerAt, asked: Asked, do: dict[str, Any]
) -> None:
    sandbox.script("POST", ALWAYS, **do)
    quick = Retries(first_wait=0.001, outage=0.5, cool_down=0.05, longest_cool_down=0.1)
    error, given = stopped(caller_at, sandbox.url, (asked(i) for i in range(1000)), in_flight=8, retries=quick)
    assert "nothing but faults" in str(error)
    assert len(given) < 60


def test_rows_that_fail_here_and_there_do_not_end_it(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script("question [0-9]*[02468]:", ALWAYS, status=500, body="oops")
    quick = Retries(first_wait=0.001, floor=500)

    async def run() -> list[Outcome]:
        async with caller_at(sandbox.url, in_flight=2, retries=quick) as caller:
            return [outcome async for _, outcome in caller.run(asked(i) for i in range(60))]

    assert sum(isinstance(outcome, Completion) for outcome in asyncio.run(run())) == 30


def test_endless_too_many_requests_end_the_run(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script("POST", ALWAYS, status=429, headers={"Retry-After": "0.1"}, body="day is over")
    impatient = Retries(patience=0.5)
    error, given = stopped(caller_at, sandbox.url, (asked(i) for i in range(1000)), retries=impatient)
    assert error.kind == "rate_limited" and "day is over" in str(error)
    assert {outcome.reason for outcome in given if isinstance(outcome, Failure)} == {"rate_limited"}


def test_another_sandbox_than_at_the_start_ends_the_run(
    start_sandbox: Callable[..., SandboxProcess], caller_at: CallerAt, asked: Asked
) -> None:
    first = start_sandbox(seed=1)
    port = first.url.rpartition(":")[2]

    def requests() -> Iterator[Request]:
        yield from (asked(i) for i in range(3))
        first.stop()
        start_sandbox(seed=2, port=port)
        yield asked(3)

    error, given = stopped(caller_at, first.url, requests(), in_flight=1)
    assert error.kind == "other_sandbox" and isinstance(given[0], Completion) and len(given) <= 4


def test_a_model_without_a_name_is_bad_input(caller_at: CallerAt) -> None:
    request = Request(model="together:", messages=(Message("user", "?"),), template="t@1")

    async def run() -> None:
        async with caller_at("http://127.0.0.1:9") as caller:
            async for _ in caller.run([request]):
                raise AssertionError("nothing can be asked")

    with pytest.raises(ConfigurationError, match="provider:model"):
        asyncio.run(run())
