"""What a verdict depends on beside the judgments, and the word it comes to.

Neighbours: `decision`, `panel` and `stopping` decide by these; `summary` stores them with the numbers.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from redraft.errors import ConfigurationError

VerdictCode = Literal[
    "clearly_better", "better", "borderline", "no_difference", "undecided", "not_enough", "not_poolable",
    "judges_disagree",
]  # fmt: skip


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict depends on beside the judgments; stored with the results.

    Shares lie in [0, 1]. A win rate within `rope` counts as no meaningful difference. More than `max_missing`
    of the contexts without a verdict, or fewer than `min_contexts` with one, block a verdict. `one_training_run`
    says that a compared model comes from a single training run. `baseline` is the untrained model of a study.
    `sequence` names pairs of models in the order in which their differences are tested at full alpha until one is not
    found; it holds only where it was declared before any answer was judged. Without it three arms get the closed test.
    `labels` are short names to show in place of models' names. `arms` says of which arm a model is a training run,
    where several are to be counted together. `cluster_by` says which groups make contexts dependent (a key of
    `groups.KINDS`), "" whichever the data name. `simulated` says that the sandbox gave the answers, whatever the judge
    was. ConfigurationError for a share that is none.
    """

    confidence: float = 0.95
    rope: tuple[float, float] = (0.45, 0.55)
    max_missing: float = 0.05
    min_contexts: int = 20
    power: float = 0.8
    one_training_run: bool = False
    baseline: str = ""
    sequence: tuple[tuple[str, str], ...] = ()
    labels: dict[str, str] = {}
    arms: dict[str, str] = {}
    cluster_by: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        low, high = self.rope
        # Written so that NaN, which compares as false with everything, is refused as well.
        if not (0 < self.confidence < 1 and 0 < self.power < 1):
            raise ConfigurationError(
                f"confidence {self.confidence} and power {self.power}: both lie between 0 and 1, without the ends"
            )
        if not 0 <= low <= 0.5 <= high <= 1:
            raise ConfigurationError(f"win rates from {low} to {high} are to be no difference; they go around 0.5")
        if not 0 <= self.max_missing <= 1:
            raise ConfigurationError(f"max_missing is {self.max_missing}; it is a share from 0 to 1")

    @property
    def alpha(self) -> float:
        return round(1 - self.confidence, 12)

    def label(self, model: str) -> str:
        return self.labels.get(model, model)


class Decision(msgspec.Struct, frozen=True):
    """A verdict word and the side it favours, where it favours one; `note` tells a borderline's cause."""

    code: VerdictCode
    favours: Literal["A", "B"] | None = None
    note: str = ""
