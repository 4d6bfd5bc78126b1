"""What a persona study's trainings will cost, and that the study on a schedule can be paid as it is shipped."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from prefect.logging import disable_run_logger

from flows.build_persona import build_persona
from redraft.calling.engine import Caller
from redraft.calling.estimating import ASSUMED_OUTPUT
from redraft.calling.ledger import Entry
from redraft.documents import responding
from redraft.records import Completion
from tasks.judge_panel import panel_of
from tasks.persona_plan import PersonaPlan, arms_of, require_persona_askable
from tasks.persona_training import price_personas
from tasks.session import CallOptions

ROOT = Path(__file__).resolve().parents[2]
Ask = Callable[..., Any]
MODEL = "x/responds"


def plan_of(folder: Path, **given: Any) -> PersonaPlan:
    """The plan that the flow makes of these parameters and its defaults."""
    asked = {name: one.default for name, one in signature(build_persona.fn).parameters.items()}
    asked |= {**given, "output": str(folder / "out")}
    judges = tuple(panel_of(asked["judge"]))
    named = ("count", "words", "scenarios_model", "documents_model", "responses_model", "mixing", "min_score",
             "regenerate", "seed")  # fmt: skip
    made: dict[str, Any] = {
        "arms": tuple(arms_of(asked["persona"], asked["system_prompt"], asked["words"])), "judges": judges,
        "trait_judges": tuple(panel_of(asked["judge"], kind="traits")), "gate_judge": judges[0].model,
        "under": asked["evaluate_with"], "generating": {name: asked[name] for name in named},
        "calls": CallOptions(budget=asked["budget"]),
    }  # fmt: skip
    fields = PersonaPlan.__struct_fields__
    return PersonaPlan(**{name: made.get(name, asked.get(name)) for name in fields})


def test_the_weekly_deployment_can_be_paid_as_it_is_shipped(ask: Ask, tmp_path: Path) -> None:
    """With the flow's own models, of which some have no price."""
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    (weekly,) = [one["parameters"] for one in declared if one["name"] == "weekly"]
    plan = plan_of(tmp_path, **weekly, responses_model=(MODEL,))  # named, so that no block is looked for

    async def begin(_: Caller) -> None:
        with disable_run_logger():
            await require_persona_askable(plan)
        trainings = await price_personas.fn(plan)
        assert trainings.count == 1 and trainings.cost is not None
        trainings.require_agreed(plan)

    ask(begin, plan.calls.plan("", plan.work))


def test_responses_that_were_given_before_tell_how_long_those_to_train_on_will_be(ask: Ask, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, count=100, responses_model=(MODEL,))

    async def priced(caller: Caller) -> tuple[int, int]:
        before = await price_personas.fn(plan)
        assert before.assumed == ASSUMED_OUTPUT and f"taken for {ASSUMED_OUTPUT} tokens" in str(before)
        completion = Completion(
            request_key="k", text="Let us look.", model=MODEL, answered_model=MODEL, provider="together",
            finish_reason="stop", input_tokens=9, output_tokens=205, cost=0.1, latency=1.0, attempts=1,
            created_at="2026-11-20T00:00:00", simulated=False,
        )  # fmt: skip
        endpoint = (await caller.endpoint(MODEL)).name
        for number in range(5):
            outcome = msgspec.structs.replace(completion, request_key=f"k{number}")
            await caller.ledger.keep(
                Entry(outcome=outcome, provider="together", endpoint=endpoint, stage=responding.STAGE)
            )
        after = await price_personas.fn(plan)
        assert after.assumed is None and after.most_tokens == before.most_tokens
        return before.tokens, after.tokens

    before, after = ask(priced)
    assert before - after == pytest.approx(100 * 3 * (ASSUMED_OUTPUT - 205), abs=3), "in three epochs"
