"""What a run's evidence is worth where somebody looked at it before it was over, without a plan.

A run that grows for what it showed has had several chances to be wrong, and p and the interval for a fixed number of
contexts give only one: grown three times, models that are alike have a winner in 10 of 100 runs. Neighbours: `anytime`
has the statistics, `stopping` the looks that are planned, `unplanned_words` the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

import msgspec

from redraft.judging.anytime import decisive_interval, log_e_value
from redraft.judging.clustered import Effective
from redraft.judging.counting import Counted
from redraft.judging.decision import WINNING, extremes
from redraft.judging.folding import POINTS, Fold, Label
from redraft.judging.multiplicity import Pair, adjusted_p
from redraft.judging.settings import Decision, Settings
from redraft.judging.summary import Earlier, PanelSummary, StudySummary, Summary
from redraft.judging.unplanned_words import panel_told, told
from redraft.judging.wording_of_studies import conclusion, panel_in_words

# (model A, model B, judge) → the looks that were taken before, by the contexts that they had.
Seen = Mapping[tuple[str, str, str], Sequence[Earlier]]
Cases = tuple[float, float, float]


def weigh(
    study: StudySummary, counted: Sequence[Counted], clusters: Mapping[str, str] | None, seen: Seen
) -> StudySummary:
    """The study with the e-value of every pair; a verdict that was looked at before holds by that, or is not firm.

    `counted` are those that the study was made of, in its order, and `clusters` context id → group.
    """
    cases = [_log_e(one) for one in counted]
    pairs = tuple(
        msgspec.structs.replace(one, log_e=log_e, earlier=tuple(seen.get((one.model_a, one.model_b, one.judge), ())))
        for one, (log_e, _, _) in zip(study.pairs, cases, strict=True)
    )
    study = msgspec.structs.replace(study, pairs=pairs)
    if not any(one.earlier for one in pairs):
        return study
    pairs = tuple(
        _grown(one, of_one, counts, _beside(one, pairs), study) if one.earlier else one
        for one, of_one, counts in zip(pairs, cases, counted, strict=True)
    )
    study = msgspec.structs.replace(study, pairs=pairs, panels=_panels(study, counted, clusters, seen))
    return msgspec.structs.replace(study, conclusion=conclusion(study))


def anytime_interval(counts: Effective, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for the win rate that holds however often somebody looks; (0, 1) where nothing is decided.

    1/2 + d (s - 1/2) over all s and d of the confidence sequences for A's share s of the decisive contexts and for the
    share d of these, of Robbins' mixture (`anytime.decisive_interval`); never inside the interval for a fixed number.
    It leaves 1/2 out where E of the counts reaches 1/alpha. Grouped contexts count as so many independent ones.
    """
    low, high = counts.interval(confidence)
    decisive = counts.wins + counts.losses
    if not decisive:
        return 0.0, 1.0
    least, most = (share - 0.5 for share in decisive_interval(counts.wins, counts.losses, confidence))
    few, many = decisive_interval(decisive, counts.ties, confidence)
    return (
        min(low, 0.5 + least * (many if least < 0 else few)),
        max(high, 0.5 + most * (many if most > 0 else few)),
    )


def _log_e(counted: Counted) -> Cases:
    """ln E as counted, and had every missing verdict gone against, or to, A. Groups bet by their signs."""
    if (groups := counted.clusters) is not None:
        return log_e_value(*groups.signs()), log_e_value(*groups.worst().signs()), log_e_value(*groups.best().signs())
    wins, losses, missing = counted.tally.wins, counted.tally.losses, counted.tally.unusable
    return log_e_value(wins, losses), log_e_value(wins, losses + missing), log_e_value(wins + missing, losses)


def _p(log_e: float) -> float:
    return exp(-max(0.0, log_e))


def _beside(one: Summary, pairs: Sequence[Summary]) -> dict[Pair, float]:
    """Pair → p, of the pairs of one judge."""
    return {
        (each.model_a, each.model_b): _p(each.log_e or 0.0) if each.earlier else each.p_mid
        for each in pairs
        if each.judge == one.judge
    }


def _adjusted(cases: Cases, pair: Pair, beside: Mapping[Pair, float], settings: Settings) -> list[float]:
    """Each case's p by E, adjusted with the other pairs as they are."""
    values = [{**beside, pair: _p(log_e)} for log_e in cases]
    return [adjusted_p(p_values, settings.sequence).get(pair, p_values[pair]) for p_values in values]


