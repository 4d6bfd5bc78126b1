"""What people's labels change: the judge's rate and the corrected one, who labelled, how far they agree.

Computed from the stored judgments and labels alone. Neighbours: `human_check` has the statistics, `effect_wording` the
words, `storage` the labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median

import msgspec

from redraft.judging.agreement import PairAgreement, pair_agreement
from redraft.judging.folding import Fold
from redraft.judging.groups import clusters_of
from redraft.judging.human_check import FEWEST, HumanCheck, check
from redraft.judging.intervals import mid_p
from redraft.judging.labels import drawing
from redraft.judging.labels.judged import JudgedPair, read_pairs, results_path
from redraft.judging.labels.records import Labelled, Verdict, fingerprint
from redraft.judging.labels.storage import Sheet, read_sheets
from redraft.judging.multiplicity import Pair
from redraft.judging.results import read_comparisons
from redraft.records import Comparison

_POINTS: dict[Verdict, int] = {"win": 1, "tie": 0, "loss": -1}
# Pair of models → context id → fingerprint of its texts.
Shown = dict[Pair, dict[str, str]]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person's part. `stale` labels are of texts that the results no longer hold, and count nowhere else.

    `left`, `right` and `ties` are the sides chosen; `side_p` is the two-sided mid-p that left and right are a fair
    coin's, as blind choices of shuffled sides are. `seconds` is the median time a label.
    """

    by: str
    seed: int
    labelled: int
    skipped: int
    stale: int
    left: int
    right: int
    ties: int
    side_p: float
    seconds: float | None
    criteria: tuple[str, ...]


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """Two people, on the contexts that both labelled."""

    first: str
    second: str
    measured: PairAgreement


class HumanLabels(msgspec.Struct, frozen=True, kw_only=True):
    """What people's labels of one pair of models make of one judge's verdicts.

    `contexts` were labelled by somebody. `passed_over` were drawn before the last that somebody came to, and nobody
    labelled them: where there are any, the sample is no longer one by chance alone. `check` is None with fewer than
    two labels beside a verdict of this judge.
    """

    model_a: str
    model_b: str
    judge: str
    people: tuple[Person, ...]
    contexts: int
    passed_over: int
    between: tuple[Between, ...]
    check: HumanCheck | None


def joined(labels: Iterable[Mapping[str, Verdict]]) -> dict[str, Verdict]:
    """Each context's label by all people together: the sign of the sum, so that one against one is a tie."""
    points: dict[str, int] = {}
    for of_person in labels:
        for context, verdict in of_person.items():
            points[context] = points.get(context, 0) + _POINTS[verdict]
    return {context: "win" if sum_ > 0 else "loss" if sum_ < 0 else "tie" for context, sum_ in points.items()}


def fingerprints(sheets: Iterable[Sheet], comparisons: Iterable[Comparison]) -> Shown:
    """Of the comparisons that somebody labelled, as the results hold them; reads `comparisons` once."""
    labelled = {(one.head.model_a, one.head.model_b, key) for one in sheets for key in one.standing.decided}
    found: Shown = {}
    for one in comparisons:
        if (one.model_a, one.model_b, one.context_id) in labelled:
            found.setdefault((one.model_a, one.model_b), {})[one.context_id] = fingerprint(one)
    return found


def labels_together(sheets: Sequence[Sheet], shown: Shown) -> dict[Pair, dict[str, Verdict]]:
    """Pair of models → context id → what all people together say, as `summarise_study(..., people=)` takes it.

    Labels of answers that the results no longer hold are left out.
    """
    by_pair: dict[Pair, list[dict[str, Verdict]]] = {}
    for sheet in sheets:
        pair = (sheet.head.model_a, sheet.head.model_b)
        fresh = _fresh(sheet, shown.get(pair, {}))
        by_pair.setdefault(pair, []).append({key: one.verdict for key, one in fresh.items()})
    return {pair: labels for pair, of_people in by_pair.items() if (labels := joined(of_people))}


