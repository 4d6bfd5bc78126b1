"""From stored judgments to numbers and a verdict in plain words, for one pair of models or a whole study.

No calls, no clock, no chance: the same judgments give the same summary. Neighbours: `counting` counts, `decision` and
`panels` decide, `side_effects` looks at lengths, findings and people's labels, `wording` speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from redraft.errors import InputError
from redraft.judging import wording
from redraft.judging.bootstrap import SAMPLES
from redraft.judging.counting import Counted, StudyCounts, count_study
from redraft.judging.decision import decide, extremes
from redraft.judging.figures import many
from redraft.judging.human_check import FEWEST, check
from redraft.judging.human_wording import what_changed
from redraft.judging.intervals import detectable_rate, win_rate
from redraft.judging.missing_bounds import Bounded, correct_bounded
from redraft.judging.more_groups import more_needed
from redraft.judging.multiplicity import Correction, Pair
from redraft.judging.panels import summarise_panels
from redraft.judging.seeds import pooled_arms
from redraft.judging.settings import Decision, Settings
from redraft.judging.side_effects import beside
from redraft.judging.stopping import Look
from redraft.judging.summary import Canaries, StudySummary, Summary
from redraft.judging.unplanned import Seen, weigh
from redraft.judging.wording_of_studies import conclusion
from redraft.records import Comparison, Judgment

# (model A, model B) → context id → what people say, from A's side.
People = Mapping[Pair, Mapping[str, Literal["win", "loss", "tie"]]]
# (model A, model B, judge): a look is at one judge's verdicts.
Looks = Mapping[tuple[str, str, str], Sequence[Look]]


def summarise(
    judgments: Iterable[Judgment],
    comparisons: Iterable[Comparison] = (),
    settings: Settings | None = None,
    clusters: Mapping[str, str] | None = None,
    *,
    looks: Sequence[Look] = (),
) -> Summary:
    """The summary of one pair of models by one judge, from its judgments alone; `summarise_study` says the rest.

    Raises InputError where pairs, judges or orders are mixed up, or a context belongs to no cluster.
    """
    counted = count_study(judgments, comparisons)
    found = counted.counted(clusters)
    if len(found) > 1:
        named = " and ".join(f"{one.pair} by {one.judge}" for one in found[:2])
        raise InputError(f"judgments of {named} cannot be counted together")
    study = summarise_counts(counted, settings, clusters, looks={(*found[0].pair, found[0].judge): looks})
    return study.pairs[0]


def summarise_study(
    judgments: Iterable[Judgment],
    comparisons: Iterable[Comparison] = (),
    settings: Settings | None = None,
    clusters: Mapping[str, str] | None = None,
    *,
    people: People | None = None,
    looks: Looks | None = None,
    canaries: Sequence[Canaries] = (),
    samples: int = SAMPLES,
) -> StudySummary:
    """The summaries of every pair and judge found, in order of appearance; with several pairs, p-values are adjusted.

    `comparisons`, where given, make contexts without a judgment count as missing, and give the lengths, the mechanism
    check (`samples` bootstrap samples) and the findings on answers. `clusters` maps context id → group (a user, a
    document), where contexts are not independent. `people` are labels of a random sample of the contexts. `looks` are
    those that were taken at a judge's verdicts on a pair: its interval is then the repeated one of the last, and so is
    that of several judges together.
    Where more than one model answered as a judge, in one pair or in several, none of that judge's pairs has a verdict.
    Reads both iterables once and holds no text, whatever their length. InputError where judgments do not fit.
    """
    counts = count_study(judgments, comparisons)
    return summarise_counts(
        counts, settings, clusters, people=people, looks=looks, canaries=canaries, samples=samples
    )  # fmt: skip


def summarise_counts(
    counts: StudyCounts,
    settings: Settings | None = None,
    clusters: Mapping[str, str] | None = None,
    *,
    people: People | None = None,
    looks: Looks | None = None,
    canaries: Sequence[Canaries] = (),
    samples: int = SAMPLES,
    seen: Seen | None = None,
) -> StudySummary:
    """As `summarise_study`, from what has been counted; `seen` are the verdicts that the run had before it grew."""
    settings = settings or Settings()
    counted, findings = counts.counted(clusters), counts.findings()
    by_judge: dict[str, list[Counted]] = {}
    for one in counted:
        by_judge.setdefault(one.judge, []).append(one)
    corrected = {judge: _corrected(found, settings, clusters) for judge, found in by_judge.items()}
    adjusted = {judge: of_pairs for judge, (_, of_pairs) in corrected.items()}
    answered = {judge: set[str]().union(*(one.sums.answered for one in found)) for judge, found in by_judge.items()}
    pairs = tuple(
        _worded(
            one,
            settings,
            adjusted[one.judge].get(one.pair),
            (people or {}).get(one.pair, {}),
            tuple((looks or {}).get((*one.pair, one.judge), ())),
            answered[one.judge],
            beside(one, findings, settings, clusters, samples),
            tuple(canary for canary in canaries if canary.judge == one.judge),
            clusters,
        )
        for one in counted
    )
    study = StudySummary(
        pairs=pairs,
        settings=settings,
        correction=next(iter(corrected.values()))[0] if len(by_judge) == 1 else None,
        panels=summarise_panels(counted, pairs, settings, clusters, looks or {}, canaries) if len(by_judge) > 1 else (),
        canaries=tuple(canaries),
        over_seeds=tuple(
            one
            for judge, found in by_judge.items()
            if len(answered[judge]) < 2
            for one in pooled_arms({c.pair: c.folds for c in found}, settings, clusters, judge)
        ),
    )
    return weigh(msgspec.structs.replace(study, conclusion=conclusion(study)), counted, clusters, seen or {})


def _corrected(
    found: Sequence[Counted], settings: Settings, clusters: Mapping[str, str] | None
) -> tuple[Correction | None, dict[Pair, Bounded]]:
    """One judge's pairs adjusted for their number, as counted and at the extremes of each; nothing for one pair."""
    if len(found) < 2:
        return None, {}
    p_values = {
        one.pair: Bounded(counted=as_counted.p, worst=lost.p, best=won.p)
        for one in found
        for as_counted, lost, won in [extremes(one.tally, one.clusters)]
    }
    folds = {one.pair: one.folds for one in found}
    return correct_bounded(folds, p_values, sequence=settings.sequence, clusters=clusters)


