"""What a persona study is asked to do: who is compared with whom, and what cannot be is told at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import DatasetWriter
from redraft.documents.exporting import metadata_path, write_views
from redraft.errors import ConfigurationError
from redraft.records import Example, Message
from tasks.generation_ahead import evaluation_texts
from tasks.generation_plan import Chains, asked_digest
from tasks.judge_panel import panel_of
from tasks.persona_evaluation import own_pairs
from tasks.persona_plan import BASE, PersonaPlan, arms_of, remark_of_gate
from tasks.persona_report import by_traits, further
from tasks.persona_training import made_before
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
    boards = {name: {"sentence": "Can't tell."} for name in ("leaderboard-collaborative", "leaderboard-analytical")}
    told = [one["sentence"] for one in further(plan, {"verdicts": [], "details": []}, boards)]
    assert told == [f"Of all models, by the traits of {arm.name}: Can't tell." for arm in plan.arms]
    one = {"leaderboard": {"sentence": "Can't tell."}}
    assert [by for by, _ in by_traits(plan_of(), one)] == ["the traits"] and by_traits(plan_of(), {}) == []


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
        ({"gate_judge": "", "generating": {"min_score": 9.5, "regenerate": 2}}, "nobody scores the responses"),
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


def generated(plan: PersonaPlan, reason: str = "low_trait_score") -> None:
    """What a generation leaves where the study wants its data, as far as the study reads it."""
    (arm,) = plan.arms
    with DatasetWriter(Path(plan.data(arm)), "examples") as writer:
        writer.add(Example(
            conversation_id="s00001", messages=(Message("user", "A memo."), Message("assistant", "We see.")),
            category="", improved=False, generation_method="documents", original_response="",
            improvement_timestamp=None,
        ))  # fmt: skip
        made = writer.finish({})
    asked = plan.generating
    chains = Chains(**{name: asked[f"{name}_model"] for name in Chains.__struct_fields__})
    digest = asked_digest(
        arm.persona, chains, plan.gating(arm), evaluation_texts(plan.tested), count=asked["count"], seed=asked["seed"],
        move_on=plan.calls.move_on, system_prompts=plan.system_prompts,
    )  # fmt: skip
    stages = {"documents": {"count": 1, "reasons": {}}, "responses": {"count": 1, "reasons": {reason: 9}}}
    told = {"parameters": {"asked_digest": digest}, "dataset": {"content_hash": made.content_hash}, "stages": stages}
    write_views(made, told)


def test_data_that_are_there_count_only_where_all_that_decides_them_is_the_same(tmp_path: Path) -> None:
    """Else a dear training would be agreed to as if it were paid."""
    (tmp_path / "p.txt").write_text("Where am I wrong?")
    chains = {f"{name}_model": ("j/writer",) for name in Chains.__struct_fields__}
    generating = {**plan_of().generating, **chains}
    asked: dict[str, Any] = {"output": str(tmp_path / "out"), "generating": generating}
    plan = plan_of(**asked)
    generated(plan)

    def there(personas: Any = "collaborative", prompt: Any = "", **changed: Any) -> bool:
        other = plan_of(personas, prompt, **{**asked, **changed})
        return asyncio.run(made_before(other, other.arms[0])) is not None

    assert there() and there(under="none", training_budget=1.0, calls=CallOptions(rpm=9, mode="batch", budget=3.0))
    for name, other in (("seed", 1), ("count", 11), ("min_score", 6.0), ("regenerate", 3),
                        ("documents_model", ("j/other",)), ("responses_model", ("j/writer", "j/other"))):  # fmt: skip
        assert not there(generating={**generating, name: other}), name
    for changed in ({"gate_judge": ""}, {"system_prompts": "none"}, {"calls": CallOptions(move_on="faults")},
                    {"evaluation_prompts": str(tmp_path / "p.txt")}, {"plain_prompts": str(tmp_path / "p.txt")},
                    {"output": str(tmp_path / "other")}):  # fmt: skip
        assert not there(**changed), changed
    assert not there("collaborative", str(tmp_path / "p.txt")), "another system prompt"
    generated(plan, reason="timeout")
    assert not there(), "a rerun asks for the row again"
    generated(plan)
    metadata_path(Path(plan.data(plan.arms[0]))).write_text("[]")
    assert not there()
