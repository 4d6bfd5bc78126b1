"""The verdict of several judges on each pair, in numbers and words, beside the verdicts of each.

Neighbours: `panel` has the statistics and the rule, `verdict` each judge's own summary, `wording_of_studies` the
sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from redraft.judging.counting import Counted
from redraft.judging.decision import heard
from redraft.judging.missing_bounds import Bounded, adjusted_bounded
from redraft.judging.multiplicity import Pair
from redraft.judging.panel import Panel, convene, decide_panel
from redraft.judging.settings import Decision, Settings
from redraft.judging.stopping import Look
from redraft.judging.summary import Canaries, PanelSummary, Summary
from redraft.judging.wording_of_studies import panel_in_words

_WINNING = frozenset({"better", "clearly_better"})


def summarise_panels(
    counted: Sequence[Counted],
    pairs: Sequence[Summary],
    settings: Settings,
    clusters: Mapping[str, str] | None,
    looks: Mapping[tuple[str, str, str], Sequence[Look]],
    canaries: Sequence[Canaries] = (),
) -> tuple[PanelSummary, ...]:
    """One for each pair that two judges or more have judged; several pairs' p-values are adjusted.

    With `looks` (model A, model B, judge → looks) at the verdicts of any of its judges, a panel has the strictest
    confidence of their last ones: how many contexts it has was decided there. Three pairs of three models by Shaffer,
    others by Holm; a declared sequence of pairs by that.
    """
    by_pair: dict[Pair, list[Counted]] = {}
    for one in counted:
        by_pair.setdefault(one.pair, []).append(one)
    judged = {
        pair: msgspec.structs.replace(settings, confidence=max(taken)) if (taken := _looked(pair, looks)) else settings
        for pair in by_pair
    }
    panels = {
        pair: convene({one.judge: one.folds for one in found}, clusters=clusters, confidence=judged[pair].confidence)
        for pair, found in by_pair.items()
        if len(found) > 1
    }
    p_values = {pair: Bounded(counted=one.p, worst=one.worst.p, best=one.best.p) for pair, one in panels.items()}
    adjusted = adjusted_bounded(p_values, settings.sequence)
    simulated = any(one.simulated for one in pairs)
    return tuple(
        _worded(
            pair, panel, adjusted.get(pair), [one for one in pairs if (one.model_a, one.model_b) == pair],
            judged[pair], settings, simulated, canaries,
        )
        for pair, panel in panels.items()
    )  # fmt: skip


def _looked(pair: Pair, looks: Mapping[tuple[str, str, str], Sequence[Look]]) -> list[float]:
    """The confidence of the last look at each judge's verdicts on the pair."""
    return [taken[-1].confidence for (*models, _), taken in looks.items() if taken and tuple(models) == pair]


def _worded(
    pair: Pair,
    panel: Panel,
    p_adjusted: Bounded | None,
    alone: Sequence[Summary],
    judged: Settings,
    settings: Settings,
    simulated: bool,
    canaries: Sequence[Canaries],
) -> PanelSummary:
    decision = decide_panel(panel, judged, p_adjusted)
    if any(one.verdict == "not_poolable" for one in alone):
        decision = Decision("not_poolable")
    elif {one.favours for one in alone if one.verdict in _WINNING} == {"A", "B"}:
        # Their mean may well be even, but nothing is open that more contexts would settle.
        decision = Decision("judges_disagree")
    elif decision.code == "no_difference" and not all(heard(one.tally, settings) for one in alone):
        decision = Decision("undecided", note="unheard")
    found = PanelSummary(
        model_a=pair[0], model_b=pair[1], panel=panel,
        p_adjusted=p_adjusted and p_adjusted.counted, p_adjusted_worst=p_adjusted and p_adjusted.worst,
        p_adjusted_best=p_adjusted and p_adjusted.best,
        verdict=decision.code, favours=decision.favours, note=decision.note,
    )  # fmt: skip
    return panel_in_words(found, settings, simulated, alone, canaries)
