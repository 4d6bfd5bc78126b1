"""Two runs on the same contexts set beside each other: which verdicts changed, how far they agree, what was different.

The same answers under another judge, prompt or criteria; a pair of models after another training; a run done again.
Pure numbers from stored judgments, without a call. Neighbours: `matching` says what belongs together, `changes` has
settings and parameters, `agreement` and `paired` the statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.agreement_intervals import LABELS, Measured, measure_agreement
from redraft.judging.bootstrap import SAMPLES
from redraft.judging.changes import Change, parameter_changes, setting_facts
from redraft.judging.clustered import ClusterCounts
from redraft.judging.folding import POINTS, Fold
from redraft.judging.intervals import mid_p
from redraft.judging.labels.judged import JudgedPair
from redraft.judging.matching import Side, judges_of, partners, turned
from redraft.judging.multiplicity import Pair, holm
from redraft.judging.pages import total
from redraft.judging.paired import MeanEstimate, paired_difference
from redraft.judging.permutation import cluster_codes, sign_flip_p
from redraft.judging.results import Head

_MIRRORED: dict[str, str] = {"win": "loss", "loss": "win"}


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A context whose verdict, from model A's side, is another one now: win, loss, tie or unusable."""

    context_id: str
    before: str
    now: str


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of two models by one judge, in both runs; all from the side of the first run's model A.

    `common` contexts are in both, of `contexts_before` and `contexts_now`; `other_text` more have the same id and
    another text, and are left out. `same_answers_a` and `same_answers_b` count common contexts with the same answer.
    Of `same_judgments` contexts both runs hold the very same judgments; where these are all of them, nothing is left to
    compare.
    `n` were decided in both: there `rate_before` and `rate_now` are the win rates, `difference` now less before,
    context by context, and `p` its sign-flip permutation test, `p_adjusted` by Holm where several comparisons stand
    in one. `up` and `down` are the contexts that went towards A or away from it, and `p_sign` the mid-p test of these.
    All allow for groups of contexts. `clear` says that the interval leaves 0 and that p, the adjusted one if there is,
    is at most alpha. `table` counts verdict before → verdict now of all common contexts.
    """

    models_before: Pair
    models_now: Pair
    judge_before: str
    judge_now: str
    contexts_before: int
    contexts_now: int
    common: int
    other_text: int
    same_answers_a: int
    same_answers_b: int
    same_judgments: int
    n: int
    rate_before: float | None
    rate_now: float | None
    difference: MeanEstimate | None
    up: int
    down: int
    p_sign: float
    p: float | None
    p_adjusted: float | None = None
    clear: bool = False
    agreement: Measured
    kappa: Measured
    alpha: Measured
    table: dict[str, dict[str, int]]
    changed: tuple[Changed, ...]

    @property
    def equal(self) -> bool:
        """Whether both runs hold the same judgments of all common contexts."""
        return 0 < self.common == self.same_judgments


class RunComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs. `settings`, `parameters` and `judging` (prompts, models that answered) list what differs; costs are in
    US dollars, None where a price is not known. `unmatched` are comparisons and judges of one run that the other does
    not have. `equal` says that nothing of either run is left out, and all judgments are the same."""

    matched: tuple[Matched, ...]
    unmatched: tuple[str, ...]
    settings: tuple[Change, ...]
    judging: tuple[Change, ...]
    parameters: tuple[Change, ...]
    cost_before: float | None
    cost_now: float | None
    confidence: float
    simulated: bool

    @property
    def equal(self) -> bool:
        whole = all(one.contexts_before == one.common == one.contexts_now for one in self.matched)
        return whole and not self.unmatched and all(one.equal for one in self.matched)


def compare_runs(before: Path, now: Path, *, samples: int = SAMPLES, seed: int = 0) -> RunComparison:
    """Compares the results in two folders. Pairs of models go together where they are the same, or have the same short
    names, or each run has one only; judges likewise. All others are `unmatched`.

    InputError where a folder has no results, nothing goes together, or no context is in both.
    """
    first, second = Side(before), Side(now)
    together = partners(first, second)
    if not together:
        raise InputError(f"no two models are compared in both {before} and {now}; both compare several others")
    confidence = first.settings.confidence
    matched = [
        _match(first, second, one, other, judges, confidence, samples, seed)
        for one, other in together
        for judges in judges_of(one.judged, other.judged)
    ]
    if not any(one.common for one in matched):
        same = any(one.other_text for one in matched)
        why = "the ids are the same, but not the texts" if same else "they have no id in common"
        raise InputError(f"no context is in both {before} and {now}: {why}")
    kept = {id(one) for pair in together for one in pair}
    return RunComparison(
        matched=_decided(matched, confidence),
        unmatched=(
            *(f"{side.run}: {side.name(one.models)}" for side in (first, second) for one in side.pairs
              if id(one) not in kept),
            *_judged_alone(first, second, together),
        ),
        settings=tuple(_differing(dict(setting_facts(first.settings)), dict(setting_facts(second.settings)))),
        judging=tuple(_differing(_asked(first.head), _asked(second.head))),
        parameters=tuple(parameter_changes(first.head.parameters, second.head.parameters)),
        cost_before=_cost(first.head), cost_now=_cost(second.head), confidence=confidence,
        simulated=first.head.simulated or second.head.simulated,
    )  # fmt: skip


def _judged_alone(
    first: Side, second: Side, together: list[tuple[JudgedPair, JudgedPair]]
) -> Iterator[str]:  # fmt: skip
    """Judges of models in both runs, whose verdicts are in one only."""
    for one, other in together:
        paired = judges_of(one.judged, other.judged)
        for side, pair, place in ((first, one, 0), (second, other, 1)):
            for judge in pair.judged:
                if judge not in {judges[place] for judges in paired}:
                    yield f"{side.run}: {side.name(pair.models)}, judged by {judge}"