def _grown(one: Summary, cases: Cases, counted: Counted, beside: Mapping[Pair, float], study: StudySummary) -> Summary:
    settings = study.settings
    p_values = _adjusted(cases, (one.model_a, one.model_b), beside, settings)
    counts = extremes(counted.tally, counted.clusters)
    held = [_held(each, p, settings) for each, p in zip(counts, p_values, strict=True)]
    low, high = anytime_interval(counts[0], settings.confidence)
    decision = _decision(Decision(one.verdict, one.favours, one.note), held)
    found = msgspec.structs.replace(
        one, low=min(one.low, low), high=max(one.high, high),
        verdict=decision.code, favours=decision.favours, note=decision.note,
    )  # fmt: skip
    return told(found, settings, [canary for canary in study.canaries if canary.judge == one.judge])


def _held(counts: Effective, p: float, settings: Settings) -> Decision:
    low, high = anytime_interval(counts, settings.confidence)
    if p <= settings.alpha and (low > 0.5 or high < 0.5):
        clear = low > settings.rope[1] or high < settings.rope[0]
        return Decision("clearly_better" if clear else "better", "A" if low > 0.5 else "B")
    alike = settings.rope[0] <= low and high <= settings.rope[1]
    return Decision("no_difference" if alike else "undecided")


def _decision(said: Decision, held: Sequence[Decision]) -> Decision:
    """What is left of a verdict for a fixed number of contexts: the weakest that holds at any look."""
    if said.code in WINNING:
        if any(one.code not in WINNING or one.favours != said.favours for one in held):
            return Decision("borderline", said.favours, note="grown")
        weakest = min((said, *held), key=lambda one: WINNING.index(one.code))
        return said if weakest.code == said.code else Decision(weakest.code, said.favours, note="grown")
    if said.code == "no_difference" and any(one.code != "no_difference" for one in held):
        return Decision("undecided", note="grown")
    return said


def _panels(
    study: StudySummary, counted: Sequence[Counted], clusters: Mapping[str, str] | None, seen: Seen
) -> tuple[PanelSummary, ...]:
    cases: dict[Pair, Cases] = {}
    earlier: dict[Pair, tuple[Earlier, ...]] = {}
    for one in study.panels:
        pair = one.model_a, one.model_b
        judged = [each.folds for each in counted if each.pair == pair]
        cases[pair] = _panel_log_e(judged, clusters, None), _panel_log_e(judged, clusters, -1), _panel_log_e(
            judged, clusters, 1
        )  # fmt: skip
        looks = {look.contexts: look for key, looks in seen.items() if key[:2] == pair for look in looks}
        earlier[pair] = tuple(looks[contexts] for contexts in sorted(looks))
    beside = {pair: _p(found[0]) if earlier[pair] else _of(study, pair).panel.p for pair, found in cases.items()}
    grown: list[PanelSummary] = []
    for one in study.panels:
        pair = one.model_a, one.model_b
        if not earlier[pair]:
            grown.append(one)
            continue
        p_values = _adjusted(cases[pair], pair, beside, study.settings)
        # There is no interval of the judges' mean for any look: that it is clear, or no difference, is not said.
        side = "A" if one.panel.rate > 0.5 else "B"
        held = [Decision("better", side) if p <= study.settings.alpha else Decision("undecided") for p in p_values]
        decision = _decision(Decision(one.verdict, one.favours, one.note), held)
        found = msgspec.structs.replace(
            one, earlier=earlier[pair], log_e=cases[pair][0],
            verdict=decision.code, favours=decision.favours, note=decision.note,
        )  # fmt: skip
        alone = [each for each in study.pairs if (each.model_a, each.model_b) == pair]
        worded = panel_in_words(found, study.settings, study.simulated, alone, study.canaries)
        grown.append(panel_told(worded, study.settings, study.simulated))
    return tuple(grown)


def _of(study: StudySummary, pair: Pair) -> PanelSummary:
    return next(one for one in study.panels if (one.model_a, one.model_b) == pair)


def _panel_log_e(
    judged: Sequence[Mapping[str, Fold]], clusters: Mapping[str, str] | None, missing: int | None
) -> float:
    """ln E of the signs of what all judges together say of each context, or group of contexts; a missing verdict of
    any judge leaves the context out, or has these points."""
    sums: dict[str, int] = {}
    for context in dict.fromkeys(context for folds in judged for context in folds):
        labels: list[Label] = [folds[context].label if context in folds else "unusable" for folds in judged]
        points = [missing if label == "unusable" else POINTS[label] for label in labels]
        known = [point for point in points if point is not None]
        if len(known) == len(points):
            unit = context if clusters is None else clusters[context]
            sums[unit] = sums.get(unit, 0) + sum(known)
    return log_e_value(sum(total > 0 for total in sums.values()), sum(total < 0 for total in sums.values()))
