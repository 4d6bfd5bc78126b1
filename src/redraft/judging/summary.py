"""The settings of a verdict and everything that is said of one pair of models, or of a study of several.

Records only. Neighbours: `verdict` fills them, `results` stores them, `report` shows them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from redraft.judging.folding import Tally
from redraft.judging.multiplicity import Correction
from redraft.judging.seeds import Pooled

VerdictCode = Literal[
    "clearly_better", "better", "borderline", "no_difference", "undecided", "not_enough", "not_poolable"
]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict depends on beside the judgments; stored with the results.

    Shares lie in [0, 1]. A win rate within `rope` counts as no meaningful difference. More than `max_missing`
    of the contexts without a verdict, or fewer than `min_contexts` with one, block a verdict. `one_training_run`
    says that a compared model comes from a single training run. `baseline` is the untrained model of a study.
    `labels` are short names to show in place of models' names. `arms` says of which arm a model is a training
    run, where several are to be counted together. `simulated` says that the sandbox gave the answers, whatever the
    judge was.
    """

    confidence: float = 0.95
    rope: tuple[float, float] = (0.45, 0.55)
    max_missing: float = 0.05
    min_contexts: int = 20
    power: float = 0.8
    one_training_run: bool = False
    baseline: str = ""
    labels: dict[str, str] = {}
    arms: dict[str, str] = {}
    simulated: bool = False

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


class Lengths(msgspec.Struct, frozen=True, kw_only=True):
    """Mean characters of both models' responses, and how often the longer one won where one won."""

    mean_a: float
    mean_b: float
    longer_won: int
    decided: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers and words about one comparison of two models by one judge, from model A's side.

    `win_rate` counts ties one half; `low`..`high` is its Tango interval. `worst`..`best` are the win rates if
    every missing verdict went against, or to, A. `with_single` adds contexts with one usable order to the rate.
    `p_adjusted` stands where the comparison is one of several. `detectable` is the smallest win rate that so
    many contexts would probably notice, `more_contexts` how many more a gap like this one needs. `cost` is in
    US dollars, None where a price is unknown. `accused_*` count responses said to give the judge instructions.
    """

    model_a: str
    model_b: str
    judge: str
    tally: Tally
    n: int
    win_rate: float
    low: float
    high: float
    p_mid: float
    p_exact: float
    worst: float
    best: float
    with_single: float
    p_adjusted: float | None
    detectable: float | None
    more_contexts: int | None
    statuses: dict[str, int]
    lengths: Lengths | None
    accused_a: int
    accused_b: int
    answered_models: tuple[str, ...]
    templates: tuple[str, ...]
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    simulated: bool
    verdict: VerdictCode = "undecided"
    favours: Literal["A", "B"] | None = None
    note: str = ""
    sentence: str = ""
    explanation: str = ""
    frequencies: str = ""
    caveats: tuple[str, ...] = ()


class StudySummary(msgspec.Struct, frozen=True, kw_only=True):
    """All pairs of a study; where there are several, `correction`, and in `conclusion` what they say together.
    `over_seeds` has the pairs of arms that were trained more than once."""

    pairs: tuple[Summary, ...]
    settings: Settings
    correction: Correction | None = None
    conclusion: str = ""
    over_seeds: tuple[Pooled, ...] = ()

    @property
    def simulated(self) -> bool:
        return any(pair.simulated for pair in self.pairs)
