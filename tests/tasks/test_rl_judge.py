"""The judge beside reinforcement learning: both orders, nothing asked twice, and its faults end no training."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.calling.engine import Caller
from redraft.calling.plan import CallPlan
from redraft.errors import ConfigurationError
from redraft.judging.folding import fold_judgments
from redraft.judging.judges import Judge, make_judge
from redraft.judging.stage import judge_comparisons
from redraft.records import Comparison, Conversation, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.adapting.exchange import FOLDER, open_questions
from tasks import rl_judge
from tasks.rl_judge import LORA, RL, Judged, judge_rollouts, judged_in
from tasks.showing import current_progress

OUTPUTS = ("lol yes", "nope", "the same", "", "who knows", "of no example")
REFERENCE = "the same"
RATED = {"win": 1.0, "tie": 0.5, "loss": 0.0, "unusable": None}


def judge() -> Judge:
    return make_judge("meta-llama/Llama-3.3-70B-Instruct-Turbo", prompt="imitation@1", criteria="imitating@1")


def context(number: int) -> Conversation:
    return Conversation(conversation_id=f"e{number}", messages=(Message("user", f"A: hello {number}"),))


REFERENCES = {f"prompt {number}": (context(number), REFERENCE) for number in range(len(OUTPUTS) - 1)}


def ask_about(folder: Path, step: int, outputs: Sequence[str] = OUTPUTS) -> None:
    rows = [{"prompt": f"prompt {place}", "output": f" {text}<SEP>"} for place, text in enumerate(outputs)]
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / FOLDER / f"asked-{step}.json").write_bytes(msgspec.json.encode({"step": step, "rows": rows}))


def said(folder: Path, step: int) -> list[float | None]:
    return msgspec.json.decode((folder / FOLDER / f"said-{step}.json").read_bytes())["ratings"]


async def judged(folder: Path) -> None:
    """Until nothing is open."""
    async with asyncio.timeout(30):
        await judge_rollouts(folder, judge(), REFERENCES, lambda: not open_questions(folder))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(rl_judge, "_warn", lines.append)
    return lines


def test_a_rating_is_the_folded_verdict_beside_what_was_written_before(
    ask: Any, tmp_path: Path, sandbox: SandboxProcess, told: list[str]
) -> None:
    ask_about(tmp_path, 1)
    ask_about(tmp_path, 6, OUTPUTS[:2])

    async def run(caller: Caller) -> dict[int, float | None]:
        await judged(tmp_path)
        found: dict[int, float | None] = {}
        for number in (0, 1, 4):
            one = Comparison(
                context_id=f"e{number}", context=context(number).messages, model_a=RL, model_b=LORA,
                response_a=OUTPUTS[number], response_b=REFERENCE,
            )  # fmt: skip
            both = await judge_comparisons([one], judge(), caller, current_progress())
            (fold,) = fold_judgments(both).values()
            found[number] = RATED[fold.label]
        return found

    expected = ask(run)
    assert said(tmp_path, 1) == [expected[0], expected[1], 0.5, 0.0, expected[4], None]
    assert len(set(expected.values())) > 1 and said(tmp_path, 6) == [expected[0], expected[1]]
    assert told == ["step 1: 1 of 6 outputs have no rating: nothing stands against it"]
    # What reads the same, and what is empty, needs no judge; what was asked before is not paid again.
    assert sandbox.stats()["distinct_contents"] == 2 * len(expected)
    first, second = judged_in(tmp_path)
    assert (first.outputs, first.rated, second.rated, first.simulated) == (6, 5, 2, True)
    assert first.calls >= 6 and first.cost is not None and first.cost > 0


def test_what_was_said_is_left(ask: Any, tmp_path: Path, sandbox: SandboxProcess) -> None:
    ask_about(tmp_path, 1)
    (tmp_path / FOLDER / "said-1.json").write_text('{"ratings": [1, 1, 1, 1, 1, 1]}')

    async def run(_: Caller) -> None:
        await judged(tmp_path)

    ask(run)
    assert said(tmp_path, 1) == [1] * 6 and not sandbox.stats()["paid_calls"] and not judged_in(tmp_path)


def test_without_money_there_is_no_rating_and_the_reason_is_told_once(
    ask: Any, tmp_path: Path, sandbox: SandboxProcess, told: list[str]
) -> None:
    for step in (1, 6):
        ask_about(tmp_path, step, OUTPUTS[:2])

    async def run(_: Caller) -> None:
        await judged(tmp_path)

    ask(run, CallPlan(budget=0.0, scope="rl"))
    assert said(tmp_path, 1) == said(tmp_path, 6) == [None, None] and not sandbox.stats()["paid_calls"]
    assert told == [
        "step 1: 2 of 2 outputs have no rating: the budget is used up, and the training goes on without a judge"
    ]


def test_a_judge_that_cannot_be_asked_ends_nothing(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> Caller:
        raise ConfigurationError("no key")

    monkeypatch.setattr(rl_judge, "current_caller", refused)
    for step in (1, 6):
        ask_about(tmp_path, step, OUTPUTS[:2])
    asyncio.run(judged(tmp_path))
    assert said(tmp_path, 1) == said(tmp_path, 6) == [None, None]
    assert told == ["step 1: 2 of 2 outputs have no rating: no key"]
    none = Judged(outputs=2, rated=0, missing={"no key": 2}, calls=0, cost=0.0, simulated=False)
    assert judged_in(tmp_path) == [none, none]


@pytest.mark.parametrize("fault", [None, ValueError("the registry is gone")])
def test_it_ends_with_the_training(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    class Order:
        key = "k"

    class Wish:
        name = "one"
        order = Order

    async def found(key: str, over: asyncio.Event) -> Path:
        if fault:
            raise fault
        return tmp_path

    async def train(wish: Any) -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"state": "completed"}

    monkeypatch.setattr(rl_judge, "_run_folder", found)
    monkeypatch.setattr(rl_judge, "train_on_this_machine", train)
    wish: Any = Wish()

    async def run() -> dict[str, Any]:
        async with asyncio.timeout(10):
            return await rl_judge.train_beside_judge(wish, judge(), {})

    assert asyncio.run(run()) == {"state": "completed"}
    assert bool(told) == bool(fault)
