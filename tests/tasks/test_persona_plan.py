"""What a persona study is asked to do: who is compared with whom, and what cannot be is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redraft.errors import ConfigurationError
from tasks.judge_panel import panel_of
from tasks.persona_evaluation import own_pairs
from tasks.persona_plan import BASE, PersonaPlan, arms_of, remark_of_gate
from tasks.session import CallOptions


def plan_of(personas: Any = "collaborative", prompts: Any = "", **changed: Any) -> PersonaPlan:
    generating = {"count": 10, "words": None, "scenarios_model": (), "documents_model": (), "responses_model": (),
                  "mixing": True, "min_score": None, "regenerate": 2, "seed": 0}  # fmt: skip
    asked: dict[str, Any] = {
        "model": "together:x/base", "also": (), "judges": tuple(panel_of("j/a")), "gate_judge": "j/gate",
        "trait_judges": tuple(panel_of("j/a", kind="traits")), "output": "out", "evaluation_prompts": "",
        "plain_prompts": "", "test_size": 30, "under": "auto", "system_prompts": "persona", "epochs": 3,
        "learning_rate": 1e-5, "lora": True, "training_budget": None, "ask_above": None, "jobs_at_once": 4,
        "allow_lost_rows": False, "max_rejected": 0.2, "max_missing": 0.05, "serve": False, "calls": CallOptions(),
        "check_interval": 1.0, "credentials": None, "generating": generating, **changed,
    }  # fmt: skip
    return PersonaPlan(arms=tuple(arms_of(personas, prompts, None)), **asked)


def test_two_prompts_of_one_persona_share_documents_traits_and_criteria(tmp_path: Path) -> None:
    files = [tmp_path / "warm.txt", tmp_path / "cool.txt"]
    for file in files:
        file.write_text(f"Answer in the way of {file.stem}.")
    plan = plan_of("collaborative", [str(one) for one in files])
    warm, cool = plan.arms
    assert [one.name for one in plan.arms] == ["collaborative-warm", "collaborative-cool"]
    assert warm.axes.digest == cool.axes.digest and warm.persona.digest != cool.persona.digest
    assert plan.pairs == [(warm.name, BASE), (cool.name, BASE), (warm.name, cool.name)]
    assert [pair for _, pair in own_pairs(plan)] == plan.pairs and len(plan.rubric.traits) == 5
    assert plan.evaluate_with == "none" and plan.system_prompt == ""


def test_two_personas_are_scored_on_all_traits_and_compared_with_the_base_by_their_own() -> None:
    plan = plan_of(["collaborative", "analytical"])
    assert len(plan.rubric.traits) == 10 and len(set(plan.rubric.names)) == 10
    pairs = own_pairs(plan)
    assert [pair for _, pair in pairs] == [("collaborative", BASE), ("analytical", BASE)]
    first, second = (judges[0].criteria for judges, _ in pairs)
    assert "Inquisitive:" in first.listed and "Inquisitive:" not in second.listed and "Formal:" in second.listed
    assert pairs[0][0][0].template != pairs[1][0][0].template, "answers are not taken for those to another question"
    assert plan.pairs[-1] == ("collaborative", "analytical")


def test_one_persona_is_tested_under_its_prompt_unless_told_otherwise() -> None:
    assert plan_of().system_prompt == plan_of().arms[0].persona.system_prompt != ""
    assert plan_of(under="none").system_prompt == ""


def test_who_chooses_the_rows_and_judges_the_models_is_remarked() -> None:
    assert remark_of_gate(plan_of()) == "" == remark_of_gate(plan_of(gate_judge=""))
    assert "j/a chooses the training rows" in remark_of_gate(plan_of(gate_judge="j/a"))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"test_size": 0}, "--test-size 0"),
        ({"also": ("together:x/base",)}, "together:x/base stands twice"),
        ({"generating": {"min_score": 11, "regenerate": 2}}, "--min-score 11"),
        ({"learning_rate": 2.0}, "learning rate"),
        ({"jobs_at_once": 0}, "jobs at once 0"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        plan_of(**changed)


def test_personas_and_prompts_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="2 personas and 3 system prompts"):
        arms_of(["collaborative", "analytical"], ["a", "b", "c"], None)
    with pytest.raises(ConfigurationError, match="two of the personas are the same"):
        arms_of(["collaborative", "collaborative"], "", None)
    with pytest.raises(ConfigurationError, match="no persona is named"):
        arms_of([], "", None)