def _match(
    first: Side, second: Side, one: JudgedPair, other: JudgedPair, judges: tuple[str, str], confidence: float,
    samples: int, seed: int,
) -> Matched:  # fmt: skip
    opposite = turned(first, second, one, other)
    before, now = one.judged[judges[0]], other.judged[judges[1]]
    texts, new_texts = first.texts.get(one.models, {}), second.texts.get(other.models, {})
    shared = [key for key in before if key in now]
    common = [key for key in shared if texts.get(key, (b"",))[0] == new_texts.get(key, (b"",))[0]]
    sides = (2, 1) if opposite else (1, 2)
    same = [sum(texts[key][k] == new_texts[key][side] for key in common if key in texts)
            for k, side in enumerate(sides, start=1)]  # fmt: skip
    labels = {key: (before[key].label, _label(now[key], opposite)) for key in common}
    both = [key for key in common if "unusable" not in labels[key]]
    groups = None if first.clusters is None else [first.clusters[key] for key in both]
    points = np.array([[_point(labels[key][k]) for key in both] for k in (0, 1)])
    up, down = int((points[1] > points[0]).sum()), int((points[1] < points[0]).sum())
    said, said_now = first.said[*one.models, judges[0]], second.said[*other.models, judges[1]]
    measured = measure_agreement({key: labels[key] for key in both}, groups, confidence, samples, seed)
    return Matched(
        models_before=one.models, models_now=(other.model_b, other.model_a) if opposite else other.models,
        judge_before=judges[0], judge_now=judges[1], contexts_before=len(before), contexts_now=len(now),
        common=len(common), other_text=len(shared) - len(common), same_answers_a=same[0], same_answers_b=same[1],
        same_judgments=sum(said[key] == said_now[key] for key in common), n=len(both),
        rate_before=float(points[0].mean()) if both else None, rate_now=float(points[1].mean()) if both else None,
        difference=paired_difference(points[1], points[0], groups, confidence) if both else None,
        up=up, down=down, p_sign=_sign_p(points, groups), p=_flip_p(points, groups, seed),
        agreement=measured[0], kappa=measured[1], alpha=measured[2], table=_table(labels.values()),
        changed=tuple(
            Changed(context_id=key, before=was, now=is_now) for key, (was, is_now) in labels.items() if was != is_now
        ),
    )  # fmt: skip


def _decided(matched: list[Matched], confidence: float) -> tuple[Matched, ...]:
    """With p-values adjusted for their number; where a run is beside itself there is nothing to test."""
    tested = [place for place, one in enumerate(matched) if one.p is not None and not one.equal]
    adjusted = dict(zip(tested, holm([matched[place].p or 0.0 for place in tested]), strict=True))
    alpha = round(1 - confidence, 12)
    return tuple(
        msgspec.structs.replace(
            one, p_adjusted=adjusted[place] if len(tested) > 1 else None,
            clear=_leaves_zero(one.difference) and adjusted[place] <= alpha,
        )
        if place in adjusted
        else one
        for place, one in enumerate(matched)
    )  # fmt: skip


def _leaves_zero(found: MeanEstimate | None) -> bool:
    return found is not None and found.low is not None and found.high is not None and not found.low <= 0 <= found.high


def _sign_p(points: NDArray[np.float64], groups: list[str] | None) -> float:
    """Contexts that went up against those that went down, in effective numbers where they are grouped."""
    up, down = points[1] > points[0], points[1] < points[0]
    if groups is None or not groups:
        return mid_p(int(up.sum()), int(down.sum()))
    codes = cluster_codes(groups)
    counts = [np.bincount(codes, weights=kind) for kind in (up, down, ~(up | down))]
    return ClusterCounts(*counts).effective().p


def _flip_p(points: NDArray[np.float64], groups: list[str] | None, seed: int) -> float | None:
    """Of the contexts that changed: the others are the same whatever sign they have."""
    moved = np.flatnonzero(points[1] != points[0])
    if not points.shape[1]:
        return None
    if not len(moved):
        return 1.0
    of = None if groups is None else [groups[place] for place in moved]
    return float(sign_flip_p((points[1] - points[0])[moved], of, seed=seed)[0])


def _label(fold: Fold, turned: bool) -> str:
    return _MIRRORED.get(fold.label, fold.label) if turned else fold.label


def _point(label: str) -> float:
    kind: Literal["win", "tie", "loss"] = "win" if label == "win" else "loss" if label == "loss" else "tie"
    return 0.5 + POINTS[kind] / 2


def _table(labels: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    names: tuple[str, ...] = (*LABELS, "unusable")
    counts: dict[str, dict[str, int]] = {was: dict.fromkeys(names, 0) for was in names}
    for was, is_now in labels:
        counts[was][is_now] += 1
    return counts


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    return [
        Change(what=name, before=before.get(name, ""), now=now.get(name, ""))
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]


def _asked(head: Head) -> dict[str, str]:
    """How judges were asked, and what answered."""
    pairs = head.summary.pairs
    return {
        "judges": ", ".join(head.summary.judges),
        "prompt": ", ".join(sorted({name for one in pairs for name in one.templates})),
        "answered as": ", ".join(sorted({name for one in pairs for name in one.answered_models})),
        "models": ", ".join(dict.fromkeys(model for one in pairs for model in (one.model_a, one.model_b))),
    }


def _cost(head: Head) -> float | None:
    if head.costs:
        return total(head.costs).cost if all(one.cost is not None for one in head.costs) else None
    costs = [one.cost for one in head.summary.pairs]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None
