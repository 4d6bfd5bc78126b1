"""Every provider of a chain failing in turn, by every fault: the next one writes and says so; where all fail the row
is a rejection with the reasons of each. Rows beside it know nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.progress import Progress
from redraft.calling.retries import Retries
from redraft.documents.grid import wanted
from redraft.documents.paid import rejected
from redraft.documents.persona import load_persona
from redraft.documents.stage import worth_another_try, write_documents
from redraft.errors import ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import FATAL, TRANSIENT
from redraft.records import Document, Failure, Passed, Rejection
from redraft.sandbox.faults import HARMS
from redraft.sandbox.process import BASE_PATHS, SandboxProcess

CHAIN = ("together:x/first", "anthropic:claude-second", "openrouter:x/third")
PATHS = {"together": "POST /v1/chat", "anthropic": "POST /v1/messages", "openrouter": "POST /openrouter/"}
PERSONA = msgspec.structs.replace(load_persona(), words=(100, 180))
QUICK = Retries(attempts=2, timeouts=1, probes=1, first_wait=0.01, longest_wait=0.02, floor=1000.0, patience=0.3,
                attempt_seconds=20)  # fmt: skip
# These wait for nothing: no other is hurried, on a busy machine least of all.
HANGING = {"stall", "drip"}
HURRIED = msgspec.structs.replace(QUICK, attempt_seconds=0.5)

# Where the last of a chain is out of money or patience, or knows no such key, no row can succeed, and the run ends.
STOPPING = {"limited", "spend_limit", "wrong key"}
# Fault → what it is called.
CALLED = {
    "error_500": "server_error", "error_502": "server_error", "error_503": "overloaded", "error_529": "overloaded",
    "error_list": "server_error", "error_in_200": "server_error", "reset_headers": "connection",
    "reset_body": "connection", "dropped": "connection", "stall": "timeout", "drip": "timeout",
    "cut_json": "malformed_answer", "html": "malformed_answer", "garbage": "malformed_answer", "empty": "empty",
    "truncated": "truncated", "refused": "refused", "malformed": "malformed_answer", "limited": "rate_limited",
    "spend_limit": "spend_limit",
}  # fmt: skip
OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "unreadable": ({"content": "Here you are: a memo."}, "unparseable"),
    "wrong key": ({"status": 401, "body": {"error": {"message": "no such key"}}}, "key_refused"),
    "bad request": ({"status": 400, "body": {"error": {"message": "no such setting"}}}, "bad_request"),
}
FAULTS = [*CALLED, *OTHERS]
GATES_WORDS = {
    "truncated": "truncated_document",
    "empty": "empty_document",
    "refused": "refusal",
    "filtered": "filtered",
}
Made = dict[int, Document | Rejection | None]


def reason_of(fault: str, model: str) -> str:
    if fault == "refused" and not model.startswith("anthropic"):
        return "filtered"
    return CALLED[fault] if fault in CALLED else OTHERS[fault][1]


def rows_of(fault: str) -> list[int]:
    """How many of the chain's models fail, a row each; 0 is the row beside them."""
    return [0, 1, 2] if fault in STOPPING else [0, 1, 2, 3]


def title(fault: str, failing: int) -> str:
    return f"Case {fault} number {failing} of the depot"


async def play(caller: Caller, fault: str) -> Made:
    cells = wanted(PERSONA, 4, 0, "train")
    ideas = [
        msgspec.structs.replace(cells[failing], scenario_id=str(failing), title=title(fault, failing), situation=fault)
        for failing in rows_of(fault)
    ]
    made, refused = await write_documents(ideas, PERSONA, CHAIN, 0, caller, Progress("documents"))
    found: Made = {int(one.document_id): one for one in made}
    return found | {int(one.row_id or ""): one for one in refused}


async def play_all(url: str, folder: Path) -> dict[str, Made]:
    async def endpoint(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=url + BASE_PATHS[provider], api_key="sandbox")

    async with Ledger(folder / "ledger.sqlite") as ledger, ChatClient() as client:
        # A caller each: what one learns of a provider is nothing to the other.
        callers = [
            Caller(client, endpoint, ledger, Lanes(LimitSettings()), HURRIED if fault in HANGING else QUICK)
            for fault in FAULTS
        ]
        made = await asyncio.gather(*(play(*one) for one in zip(callers, FAULTS, strict=True)))
        await asyncio.gather(*(caller.settled() for caller in callers))
    return dict(zip(FAULTS, made, strict=True))


