"""The verdict of several judges on each pair, in numbers and words, beside the verdicts of each.

Neighbours: `panel` has the statistics and the rule, `verdict` each judge's own summary, `wording` the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redraft.judging import wording
from redraft.judging.counting import Counted
from redraft.judging.multiplicity import Pair, adjusted_p
from redraft.judging.panel import Panel, convene, decide_panel
from redraft.judging.settings import Decision, Settings
from redraft.judging.summary import PanelSummary, Summary

_WINNING = frozenset({"better", "clearly_better"})


def summarise_panels(
    counted: Sequence[Counted], pairs: Sequence[Summary], settings: Settings, clusters: Mapping[str, str] | None
) -> tuple[PanelSummary, ...]:
    """One for each pair that two judges or more have judged; several pairs' p-values are adjusted.

    Three pairs of three models by Shaffer, others by Holm; a declared sequence of pairs by that.
    """
    by_pair: dict[Pair, list[Counted]] = {}
    for one in counted:
        by_pair.setdefault(one.pair, []).append(one)
    panels = {
        pair: convene({one.judge: one.folds for one in found}, clusters=clusters, confidence=settings.confidence)
        for pair, found in by_pair.items()
        if len(found) > 1
    }
    adjusted = adjusted_p({pair: panel.p for pair, panel in panels.items()}, settings.sequence)
    simulated = any(one.simulated for one in pairs)
    return tuple(
        _worded(
            pair, panel, adjusted.get(pair), [one for one in pairs if (one.model_a, one.model_b) == pair],
            settings, simulated,
        )
        for pair, panel in panels.items()
    )  # fmt: skip


def _worded(
    pair: Pair, panel: Panel, p_adjusted: float | None, alone: Sequence[Summary], settings: Settings, simulated: bool
) -> PanelSummary:
    decision = decide_panel(panel, settings)
    if any(one.verdict == "not_poolable" for one in alone):
        decision = Decision("not_poolable")
    elif {one.favours for one in alone if one.verdict in _WINNING} == {"A", "B"}:
        # Their mean may well be even, but nothing is open that more contexts would settle.
        decision = Decision("judges_disagree")
    elif decision.code in _WINNING and p_adjusted is not None and p_adjusted > settings.alpha:
        decision = Decision("borderline", decision.favours, note="corrected")
    found = PanelSummary(
        model_a=pair[0], model_b=pair[1], panel=panel, p_adjusted=p_adjusted,
        verdict=decision.code, favours=decision.favours, note=decision.note,
    )  # fmt: skip
    return wording.panel_in_words(found, settings, simulated)
