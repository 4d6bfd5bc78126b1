"""Batch mode: every request in one batch at most, at half the price; what is left unanswered is called for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from redraft.calling import prices, tokens
from redraft.errors import ConfigurationError, ProviderError
from redraft.providers.batches import BatchLimits
from redraft.records import Completion, Failure, Message, Request
from redraft.sandbox.process import SandboxProcess

each_provider = pytest.mark.parametrize("provider", ["anthropic", "openai", "together"])


@pytest.fixture(scope="module")
def faulty() -> Iterator[SandboxProcess]:
    rates = {"batch_error_rate": 0.25, "batch_expire_rate": 0.25}
    with SandboxProcess.start({"seed": 1, "batch_seconds": 0.1, "file_seconds": 0} | rates) as one:
        yield one


@each_provider
def test_all_answers_come_from_a_batch_at_half_the_price(work, sandbox, open_caller, tmp_path, provider):
    async def run() -> None:
        async with open_caller(sandbox) as caller:
            totals = await work.batched(caller, work.asked(provider), tmp_path / "batches")
            assert (totals.requests, totals.batches, totals.submitted, totals.answered) == (40, 1, 40, 40)
            assert 0 < totals.cost == pytest.approx(totals.full_cost / 2)
            found = await work.outcomes(caller, work.asked(provider))
            assert all(isinstance(one, Completion) and one.reused and one.mode == "batch" for one in found)
            assert sum(one.cost for one in found) == pytest.approx(totals.cost)
            assert len({one.text for one in found}) == 40
            again = await work.batched(caller, work.asked(provider), tmp_path / "batches")
            assert (again.known, again.batches) == (40, 0)
        assert work.paid_once(sandbox, 40)
        assert not list((tmp_path / "batches").iterdir()), "files of requests do not pile up"

    asyncio.run(run())


@each_provider
def test_what_a_batch_leaves_unanswered_is_called_for(work, faulty, open_caller, tmp_path, provider):
    faulty.post("/sandbox/reset?everything=1")

    async def run() -> None:
        async with open_caller(faulty) as caller:
            totals = await work.batched(caller, work.asked(provider), tmp_path)
            lacking = totals.errored + totals.expired + totals.missing
            assert totals.errored > 0 and totals.expired + totals.missing > 0
            assert totals.answered + lacking == 40
            found = await work.outcomes(caller, work.asked(provider))
        assert [one.mode for one in found].count("call") == lacking
        assert all(isinstance(one, Completion) for one in found)
        assert work.paid_once(faulty, 40)

    asyncio.run(run())


@each_provider
def test_a_cut_answer_of_a_batch_is_usable_where_its_request_accepts_one(
    work, start_sandbox, open_caller, tmp_path, provider
):
    cutting = start_sandbox(batch_seconds=0, file_seconds=0, truncate_rate=1)

    async def run() -> None:
        async with open_caller(cutting) as caller:
            accepting = work.asked(provider, 4, accept_truncated=True)
            totals = await work.batched(caller, [*accepting, *work.asked(provider, 3)], tmp_path)
            assert (totals.answered, totals.unusable) == (7, 3)
            found = await work.outcomes(caller, accepting)
            assert all(isinstance(one, Completion) and one.text and one.mode == "batch" for one in found)
            assert {one.reason for one in await work.outcomes(caller, work.asked(provider, 3))} == {"truncated"}

    asyncio.run(run())


def test_an_answer_of_no_use_is_the_same_failure_as_that_of_a_call(work, start_sandbox, open_caller, tmp_path):
    refusing = start_sandbox(batch_seconds=0, refusal_rate=1)

    async def run() -> None:
        async with open_caller(refusing) as caller:
            totals = await work.batched(caller, work.asked("anthropic", 5), tmp_path)
            assert totals.answered == totals.unusable == 5
            found = await work.outcomes(caller, work.asked("anthropic", 5))
            assert all(isinstance(one, Failure) and one.reason == "refused" and one.reused for one in found)
            call = await work.outcomes(caller, work.asked("anthropic", 1, sample=1))
            assert {(one.reason, one.mode) for one in (found[0], call[0])} == {
                ("refused", "batch"),
                ("refused", "call"),
            }

    asyncio.run(run())


def test_requests_are_cut_by_the_providers_limit(work, sandbox, open_caller, tmp_path):
    async def run() -> None:
        async with open_caller(sandbox) as caller:
            both = [*work.asked("anthropic"), *work.asked("together")]
            totals = await work.batched(caller, both, tmp_path, limits={"anthropic": BatchLimits(7, 10**9)})
        assert (totals.batches, totals.answered) == (6 + 1, 80)
        assert work.submitted(sandbox, "anthropic") == {"200": 6} and work.submitted(sandbox, "together") == {"201": 1}

    asyncio.run(run())


def test_a_batch_that_is_refused_ends_the_run_and_nothing_is_held(work, sandbox, open_caller, tmp_path):
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": f"no such thing, says {work.key}"}}
    script = {"match": work.submissions["anthropic"], "do": {"status": 400, "body": error}}
    sandbox.post("/sandbox/script", [script])

    async def run() -> None:
        async with open_caller(sandbox, scope="s", budget=1.0) as caller:
            with pytest.raises(ProviderError, match=r"does not take a batch.*no such thing") as caught:
                await work.batched(caller, work.asked("anthropic", 5), tmp_path)
            assert work.key not in str(caught.value)
            assert (await caller.ledger.spent("s")).set_aside == 0
            assert (await work.batched(caller, work.asked("anthropic", 5), tmp_path)).answered == 5

    asyncio.run(run())


def test_a_provider_at_its_limit_is_asked_again(work, sandbox, open_caller, tmp_path):
    limited = {"status": 429, "headers": {"retry-after": "0"}}
    scripts = [{"match": "/batches", "times": 2, "do": limited}, {"match": "/v1/files", "do": {"status": 503}}]
    sandbox.post("/sandbox/script", scripts)

    async def run() -> None:
        async with open_caller(sandbox) as caller:
            assert (await work.batched(caller, work.asked("together", 5), tmp_path)).answered == 5

    asyncio.run(run())
    assert work.paid_once(sandbox, 5)


def test_a_budget_is_held_by_what_is_in_batches(work, sandbox, open_caller, tmp_path):

    requests = work.asked("anthropic")
    worst = [prices.worst(one.model, tokens.bound(one), one.max_tokens, mode="batch") for one in requests]
    budget = sum(worst[:25]) + worst[0] / 2

    async def run() -> None:
        async with open_caller(sandbox, scope="s", budget=budget) as caller:
            totals = await work.batched(caller, requests, tmp_path)
            assert (totals.answered, totals.short) == (25, 15)
            spent = await caller.ledger.spent("s")
            assert spent.spent == pytest.approx(totals.cost) and spent.set_aside == 0
            more = await work.batched(caller, requests, tmp_path)
            assert more.known == 25 and more.answered > 0, "what was not needed of it is free again"
            assert (await caller.ledger.spent("s")).spent <= budget

    asyncio.run(run())


def test_a_budget_needs_a_price(work, sandbox, open_caller, tmp_path):
    async def run() -> None:
        async with open_caller(sandbox, scope="s", budget=1.0) as caller:
            request = Request(model="together:no/price", messages=(Message("user", "x"),), template="t@1")
            with pytest.raises(ConfigurationError, match="no known price"):
                await work.batched(caller, [request], tmp_path)

    asyncio.run(run())
    assert work.submitted(sandbox, "together") == {}


@pytest.mark.parametrize("model", ["openrouter:a/b", "gemini:x", "vllm:x", "ollama:x"])
def test_a_provider_without_batches_is_named(work, sandbox, open_caller, tmp_path, model):
    async def run() -> None:
        async with open_caller(sandbox) as caller:
            request = Request(model=model, messages=(Message("user", "x"),), template="t@1")
            with pytest.raises(ConfigurationError, match="anthropic, openai, together"):
                await work.batched(caller, [request], tmp_path)
            assert (await work.batched(caller, [request], tmp_path, submit=False)).requests == 0

    asyncio.run(run())


def test_two_runs_at_once_share_the_work_and_pay_once(work, sandbox, open_caller, tmp_path):
    async def run() -> None:
        async with open_caller(sandbox) as one, open_caller(sandbox) as other:
            requests = work.asked("together", 300)
            both = await asyncio.gather(*(work.batched(each, requests, tmp_path / "b") for each in (one, other)))
            found = await work.outcomes(other, requests)
        assert all(isinstance(outcome, Completion) and outcome.mode == "batch" for outcome in found)
        assert sum(totals.answered for totals in both) == 300

    asyncio.run(run())
    assert work.paid_once(sandbox, 300)
