"""Whatever dies, is cut off or stopped when: a batch is submitted once, and each request is paid once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import anthropic
import pytest

from redraft.calling import attending
from redraft.calling.batch_book import BatchBook
from redraft.errors import ProviderError
from redraft.records import Completion

# One whose batches bear no key of ours, and one whose batches are made of files.
each_kind = pytest.mark.parametrize("provider", ["anthropic", "together"])


@pytest.mark.parametrize(
    ("provider", "address"),
    [("anthropic", "sqlite"), ("openai", "sqlite"), ("together", "sqlite"), ("together", "postgresql")],
    indirect=["address"],
)
def test_killed_at_every_step_a_batch_is_submitted_once_and_paid_once(
    work, sandbox, open_caller, doomed, address, tmp_path, provider
):
    """One batch, through the deaths of up to eleven processes."""
    points = ["cutting", "cut", "uploading", "uploaded", "submitting", "created", "submitted", "ended"]
    if provider == "anthropic":
        # A batch that is found again is known to be ours by its results, which means that it has ended.
        points = ["cutting", "cut", "submitting", "created", "ended"]
        with anthropic.Anthropic(api_key="other", base_url=sandbox.url) as other:
            params = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
            # Somebody else's, of the same size: nothing but its results tells that it is not ours.
            other.messages.batches.create(requests=[{"custom_id": f"row-{n}", "params": params} for n in range(32)])
    others = sandbox.stats()["requests"].get(work.submissions[provider], {}).get("200", 0)
    for point in [*points, "kept", "settled", "settled"]:
        assert doomed.run(point, sandbox, provider, address, tmp_path / "batches", 32) == -9, f"not killed at {point}"
    assert sum(work.submitted(sandbox, provider).values()) == others + 1

    async def run() -> None:
        async with open_caller(sandbox, scope="doomed", budget=1.0) as caller:
            open_yet = await caller.ledger.spent("doomed")
            assert open_yet.set_aside > 0 == open_yet.uncertain, "what is in an open batch stays set aside"
            totals = await work.batched(caller, work.asked(provider, 32), tmp_path / "batches")
            assert (totals.batches, totals.attached, totals.answered) == (0, 1, 32 - 3 * 8)
            found = await work.outcomes(caller, work.asked(provider, 32))
            assert all(isinstance(one, Completion) and one.reused and one.mode == "batch" for one in found)
            spent = await caller.ledger.spent("doomed")
        assert spent.spent == pytest.approx(sum(one.cost for one in found))
        assert spent.set_aside == spent.uncertain == 0

    asyncio.run(run())
    stats = sandbox.stats()
    assert stats["paid_calls"] == 32 * (1 + others) and stats["distinct_contents"] == 32 + others
    assert sum(work.submitted(sandbox, provider).values()) == others + 1


@each_kind
@pytest.mark.parametrize("fault", [{"close": True}, {"status": 500, "after": True}], ids=["not made", "made"])
def test_a_submission_without_an_answer_is_looked_for_first(work, sandbox, open_caller, tmp_path, provider, fault):
    sandbox.post("/sandbox/script", [{"match": f"{work.submissions[provider]}\n", "do": fault}])

    async def run() -> None:
        async with open_caller(sandbox) as caller:
            totals = await work.batched(caller, work.asked(provider, 10), tmp_path)
        assert (totals.batches, totals.answered) == (1, 10)

    asyncio.run(run())
    assert sum(work.submitted(sandbox, provider).values()) == 1 + fault.get("close", 0), "what was made is found"
    assert work.paid_once(sandbox, 10)


def test_a_provider_that_answers_every_submission_with_a_fault_ends_the_run(
    work, sandbox, open_caller, tmp_path, monkeypatch
):
    monkeypatch.setattr(attending, "_PATIENCE_SECONDS", 0.5)
    script = {"match": f"{work.submissions['together']}\n", "times": 0, "do": {"status": 500}}
    sandbox.post("/sandbox/script", [script])

    async def run() -> None:
        async with open_caller(sandbox) as caller:
            with pytest.raises(ProviderError, match="nothing but faults"):
                await work.batched(caller, work.asked("together", 5), tmp_path)
            sandbox.post("/sandbox/reset")
            assert (await work.batched(caller, work.asked("together", 5), tmp_path)).answered == 5

    asyncio.run(run())
    assert work.paid_once(sandbox, 5)


@each_kind
def test_a_submission_may_take_effect_after_its_process_has_died(
    work, sandbox, open_caller, doomed, address, tmp_path, provider
):
    sandbox.post("/sandbox/script", [{"match": f"{work.submissions[provider]}\n", "do": {"delay_ms": 700}}])
    assert doomed.run("sending", sandbox, provider, address, tmp_path / "batches", 8) == -9
    # What the dead one sent is to be found: whoever submits again is refused.
    again = {"match": f"{work.submissions[provider]}\n", "times": 0, "do": {"status": 400}}
    sandbox.post("/sandbox/script", [again])

    async def run() -> None:
        async with open_caller(sandbox) as caller:
            totals = await work.batched(caller, work.asked(provider, 8), tmp_path / "batches", settle_seconds=20)
        assert (totals.batches, totals.attached, totals.answered) == (0, 1, 8)

    asyncio.run(run())
    assert work.paid_once(sandbox, 8)


def test_the_living_goes_on_with_the_batch_of_one_that_dies(
    work, start_sandbox, open_caller, doomed, address, tmp_path
):
    slow = start_sandbox(batch_seconds=1.2, file_seconds=0)

    async def run() -> None:
        async with open_caller(slow) as one, open_caller(slow) as other:
            words = "waiting", slow, "together", address, tmp_path / "batches", 16
            doom = asyncio.create_task(asyncio.to_thread(doomed.run, *words))
            while not work.submitted(slow, "together"):
                assert not doom.done()
                await asyncio.sleep(0.05)
            assert await BatchBook(one.ledger).any_open()
            both = await asyncio.gather(
                *(
                    work.batched(each, work.asked("together", 16), tmp_path / "batches", submit=False)
                    for each in (one, other)
                )
            )
            assert await doom == -9
        assert sorted(totals.answered for totals in both) == [0, 16], "one takes care of it, the other waits"

    asyncio.run(run())
    assert work.paid_once(slow, 16)


@each_kind
def test_stopped_at_any_moment_the_next_run_goes_on(work, start_sandbox, open_caller, tmp_path, provider):
    one = start_sandbox(batch_seconds=0.2, file_seconds=0)

    async def run() -> None:
        for hundredths in (2, 5, 11, 20, 35):
            async with open_caller(one, scope="s", budget=1.0) as caller:
                with suppress(TimeoutError):
                    async with asyncio.timeout(hundredths / 100):
                        await work.batched(caller, work.asked(provider), tmp_path / "batches")
        async with open_caller(one, scope="s", budget=1.0) as caller:
            totals = await work.batched(caller, work.asked(provider), tmp_path / "batches")
            assert totals.known + totals.answered == 40
            assert not await BatchBook(caller.ledger).any_open()
            spent = await caller.ledger.spent("s")
            assert spent.spent == pytest.approx(
                sum(one.cost for one in await work.outcomes(caller, work.asked(provider)))
            )
            assert spent.set_aside == spent.uncertain == 0

    asyncio.run(run())
    assert work.paid_once(one, 40)


def test_a_batch_that_a_sandbox_has_forgotten_is_given_up(work, sandbox, open_caller, doomed, address, tmp_path):
    assert doomed.run("submitted", sandbox, "anthropic", address, tmp_path / "batches", 8) == -9
    sandbox.post("/sandbox/reset?everything=1")

    async def run() -> None:
        async with open_caller(sandbox) as caller:
            totals = await work.batched(caller, work.asked("anthropic", 8), tmp_path / "batches")
            assert (totals.attached, totals.answered) == (1, 0)
            assert len(await work.outcomes(caller, work.asked("anthropic", 8))) == 8

    asyncio.run(run())
