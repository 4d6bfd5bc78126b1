"""What a study was asked to do, in one hand, checked before anything is paid.

Neighbours: the flow `run_study` fills it from its parameters; the stages in `study_*` read it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import require_writable
from redraft.errors import ConfigurationError
from redraft.judging.judges import Judge
from redraft.judging.publishing import RESULTS
from redraft.judging.results import require_readable
from redraft.training.settings import TrainingSettings, settings_of
from tasks.session import CallOptions, require_prices_of_trained, require_reachable
from tasks.training_jobs import require_watched

ARMS = ("feedback", "alternative")
PAIRS = (("feedback", "base"), ("alternative", "base"), ("feedback", "alternative"))

Pair = tuple[str, str]


class StudyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The flow's parameters; `model` and `rewriter` with their providers, the judges as they are asked.

    Raises ConfigurationError for settings that no training could have.
    """

    input: str
    output: str
    model: str
    judges: tuple[Judge, ...]
    rewriter: str
    taxonomy: str
    test_share: float
    seed: int
    epochs: int
    learning_rate: float
    lora: bool
    seeds: int
    training_budget: float | None
    ask_above: float | None
    jobs_at_once: int
    max_conversations: int | None
    allow_lost_rows: bool
    max_rejected: float
    max_missing: float
    serve: bool
    calls: CallOptions
    check_interval: float
    credentials: str | None

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ConfigurationError(f"seeds {self.seeds}: each arm is trained at least once")
        require_watched(len(ARMS) * self.seeds, self.jobs_at_once, True)
        settings_of(self.training)

    @property
    def training(self) -> dict[str, Any]:
        """What all trainings share."""
        names = ("model", "epochs", "learning_rate", "lora")
        return {name: getattr(self, name) for name in names}

    @property
    def work(self) -> str:
        """Whose spending counts towards the budget."""
        return f"study:{Path(self.output).resolve()}"

    @property
    def pace(self) -> dict[str, Any]:
        return {name: getattr(self.calls, name) for name in ("rpm", "tpm", "delay", "in_flight", "mode")}

    @property
    def rewriting(self) -> dict[str, Any]:
        """Parameters of the flow rewrite-conversations, but for its input."""
        return {
            "output": f"{self.output}/rewritten", "method": "both", "model": self.rewriter,
            "fallback": self.calls.fallback, "move_on": self.calls.move_on, "taxonomy": self.taxonomy,
            "max_conversations": self.max_conversations, "max_rejected": self.max_rejected,
            "credentials": self.credentials, **self.pace,
        }  # fmt: skip

    @property
    def datasets(self) -> dict[str, str]:
        """Arm → the folder of its rewritten conversations."""
        return {arm: f"{self.output}/rewritten/{arm}" for arm in ARMS}

    @property
    def most_for_training(self) -> float | None:
        """US dollars that all trainings may cost: what was agreed to, or else what nobody need be asked about."""
        return self.ask_above if self.training_budget is None else self.training_budget

    def names_of(self, arm: str) -> list[str]:
        """What the arm's trained models are called: `feedback`, or `feedback-1` and so on."""
        return [arm] if self.seeds == 1 else [f"{arm}-{seed}" for seed in range(1, self.seeds + 1)]

    def settings_of(self, arm: str) -> dict[str, TrainingSettings]:
        """The settings of each of the arm's trainings, by the names of `names_of`."""
        return {
            name: settings_of({**self.training, "suffix": arm, "seed": None if self.seeds == 1 else seed})
            for seed, name in enumerate(self.names_of(arm), start=1)
        }

    @property
    def comparisons(self) -> list[Pair]:
        """What is compared, by names: each pair of arms once a seed; runs with the same seed with each other."""
        named = {arm: self.names_of(arm) for arm in ARMS} | {"base": ["base"] * self.seeds}
        return [(named[a][seed], named[b][seed]) for a, b in PAIRS for seed in range(self.seeds)]


async def require_askable(plan: StudyPlan) -> None:
    """Raises ConfigurationError for a missing key, or a price that a budget needs, and InputError for a folder that
    cannot be written. Sends nothing to a provider."""
    require_writable(Path(plan.output))
    require_readable(Path(plan.output) / RESULTS)
    await require_reachable(plan.rewriter, *(one.model for one in plan.judges), fallbacks=plan.calls.fallbacks)
    if not plan.serve:  # an endpoint is paid by the hour, not by the call
        require_prices_of_trained(plan.model, ARMS)