def _worded(
    counted: Counted,
    settings: Settings,
    p_adjusted: Bounded | None,
    people: Mapping[str, Literal["win", "loss", "tie"]],
    looks: tuple[Look, ...],
    answered: set[str],
    beside_it: Mapping[str, Any],
    canaries: tuple[Canaries, ...],
    clusters: Mapping[str, str] | None,
) -> Summary:
    judged = msgspec.structs.replace(settings, confidence=looks[-1].confidence) if looks else settings
    decision = decide(counted.tally, judged, p_adjusted, counted.clusters)
    if len(answered) > 1:
        decision = Decision("not_poolable")
    summary = msgspec.structs.replace(
        _numbers(counted, judged, p_adjusted), answered_models=tuple(sorted(answered)),
        verdict=decision.code, favours=decision.favours, note=decision.note, looks=looks, **beside_it,
    )  # fmt: skip
    if people:
        summary = msgspec.structs.replace(summary, **_checked(counted, people, settings, clusters))
    return msgspec.structs.replace(
        summary,
        sentence=wording.sentence(summary, settings),
        explanation=wording.explanation(summary, settings, canaries),
        frequencies=wording.frequencies(summary, settings),
        caveats=wording.caveats(summary, settings, canaries),
    )


def _checked(
    counted: Counted,
    people: Mapping[str, Literal["win", "loss", "tie"]],
    settings: Settings,
    clusters: Mapping[str, str] | None,
) -> dict[str, Any]:
    used = sum(key in counted.folds and counted.folds[key].label != "unusable" for key in people)
    if used < FEWEST:
        few = f"{many(used, 'label')} of people beside a verdict: too few to check the judge by; {FEWEST} are needed."
        return {"people_said": (few,)}
    found = check(counted.folds, people, confidence=settings.confidence, clusters=clusters)
    names = settings.label(counted.model_a), settings.label(counted.model_b)
    return {"people": found, "people_said": what_changed(found, *names, counted.judge)}


def _numbers(counted: Counted, settings: Settings, p_adjusted: Bounded | None) -> Summary:
    t, kept, effective = counted.tally, counted.sums, counted.effective
    rate = win_rate(t.wins, t.losses, t.ties)
    low, high = effective.interval(settings.confidence)
    tie_rate = t.ties / t.n if t.n else 0.0
    contexts, groups = more_needed(t, counted.clusters, wording.gap_to_settle(rate, settings), settings)
    critical = effective.critical(settings.alpha)
    return Summary(
        model_a=counted.model_a,
        model_b=counted.model_b,
        judge=counted.judge,
        tally=t,
        n=t.n,
        win_rate=rate,
        low=low,
        high=high,
        p_mid=effective.p,
        p_exact=effective.p_exact,
        worst=win_rate(t.wins, t.losses + t.unusable, t.ties),
        best=win_rate(t.wins + t.unusable, t.losses, t.ties),
        with_single=win_rate(t.wins + t.single_wins, t.losses + t.single_losses, t.ties + t.single_ties),
        p_adjusted=p_adjusted and p_adjusted.counted,
        p_adjusted_worst=p_adjusted and p_adjusted.worst,
        p_adjusted_best=p_adjusted and p_adjusted.best,
        detectable=detectable_rate(effective.n, tie_rate, settings.power, critical=critical),
        more_contexts=contexts,
        more_groups=groups,
        statuses=dict(sorted(kept.statuses.items())),
        lengths=None,
        accused_a=len(kept.accused_a),
        accused_b=len(kept.accused_b),
        answered_models=(),
        templates=tuple(sorted(kept.templates)),
        calls=kept.calls,
        input_tokens=kept.input_tokens,
        output_tokens=kept.output_tokens,
        cost=kept.cost if kept.cost_known else None,
        simulated=kept.simulated or settings.simulated,
        picks=kept.picks,
        design_effect=effective.design_effect,
        clusters=effective.clusters,
        largest_cluster=effective.largest,
        freedom=effective.freedom,
        underdispersion=effective.underdispersion,
    )
