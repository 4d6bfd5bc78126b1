"""What several judges say of a pair, and what several pairs say together, in plain sentences.

Neighbours: `wording` has the sentences of one pair by one judge, `panels` and `verdict` ask for these.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from redraft.judging.caveats import at_extremes
from redraft.judging.decision import heard
from redraft.judging.figures import many, p_value, percent, percent_range
from redraft.judging.folding import Tally
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries, PanelSummary, StudySummary, Summary
from redraft.judging.wording import WINNERS, blocked, named_judge, only_with_suspects, sentence_of, unheard


def panel_in_words(
    found: PanelSummary,
    settings: Settings,
    simulated: bool,
    alone: Sequence[Summary] = (),
    canaries: Sequence[Canaries] = (),
) -> PanelSummary:
    """The panel's sentence, frequencies and caveats filled in; `simulated` where the sandbox judged or answered."""
    panel = found.panel
    judges = " and ".join(one.judge for one in panel.judges) + (" (simulated)" if simulated else "")
    a, b = settings.label(found.model_a), settings.label(found.model_b)
    favoured, rate, low, high = (a, panel.rate, panel.low, panel.high)
    if found.favours == "B":
        favoured, rate, low, high = b, 1 - panel.rate, 1 - panel.high, 1 - panel.low
    said = list(panel.remarks)
    if panel.alpha is not None:
        said.append(f"The judges' labels agree to Krippendorff's alpha {panel.alpha:.2f} (1 is perfect, 0 is chance).")
    missing = panel.partial + panel.unusable
    if missing:
        said.append(
            f"{many(missing, 'context')} without a usable verdict of every judge; had all of them gone one way, {a}'s "
            f"win rate would lie between {percent(panel.worst.rate)} and {percent(panel.best.rate)}."
        )
    if found.p_adjusted is not None:
        said.append(
            "One of several comparisons: the verdict uses the adjusted p-value "
            f"({p_value(found.p_adjusted)}{at_extremes(found)})."
        )
    range_ = percent_range(low, high, (*settings.rope, 0.5))
    return msgspec.structs.replace(
        found,
        sentence=sentence_of(found, judges, (), settings, alone[0].tally if alone else Tally()),
        explanation=" ".join(_panel_explained(found, missing, settings, alone, canaries)),
        frequencies=(
            f"Over {many(panel.n, 'context')}, each judge's verdict counting alike, {favoured} wins {percent(rate)}. "
            f"Plausible range: {range_}."
        )
        if panel.n
        else "",
        caveats=tuple(said),
    )


def _panel_explained(
    found: PanelSummary, missing: int, settings: Settings, alone: Sequence[Summary], canaries: Sequence[Canaries]
) -> list[str]:
    said = [_panel_blocked(found, missing, settings)] if found.verdict == "not_enough" else []
    if found.verdict == "undecided" and found.note == "unheard":
        said += [unheard(one.tally, one.judge) for one in alone if not heard(one.tally, settings)]
    if found.verdict in WINNERS:
        of_winner = [msgspec.structs.replace(one, favours=found.favours) for one in alone]
        said += dict.fromkeys(line for one in of_winner for line in only_with_suspects(one))
    judges = {one.judge for one in found.panel.judges}
    if unsafe := sorted({one.judge for one in canaries if not one.safe and one.judge in judges}):
        said.append(
            f"{' and '.join(unsafe)} let a planted answer win: do not rely on this where answers may be written to win."
        )
    return said


def _panel_blocked(found: PanelSummary, missing: int, settings: Settings) -> str:
    panel = found.panel
    counts = f"{panel.n} of {panel.n + missing} contexts have a usable verdict of every judge"
    return blocked(counts, found.note, missing, settings)


def conclusion(study: StudySummary) -> str:
    """What the pairs say together, in one sentence; "" for a single pair. Where a pair has a panel, that speaks."""
    told: dict[tuple[str, str], Summary | PanelSummary] = {}
    for one in (*study.panels, *study.pairs):
        told.setdefault((one.model_a, one.model_b), one)
    if len(told) < 2:
        return ""
    settings = study.settings
    beats = {
        (p.model_a, p.model_b) if p.favours == "A" else (p.model_b, p.model_a)
        for p in told.values()
        if p.verdict in WINNERS
    }
    arms = list(dict.fromkeys(arm for pair in told for arm in pair))
    ranked = sorted(arms, key=lambda arm: -sum(winner == arm for winner, _ in beats))
    judges = " and ".join(dict.fromkeys(named_judge(p) for p in study.pairs))
    tallies = {(one.model_a, one.model_b): one.tally for one in study.pairs}
    empty = any(tallies[pair].won_by_empty(p.favours) for pair, p in told.items() if p.verdict in WINNERS)
    if not empty and all((x, y) in beats for i, x in enumerate(ranked) for y in ranked[i + 1 :]):
        order = ", then ".join(settings.label(arm) for arm in ranked)
        return f"In this order, best first: {order}, according to {judges}."
    against_baseline = [p for pair, p in told.items() if settings.baseline in pair]
    if (
        not beats
        and against_baseline
        and all(p.verdict in {"undecided", "borderline", "no_difference"} for p in against_baseline)
    ):
        return f"The study could not show that training changed anything the judge can see ({judges})."
    clauses = [_clause(p, settings, tallies[pair]) for pair, p in told.items()]
    text = "; ".join(clauses)
    if clauses[0].startswith(("no verdict", "the judges")):
        text = text[:1].upper() + text[1:]
    return f"{text}, according to {judges}."


def _clause(summary: Summary | PanelSummary, settings: Settings, tally: Tally) -> str:
    a, b = settings.label(summary.model_a), settings.label(summary.model_b)
    winner, loser = (a, b) if summary.favours != "B" else (b, a)
    match summary.verdict:
        case "clearly_better" | "better" if tally.won_by_empty(summary.favours):
            return f"{winner} is better than {loser} mostly because {loser} gave empty answers"
        case "clearly_better":
            return f"{winner} is clearly better than {loser}"
        case "better":
            return f"{winner} is better than {loser}"
        case "no_difference":
            return f"{a} and {b} do not differ meaningfully"
        case "borderline" | "undecided":
            return f"{a} and {b} cannot be told apart yet"
        case "judges_disagree":
            return f"the judges disagree on {a} and {b}"
        case "not_enough" | "not_poolable":
            return f"no verdict on {a} and {b}"
