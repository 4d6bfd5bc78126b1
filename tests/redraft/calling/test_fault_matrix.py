"""Every provider and every fault, at the first, a middle and the last call of a run, as the sandbox plays them.

Every request ends as exactly one completion or one rejection with the right reason, and what the sandbox counts as paid
is what the ledger has: answers, and calls whose answer never came. The ledger also has what only may have been paid.
"""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
from collections.abc import Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import trustme

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.retries import Retries
from redraft.errors import ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import PROVIDERS, Endpoint
from redraft.records import Completion, Message, Outcome, Request
from redraft.sandbox.faults import HARMS
from redraft.sandbox.process import SandboxProcess

KEY = "sk-secret-0123456789"
MOUNTS = {
    "together": "",
    "anthropic": "",
    "openrouter": "/openrouter/api/v1",
    "gemini": "/gemini/v1beta/openai",
    "openai": "/openai/v1",
    "vllm": "/vllm/v1",
    "ollama": "/ollama/v1",
}
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

# What passes: sent again it is answered, and where it stays the row is rejected with this reason.
PASSING = {
    "error_500": "server_error",
    "error_502": "server_error",
    "error_503": "overloaded",
    "error_529": "overloaded",
    "error_list": "server_error",
    "error_in_200": "server_error",
    "reset_headers": "connection",
    "reset_body": "connection",
    "dropped": "connection",
    "stall": "timeout",
    "drip": "timeout",
    "cut_json": "malformed_answer",
    "html": "malformed_answer",
    "garbage": "malformed_answer",
}
# Nobody can tell from outside whether these were charged for; the sandbox does not.
MAYBE_PAID = {"error_502", "error_in_200"}
# The provider says "slow down": no fault of a row, as long as its patience is not tried.
SLOWED = ("limited", "limited_seconds", "limited_ms", "limited_date", "ramp_limit")
# Answers that are paid and of no use: not asked again.
UNUSABLE = {"empty": "empty", "truncated": "truncated", "refused": "refused"}
SOUND = ("huge",)
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
            for provider in PROVIDERS
            for place in hit
        ]
        self._sandbox.post("/sandbox/script", scripts)
        # One after the other, so that the first call is the first; but what hangs hangs side by side.
        width, retries = (REQUESTS, HURRIED) if fault in HANGING else (1, QUICK)
        runs = [self._run(provider, fault, mode, width, retries) for provider in PROVIDERS]
        done = await asyncio.gather(*runs)
        return {provider: await self.counted(provider, *one) for provider, one in zip(PROVIDERS, done, strict=True)}

    async def _run(
        self, provider: str, fault: str, mode: str, width: int, retries: Retries
    ) -> tuple[Pairs, ProviderError | None, list[Request], Caller]:
        caller = self.caller(self._sandbox.url, width, retries)
        requests = [asked(provider, fault, mode, place) for place in range(REQUESTS)]
        found, error = await finished(caller, requests)
        return found, error, requests, caller

    def caller(self, url: str, width: int = 1, retries: Retries = QUICK) -> Caller:
        async def source(name: str) -> Endpoint:
            return Endpoint(provider=name, base_url=url + MOUNTS[name], api_key=KEY)

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


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Iterator[Matrix]:
    with SandboxProcess.start({"seed": 1}) as sandbox:
        one = Matrix(sandbox, tmp_path_factory.mktemp("matrix") / "ledger.sqlite", runner)
        runner.run(one.open())
        yield one
        runner.run(one.close())


def test_every_fault_that_the_sandbox_knows_is_played() -> None:
    # `dropped` and `malformed` are the older words for a closed connection and for cut JSON.
    assert {*PASSING, *SLOWED, *UNUSABLE, *SOUND, "spend_limit", "malformed"} == HARMS.keys()


def reason_of(provider: str, fault: str) -> str:
    if fault == "refused" and provider not in {"anthropic", "openai"}:
        return "filtered"
    return (PASSING | UNUSABLE)[fault]


def reasons(played: Played) -> dict[int, str]:
    return {
        place: "answered" if isinstance(outcome, Completion) else outcome.reason
        for place, outcome in played.by_place.items()
    }


def require_counted(played: Played, fault: str) -> None:
    counted = played.kept + played.lost
    assert played.paid == counted or (fault in MAYBE_PAID and played.paid < counted)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", [*PASSING, *SLOWED])
def test_what_passes_is_sent_again_and_answered(matrix: Matrix, fault: str, provider: str) -> None:
    played = matrix.played(fault, "once", provider)
    assert played.error is None
    assert reasons(played) == dict.fromkeys(range(REQUESTS), "answered")
    attempts = {place: outcome.attempts for place, outcome in played.by_place.items()}
    assert attempts == {place: 2 if place in HIT else 1 for place in range(REQUESTS)}
    require_counted(played, fault)
    missed = fault in MAYBE_PAID or (HARMS[fault].paid and not HARMS[fault].whole)
    assert (played.kept, played.lost) == (REQUESTS, len(HIT) * missed)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", PASSING)
def test_what_stays_is_a_rejection_with_its_reason(matrix: Matrix, fault: str, provider: str) -> None:
    played = matrix.played(fault, "always", provider)
    assert played.error is None, "other rows were answered"
    reason = reason_of(provider, fault)
    assert reasons(played) == {place: reason if place in HIT else "answered" for place in range(REQUESTS)}
    times = 2 if reason == "timeout" else 3
    for place in HIT:
        outcome = played.by_place[place]
        assert not isinstance(outcome, Completion) and outcome.detail and outcome.attempts == times
        assert (outcome.input_tokens, outcome.cost) == (0, None)
    assert played.sent == len(HIT) * times + REQUESTS - len(HIT)
    require_counted(played, fault)
    assert played.kept == REQUESTS - len(HIT)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", [*UNUSABLE, *SOUND])
