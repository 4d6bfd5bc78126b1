"""Two runs on the same contexts set beside each other: which verdicts changed, how far they agree, what was different.

The same answers under another judge, prompt or criteria; a pair of models after another training; a run done again.
Pure numbers from stored judgments, without a call. Neighbours: `changes` has settings and parameters, `agreement` and
`paired` the statistics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from redraft.errors import InputError
from redraft.judging.agreement_intervals import LABELS, Measured, measure_agreement
from redraft.judging.bootstrap import SAMPLES
from redraft.judging.changes import Change, parameter_changes, setting_facts
from redraft.judging.folding import POINTS, Fold
from redraft.judging.groups import clusters_of
from redraft.judging.intervals import mid_p
from redraft.judging.labels.judged import JudgedPair, judged_pairs, results_path
from redraft.judging.multiplicity import Pair
from redraft.judging.pages import total
from redraft.judging.paired import MeanEstimate, paired_difference
from redraft.judging.results import Head, read_comparisons, read_head, read_judgments
from redraft.judging.settings import Settings
from redraft.records import Comparison

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
    `n` were decided in both: there `rate_before` and `rate_now` are the win rates, `difference` now less before (with
    groups allowed for), `up` and `down` the contexts that went towards A or away from it, and `p_sign` the mid-p test
    of these. `table` counts verdict before → verdict now of all common contexts.
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
    n: int
    rate_before: float | None
    rate_now: float | None
    difference: MeanEstimate | None
    up: int
    down: int
    p_sign: float
    agreement: Measured
    kappa: Measured
    alpha: Measured
    table: dict[str, dict[str, int]]
    changed: tuple[Changed, ...]


class RunComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs. `settings`, `parameters` and `judging` (prompts, models that answered) list what differs; costs are in
    US dollars, None where a price is not known. `unmatched` are comparisons of one run that the other does not have."""

    matched: tuple[Matched, ...]
    unmatched: tuple[str, ...]
    settings: tuple[Change, ...]
    judging: tuple[Change, ...]
    parameters: tuple[Change, ...]
    cost_before: float | None
    cost_now: float | None
    confidence: float
    simulated: bool


class _Side:
    """One run: its head, folds, and digests of its texts."""

    def __init__(self, run: Path) -> None:
        path = results_path(run)
        self.run, self.head = run, read_head(path)
        comparisons = read_comparisons(path)
        self.texts: dict[Pair, dict[str, tuple[bytes, bytes, bytes]]] = {}
        for one in comparisons:
            self.texts.setdefault((one.model_a, one.model_b), {})[one.context_id] = _digests(one)
        self.pairs = judged_pairs(read_judgments(path))
        if not self.pairs:
            raise InputError(f"{run}: no two models were compared in it")
        self.clusters = clusters_of(comparisons, self.head.summary.settings.cluster_by)

    @property
    def settings(self) -> Settings:
        return self.head.summary.settings

    def name(self, models: Pair) -> str:
        return " against ".join(self.settings.label(model) for model in models)


def compare_runs(before: Path, now: Path, *, samples: int = SAMPLES, seed: int = 0) -> RunComparison:
    """Compares the results in two folders. Pairs of models go together where they are the same, or have the same short
    names, or one at least is the same, or each run has one only; judges likewise.

    InputError where a folder has no results, nothing goes together, or no context is in both.
    """
    first, second = _Side(before), _Side(now)
    partners = _partners(first, second)
    if not partners:
        raise InputError(f"no two models are compared in both {before} and {now}; both compare several others")
    confidence = first.settings.confidence
    matched = [
        _match(first, second, one, other, judges, confidence, samples, seed)
        for one, other in partners
        for judges in _judges(one.judged, other.judged)
    ]
    if not any(one.common for one in matched):
        same = any(one.other_text for one in matched)
        why = "the ids are the same, but not the texts" if same else "they have no id in common"
        raise InputError(f"no context is in both {before} and {now}: {why}")
    kept = {id(one) for pair in partners for one in pair}
    return RunComparison(
        matched=tuple(matched),
        unmatched=tuple(
            f"{side.run}: {side.name(one.models)}" for side in (first, second) for one in side.pairs
            if id(one) not in kept
        ),
        settings=tuple(_differing(dict(setting_facts(first.settings)), dict(setting_facts(second.settings)))),
        judging=tuple(_differing(_asked(first.head), _asked(second.head))),
        parameters=tuple(parameter_changes(first.head.parameters, second.head.parameters)),
        cost_before=_cost(first.head), cost_now=_cost(second.head), confidence=confidence,
        simulated=first.head.simulated or second.head.simulated,
    )  # fmt: skip