@pytest.fixture(scope="module")
def played_at() -> Iterator[str]:
    with SandboxProcess.start({"seed": 1}) as sandbox:
        scripts = [
            {
                "match": f"(?s){PATHS[model.partition(':')[0]]}.*{title(fault, failing)}",
                "times": 0,
                "do": OTHERS[fault][0] if fault in OTHERS else {"fault": fault, "retry_after": 0.05},
            }
            for fault in FAULTS
            for failing in rows_of(fault)
            for model in CHAIN[:failing]
        ]
        broke = {"match": "Case no money", "times": 0, "do": {"fault": "spend_limit"}}
        sandbox.post("/sandbox/script", [*scripts, broke])
        yield sandbox.url


@pytest.fixture(scope="module")
def played(played_at: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    return asyncio.run(play_all(played_at, tmp_path_factory.mktemp("faults")))


def test_every_fault_that_the_sandbox_knows_is_played() -> None:
    told_alike = {"limited_seconds", "limited_ms", "limited_date", "ramp_limit"}  # as limited: only the waits differ
    assert set(CALLED) == HARMS.keys() - told_alike - {"huge"}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_one_writes_and_the_row_says_so(played: dict[str, Made], fault: str) -> None:
    for failing in set(rows_of(fault)) - {3}:
        found = played[fault][failing]
        assert isinstance(found, Document), found
        assert found.model == CHAIN[failing] and found.provider == CHAIN[failing].partition(":")[0]
        passed = [one.partition(" (")[0] for one in found.passed]
        assert passed == [f"{model}: {reason_of(fault, model)}" for model in CHAIN[:failing]]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if 3 in rows_of(fault)])
def test_where_all_fail_the_rejection_has_the_reasons_of_each(played: dict[str, Made], fault: str) -> None:
    found = played[fault][3]
    assert isinstance(found, Rejection), found
    reasons = [reason_of(fault, model) for model in CHAIN]
    last = GATES_WORDS.get(reasons[-1], reasons[-1])
    assert found.reason == last and found.place == "documents 3"
    places = [
        found.detail.find(f"{model}: {reason}") for model, reason in zip(CHAIN, [*reasons[:2], last], strict=True)
    ]
    assert -1 < places[0] < places[1] < places[2], found.detail
    paid = reasons[0] in {"empty", "truncated", "filtered", "unparseable"}
    assert (found.input_tokens > 0) == paid, "what was paid for in vain is counted"
    assert found.passing != paid or fault == "bad request", "a rerun asks again where it was not"


def test_a_rerun_asks_again_where_a_fault_that_passes_was_part_of_it() -> None:
    """A provider comes back, a key is put right between two runs: the rows must not stay lost, whichever of the chain's
    models was to blame."""

    def lost(*reasons: str) -> Rejection:
        passed = tuple(Passed(f"{place}", reason, "") for place, reason in enumerate(reasons[:-1]))
        failure = Failure(request_key="k", model="m", reason=reasons[-1], detail="", attempts=1, passed=passed)
        return rejected("documents", "1", failure, "empty_document", "")

    assert worth_another_try([lost(one) for one in FATAL | TRANSIENT]) == len(FATAL | TRANSIENT) > 9
    assert worth_another_try([lost("server_error", "empty"), lost("empty", "key_refused", "refused")]) == 2
    assert not worth_another_try([lost("empty", "refused"), lost("bad_request"), lost("truncated", "unparseable")])


def test_where_the_money_is_spent_everywhere_the_run_ends(played_at: str, tmp_path: Path) -> None:
    """So it does where the last one is out of patience: tests of `redraft.calling` have that."""

    async def play_one() -> None:
        async def endpoint(provider: str) -> Endpoint:
            return Endpoint(provider=provider, base_url=played_at + BASE_PATHS[provider], api_key="sandbox")

        async with Ledger(tmp_path / "ledger.sqlite") as ledger, ChatClient() as client:
            await play(Caller(client, endpoint, ledger, Lanes(LimitSettings()), QUICK), "no money")

    with pytest.raises(ProviderError, match="spend limit"):
        asyncio.run(play_one())