def human_labels(
    pair: JudgedPair,
    sheets: Sequence[Sheet],
    shown: Shown,
    *,
    confidence: float = 0.95,
    clusters: Mapping[str, str] | None = None,
) -> list[HumanLabels]:
    """One for each judge of the pair; none where nobody labelled it.

    `shown` is what `fingerprints` gives; `clusters` maps context id → group, where contexts are not independent.
    """
    mine = [one for one in sheets if (one.head.model_a, one.head.model_b) == pair.models and one.standing.decided]
    if not mine:
        return []
    fresh = [_fresh(one, shown.get(pair.models, {})) for one in mine]
    verdicts: dict[str, dict[str, Verdict]] = {
        sheet.head.by: {key: one.verdict for key, one in of.items()} for sheet, of in zip(mine, fresh, strict=True)
    }
    together = joined(verdicts.values())
    people = tuple(_person(sheet, of) for sheet, of in zip(mine, fresh, strict=True))
    between = tuple(
        Between(first=one, second=two, measured=pair_agreement(verdicts[one], verdicts[two]))
        for one, two in combinations(verdicts, 2)
    )
    passed = _passed_over(pair, mine, together)
    return [
        HumanLabels(
            model_a=pair.model_a, model_b=pair.model_b, judge=judge, people=people, contexts=len(together),
            passed_over=passed, between=between, check=_check(folds, together, confidence, clusters),
        )
        for judge, folds in pair.judged.items()
    ]  # fmt: skip


def read_human_labels(run: Path, *, confidence: float = 0.95, cluster_by: str = "") -> list[HumanLabels]:
    """Of all pairs and judges in a run's folder that were labelled; [] where nobody labelled anything. `cluster_by` is
    what makes contexts dependent, as in the run's settings.

    InputError where the results or a file of labels cannot be read.
    """
    sheets = read_sheets(run)
    if not sheets:
        return []
    comparisons = read_comparisons(results_path(run))
    shown, clusters = fingerprints(sheets, comparisons), clusters_of(comparisons, cluster_by)
    return [
        one
        for pair in read_pairs(run)
        for one in human_labels(pair, sheets, shown, confidence=confidence, clusters=clusters)
    ]


def _fresh(sheet: Sheet, shown: Mapping[str, str]) -> dict[str, Labelled]:
    return {key: one for key, one in sheet.standing.labels.items() if shown.get(key) == one.shown}


def _person(sheet: Sheet, fresh: Mapping[str, Labelled]) -> Person:
    now = sheet.standing
    chosen = [one.choice for one in fresh.values()]
    times = [one.seconds for one in fresh.values() if one.seconds is not None]
    left, right = chosen.count("left"), chosen.count("right")
    return Person(
        by=sheet.head.by, seed=sheet.head.seed, labelled=len(fresh), skipped=len(now.skipped),
        stale=len(now.labels) - len(fresh), left=left, right=right, ties=chosen.count("tie"),
        side_p=mid_p(left, right), seconds=median(times) if times else None, criteria=now.criteria,
    )  # fmt: skip


def _passed_over(pair: JudgedPair, sheets: Sequence[Sheet], together: Mapping[str, Verdict]) -> int:
    contexts = drawing.eligible(pair.judged.values())
    missing: set[str] = set()
    for sheet in sheets:
        order = drawing.ordered(contexts, seed=sheet.head.seed, models=pair.models)
        come_to = [place for place, key in enumerate(order) if key in sheet.standing.decided]
        missing |= set(order[: come_to[-1] + 1] if come_to else ()) - together.keys()
    return len(missing)


def _check(
    folds: Mapping[str, Fold],
    labels: Mapping[str, Verdict],
    confidence: float,
    clusters: Mapping[str, str] | None,
) -> HumanCheck | None:
    known: dict[str, Verdict] = {key: label for key, label in labels.items() if key in folds}
    if sum(folds[key].label != "unusable" for key in known) < FEWEST:
        return None
    return check(folds, known, confidence=confidence, clusters=clusters)
