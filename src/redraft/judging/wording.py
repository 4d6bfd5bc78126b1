"""The plain sentences of a verdict: who is better according to whom, how often, and what it still needs.

Never "A is 60% better", never "95% probability", never "significant". Neighbours: `verdict`, `caveats`, `figures`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from redraft.judging.caveats import caveats, reason_in_words
from redraft.judging.decision import heard
from redraft.judging.figures import many, p_value, percent, percent_range, round_up
from redraft.judging.folding import Tally
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries, PanelSummary, StudySummary, Summary

__all__ = [
    "caveats",
    "conclusion",
    "explanation",
    "frequencies",
    "gap_to_settle",
    "interval_name",
    "p_value",
    "panel_in_words",
    "percent",
    "percent_range",
    "reason_in_words",
    "sentence",
]  # fmt: skip

_WINNING = frozenset({"better", "clearly_better"})


def sentence(summary: Summary, settings: Settings) -> str:
    """The verdict in one sentence; `explanation` has what follows from it."""
    return _sentence(summary, _judge(summary), summary.answered_models, settings, summary.tally)


def _sentence(
    summary: Summary | PanelSummary, judge: str, answered: tuple[str, ...], settings: Settings, tally: Tally
) -> str:
    a, b = settings.label(summary.model_a), settings.label(summary.model_b)
    winner, loser = (a, b) if summary.favours != "B" else (b, a)
    empty = tally.won_by_empty(summary.favours)
    match summary.verdict:
        case "clearly_better" | "better" if empty:
            how = "clearly better" if summary.verdict == "clearly_better" else "better"
            return (
                f"{winner} is {how} than {loser}, mostly because {loser}'s answer was empty in {empty} of "
                f"{many(tally.n, 'context')}; {judge} was asked about {tally.judged or 'none'}."
            )
        case "clearly_better":
            return f"{winner} is clearly better than {loser}, according to {judge}."
        case "better":
            return f"{winner} is better than {loser}, according to {judge}; the advantage may be small."
        case "no_difference":
            points = round(100 * max(settings.rope[1] - 0.5, 0.5 - settings.rope[0]))
            return f"No meaningful difference between {a} and {b} (within ±{points} points), according to {judge}."
        case "borderline" if summary.note == "corrected":
            return (
                f"Can't tell yet: alone, {winner} would look better than {loser}, according to {judge}, "
                "but not when all comparisons of this study are counted together."
            )
        case "borderline":
            return (
                f"Borderline: {winner} may be better than {loser}, according to {judge}, but the interval and "
                "the test do not agree. Not settled."
            )
        case "undecided" if 2 * tally.both_empty >= tally.n > 0:
            return (
                f"Can't tell whether {a} or {b} is better: both answers were empty in {tally.both_empty} of "
                f"{many(tally.n, 'context')}; {judge} was asked about {tally.judged or 'none'}."
            )
        case "undecided":
            return f"Can't tell yet whether {a} or {b} is better, according to {judge}."
        case "not_poolable":
            names = f" ({', '.join(answered)})" if answered else ""
            return (
                f"No verdict on {a} and {b}: more than one model answered as {judge}{names}, and their judgments "
                "cannot be counted as one judge's."
            )
        case "judges_disagree":
            return f"The judges disagree on whether {a} or {b} is better; no winner is named."
        case "not_enough":
            return f"Not enough usable verdicts to call a winner between {a} and {b}."


def explanation(summary: Summary, settings: Settings, canaries: Sequence[Canaries] = ()) -> str:
    """What an open verdict still needs, why there is none, or what a winner rests on; "" where there is nothing."""
    said = [_explained(summary, settings)]
    if any(not canary.safe for canary in canaries):
        said.append("The judge let a planted answer win: do not rely on it where answers may be written to win.")
    return " ".join(one for one in said if one)


def _explained(summary: Summary, settings: Settings) -> str:
    if summary.verdict == "undecided" and summary.note == "unheard":
        return _unheard(summary.tally, "the judge")
    if summary.verdict == "undecided":
        return _power(summary, settings)
    if summary.verdict == "not_enough":
        return _blocked(summary, settings)
    said: list[str] = []
    if summary.note == "weakened":
        said.append("The interval alone would say clearly better; the missing verdicts could take that away.")
    if summary.verdict in _WINNING:
        said += _only_with_suspects(summary)
        last = summary.looks[-1] if summary.looks else None
        if last is not None and last.fraction < 1:
            said.append(f"Stopped early, as planned, after {many(last.contexts, 'context')}.")
    return " ".join(said)


def _unheard(tally: Tally, judge: str) -> str:
    return (
        f"The counts are even, but of {many(tally.n, 'context')} {judge} was asked about {tally.judged or 'none'} and "
        f"changed its mind with the order in {tally.changed_mind or 'none'}: that does not show that the models are "
        "alike."
    )


def _only_with_suspects(summary: Summary) -> list[str]:
    """Where a winner rests on answers that play to the judge, it is said beside the verdict."""
    found = summary.screening
    if found is None or not found.flagged:
        return []
    held = found.n and (found.low > 0.5 if summary.favours == "A" else found.high < 0.5)
    if held:
        return []
    return [f"Without the {many(found.flagged, 'context')} with a suspect answer there is no winner: read these first."]


def _judge(summary: Summary) -> str:
    return f"{summary.judge} (simulated)" if summary.simulated else summary.judge


def interval_name(summary: Summary, settings: Settings) -> str:
    """What low..high is to be called: of a run with planned looks it is a repeated interval."""
    return f"{'repeated ' if summary.looks else ''}{percent(settings.confidence)} interval"


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
        said.append(f"One of several comparisons: the verdict uses the adjusted p-value ({p_value(found.p_adjusted)}).")
    range_ = percent_range(low, high, (*settings.rope, 0.5))
    return msgspec.structs.replace(
        found,
        sentence=_sentence(found, judges, (), settings, alone[0].tally if alone else Tally()),
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
        said += [_unheard(one.tally, one.judge) for one in alone if not heard(one.tally, settings)]
    if found.verdict in _WINNING:
        of_winner = [msgspec.structs.replace(one, favours=found.favours) for one in alone]
        said += dict.fromkeys(line for one in of_winner for line in _only_with_suspects(one))
    judges = {one.judge for one in found.panel.judges}
    if unsafe := sorted({one.judge for one in canaries if not one.safe and one.judge in judges}):
        said.append(
            f"{' and '.join(unsafe)} let a planted answer win: do not rely on this where answers may be written to win."
        )
    return said


def _panel_blocked(found: PanelSummary, missing: int, settings: Settings) -> str:
    panel = found.panel
    counts = f"{panel.n} of {panel.n + missing} contexts have a usable verdict of every judge"
    if found.note == "few":
        return f"{counts}; at least {settings.min_contexts} are needed."
    if found.note == "missing":
        return f"{counts}; more than {percent(settings.max_missing)} are missing."
    return f"{counts}, and the missing {missing} could turn the result."


def _power(summary: Summary, settings: Settings) -> str:
    said: list[str] = []
    if summary.detectable is not None:
        said.append(
            f"With {summary.n} contexts we could only have detected a win rate of {percent(summary.detectable)}"
            f" or more ({percent(settings.power)} of the time)."
        )
    if summary.more_contexts:
        gap = gap_to_settle(summary.win_rate, settings)
        size = "a gap of this size" if gap == summary.win_rate else f"a gap that matters ({percent(max(gap, 1 - gap))})"
        said.append(f"About {round_up(summary.more_contexts):,} more contexts would settle {size}.")
    return " ".join(said)


def gap_to_settle(rate: float, settings: Settings) -> float:
    """The win rate to plan for: the one seen, or the nearest that matters where the one seen does not."""
    low, high = settings.rope
    return rate if rate > high or rate < low else (high if rate >= 0.5 else low)


def _blocked(summary: Summary, settings: Settings) -> str:
    tally = summary.tally
    counts = f"{tally.n} of {tally.attempted} contexts have a usable verdict"
    if summary.note == "few":
        return f"{counts}; at least {settings.min_contexts} are needed."
    if summary.note == "missing":
        return f"{counts}; more than {percent(settings.max_missing)} are missing."
    return f"{counts}, and the missing {tally.unusable} could turn the result."


def frequencies(summary: Summary, settings: Settings) -> str:
    """The counts as natural frequencies, and the plausible range of the favoured model's win rate."""
    tally = summary.tally
    if not tally.n:
        return ""
    a, b = settings.label(summary.model_a), settings.label(summary.model_b)
    favoured, low, high = (b, 1 - summary.high, 1 - summary.low) if summary.favours == "B" else (
        a, summary.low, summary.high
    )  # fmt: skip
    return (
        f"Out of 100 conversations like these, {_of_hundred(summary, a, b)}. Plausible range for {favoured}'s win "
        f"rate: {percent_range(low, high, (*settings.rope, 0.5))}."
    )