def _digests(one: Comparison) -> tuple[bytes, bytes, bytes]:
    texts = [msgspec.json.encode([(each.role, each.content) for each in one.context])]
    texts += [(text or "").encode("utf-8", "surrogatepass") for text in (one.response_a, one.response_b)]
    context, a, b = (hashlib.blake2b(text, digest_size=12).digest() for text in texts)
    return context, a, b


def _partners(first: _Side, second: _Side) -> list[tuple[JudgedPair, JudgedPair]]:
    found: list[tuple[JudgedPair, JudgedPair]] = []
    left, right = list(first.pairs), list(second.pairs)

    def take(fits: Iterable[tuple[JudgedPair, JudgedPair]]) -> None:
        for one, other in fits:
            if one in left and other in right:
                found.append((one, other))
                left.remove(one)
                right.remove(other)

    def short(side: _Side, pair: JudgedPair) -> frozenset[str]:
        return frozenset(side.settings.label(model) for model in pair.models)

    take([(one, other) for one in left for other in right if set(one.models) == set(other.models)])
    take([(one, other) for one in left for other in right if short(first, one) == short(second, other)])
    if len(left) == len(right) == 1:
        take([(left[0], right[0])])
    take([(one, other) for one in left for other in right if len(set(one.models) & set(other.models)) == 1])
    places = {one.models: number for number, one in enumerate(first.pairs)}
    return sorted(found, key=lambda pair: places[pair[0].models])


def _judges(first: Mapping[str, object], second: Mapping[str, object]) -> list[tuple[str, str]]:
    """Judges that go together: those in both runs, else in their order."""
    common = [(judge, judge) for judge in first if judge in second]
    return common or list(zip(first, second, strict=False))


def _turned(first: _Side, second: _Side, one: JudgedPair, other: JudgedPair) -> bool:
    """Whether the second run's model B stands where the first run's model A does."""
    labels_one = [first.settings.label(model) for model in one.models]
    labels_other = [second.settings.label(model) for model in other.models]
    for a, b in ((one.models, other.models), (labels_one, labels_other)):
        if a[0] == b[0] or a[1] == b[1]:
            return False
        if a[0] == b[1] or a[1] == b[0]:
            return True
    return False


def _match(
    first: _Side, second: _Side, one: JudgedPair, other: JudgedPair, judges: tuple[str, str], confidence: float,
    samples: int, seed: int,
) -> Matched:  # fmt: skip
    turned = _turned(first, second, one, other)
    before, now = one.judged[judges[0]], other.judged[judges[1]]
    texts, new_texts = first.texts.get(one.models, {}), second.texts.get(other.models, {})
    shared = [key for key in before if key in now]
    common = [key for key in shared if texts.get(key, (b"",))[0] == new_texts.get(key, (b"",))[0]]
    sides = (2, 1) if turned else (1, 2)
    same = [sum(texts[key][k] == new_texts[key][side] for key in common if key in texts)
            for k, side in enumerate(sides, start=1)]  # fmt: skip
    labels = {key: (before[key].label, _label(now[key], turned)) for key in common}
    both = [key for key in common if "unusable" not in labels[key]]
    groups = None if first.clusters is None else [first.clusters[key] for key in both]
    points = np.array([[_point(labels[key][k]) for key in both] for k in (0, 1)])
    up, down = int((points[1] > points[0]).sum()), int((points[1] < points[0]).sum())
    measured = measure_agreement({key: labels[key] for key in both}, groups, confidence, samples, seed)
    return Matched(
        models_before=one.models, models_now=(other.model_b, other.model_a) if turned else other.models,
        judge_before=judges[0], judge_now=judges[1], contexts_before=len(before), contexts_now=len(now),
        common=len(common), other_text=len(shared) - len(common), same_answers_a=same[0], same_answers_b=same[1],
        n=len(both),
        rate_before=float(points[0].mean()) if both else None, rate_now=float(points[1].mean()) if both else None,
        difference=paired_difference(points[1], points[0], groups, confidence) if both else None,
        up=up, down=down, p_sign=mid_p(up, down),
        agreement=measured[0], kappa=measured[1], alpha=measured[2], table=_table(labels.values()),
        changed=tuple(
            Changed(context_id=key, before=was, now=is_now) for key, (was, is_now) in labels.items() if was != is_now
        ),
    )  # fmt: skip


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
