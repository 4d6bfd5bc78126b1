"""Who judges and when to look, from what a user names: refused in a line before anything is paid, told in results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.train_model import evaluation_of
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError, InputError, PartialError
from redraft.feedback.contexts import last_contexts
from redraft.judging.judges import MAX_TOKENS
from tasks.comparison import added_up
from tasks.judge_pair import folders_of
from tasks.judge_panel import JUDGE, panel_facts, panel_of
from tasks.look_portions import Looking, keep_looks, planned_looks
from tasks.verdict_files import require_verdicts

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"


def test_a_panel_is_each_judge_once_with_the_user_s_texts(tmp_path: Path) -> None:
    assert [one.model for one in panel_of("together:a/b")] == ["a/b"] and panel_of(JUDGE)[0].max_tokens == MAX_TOKENS
    for judges in ([], ["a/b", "together:a/b"], ["nobody:x"]):
        with pytest.raises(ConfigurationError):
            panel_of(judges)
    with pytest.raises(ConfigurationError, match=r"none\.toml: no such file"):
        panel_of("a/b", criteria=str(tmp_path / "none.toml"))
    with pytest.raises(ConfigurationError, match="criteria belong to comparisons"):
        panel_of("a/b", criteria="helpful@1", kind="traits")
    thinking = panel_of(["a/b", "c/d"], effort="high")
    assert {one.effort for one in thinking} == {"high"} and thinking[0].max_tokens > MAX_TOKENS


def test_facts_of_a_panel_say_once_what_is_the_same_for_all() -> None:
    told = panel_facts(panel_of(["a/b", "anthropic:claude-x"]), ["m1"])
    assert told["judge"] == ["a/b", "anthropic:claude-x"] and told["judge_template"] == "pairwise@1"
    assert told["temperature"] == {"m1": 0.0, "a/b": 0.0, "anthropic:claude-x": None}
    assert [remark.split()[0] for remark in told["judge_remarks"]] == ["anthropic:claude-x"]
    alone = panel_facts(panel_of("a/b"), ["m1"])
    assert alone["judge"] == "a/b" and "judge_remarks" not in alone


def test_an_evaluation_named_beside_a_training_keeps_the_judge_s_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text('format = "redraft.criteria@1"\nname = "m"\nversion = 1\ncriteria = ["Short."]\n')
    named = {
        "conversations": str(SAMPLE),
        "judge": ["a/b", "c/d"],
        "criteria": "mine.toml",
        "judge_prompt": "pairwise@1",
    }
    kept = evaluation_of({**named, "looks": "3"})
    assert kept == {**named, "looks": "3", "criteria": str(tmp_path / "mine.toml")}, "it runs in another folder"
    for wrong in ({"criteria": "gone.toml"}, {"judge": ["a/b", "a/b"]}, {"looks": "often"}, {"judge_effort": "some"}):
        with pytest.raises(ConfigurationError):
            evaluation_of({**named, **wrong})


@pytest.fixture
def contexts(tmp_path: Path) -> Dataset:
    return last_contexts(SAMPLE, tmp_path / "contexts", 30)


def test_a_plan_is_kept_and_not_changed_on_the_way(tmp_path: Path, contexts: Dataset) -> None:
    out, panel, models = tmp_path / "out", panel_of("a/b"), ["m1", "m2"]

    def plan(looks: Any, futility: float = 0.1, seed: int = 0, data: Dataset = contexts, **more: Any) -> Looking | None:
        asked = {"models": models, "panel": panel, **more}
        return planned_looks(looks, data, output=out, rate=0.57, futility=futility, seed=seed, **asked)

    first = plan(3)
    assert first is not None and first.due == [10, 20, 30] and plan(None) is None
    assert plan(2) is not None, "before anything was judged it may be changed"
    keep_looks(out, first)
    assert plan(3) == first and plan([1 / 3, 2 / 3, 1.0]) is not None
    assert plan(3, futility=0) is not None, "the boundaries do not count on futility"
    for changed, named in (
        ({"looks": 2}, "after 15, 30, seed 0"), ({"looks": 3, "seed": 1}, "seed 1"), ({"looks": None}, "without looks"),
        ({"looks": 3, "data": last_contexts(SAMPLE, tmp_path / "others", 30)}, ""),
    ):  # fmt: skip
        if not named:
            assert plan(**changed) == first, "equal contexts elsewhere are the same"
            continue
        with pytest.raises(ConfigurationError, match=f"begun with looks after 10, 20, 30 .*{named}.* another output"):
            plan(**changed)
    with pytest.raises(ConfigurationError, match="on other contexts"):
        plan(3, data=Dataset(contexts.path, {**contexts.manifest, "content_hash": "x"}, contexts.shards))
    for other in ({"models": ["m1", "m3"]}, {"panel": panel_of("a/b", effort="high")}):
        assert plan(2, **other) is not None, "another question is no change of the plan"
    assert first.weak.startswith("30 contexts would find a win rate of 57% in about ") and first.weak in first.ahead
    strong = planned_looks(3, contexts, models, panel, tmp_path / "strong", rate=0.8, futility=0, seed=0)
    assert strong is not None and strong.weak == ""
    (out / "looks" / "plan.json").write_text("{")
    with pytest.raises(InputError, match=r"plan\.json: damaged"):
        plan(3)


def test_judges_of_similar_names_have_folders_of_their_own() -> None:
    panel = panel_of(["a/first", "x/judge-1", "x/Judge_1", "x/judge 1"])
    assert folders_of("out/judgments", panel) == [
        "out/judgments", "out/judgments-x-judge-1", "out/judgments-x-judge-1-2", "out/judgments-x-judge-1-3",
    ]  # fmt: skip
    assert folders_of("", panel) == [""] * 4


def test_missing_verdicts_count_by_share_and_over_all_judges() -> None:
    def row(missing: int, contexts: int) -> dict[str, Any]:
        return {"no verdict": missing, "contexts": contexts, "why": "refused"}

    require_verdicts({"table": [row(5, 100), row(1, 20)], "together": [row(5, 100)]}, 0.05)
    require_verdicts({"table": [], "together": []}, 0.0)
    with pytest.raises(PartialError, match="2 of 20 contexts have no verdict"):
        require_verdicts({"table": [row(4, 100), row(2, 20)], "together": []}, 0.05)
    with pytest.raises(PartialError, match="10 of 100 contexts lack a verdict of one judge at least"):
        require_verdicts({"table": [row(5, 100), row(5, 100)], "together": [row(10, 100)]}, 0.05)


def test_looks_are_for_one_judge(tmp_path: Path, contexts: Dataset) -> None:
    with pytest.raises(ConfigurationError, match=r"looks are for one judge.*a/b and c/d"):
        planned_looks(3, contexts, ["m1", "m2"], panel_of(["a/b", "c/d"]), tmp_path, rate=0.57, futility=0, seed=0)


def test_costs_of_portions_add_up_and_an_unknown_price_stays_unknown() -> None:
    def row(stage: str, model: str, cost: float | None) -> dict[str, Any]:
        return {"stage": stage, "model": model, "calls": 2, "input_tokens": 3, "output_tokens": 5, "cost": cost,
                "simulated": False}  # fmt: skip

    rows = added_up(
        [row("answers", "a", 1.0), row("judging", "j", None), row("answers", "a", 0.5), row("judging", "j", 1)]
    )
    assert [(one["stage"], one["calls"], one["output_tokens"], one["cost"]) for one in rows] == [
        ("answers", 4, 10, 1.5), ("judging", 4, 10, None)
    ]  # fmt: skip
