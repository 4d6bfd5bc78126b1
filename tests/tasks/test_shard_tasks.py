"""The tasks' own functions against the sandbox over HTTP: a shard in, a shard out, nothing asked twice."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from redraft.calling import runs
from redraft.calling.accounting import Summary
from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger, ledger_address
from redraft.calling.plan import CallPlan
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.errors import BudgetReachedError, ConfigurationError, InputError, StorageError
from redraft.feedback.contexts import last_contexts
from redraft.feedback.filtering import filter_conversations
from redraft.providers.endpoints import Endpoint
from redraft.sandbox.process import SandboxProcess
from tasks.answer_shard import answer_shard
from tasks.judge_shard import judge_shard
from tasks.rewrite_shard import rewrite_meta, rewrite_shard, rewrite_work
from tasks.session import CallOptions, calling_session, require_reachable, served
from tasks.shards import publish_dataset, shard_count, source_rows
from tasks.verdict_files import JudgedPair

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"


def test_a_shard_is_rewritten_once_and_published_with_its_costs(
    ask: Any, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered")
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="sandbox", identity="here")
    priced = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"
    work = rewrite_work(source, "feedback", priced, endpoint, 40)

    async def twice(_: Caller) -> list[dict[str, int]]:
        return [await rewrite_shard.fn(str(work.path), 0, "feedback") for _ in range(2)]

    first, second = ask(twice)
    paid = sandbox.stats()["paid_calls"]
    assert first == second and first["rows"] + first["rejected"] == 40

    manifest = ask(lambda _: publish_dataset.fn(
        str(tmp_path / "out"), str(work.path), 1, "examples", rewrite_meta(source, work.plan), "out"
    ))  # fmt: skip
    assert manifest["simulated"] and manifest["calls"] == paid and manifest["templates"] == ["feedback_rewrite@1"]
    assert manifest["parents"][0]["content_hash"] == source.content_hash
    rows = list(Dataset.open(tmp_path / "out").rows())
    assert manifest["output_tokens"] == sum(row.output_tokens for row in rows)
    assert manifest["cost"] == pytest.approx(sum(row.cost or 0.0 for row in rows), abs=1e-6) and manifest["cost"] > 0

    other = rewrite_work(source, "alternative", priced, endpoint, 40)
    assert other.path != work.path, "another method is other work"
    assert rewrite_work(source, "feedback", priced, endpoint, 40).path == work.path


def test_faults_that_pass_leave_the_shard_to_be_tried_again(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered", limit=30)
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="sandbox", identity="here")
    work = rewrite_work(source, "feedback", "some/model", endpoint, None)
    negative = next(row for row in source.rows() if row.category != "UR5")
    opening = negative.messages[0].content[:30].replace('"', "")
    sandbox.post("/sandbox/script", [{"match": opening, "times": 0, "do": {"body": "no JSON"}}])

    async def once(_: Caller) -> dict[str, int]:
        return await rewrite_shard.fn(str(work.path), 0, "feedback")

    broken = ask(once)
    shard = work.finished(0)
    assert broken["rejected"] >= 1 and shard is not None and "malformed_answer" in shard.reasons
    assert work.finished(0, settled=True) is None
    sandbox.post("/sandbox/reset")
    mended = ask(once)
    assert mended["rejected"] == 0 and mended["rows"] == broken["rows"] + broken["rejected"]
    assert work.finished(0, settled=True) is not None
    assert sandbox.stats()["paid_calls"] == broken["rejected"], "only what had failed was asked again"


def planned(**datasets: Path) -> dict[str, str]:
    """The part of a plan that names datasets, each with the content it was planned for."""
    hashes = {f"{name}_hash": Dataset.open(path).content_hash for name, path in datasets.items()}
    return {**{name: str(path) for name, path in datasets.items()}, **hashes}


def test_a_source_that_changed_since_the_plan_is_refused(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered", limit=30)
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="sandbox", identity="here")
    work = rewrite_work(source, "feedback", "some/model", endpoint, None)
    filter_conversations(SAMPLE, tmp_path / "filtered", limit=60)

    async def once(_: Caller) -> dict[str, int]:
        return await rewrite_shard.fn(str(work.path), 0, "feedback")

    with pytest.raises(InputError, match="changed while"):
        ask(once)
    assert work.finished(0) is None and sandbox.stats()["paid_calls"] == 0


def test_a_missing_shard_is_not_published(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    work = Work.open(tmp_path, "stage", {})
    work.write(0, "examples", [], [], again=0)
    with pytest.raises(StorageError, match="shard 1 is missing"):
        ask(lambda _: publish_dataset.fn(str(tmp_path / "out"), str(work.path), 2, "examples", {}, "out"))
    assert not (tmp_path / "out").exists()


def test_answers_and_judgments_belong_to_the_same_contexts(ask: Any, tmp_path: Path) -> None:
    contexts = last_contexts(SAMPLE, tmp_path / "contexts", 20)

    async def answers(model: str) -> str:
        plan = {**planned(contexts=contexts.path), "model": f"x/{model}"}
        work = Work.open(tmp_path, f"answers-{model}", plan)
        await answer_shard.fn(str(work.path), 0, model)
        target = str(tmp_path / f"responses-{model}")
        await publish_dataset.fn(target, str(work.path), 1, "responses", {"models": [model]}, model)
        return target

    async def judged(_: Caller) -> JudgedPair:
        a, b = await answers("a"), await answers("b")
        folders = planned(contexts=contexts.path, responses_a=Path(a), responses_b=Path(b))
        plan = {**folders, "judge": "the/judge"}
        work = Work.open(tmp_path, "judgments", plan)
        await judge_shard.fn(str(work.path), 0, "a against b")
        await publish_dataset.fn(str(tmp_path / "judgments"), str(work.path), 1, "judgments", {"models": ["j"]}, "j")
        return JudgedPair(
            contexts=str(contexts.path), responses_a=a, responses_b=b, judgments=str(tmp_path / "judgments")
        )

    pair = ask(judged)
    ids = [context.conversation_id for context in contexts.rows()]
    comparisons = list(pair.comparisons())
    assert [comparison.context_id for comparison in comparisons] == ids
    assert all(c.response_a and c.response_b and c.response_a != c.response_b for c in comparisons)
    judgments = list(pair.read_judgments())
    assert [(j.context_id, j.order) for j in judgments] == [(one, order) for one in ids for order in ("AB", "BA")]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (None, "complete"),
        (BudgetReachedError("spent"), "partial"),
        (InputError("no"), "failed"),
        (KeyError("ours"), "failed"),
        (asyncio.CancelledError(), "stopped"),
    ],
)
def test_a_session_is_written_down_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException | None, status: str
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    monkeypatch.delenv("REDRAFT_LEDGER_URL", raising=False)

    async def session() -> None:
        async with calling_session(None, CallOptions(budget=2.5), "rewrite:/out") as caller:
            async with calling_session(None, CallOptions(budget=99), "rewrite:/inner") as inner:
                assert inner is caller, "the stages of a study share one budget"
            during = await runs.latest(caller.ledger.database)
            assert during is not None and (during.status, during.ended_at) == ("running", None)
            if fault is not None:
                raise fault

    async def kept() -> runs.Run | None:
        async with Ledger(ledger_address()) as ledger:
            return await runs.latest(ledger.database)

    with pytest.raises(type(fault)) if fault is not None else nullcontext():
        asyncio.run(session())
    run = asyncio.run(kept())
    assert run is not None and (run.status, run.command) == (status, "rewrite:/out") and run.ended_at
    assert run.budget is not None and (run.budget.scope, run.budget.limit) == ("rewrite:/out", 2.5)


@pytest.mark.parametrize(
    ("options", "models", "said"),
    [
        (CallOptions(budget=1), ["vllm:free", "un/known"], "un/known has no known price.*budget: null in a deployment"),
        (CallOptions(budget=-1), [], "--budget -1"),
        (CallOptions(tpm=0), [], "tpm"),
        (CallOptions(mode="batch"), ["vllm:free"], "vllm has no batch API"),
    ],
)
def test_what_cannot_be_held_is_refused_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: CallOptions, models: list[str], said: str
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    monkeypatch.setenv("TOGETHER_API_KEY", "k")

    async def endpoint(provider: str, _: str) -> Endpoint:
        return Endpoint(provider=provider, base_url="https://nowhere.invalid", api_key="k")

    monkeypatch.setattr("tasks.session.endpoint_of", endpoint)

    async def session() -> None:
        async with calling_session(None, options, "rewrite:/out"):
            await require_reachable(*models)

    with pytest.raises(ConfigurationError, match=said):
        asyncio.run(session())


def test_a_probe_that_is_cut_off_is_no_rejection(ask: Any, sandbox: SandboxProcess) -> None:
    sandbox.post("/sandbox/script", [{"match": "Say hello", "times": 0, "do": {"finish_reason": "length"}}])

    async def probed(caller: Caller) -> list[tuple[Summary, Summary]]:
        found: list[tuple[Summary, Summary]] = []
        for _ in range(2):
            assert await served("some/model")
            await runs.record(caller.ledger.database, "r", "c", 0.0, None, "running", Summary())
            found.append((caller.account.summary(), (await runs.find(caller.ledger.database, "r")).summary))
        return found

    for ended, killed in ask(probed, CallPlan(run="r")):
        for summary in (ended, killed):
            (line,) = summary.lines
            assert (line.stage, line.paid, summary.failed().total()) == ("probe", 1, 0)
    assert sandbox.stats()["paid_calls"] == 1


def test_a_limit_cuts_through_shards(tmp_path: Path) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered")
    sizes = [shard.rows for shard in source.shards]
    for limit in (1, sizes[0], source.count, source.count + 5):
        count = shard_count(source, limit)
        taken = [min(sizes[index], source_rows(source, index, limit) or 0) for index in range(count)]
        assert sum(taken) == min(limit, source.count) and all(taken)
    assert shard_count(source, None) == len(sizes)
