"""The rewriting stage against the sandbox: one result for each row, in order, and what each of them cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.progress import Progress
from redraft.calling.retries import Retries
from redraft.datasets.totals import paid_for
from redraft.feedback.stage import TEMPLATES, Method, rewrite_conversations
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Conversation, Example, Message, Rejection
from redraft.sandbox.process import SandboxProcess

PRICED, UNPRICED = "together:meta-llama/Llama-3.3-70B-Instruct-Turbo", "together:nobody/knows-its-price"
Rewrite = Callable[..., tuple[list[Example], list[Rejection], Progress]]


def talk(name: str, category: str = "UR2", *flags: str) -> Conversation:
    said = (f"Question of {name}: why is the sky dark at night?", f"It is late, {name}.", "No, tell me the reason.")
    roles = ("user", "assistant", "user")
    messages = tuple(Message(role, text) for role, text in zip(roles, said, strict=True))  # type: ignore[arg-type]
    return Conversation(conversation_id=name, messages=messages, category=category, flags=flags)


def script(sandbox: SandboxProcess, name: str, times: int = 1, **do: Any) -> None:
    """What the sandbox does to the next requests about the conversation of that name."""
    sandbox.post("/sandbox/script", [{"match": f"Question of {name}:", "times": times, "do": do}])


@pytest.fixture
def rewrite(sandbox: SandboxProcess, tmp_path: Path) -> Rewrite:
    async def source(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=sandbox.url, api_key="key")

    async def rewritten(
        conversations: Sequence[Conversation], method: Method, model: str
    ) -> tuple[list[Example], list[Rejection], Progress]:
        progress = Progress("rewrite", len(conversations))
        quick = Retries(first_wait=0.01, longest_wait=0.05)
        async with ChatClient() as client, Ledger(tmp_path / "ledger.sqlite") as ledger:
            caller = Caller(client, source, ledger, Lanes(LimitSettings()), quick)
            rows, rejections = await rewrite_conversations(conversations, method, model, caller, progress)
        return rows, rejections, progress

    def run(conversations: Sequence[Conversation], method: Method = "feedback", model: str = PRICED):
        return asyncio.run(rewritten(conversations, method, model))

    return run


@pytest.mark.parametrize("method", ["feedback", "alternative"])
def test_every_row_has_one_result_in_the_order_of_the_input(
    rewrite: Rewrite, sandbox: SandboxProcess, method: Method
) -> None:
    kinds = [("UR2",), ("UR5",), ("UR3",), ("UR5", "unsafe")]
    conversations = [talk(f"c{n}", *kinds[n % 4]) for n in range(24)]
    for slow in ("c0", "c2", "c12"):
        script(sandbox, slow, delay_ms=300)
    rows, rejections, progress = rewrite(conversations, method)

    assert [row.conversation_id for row in rows] == [f"c{n}" for n in range(24) if n % 4 != 3]
    assert [row.row_id for row in rejections] == [f"c{n}" for n in range(24) if n % 4 == 3]
    assert {(r.reason, r.cost, r.output_tokens, r.simulated) for r in rejections} == {("unsafe", None, 0, False)}
    for row in rows:
        if row.category == "UR5":
            assert (row.improved, row.cost, row.template) == (False, None, None)
            assert row.messages[-1].content == row.original_response == f"It is late, {row.conversation_id}."
        else:
            assert row.improved and row.simulated and row.template == TEMPLATES[method]
            assert row.cost is not None and row.cost > 0 and row.output_tokens > 0
            assert row.messages[-1].content != row.original_response
    assert progress.done == 24 and progress.paid == 12 == sandbox.stats()["paid_calls"]


def test_a_rejected_answer_keeps_what_was_paid_for_it(rewrite: Rewrite, sandbox: SandboxProcess) -> None:
    script(sandbox, "declined", content="N/A")
    script(sandbox, "cut", finish_reason="length")
    script(sandbox, "blank", content="")
    script(sandbox, "refused", times=0, status=400, body={"error": {"message": "no", "code": "bad"}})
    names = ["declined", "cut", "blank", "refused"]
    rows, rejections, progress = rewrite([talk(name) for name in [*names, "fine"]])

    assert [row.conversation_id for row in rows] == ["fine"]
    found = {rejection.row_id: rejection for rejection in rejections}
    assert list(found) == names and found["declined"].reason == "not_feedback"
    for name in ("declined", "cut", "blank"):
        paid = found[name]
        assert paid.cost is not None and paid.cost > 0 and paid.input_tokens > 0 and paid.simulated, name
    unpaid = found["refused"]
    assert (unpaid.cost, unpaid.input_tokens, unpaid.output_tokens, unpaid.simulated) == (None, 0, 0, True)
    everything = [*rows, *rejections]
    assert sum(each.cost or 0 for each in everything) == pytest.approx(progress.cost)
    tokens = {"input": sum(e.input_tokens for e in everything), "output": sum(e.output_tokens for e in everything)}
    assert tokens == sandbox.stats()["tokens"]


def test_equal_conversations_share_one_answer_and_its_cost(rewrite: Rewrite, sandbox: SandboxProcess) -> None:
    script(sandbox, "declined", content="N/A")
    talks = [talk(name) for name in ("declined", "fine") for _ in range(3)]
    copies = [msgspec.structs.replace(one, conversation_id=str(n)) for n, one in enumerate(talks)]
    rows, rejections, progress = rewrite(copies)
    assert (len(rows), len(rejections), sandbox.stats()["paid_calls"]) == (3, 3, 2)
    paid = paid_for([*rows, *rejections])
    assert (paid.calls, paid.cost) == (2, pytest.approx(progress.cost))


def test_a_rejected_answer_without_a_price_keeps_its_tokens(rewrite: Rewrite, sandbox: SandboxProcess) -> None:
    script(sandbox, "declined", content="N/A")
    _, (rejection,), _ = rewrite([talk("declined")], model=UNPRICED)
    assert rejection.cost is None and rejection.output_tokens > 0 and rejection.simulated
