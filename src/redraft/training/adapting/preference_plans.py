"""What runs that learn from preferences do: kinds of plans beside those of `plans`, whose fields they share.

Rows are `{"prompt", "chosen", "rejected"}`: two outputs to one prompt, with what ends them, as completions have it;
all rows of a `group`, where they have one, are held out together.
Neighbours: `pairs` reads them, `reward`, `dpo` and `rl` do what is planned.
"""

from __future__ import annotations

from redraft.errors import ConfigurationError
from redraft.training.adapting.bases import is_adapter
from redraft.training.adapting.plans import ModelPlan, PlannedRows
from redraft.training.adapting.preference_settings import DpoSettings, RewardSettings, RlSettings


class RewardPlan(ModelPlan, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="reward"):
    """A reward model is trained: to a prompt and an output it gives a number, higher for what is preferred. Without
    `held_out` a share of the prompts, in whole groups, is held out of `rows`. `model` may also be an adapter's
    folder: then it starts with the model that the adapter belongs to, and not with the adapter."""

    held_out: PlannedRows | None = None
    settings: RewardSettings = RewardSettings()


class DpoPlan(ModelPlan, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="dpo"):
    """An adapter, `model`, is trained on from preferences; what it was is what it is held to."""

    held_out: PlannedRows | None = None
    settings: DpoSettings = DpoSettings()


class RlPlan(ModelPlan, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rl"):
    """An adapter, `model`, is trained on from its own outputs to rows `{"prompt"}`, by the rewards that the model in
    the folder `reward` gives them: `model/` of a run that trained one. `judged`: it asks for a judge's ratings through
    files of its folder, which whoever watches the run answers."""

    reward: str
    judged: bool = False
    settings: RlSettings


def require_adapter(plan: DpoPlan | RlPlan) -> None:
    """Raises ConfigurationError where the plan's model is no adapter's folder."""
    if not is_adapter(plan.model):
        raise ConfigurationError(f"{plan.model}: no adapter; give model/ of a run that trained one (kind lora)")
