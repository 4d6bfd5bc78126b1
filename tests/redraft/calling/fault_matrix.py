"""Plays faults at all providers side by side and counts: what was asked, answered, paid there, kept in the ledger.

Neighbours: `test_fault_matrix` plays the sandbox's faults, `test_lost_connections` has nobody there any more.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.retries import Retries
from redraft.errors import ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Completion, Message, Outcome, Request
from redraft.sandbox.process import BASE_PATHS, SandboxProcess

KEY = "sk-secret-0123456789"
QUICK = Retries(
    attempts=3,
    timeouts=2,
    probes=2,
    first_wait=0.01,
    longest_wait=0.02,
    floor=1000.0,
    patience=0.3,
)
# Those that wait for nothing end with the time of an attempt; no other is hurried on a busy machine.
HANGING = {"stall", "drip"}
HURRIED = msgspec.structs.replace(QUICK, attempt_seconds=0.4)
REQUESTS = 5
HIT = (0, 2, 4)  # the first, a middle and the last call

Pairs = list[tuple[Request, Outcome]]


class Played(NamedTuple):
    """One run: what came out, in order, and how it ended; what was paid there and what is in the ledger."""

    outcomes: Pairs
    error: ProviderError | None
    sent: int
    paid: int
    kept: int
    lost: int

    @property
    def by_place(self) -> dict[int, Outcome]:
        found = {int(request.row_id): outcome for request, outcome in self.outcomes}
        assert len(found) == len(self.outcomes), "no request ends twice"
        return found


class Matrix:
    """Plays one fault at all providers side by side, so that their waits overlap; each is played once."""

    def __init__(self, sandbox: SandboxProcess, path: Path, runner: asyncio.Runner) -> None:
        self._sandbox, self._ledger_file, self._runner = sandbox, path, runner
        self._ledger, self._client = Ledger(path), ChatClient()
        self._known: dict[tuple[str, str], dict[str, Played]] = {}

    async def open(self) -> None:
        await self._client.__aenter__()
        await self._ledger.__aenter__()

    async def close(self) -> None:
        await self._ledger.__aexit__(None, None, None)
        await self._client.__aexit__(None, None, None)

    def played(self, fault: str, mode: str, provider: str) -> Played:
        """`mode`: `once` and `always` hit the first, a middle and the last call, `all` each, a number one call."""
        if (fault, mode) not in self._known:
            self._known[fault, mode] = self._runner.run(self._play(fault, mode))
        return self._known[fault, mode][provider]

    async def _play(self, fault: str, mode: str) -> dict[str, Played]:
        self._sandbox.post("/sandbox/reset")
        hit = {"once": HIT, "always": HIT, "all": range(REQUESTS)}.get(mode) or (int(mode),)
        scripts = [
            {
                "match": _text(provider, fault, mode, place),
                "times": 1 if mode == "once" else 0,
                "do": {"fault": fault, "retry_after": 0.05},
            }
            for provider in BASE_PATHS
            for place in hit
        ]
        self._sandbox.post("/sandbox/script", scripts)
        # One after the other, so that the first call is the first; but what hangs hangs side by side.
        width, retries = (REQUESTS, HURRIED) if fault in HANGING else (1, QUICK)
        runs = [self._run(provider, fault, mode, width, retries) for provider in BASE_PATHS]
        done = await asyncio.gather(*runs)
        return {provider: await self.counted(provider, *one) for provider, one in zip(BASE_PATHS, done, strict=True)}

    async def _run(
        self, provider: str, fault: str, mode: str, width: int, retries: Retries
    ) -> tuple[Pairs, ProviderError | None, list[Request], Caller]:
        caller = self.caller(self._sandbox.url, width, retries)
        requests = [asked(provider, fault, mode, place) for place in range(REQUESTS)]
        found, error = await finished(caller, requests)
        return found, error, requests, caller

    def caller(self, url: str, width: int = 1, retries: Retries = QUICK) -> Caller:
        async def source(name: str) -> Endpoint:
            return Endpoint(provider=name, base_url=url + BASE_PATHS[name], api_key=KEY)

        return Caller(self._client, source, self._ledger, Lanes(LimitSettings(in_flight=width)), retries)

    @property
    def url(self) -> str:
        return self._sandbox.url

    def run(self, doing: Coroutine[Any, Any, Played]) -> Played:
        self._sandbox.post("/sandbox/reset")
        return self._runner.run(doing)

    async def counted(
        self,
        provider: str,
        found: Pairs,
        error: ProviderError | None,
        requests: list[Request],
        caller: Caller,
    ) -> Played:
        endpoint = await caller.endpoint(requests[0].model)
        keys = [request.key(endpoint.name) for request in requests]
        model = requests[0].model.partition(":")[2]
        calls = [call for call in self._sandbox.calls() if call["model"] == model]
        kept, missed = count_in(self._ledger_file, keys)
        return Played(found, error, len(calls), sum(bool(call["paid"]) for call in calls), kept, missed)


def _text(provider: str, fault: str, mode: str, place: int) -> str:
    return f"{provider} {fault} {mode} question {place}: why?"


def asked(provider: str, fault: str, mode: str, place: int) -> Request:
    messages = (Message("user", _text(provider, fault, mode, place)),)
    model = f"{provider}:{provider}-{fault}-{mode}"
    return Request(model=model, messages=messages, template="t@1", row_id=str(place))


async def finished(
    caller: Caller, requests: list[Request]
) -> tuple[list[tuple[Request, Outcome]], ProviderError | None]:
    found: list[tuple[Request, Outcome]] = []
    try:
        async for pair in caller.run(requests):
            found.append(pair)
    except ProviderError as error:
        return found, error
    finally:
        await caller.settled()
    return found, None


def count_in(path: Path, keys: list[str]) -> tuple[int, int]:
    """Answers and lost calls in the ledger under these keys, as any other program would count them."""
    marks = ",".join("?" * len(keys))
    with closing(sqlite3.connect(path)) as database:
        answers, lost = (
            database.execute(f"SELECT count(*) FROM {table} WHERE request_key IN ({marks})", keys).fetchone()[0]  # noqa: S608
            for table in ("answers", "lost")
        )
    return answers, lost


def reasons(played: Played) -> dict[int, str]:
    return {
        place: "answered" if isinstance(outcome, Completion) else outcome.reason
        for place, outcome in played.by_place.items()
    }


def require_ended_by(played: Played, place: int, reason: str) -> None:
    """Answers up to `place`; then nothing but rejections for the one reason, and the run's own error."""
    assert played.error is not None and played.error.kind == reason
    found = reasons(played)
    assert {found.pop(before) for before in range(place)} <= {"answered"}
    assert found.pop(place) == reason
    assert set(found.values()) <= {reason}, "what had been drawn already ends for the same reason, unsent"
