"""Which models are ranked, and who meets whom, from what a user names; refused in one line before anything is paid.

Neighbours: `judge_board` carries it out, `redraft.judging.leaderboard.drawing` draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from redraft.errors import ConfigurationError
from redraft.judging.leaderboard.drawing import Drawing, plan_drawing
from redraft.providers.endpoints import canonical

# Pairs on each context, as a flow takes them.
Pairs = Literal["all"] | Annotated[int, Field(ge=1)]


class BoardPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The models by their canonical names; `baseline` is one of them. `pairs` None leaves it to redraft, 0 is all."""

    models: list[str]
    baseline: str | None
    pairs: int | None
    seed: int

    @classmethod
    def of(cls, models: Sequence[str], baseline: str | None, pairs: Pairs | None, seed: int) -> BoardPlan:
        """ConfigurationError for fewer than two models, one that stands twice, a seed below 0."""
        named = [canonical(one) for one in models]
        if twice := sorted({one for one in named if named.count(one) > 1}):
            raise ConfigurationError(f"{', '.join(twice)} stands twice; name each model once")
        against = None if baseline is None else canonical(baseline)
        if against is not None and against not in named:
            named.append(against)
        if not named:
            raise ConfigurationError("no model is named; name two or more")
        if len(named) < 2:
            raise ConfigurationError(f"{named[0]} alone cannot be ranked; name two models or more")
        if seed < 0:
            raise ConfigurationError(f"--seed {seed}: must be 0 or more")
        return cls(models=named, baseline=against, pairs=0 if pairs == "all" else pairs, seed=seed)

    def drawing(self, contexts: int) -> Drawing:
        """Who meets whom on so many contexts. ConfigurationError where the pairs asked for cannot be had, or cannot
        connect the models."""
        baseline = None if self.baseline is None else self.models.index(self.baseline)
        return plan_drawing(len(self.models), contexts, self.pairs, seed=self.seed, baseline=baseline)

    def facts(self, drawing: Drawing, contexts: int) -> dict[str, Any]:
        """What results.json and the report say of it."""
        every = len(self.models) * (len(self.models) - 1) // 2
        how = "all pairs on every context"
        if self.baseline is not None:
            how = f"each model against {self.baseline} on every context"
        elif drawing.drawn:
            how = f"{drawing.per_context} of {every} pairs drawn for each context, balanced"
        return {
            "models": self.models,
            "baseline": self.baseline,
            "pairs": how,
            "comparisons": drawing.per_context * contexts,
            "seed": self.seed,
        }
