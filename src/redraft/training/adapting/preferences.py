"""Who does which kind of plan that learns from preferences.

Neighbours: `preference_plans` names the kinds, `process` begins and ends the run.
"""

from __future__ import annotations

from redraft.training.adapting.dpo import train_dpo
from redraft.training.adapting.exchange import Judge
from redraft.training.adapting.preference_plans import DpoPlan, RewardPlan, RlPlan
from redraft.training.adapting.reward import train_reward
from redraft.training.adapting.rl import train_rl
from redraft.training.adapting.running import Run, joined

PreferencePlan = RewardPlan | DpoPlan | RlPlan


def learn(run: Run, plan: PreferencePlan, judge: Judge | None = None) -> None:
    """Does what is planned, into `model/` of the run; `judge` rates what is written in reinforcement learning, without
    one whoever watches a `judged` run does. Raises as those that do it."""
    world = joined(plan.settings.device, 1)
    if isinstance(plan, RewardPlan):
        train_reward(run, plan, world)
    elif isinstance(plan, DpoPlan):
        train_dpo(run, plan, world)
    else:
        train_rl(run, plan, world, judge)
