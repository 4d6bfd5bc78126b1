"""The scores of a curriculum with their intervals, point by point, and how each phase moved them.

Measures come from `redraft.answering`, intervals from `redraft.judging`: neither may import the other, so both meet
here. Neighbours: `answering_sections` shows them, `answering_report` writes the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.answering.metrics import After, Prediction, values_of
from redraft.answering.predictions import POINTS, read_predictions
from redraft.datasets.curriculum_files import PHASES
from redraft.judging.clustered import ClusterCounts, Effective
from redraft.judging.paired import MeanEstimate, clustered_mean
from redraft.records import Phase

Array = NDArray[np.float64]
# Fewer groups than this tell little of how much groups differ: the report says so.
FEW_GROUPS = 20


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A mean in [0, 1] over `rows` predictions of `groups` articles, and its 95% interval, or None without one.

    `hits` counts the rows that have it, None for a measure between 0 and 1 (token F1).
    """

    value: float
    low: float | None
    high: float | None
    rows: int
    groups: int
    hits: int | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How a mean moved between two points on the same `rows` questions, in [-1, 1], with its 95% interval.

    `gained` rows went up, `lost` went down.
    """

    since: After
    after: After
    value: float
    low: float | None
    high: float | None
    rows: int
    gained: int
    lost: int


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation at one point: its rows with what they are grouped by, their measures by name, and the means. A
    row that a measure says nothing of, as no right answer of it is known, has NaN there."""

    predictions: tuple[Prediction, ...]
    clusters: tuple[str, ...]
    values: dict[str, Array]
    shares: dict[str, Share] = {}


