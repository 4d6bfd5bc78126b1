"""The judging stages against the sandbox: two judgments for each context, settled or asked, with all that was paid."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.progress import Progress
from redraft.calling.retries import Retries
from redraft.judging import protocol
from redraft.judging.stage import TEMPERATURE, answer_contexts, answer_request, decoding, judge_comparisons, pair
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import body
from redraft.records import Comparison, Conversation, Judgment, Message, Response
from redraft.sandbox.process import SandboxProcess

A, B = "together:meta-llama/Llama-3.3-70B-Instruct-Turbo", "together:Qwen/Qwen2.5-7B-Instruct-Turbo"
JUDGE, UNPRICED = "together:meta-llama/Llama-3.3-70B-Instruct-Turbo", "together:nobody/knows-its-price"
Compare = Callable[..., Comparison]


def context(name: str) -> Conversation:
    return Conversation(conversation_id=name, messages=(Message("user", f"Question of {name}: why is it dark?"),))


@asynccontextmanager
async def calling(sandbox: SandboxProcess, ledger: Path) -> AsyncGenerator[Caller]:
    async def source(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=sandbox.url, api_key="key")

    async with ChatClient() as client, Ledger(ledger) as opened:
        quick = Retries(first_wait=0.01, longest_wait=0.05)
        yield Caller(client, source, opened, Lanes(LimitSettings()), quick)


def judge(
    comparisons: list[Comparison], sandbox: SandboxProcess, ledger: Path, model: str = JUDGE
) -> tuple[list[Judgment], Progress]:
    async def judged() -> tuple[list[Judgment], Progress]:
        progress = Progress("judge", len(comparisons))
        async with calling(sandbox, ledger) as caller:
            return await judge_comparisons(comparisons, model, caller, progress), progress

    return asyncio.run(judged())


def script(sandbox: SandboxProcess, match: str, times: int, **do: Any) -> None:
    sandbox.post("/sandbox/script", [{"match": match, "times": times, "do": do}])


def response(name: str, **fields: Any) -> Response:
    return Response(**({"context_id": name, "model": A, "text": "Because.", "simulated": False} | fields))


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True), (False, False)])
def test_a_comparison_knows_that_a_response_is_simulated(first: bool, second: bool) -> None:
    (made,) = pair([context("c")], [response("c", simulated=first)], [response("c", model=B, simulated=second)])
    assert made.simulated is (first or second) is made.swap().simulated
    assert made.swap().swap() == made


def test_two_judgments_for_each_context_and_settled_ones_say_simulated(sandbox: SandboxProcess, tmp_path: Path) -> None:
    contexts = [context(f"c{n}") for n in range(10)]
    a_name = A.removeprefix("together:")
    script(sandbox, f'"{a_name}".*Question of c3:|Question of c3:.*"{a_name}"', 1, content="")
    script(sandbox, "Question of c5:", 0, status=400, body={"error": {"message": "no", "code": "bad"}})

    async def study() -> tuple[list[Judgment], Progress]:
        progress = Progress("judge", len(contexts))
        async with calling(sandbox, tmp_path / "ledger.sqlite") as caller:
            a = await answer_contexts(contexts, A, caller, Progress("answers"))
            b = await answer_contexts(contexts, B, caller, Progress("answers"))
            return await judge_comparisons(pair(contexts, a, b), JUDGE, caller, progress), progress

    judgments, progress = asyncio.run(study())
    assert [(j.context_id, j.order) for j in judgments] == [(f"c{n}", o) for n in range(10) for o in ("AB", "BA")]
    assert progress.done == 10 and progress.paid == 16
    statuses = Counter(j.status for j in judgments)
    assert statuses["candidate_empty_A"] == statuses["candidate_error"] == 2
    assert statuses["ok"] + statuses["tie"] == 16
    assert all(j.simulated for j in judgments)


def test_a_settled_comparison_of_real_responses_is_not_simulated(
    sandbox: SandboxProcess, tmp_path: Path, make_comparison: Compare
) -> None:
    judgments, _ = judge([make_comparison(response_a="")], sandbox, tmp_path / "ledger.sqlite")
    assert [(j.status, j.simulated) for j in judgments] == [("candidate_empty_A", False)] * 2
    assert sandbox.stats()["calls"] == 0


@pytest.mark.parametrize(("unreadable", "status"), [(2, "ok"), (protocol.MAX_REASKS + 1, "judge_unparseable")])
def test_all_asks_of_one_judgment_are_counted(
    unreadable: int, status: str, sandbox: SandboxProcess, tmp_path: Path, make_comparison: Compare
) -> None:
    first = "(?s)BEGIN ANSWER_1.*Nine minutes.*BEGIN ANSWER_2"  # the order AB alone
    script(sandbox, first, unreadable, content="I cannot say.")
    good = '{"analysis": "", "violations": {"answer_1": false, "answer_2": false}, "verdict": "answer_1", '
    script(sandbox, first, 1, content=good + '"strength": "clear"}')
    comparison = make_comparison(context_id="c9")
    (ab, ba), progress = judge([comparison], sandbox, tmp_path / "ledger.sqlite")

    assert (ab.order, ab.status, ab.attempts) == ("AB", status, min(unreadable, protocol.MAX_REASKS) + 1)
    assert len(ab.earlier) == ab.attempts - 1 and all(ab.earlier) and ba.earlier == ()
    assert (ba.order, ba.attempts) == ("BA", 1)
    stats: dict[str, Any] = sandbox.stats()
    assert stats["paid_calls"] == ab.attempts + ba.attempts == progress.paid
    assert {"input": ab.input_tokens + ba.input_tokens, "output": ab.output_tokens + ba.output_tokens} == stats[
        "tokens"
    ]
    assert ab.cost is not None and ba.cost is not None and ab.cost > 2 * ba.cost
    assert ab.cost + ba.cost == pytest.approx(progress.cost)

    again, rerun = judge([comparison], sandbox, tmp_path / "ledger.sqlite")
    assert again == [ab, ba] and rerun.cost == 0.0
    assert sandbox.stats()["paid_calls"] == stats["paid_calls"]

    sandbox.post("/sandbox/reset")
    script(sandbox, first, 1, content="I cannot say.")
    script(sandbox, first, 1, status=400, body="no")
    (ab, _), _ = judge([comparison], sandbox, tmp_path / "other.sqlite")
    assert (ab.status, len(ab.earlier)) == ("judge_error", 1)
    assert ab.cost is not None and ab.cost > 0, "an ask that nobody answers leaves what was paid before it known"


def test_an_answer_of_no_use_was_paid_for_even_where_its_tokens_are_not_told(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    uncounted = {"model": "m-1", "choices": [{"message": {"content": "Be"}, "finish_reason": "length"}]}
    script(sandbox, "Question of cut:", 1, status=200, body=uncounted)
    script(sandbox, "Question of refused:", 0, status=400, body={"error": {"message": "no", "code": "bad"}})

    async def answered() -> list[Response]:
        async with calling(sandbox, tmp_path / "ledger.sqlite") as caller:
            contexts = [context(name) for name in ("cut", "refused")]
            return await answer_contexts(contexts, A, caller, Progress("answers"))

    cut, refused = asyncio.run(answered())
    assert (cut.failure, cut.answered_model, cut.cost, cut.output_tokens) == ("truncated", "m-1", None, 0)
    assert (refused.failure, refused.answered_model) == ("bad_request", "")


def test_without_a_price_the_cost_of_asks_is_unknown(
    sandbox: SandboxProcess, tmp_path: Path, make_comparison: Compare
) -> None:
    judgments, progress = judge([make_comparison()], sandbox, tmp_path / "ledger.sqlite", UNPRICED)
    assert all(j.cost is None and j.output_tokens > 0 for j in judgments)
    assert progress.unpriced == 2


def test_a_temperature_is_told_of_where_one_is_sent() -> None:
    judge = "anthropic:claude-haiku-4-5"
    models = [A, "openai:o3", "openai:gpt-5-chat-latest", "gemini:gemini-3-flash"]
    said = decoding(models, judge)["temperature"]
    sent = {model: body(answer_request(context("c"), model)).get("temperature") for model in [*models, judge]}
    assert said == sent
    assert said == {A: TEMPERATURE, models[1]: None, models[2]: TEMPERATURE, models[3]: TEMPERATURE, judge: None}
