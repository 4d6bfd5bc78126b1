"""Which models are ranked and who meets whom, from what a user names."""

from __future__ import annotations

import pytest

from redraft.errors import ConfigurationError
from redraft.judging.leaderboard.drawing import Drawing
from tasks.board_plan import BoardPlan


def test_a_baseline_is_one_of_the_models() -> None:
    plan = BoardPlan.of(["together:x/a", "x/b"], "x/c", None, 3)
    assert plan.models == ["x/a", "x/b", "x/c"] and plan.drawing(5) == Drawing(models=3, baseline=2)
    assert BoardPlan.of(["x/a", "x/b"], "x/b", None, 0).models == ["x/a", "x/b"]
    facts = plan.facts(plan.drawing(5), 5)
    assert facts["pairs"] == "each model against x/c on every context" and facts["comparisons"] == 10


def test_pairs_are_all_or_drawn() -> None:
    models = [f"x/{number}" for number in range(8)]
    assert BoardPlan.of(models, None, "all", 3).drawing(5) == Drawing(models=8)
    drawn = BoardPlan.of(models, None, None, 3)
    assert drawn.drawing(5) == Drawing(models=8, each=8, seed=3)
    assert drawn.facts(drawn.drawing(5), 5)["pairs"] == "8 of 28 pairs drawn for each context, balanced"


@pytest.mark.parametrize(
    ("models", "baseline", "seed", "why"),
    [
        ([], None, 0, "no model is named; name two or more"),
        (["x/a"], None, 0, "x/a alone cannot be ranked; name two models or more"),
        (["x/a"], "together:x/a", 0, "x/a alone cannot be ranked"),
        (["x/a", "x/b", "together:x/a"], None, 0, "x/a stands twice; name each model once"),
        (["x/a", "x/b"], None, -1, "--seed -1: must be 0 or more"),
    ],
)
def test_what_cannot_be_ranked_is_refused(models: list[str], baseline: str | None, seed: int, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        BoardPlan.of(models, baseline, None, seed)
