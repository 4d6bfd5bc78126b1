"""Asking again for what was rejected: only that, merged in order, and everything that was paid stays counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from redraft.calling.engine import Caller
from redraft.calling.plan import CallPlan
from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.datasets.work import Work
from redraft.errors import InputError
from redraft.feedback.filtering import filter_conversations
from redraft.providers.endpoints import Endpoint
from redraft.records import Rejection
from redraft.sandbox.process import SandboxProcess
from tasks import retry_shard as retrying
from tasks.retry_shard import chain_of, retry_began, retry_shard, retry_work, retryable, rewritten_dataset, rows_of
from tasks.rewrite_shard import rewrite_meta, rewrite_shard, rewrite_work
from tasks.shards import publish_dataset

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"


def test_a_retry_asks_only_for_the_rejections_of_calls(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered", limit=60)
    complaints = [row for row in source.rows() if row.category != "UR5"]
    wanted = {"refused": {"finish_reason": "refusal"}, "cut": {"finish_reason": "length"}, "no": {"content": "N/A"}}
    rows = dict(zip(wanted, (complaints[4], complaints[1], complaints[2]), strict=True))
    scripts = [
        {"match": rows[name].messages[0].content[:40].replace('"', ""), "times": 0, "do": do}
        for name, do in wanted.items()
    ]
    sandbox.post("/sandbox/script", scripts)
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="sandbox", identity="here")

    async def first(caller: Caller) -> Dataset:
        known = await caller.endpoint("some/model")
        work = rewrite_work(source, "feedback", "some/model", known, None)
        await rewrite_shard.fn(str(work.path), 0, "feedback")
        meta = rewrite_meta(source, work.plan)
        await publish_dataset.fn(str(tmp_path / "out"), str(work.path), 1, "examples", meta, "out")
        return Dataset.open(tmp_path / "out")

    before = ask(first)
    reasons = {rejection.row_id: rejection.reason for rejection in before.rejections()}
    by_name = {name: row.conversation_id for name, row in rows.items()}
    assert [reasons[by_name[name]] for name in wanted] == ["filtered", "truncated", "not_feedback"]
    assert retryable(before) == {"filtered": 1, "truncated": 1} and chain_of(before) == ("some/model",)
    paid = sandbox.stats()["paid_calls"]
    sandbox.post("/sandbox/script", [])
    sandbox.post("/sandbox/reset")

    async def again(_: Caller) -> dict[str, int]:
        work = retry_work(before, "some/model", (), "any", endpoint)
        done = await retry_shard.fn(str(work.path), 0, "out")
        assert await retry_shard.fn(str(work.path), 0, "out") == done, "a finished shard is not asked for again"
        retried = list(Dataset.open(tmp_path / "out").rows())
        assert retried == list(before.rows()), "nothing is changed before all is there"
        shard = work.finished(0)
        assert shard is not None
        merged = [row.conversation_id for row in rows_of(work.path, shard)]
        order = [row.conversation_id for row in source.rows()]
        assert merged == [name for name in order if name in set(merged)]
        assert set(merged) == {row.conversation_id for row in retried} | {by_name["refused"], by_name["cut"]}
        return done

    done = ask(again, CallPlan(again=True))
    assert done == {"rows": before.count + 2, "rejected": before.manifest["rejected"] - 2}
    assert sandbox.stats()["paid_calls"] == 2 < paid


def test_a_retry_that_is_killed_pays_for_no_answer_again(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered", limit=30)
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="sandbox", identity="here")
    complaints = [row.messages[0].content[:40].replace('"', "") for row in source.rows() if row.category != "UR5"]
    cut = [{"match": match, "times": 0, "do": {"finish_reason": "length"}} for match in complaints[1:4]]
    sandbox.post("/sandbox/script", cut)

    async def publish(work: Work) -> Dataset:
        meta = rewrite_meta(source, {**work.plan, "limit": None})
        await publish_dataset.fn(str(tmp_path / "out"), str(work.path), 1, "examples", meta, "out")
        return Dataset.open(tmp_path / "out")

    async def first(_: Caller) -> Dataset:
        work = rewrite_work(source, "feedback", "some/model", endpoint, None)
        await rewrite_shard.fn(str(work.path), 0, "feedback")
        return await publish(work)

    async def retried(_: Caller) -> Work:
        work = retry_work(before, "some/model", (), "any", endpoint)
        await retry_shard.fn(str(work.path), 0, "out")
        return work

    def again() -> Work:
        return ask(retried, CallPlan(again=True, began=retry_began(before, chain_of(before), "any")))

    before = ask(first)
    assert before.manifest["reasons"] == {"truncated": 3}
    sandbox.post("/sandbox/reset")
    sandbox.post("/sandbox/script", cut[1:])
    work = again()
    shard = work.finished(0)
    assert shard is not None and shard.reasons == {"truncated": 2} and sandbox.stats()["paid_calls"] == 3
    for part in work.path.glob("*0*.parquet"):
        part.unlink()  # as a kill before the shard is written leaves it
    for said in work.path.glob("*0*.json"):
        said.unlink()
    assert work.finished(0) is None
    assert again().finished(0) == shard, "with all that the killed attempt paid"
    assert sandbox.stats()["paid_calls"] == 3
    began = retry_began(before, chain_of(before), "any")
    assert retry_began(before, ("other/model",), "any") > began
    after = ask(lambda _: publish(work))
    assert retry_began(after, chain_of(after), "any") > began, "the next retry asks what is left anew"


def test_what_retries_replaced_stays_in_the_costs(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered", limit=60)
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="sandbox", identity="here")
    complaints = [row.messages[0].content[:40].replace('"', "") for row in source.rows() if row.category != "UR5"]
    priced = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"

    async def published(work: Work, task: Any) -> dict[str, Any]:
        await task.fn(str(work.path), 0, "out")
        meta = rewrite_meta(source, {**work.plan, "limit": None})
        return await publish_dataset.fn(str(tmp_path / "out"), str(work.path), 1, "examples", meta, "out")

    def made() -> Work:
        if not (tmp_path / "out").exists():
            return rewrite_work(source, "feedback", priced, endpoint, None)
        return retry_work(Dataset.open(tmp_path / "out"), priced, (), "any", endpoint)

    replaced, paid = 0, Counter[str]()
    for task, cut in ((rewrite_shard, 2), (retry_shard, 2), (retry_shard, 1), (retry_shard, 0)):
        do = {"finish_reason": "length"}
        sandbox.post("/sandbox/reset")
        sandbox.post("/sandbox/script", [{"match": match, "times": 0, "do": do} for match in complaints[1 : 1 + cut]])
        work = made()
        manifest = ask(lambda _, work=work, task=task: published(work, task), CallPlan(again=task is retry_shard))
        assert manifest["rejected"] == cut
        stats: dict[str, Any] = sandbox.stats()
        paid.update({"calls": stats["paid_calls"], **stats["tokens"]})
        assert manifest["calls"] == paid["calls"], "all of it, once"
        assert (manifest["input_tokens"], manifest["output_tokens"]) == (paid["input"], paid["output"])
        assert manifest["cost"] == pytest.approx(0.18e-6 * (paid["input"] + paid["output"]), abs=1e-6)
        assert manifest.get("replaced", {}).get("calls", 0) == replaced
        replaced += cut


def test_a_replaced_answer_that_rows_of_two_shards_share_counts_once(tmp_path: Path) -> None:
    def cut(name: str, key: str, reason: str = "truncated") -> Rejection:
        return Rejection(reason=reason, detail="", place="", row_id=name, request_key=key, cost=0.5, output_tokens=9)

    with DatasetWriter(tmp_path / "out", "examples", rows_per_shard=3) as writer:
        for one in (cut("a", "k1"), cut("b", "k1"), cut("c", "k2"), cut("d", "k2"), cut("e", "k3"),
                    cut("f", "k4", "not_feedback")):  # fmt: skip
            writer.reject(one)
        writer.finish()
    first, second = retrying._replaced(tmp_path / "out", "its manifest")
    assert (first.calls, first.cost, second.calls, second.cost) == (2, 1.0, 1, 0.5)


def test_rewriting_again_keeps_what_a_retry_mended_beside_faults_that_pass(
    ask: Any, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered", limit=20)
    complaints = [row.messages[0].content[:40].replace('"', "") for row in source.rows() if row.category != "UR5"]
    cut, broken = complaints[1:3]
    sandbox.post("/sandbox/script", [
        {"match": f"some/model.*{cut}|{cut}.*some/model", "times": 0, "do": {"finish_reason": "length"}},
        {"match": broken, "times": 0, "do": {"body": "no JSON"}},
    ])  # fmt: skip

    async def rewritten(caller: Caller) -> tuple[Work, Dataset]:
        work = rewrite_work(source, "feedback", "some/model", await caller.endpoint("some/model"), None)
        await rewrite_shard.fn(str(work.path), 0, "feedback")
        meta = rewrite_meta(source, work.plan)
        await publish_dataset.fn(str(tmp_path / "out"), str(work.path), 1, "examples", meta, "out")
        return work, Dataset.open(tmp_path / "out")

    async def retried(caller: Caller) -> Shard:
        work = retry_work(before, "other/model", (), "any", await caller.endpoint("other/model"))
        await retry_shard.fn(str(work.path), 0, "out")
        (shard,) = [work.finished(0)]
        assert shard is not None
        await retrying._hand_on(before, work, [shard])
        return shard

    _, before = ask(rewritten)
    assert before.manifest["reasons"] == {"malformed_answer": 1, "truncated": 1}
    shard = ask(retried, CallPlan(again=True))
    assert shard.reasons == {"malformed_answer": 1} and shard.replaced is not None and shard.replaced.calls == 1
    work, after = ask(rewritten)
    assert work.finished(0) == shard and after.manifest["replaced"]["calls"] == 1


def test_a_retry_of_what_cannot_be_retried(ask: Any, tmp_path: Path) -> None:
    source = filter_conversations(SAMPLE, tmp_path / "filtered", limit=30)
    endpoint = Endpoint(provider="together", base_url="http://nowhere.invalid", api_key="k", identity="here")
    work = rewrite_work(source, "feedback", "some/model", endpoint, None)
    work.write(0, "examples", [], [], again=0)

    async def publish(meta: dict[str, Any]) -> Dataset:
        await publish_dataset.fn(str(tmp_path / "out"), str(work.path), 1, "examples", meta, "out")
        return Dataset.open(tmp_path / "out")

    meta = rewrite_meta(source, work.plan)
    for wrong, said in (
        ({**meta, "templates": ["feedback_rewrite@0"]}, "this version asks with feedback_rewrite@1"),
        ({"method": "feedback"}, "does not say how it was rewritten"),
        ({**meta, "parents": [{**meta["parents"][0], "content_hash": "other"}]}, "changed while"),
        ({**meta, "parents": [{**meta["parents"][0], "path": str(tmp_path / "gone")}]}, "no such dataset"),
    ):
        made = ask(lambda _, wrong=wrong: publish(wrong))
        with pytest.raises(InputError, match=said):
            retry_work(made, chain_of(made)[0], (), "any", endpoint)


def test_what_was_generated_is_mended_by_the_command_that_made_it(tmp_path: Path) -> None:
    for kind, command in (("scenarios", "scenarios"), ("documents", "write"), ("examples", "respond")):
        with DatasetWriter(tmp_path / kind, kind) as writer:
            writer.finish({"method": "documents"})
        with pytest.raises(InputError, match=f"run once more, .* redraft documents generate, {command} or study"):
            rewritten_dataset(str(tmp_path / kind))
    with DatasetWriter(tmp_path / "conversations", "conversations") as writer:
        writer.finish()
    with pytest.raises(InputError, match="run redraft rewrite"):
        rewritten_dataset(str(tmp_path / "conversations"))