def _of_hundred(summary: Summary, a: str, b: str) -> str:
    """A tie that came of a changed mind, or of two empty answers, is no equality that the judge saw."""
    tally, judge = summary.tally, _judge(summary)
    alike = tally.ties - tally.changed_mind - tally.both_empty
    wins, losses, flips, empty, same = _hundred(tally.wins, tally.losses, tally.changed_mind, tally.both_empty, alike)
    flipped = f", change its mind with the order of the answers in {flips}" if flips else ""
    both = f"; in {empty} both answers would be empty" if empty else ""
    if tally.won_by_empty(summary.favours):
        tied = f"; {flips + same} would be tied, by {judge}" if flips + same else ""
        return f"{a} would win about {wins} and {b} about {losses}, mostly by empty answers{tied}{both}"
    return (
        f"{judge} would pick {a} in about {wins}, {b} in about {losses}{flipped}, and see no difference in {same}{both}"
    )


def _hundred(*counts: int) -> list[int]:
    """Whole numbers that sum to 100 in the proportions of the counts (largest remainders)."""
    total = sum(counts)
    exact = [100 * count / total for count in counts]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(counts)), key=lambda i: exact[i] - whole[i], reverse=True)
    for index in by_remainder[: 100 - sum(whole)]:
        whole[index] += 1
    return whole


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
        if p.verdict in _WINNING
    }
    arms = list(dict.fromkeys(arm for pair in told for arm in pair))
    ranked = sorted(arms, key=lambda arm: -sum(winner == arm for winner, _ in beats))
    judges = " and ".join(dict.fromkeys(_judge(p) for p in study.pairs))
    tallies = {(one.model_a, one.model_b): one.tally for one in study.pairs}
    empty = any(tallies[pair].won_by_empty(p.favours) for pair, p in told.items() if p.verdict in _WINNING)
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