def test_what_was_paid_is_kept_whatever_it_is_worth(matrix: Matrix, fault: str, provider: str) -> None:
    played = matrix.played(fault, "always", provider)
    assert played.error is None
    reason = "answered" if fault in SOUND else reason_of(provider, fault)
    assert reasons(played) == {place: reason if place in HIT else "answered" for place in range(REQUESTS)}
    for place in HIT:
        outcome = played.by_place[place]
        assert outcome.attempts == 1 and outcome.input_tokens > 0
        if isinstance(outcome, Completion):
            assert len(outcome.text) > 10 * 2**20
        else:
            assert outcome.category or fault != "refused" or provider not in {"gemini"}
    require_counted(played, fault)
    assert (played.sent, played.kept, played.lost) == (REQUESTS, REQUESTS, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("place", HIT)
def test_a_spend_limit_ends_the_run_at_once(matrix: Matrix, place: int, provider: str) -> None:
    played = matrix.played("spend_limit", str(place), provider)
    require_ended_by(played, place, "spend_limit")
    assert played.error is not None and "spend limit" in str(played.error) and KEY not in str(played.error)
    assert (played.sent, played.lost) == (place + 1, 0), "nothing is sent after it, and it is not tried again"
    require_counted(played, "spend_limit")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_patience_with_a_provider_that_only_refuses_has_an_end(matrix: Matrix, provider: str) -> None:
    played = matrix.played("limited", "all", provider)
    require_ended_by(played, 0, "rate_limited")
    assert (played.paid, played.kept, played.lost) == (0, 0, 0)


def require_ended_by(played: Played, place: int, reason: str) -> None:
    """Answers up to `place`; then nothing but rejections for the one reason, and the run's own error."""
    assert played.error is not None and played.error.kind == reason
    found = reasons(played)
    assert {found.pop(before) for before in range(place)} <= {"answered"}
    assert found.pop(place) == reason
    assert set(found.values()) <= {reason}, "what had been drawn already ends for the same reason, unsent"


class Relay:
    """Stands between redraft and the sandbox for so many calls, one a connection; then nobody listens any more, or one
    with the certificate of `after`."""

    def __init__(self, url: str, calls: int, tls: ssl.SSLContext | None, after: ssl.SSLContext | None) -> None:
        self._host, port = url.removeprefix("http://").split(":")
        self._port, self._left, self._tls, self._after = int(port), calls, tls, after
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Relay:
        await self._listen(self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    async def _listen(self, tls: ssl.SSLContext | None) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def _leave(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._left -= 1
        there, back = await asyncio.open_connection(self._host, self._port)
        back.write(await reader.readuntil(b"\r\n\r\n"))
        forwards = asyncio.create_task(_pump(reader, back))
        head = await there.readuntil(b"\r\n\r\n")
        if self._left == 0:  # before the answer is passed on: the next call finds it changed
            self._leave()
            if self._after is not None:
                await self._listen(self._after)
        writer.write(head[:-2] + b"Connection: close\r\n\r\n")
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        writer.write(await there.readexactly(length))
        await writer.drain()
        forwards.cancel()
        back.close()
        writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while part := await source.read(65536):
        target.write(part)


async def run_behind(
    matrix: Matrix, provider: str, name: str, place: int, tls: ssl.SSLContext | None, after: ssl.SSLContext | None
) -> Played:
    """A run through a relay for the first `place` calls, after the one that asks who it is."""
    async with Relay(matrix.url, place + 1, tls, after) as relay:
        caller = matrix.caller(f"http{'s' if tls else ''}://127.0.0.1:{relay.port}")
        requests = [asked(provider, name, str(place), number) for number in range(REQUESTS)]
        assert (await caller.endpoint(requests[0].model)).simulated
        found, error = await finished(caller, requests)
        return await matrix.counted(provider, found, error, requests, caller)


@pytest.mark.parametrize("place", HIT)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_nobody_there_any_more(matrix: Matrix, provider: str, place: int) -> None:
    played = matrix.run(run_behind(matrix, provider, "gone", place, None, None))
    if place == 0:
        require_ended_by(played, place, "unreachable")
    else:
        assert played.error is None, "it was there before: it may come back"
        assert reasons(played) == {
            number: "answered" if number < place else "unreachable" for number in range(REQUESTS)
        }
        assert {played.by_place[number].attempts for number in range(place, REQUESTS)} == {3}
    assert (played.sent, played.paid, played.kept, played.lost) == (place, place, place, 0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    """One that this process trusts, and one that nobody does."""
    trusted, unknown = trustme.CA(), trustme.CA()
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    trusted.cert_pem.write_to_path(str(file))
    contexts: list[ssl.SSLContext] = []
    for authority in (trusted, unknown):
        contexts.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        authority.issue_cert("127.0.0.1").configure_cert(contexts[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield contexts[0], contexts[1]


@pytest.mark.parametrize("place", HIT)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_certificate_that_cannot_be_trusted_ends_the_run(
    matrix: Matrix, certificates: tuple[ssl.SSLContext, ssl.SSLContext], provider: str, place: int
) -> None:
    played = matrix.run(run_behind(matrix, provider, "tls", place, *certificates))
    require_ended_by(played, place, "untrusted")
    assert "certificate" in str(played.error) and played.by_place[place].attempts == 1
    assert (played.sent, played.paid, played.kept, played.lost) == (place, place, place, 0)