class Evaluations(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run, by (point, evaluation). `alike` is the design effect of each evaluation's questions where a measure
    of them does not vary; see `alike_of`."""

    found: dict[tuple[After, Phase], Evaluated]
    alike: dict[Phase, float]

    @property
    def points(self) -> tuple[After, ...]:
        """The points at which something was evaluated, in order."""
        return tuple(after for after in POINTS if any(one == after for one, _ in self.found))

    @property
    def unanswered(self) -> dict[Phase, tuple[int, int]]:
        """(rows without a right answer, all rows) of each evaluation of answerable questions that has such."""
        return {
            evaluation: (without, len(one.predictions))
            for (_, evaluation), one in self.found.items()
            if evaluation != "refusal" and (without := sum(not row.golds for row in one.predictions))
        }

    def share(self, after: After, evaluation: Phase, measure: str) -> Share | None:
        one = self.found.get((after, evaluation))
        return one.shares.get(measure) if one is not None else None

    def change(self, since: After, after: After, evaluation: Phase, measure: str) -> Change | None:
        """The move of a measure between two points; None where one of them lacks it, or they share no question."""
        first, last = self.found.get((since, evaluation)), self.found.get((after, evaluation))
        if first is None or last is None or measure not in first.values or measure not in last.values:
            return None
        earlier = {row.id: value for row, value in zip(first.predictions, first.values[measure], strict=True)}
        pairs = [
            (earlier[row.id], value, cluster)
            for row, value, cluster in zip(last.predictions, last.values[measure], last.clusters, strict=True)
            if row.id in earlier and not np.isnan(value) and not np.isnan(earlier[row.id])
        ]
        if not pairs:
            return None
        start, end, clusters = zip(*pairs, strict=True)
        return change_of(since, after, np.array(end) - np.array(start), clusters, self.alike.get(evaluation))


def evaluations_of(run: Path) -> Evaluations:
    """Every prediction of a run's folder, measured. InputError, naming file and row, for a line that is none."""
    found: dict[tuple[After, Phase], Evaluated] = {}
    alike: dict[Phase, float] = {}
    for evaluation in PHASES:
        at = {
            after: _measured(evaluation, rows) for after in POINTS if (rows := read_predictions(run, after, evaluation))
        }
        if (effect := alike_of(at.values())) is not None:
            alike[evaluation] = effect
        for after, one in at.items():
            shares = {name: share_of(*_told(values, one.clusters), effect) for name, values in one.values.items()}
            found[after, evaluation] = msgspec.structs.replace(one, shares=shares)
    return Evaluations(found=found, alike=alike)


def _measured(evaluation: Phase, rows: Sequence[Prediction]) -> Evaluated:
    measured = values_of(evaluation, rows)
    # What all rows have comes first.
    names = dict.fromkeys(name for one in sorted(measured, key=len) for name in one)
    values = {name: np.array([one.get(name, np.nan) for one in measured], dtype=np.float64) for name in names}
    return Evaluated(predictions=tuple(rows), clusters=tuple(clusters_of(rows)), values=values)


def _told(values: Array, clusters: Sequence[str]) -> tuple[Array, list[str]]:
    """The rows that a measure says something of; there is one at least."""
    there = ~np.isnan(values)
    return values[there], [cluster for cluster, told in zip(clusters, there, strict=True) if told]


def alike_of(evaluated: Iterable[Evaluated]) -> float | None:
    """The largest design effect, 1 or more, among yes-or-no measures of the same questions that vary; None where none
    does. It stands in for that of a measure that does not vary, which tells nothing of how alike an article's are.
    """
    effects = [
        _counts(values, 1 - values, clusters).effective().design_effect
        for one in evaluated for values, clusters in (_told(each, one.clusters) for each in one.values.values())
        if _yes_or_no(values) and 0 < values.mean() < 1
    ]  # fmt: skip
    return max(effects, default=None)


def clusters_of(rows: Sequence[Prediction]) -> list[str]:
    """What each row is grouped by: its article, or itself where it names none. Prefixed, so that the two differ."""
    return [f"in {row.group}" if row.group else f"alone {row.id}" for row in rows]


def share_of(values: Array, clusters: Sequence[str], alike: float | None = None) -> Share:
    """The mean of `values`, shape (n,) with n of 1 or more, each in [0, 1], and its interval.

    Shares of yes and no: Wilson's interval (Wilson 1927) of the counts divided by the design effect of the clusters,
    with Student's t (`judging.clustered`; without ties Tango's interval is Wilson's). Where all are alike the design
    effect is `alike`, and without that each cluster counts as one row. Token F1: the cluster-robust t interval
    (`judging.paired`), cut to [0, 1]; there is none where nothing varies.
    """
    groups, rows = len(set(clusters)), len(values)
    if not _yes_or_no(values):
        low, high = _cut(clustered_mean(values, clusters), 0.0)
        return Share(value=float(values.mean()), low=low, high=high, rows=rows, groups=groups)
    low, high = _effective(values, 1 - values, clusters, alike).interval()
    return Share(value=float(values.mean()), low=low, high=high, rows=rows, groups=groups, hits=int(values.sum()))


def change_of(
    since: After, after: After, moved: Array, clusters: Sequence[str], alike: float | None = None
) -> Change:  # fmt: skip
    """The mean of `moved`, later less earlier value of each question, shape (n,), each in [-1, 1].

    Yes and no: Tango's (1998) score interval for paired proportions, of counts divided by the design effect of the
    clusters, with Student's t; `alike` as in `share_of`. Token F1: the cluster-robust t interval of the paired
    difference.
    """
    gained, lost = (moved > 0).astype(np.float64), (moved < 0).astype(np.float64)
    if _yes_or_no(np.abs(moved)):
        low, high = (2 * end - 1 for end in _effective(gained, lost, clusters, alike).interval())
    else:
        low, high = _cut(clustered_mean(moved, clusters), -1.0)
    return Change(
        since=since, after=after, value=float(moved.mean()), low=low, high=high, rows=len(moved),
        gained=int(gained.sum()), lost=int(lost.sum()),
    )  # fmt: skip


def _effective(wins: Array, losses: Array, clusters: Sequence[str], alike: float | None) -> Effective:
    """The counts in numbers of independent rows; where nothing varies by the design effect `alike`, if there is one."""
    counts = _counts(wins, losses, clusters)
    found = counts.effective()
    varies = len(np.unique(wins - losses)) > 1
    if varies or alike is None or found.clusters is None:
        return found
    own = min(alike, found.design_effect)
    scale = found.design_effect / own
    return msgspec.structs.replace(
        found, wins=found.wins * scale, losses=found.losses * scale, ties=found.ties * scale, design_effect=own
    )


def _yes_or_no(values: Array) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _cut(mean: MeanEstimate, least: float) -> tuple[float | None, float | None]:
    if mean.low is None or mean.high is None:
        return None, None
    return max(least, mean.low), min(1.0, mean.high)


def _counts(wins: Array, losses: Array, clusters: Sequence[str]) -> ClusterCounts:
    """Rows by cluster that went one way, the other, and neither."""
    names: Mapping[str, int] = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    codes = np.array([names[one] for one in clusters])
    won, down, all_of = (
        np.bincount(codes, weights=weights, minlength=len(names))
        for weights in (wins, losses, np.ones_like(wins))
    )  # fmt: skip
    return ClusterCounts(won, down, all_of - won - down)
