"""Everything that is said of one pair of models by one judge, of several judges together, and of a study.

Records only. Neighbours: `verdict` fills them, `results` stores them, `report` shows them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from redraft.judging.folding import Tally
from redraft.judging.human_check import HumanCheck
from redraft.judging.mechanism import Mechanism
from redraft.judging.multiplicity import Correction
from redraft.judging.panel import Panel
from redraft.judging.screening import Screening
from redraft.judging.seeds import Pooled
from redraft.judging.settings import Decision, Settings, VerdictCode
from redraft.judging.stopping import Look

__all__ = [
    "Canaries", "Decision", "Earlier", "LengthBin", "Lengths", "PanelSummary", "Picks", "Settings", "StudySummary",
    "Summary", "VerdictCode",
]  # fmt: skip


class LengthBin(msgspec.Struct, frozen=True, kw_only=True):
    """Contexts in which A's answer was `shortest` to `longest` times as long as B's: A's win rate there, with Tango's
    interval, over `n` contexts with a verdict."""

    shortest: float
    longest: float
    n: int
    win_rate: float
    low: float
    high: float


class Lengths(msgspec.Struct, frozen=True, kw_only=True):
    """Mean characters of both models' responses, and how often the longer one won where one won.

    `bins` divide the contexts by how much longer A's answer is, into equal numbers; empty where they are few.
    """

    mean_a: float
    mean_b: float
    longer_won: int
    decided: int
    bins: tuple[LengthBin, ...] = ()


class Picks(msgspec.Struct, frozen=True, kw_only=True):
    """Usable judgments (not contexts) by what was picked: the answer shown first, the second, neither."""

    first: int
    second: int
    neither: int


class Canaries(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of canary put to a judge: of `asked` judgments the canary `won`, lost, was tied; `unusable` were none.

    `safe` says whether this is what a judge should do; `meaning` says in a line what was shown and found.
    """

    judge: str
    kind: str
    asked: int
    won: int
    tied: int
    lost: int
    unusable: int
    safe: bool
    meaning: str = ""


class Earlier(msgspec.Struct, frozen=True):
    """A verdict on the same two models by the same judge that stood in the same folder before: that somebody may have
    looked at, and gone on for what it showed."""

    contexts: int
    verdict: VerdictCode


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers and words about one comparison of two models by one judge, from model A's side.

    `win_rate` counts ties one half; `low`..`high` is its Tango interval. `worst`..`best` are the win rates if
    every missing verdict went against, or to, A. `with_single` adds contexts with one usable order to the rate.
    `p_adjusted` stands where the comparison is one of several, `p_adjusted_worst` and `p_adjusted_best` are the same
    had every missing verdict of this pair gone against, or to, A. `detectable` is the smallest win rate that so
    many contexts would probably notice, `more_contexts` how many more a gap like this one needs. Where contexts are
    grouped, interval and p-values allow for the `clusters`, of which the largest has `largest_cluster` contexts, by
    Student's t with `freedom` degrees; `design_effect` contexts tell as much as one, and `underdispersion` is below 1
    where the clusters differ less than chance would make them (`clustered`). Then `more_contexts` are those of
    `more_groups` further clusters like these; both None for a single one. `cost` is in US dollars, None
    where a price is unknown. `accused_*` count responses said to give the judge instructions. `answered_models` are
    those that answered as the judge, in all pairs of the study.

    Beside these, None or empty where nothing is known: `lengths`, the slots that were picked, `mechanism` (length and
    format), `screening` (answers that play to the judge), `people` (labels of people, and in `people_said` what they
    change). `log_e` is ln E against "neither is better" (`anytime.log_e_value`; of the signs of groups, where there
    are any). Where `earlier` is not empty, the run was looked at without a plan: the interval holds at any look, the
    verdict by E, and `p_mid`, `p_exact` and `p_adjusted` know nothing of it. With planned `looks` the interval is the
    repeated one of the last look, and `p_mid` knows nothing of them.
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
    picks: Picks | None = None
    mechanism: Mechanism | None = None
    screening: Screening | None = None
    people: HumanCheck | None = None
    people_said: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    log_e: float | None = None
    design_effect: float = 1.0
    clusters: int | None = None
    largest_cluster: int | None = None
    freedom: float | None = None
    underdispersion: float = 1.0
    more_groups: int | None = None
    p_adjusted_worst: float | None = None
    p_adjusted_best: float | None = None
    verdict: VerdictCode = "undecided"
    favours: Literal["A", "B"] | None = None
    note: str = ""
    sentence: str = ""
    explanation: str = ""
    frequencies: str = ""
    caveats: tuple[str, ...] = ()


class PanelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What several judges say together of one pair of models, in numbers and words; the judges' own are beside it.

    `p_adjusted`, `p_adjusted_worst` and `p_adjusted_best` as in `Summary`.
    """

    model_a: str
    model_b: str
    panel: Panel
    p_adjusted: float | None = None
    earlier: tuple[Earlier, ...] = ()
    log_e: float | None = None
    p_adjusted_worst: float | None = None
    p_adjusted_best: float | None = None
    verdict: VerdictCode = "undecided"
    favours: Literal["A", "B"] | None = None
    note: str = ""
    sentence: str = ""
    explanation: str = ""
    frequencies: str = ""
    caveats: tuple[str, ...] = ()


class StudySummary(msgspec.Struct, frozen=True, kw_only=True):
    """All pairs of a study, one summary for each pair and judge; with several judges a panel for each pair.

    Where there are several pairs, `correction` (of the only judge) and in `conclusion` what they say together.
    `over_seeds` has the pairs of arms that were trained more than once, one for each judge.
    """

    pairs: tuple[Summary, ...]
    settings: Settings
    correction: Correction | None = None
    conclusion: str = ""
    panels: tuple[PanelSummary, ...] = ()
    canaries: tuple[Canaries, ...] = ()
    over_seeds: tuple[Pooled, ...] = ()

    @property
    def simulated(self) -> bool:
        return self.settings.simulated or any(pair.simulated for pair in self.pairs)

    @property
    def judges(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(pair.judge for pair in self.pairs))
