"""A judge's tests and its ratings as shards: what the plan holds is what is asked, whatever became of files since."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.calling.engine import Caller
from redraft.calling.plan import CallPlan
from redraft.datasets.parquet import read_parquet
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.feedback.contexts import last_contexts
from redraft.judging.canaries import CANARIES, PLANTED
from redraft.judging.checks import read_checks
from redraft.judging.judges import Judge, as_judge, make_judge
from redraft.judging.rubric import load_rubric
from redraft.sandbox.process import SandboxProcess
from tasks.answer_shard import answer_shard
from tasks.judge_checks import check_judge
from tasks.judge_shard import judge_of, judge_shard, judging_plan, reopen_failed
from tasks.judge_traits import rate_shard, rating_requests
from tasks.shards import publish_dataset

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"


async def _answered(contexts: Dataset, model: str, folder: Path) -> Dataset:
    plan = {"contexts": str(contexts.path), "contexts_hash": contexts.content_hash, "model": model}
    work = Work.open(folder, f"answers-{model[-1]}", plan)
    await answer_shard.fn(str(work.path), 0, model)
    target = str(folder / f"responses-{model[-1]}")
    await publish_dataset.fn(target, str(work.path), 1, "responses", {"models": [model]}, model)
    return Dataset.open(Path(target))


def test_a_judge_is_tested_on_the_run_s_own_answers(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    contexts = last_contexts(SAMPLE, tmp_path / "contexts", 12)

    async def run(_: Caller) -> tuple[Any, ...]:
        a, b = await _answered(contexts, "x/a", tmp_path), await _answered(contexts, "x/b", tmp_path)
        plan = await judging_plan(contexts, a, b, as_judge("the/judge"))
        judging, testing = Work.open(tmp_path, "judgments", plan), Work.open(tmp_path, "checks", plan)
        await judge_shard.fn(str(judging.path), 0, "a against b")
        before = sandbox.stats()["paid_calls"]
        done = await check_judge.fn(str(testing.path), 0, "the/judge")
        paid = sandbox.stats()["paid_calls"]
        assert await check_judge.fn(str(testing.path), 0, "the/judge") == done
        assert sandbox.stats()["paid_calls"] == paid
        for work, target in ((judging, "judgments"), (testing, "tests")):
            await publish_dataset.fn(str(tmp_path / target), str(work.path), 1, "judgments", {"models": ["j"]}, "j")
        return before, paid, done

    before, paid, done = ask(run)
    # Both orders of each planted answer; an answer against itself reads the same in both; one order of each repeat.
    assert paid - before == 5 * (2 * len(CANARIES) + 1) + 12 and done["rows"] == 5 * 2 * (len(CANARIES) + 1) + 12
    tests, judgments = (list(Dataset.open(tmp_path / name).rows()) for name in ("tests", "judgments"))
    assert sum(one.model_a.startswith(PLANTED) for one in tests) == 40
    checks = read_checks(tests, judgments)
    assert checks.safe is True and (checks.repeated, checks.agreed) == (12, 12)


def test_the_plan_holds_the_judge_s_texts(ask: Any, tmp_path: Path) -> None:
    contexts = last_contexts(SAMPLE, tmp_path / "contexts", 3)
    own = tmp_path / "criteria.toml"
    own.write_text('format = "redraft.criteria@1"\nname = "mine"\nversion = 1\ncriteria = ["It is short."]\n')
    judge = make_judge("the/judge", criteria=own, form="text", effort="low")

    async def run(_: Caller) -> Work:
        a, b = await _answered(contexts, "x/a", tmp_path), await _answered(contexts, "x/b", tmp_path)
        plan = await judging_plan(contexts, a, b, judge)
        other = await judging_plan(contexts, a, b, msgspec.structs.replace(judge, effort="high"))
        work = Work.open(tmp_path, "judgments", plan)
        assert Work.open(tmp_path, "judgments", other).path != work.path
        own.unlink()
        await judge_shard.fn(str(work.path), 0, "a against b")
        return work

    work = ask(run)
    assert judge_of(Work.at(work.path)) == judge
    shard = work.finished(0)
    assert shard is not None and shard.rows == 6
    earlier = Work.open(tmp_path, "old", {"judge": "the/judge"})
    assert judge_of(earlier) == Judge(model="the/judge")


def test_what_failed_is_asked_again_on_request_and_the_rest_is_not(
    ask: Any, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    contexts = last_contexts(SAMPLE, tmp_path / "contexts", 8)
    one = next(iter(contexts.rows())).messages[-1].content[:25].replace('"', "")
    prompt = f"(?s)BEGIN CONVERSATION.*{re.escape(one)}"
    sandbox.post("/sandbox/script", [
        {"match": prompt, "times": 1, "do": {"content": "", "finish_reason": "content_filter"}},
        {"match": prompt, "times": 3, "do": {"content": "I cannot say."}},
    ])  # fmt: skip
    work: list[Work] = []

    async def first(_: Caller) -> None:
        a, b = await _answered(contexts, "x/a", tmp_path), await _answered(contexts, "x/b", tmp_path)
        work.append(Work.open(tmp_path, "judgments", await judging_plan(contexts, a, b, as_judge("the/judge"))))
        await judge_shard.fn(str(work[0].path), 0, "a against b")

    async def retried(_: Caller) -> None:
        reopen_failed(work[0], 1)
        await judge_shard.fn(str(work[0].path), 0, "a against b")

    def statuses() -> list[str]:
        shard = work[0].finished(0)
        assert shard is not None and shard.rows_file is not None
        return [str(row["status"]) for row in read_parquet(work[0].path / shard.rows_file, ["status"])]

    ask(first)
    failed = Counter(status for status in statuses() if status not in {"ok", "tie"})
    assert failed == {"judge_refused": 1, "judge_unparseable": 1}
    paid = sandbox.stats()["paid_calls"]
    ask(retried)  # without `again` the ledger answers
    assert sandbox.stats()["paid_calls"] == paid
    ask(retried, CallPlan(again=True))
    assert sandbox.stats()["paid_calls"] == paid + 2, "one ask each: the refused anew, the unreadable once more"
    assert set(statuses()) <= {"ok", "tie"}
    ask(retried, CallPlan(again=True))
    assert sandbox.stats()["paid_calls"] == paid + 2, "nothing is left to ask again"


@pytest.mark.parametrize("rubric_name", ["collaborative@1", "own"])
def test_ratings_are_a_shard_like_any_other(
    rubric_name: str, ask: Any, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    contexts = last_contexts(SAMPLE, tmp_path / "contexts", 6)
    own = tmp_path / "traits.toml"
    own.write_text(
        'format = "redraft.traits@1"\nname = "own"\nversion = 1\nscale = {low = 0, high = 4}\n'
        '[[traits]]\nname = "brief"\ndescription = "Says it briefly."\n'
        'anchors = {"0" = "long", "2.5" = "so", "4" = "brief"}\n'
    )
    rubric = load_rubric(own if rubric_name == "own" else rubric_name)
    judge = as_judge("the/judge", "traits")

    async def run(_: Caller) -> None:
        a = await _answered(contexts, "x/a", tmp_path)
        plan = {
            "contexts": str(contexts.path), "contexts_hash": contexts.content_hash, "responses": str(a.path),
            "responses_hash": a.content_hash, "judge": judge.model, "how": msgspec.to_builtins(judge),
            "rubric": msgspec.to_builtins(rubric, str_keys=True),
        }  # fmt: skip
        assert len(list(rating_requests(contexts, a, judge, rubric))) == 6
        work = Work.open(tmp_path, "ratings", plan)
        before = sandbox.stats()["paid_calls"]
        assert await rate_shard.fn(str(work.path), 0, "x/a") == {"rows": 6, "rejected": 0}
        assert sandbox.stats()["paid_calls"] == before + 6
        assert not list(rating_requests(contexts, a, judge, rubric, work))
        await publish_dataset.fn(str(tmp_path / "ratings"), str(work.path), 1, "ratings", {"models": ["j"]}, "j")

    ask(run)
    ratings = list(Dataset.open(tmp_path / "ratings").rows())
    assert [one.context_id for one in ratings] == [one.conversation_id for one in contexts.rows()]
    assert all(one.status == "ok" and set(one.scores) == set(rubric.names) for one in ratings)
    assert all(rubric.scale.low <= score <= rubric.scale.high for one in ratings for score in one.scores.values())
    assert {one.rubric_digest for one in ratings} == {rubric.digest} and len({one.raw for one in ratings}) > 1
