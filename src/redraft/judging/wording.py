"""The plain sentences of a verdict: who is better according to whom, how often, and what it still needs.

Never "A is 60% better", never "95% probability", never "significant". Neighbours: `wording_of_studies` for several
judges and several pairs, `verdict`, `caveats`, `figures`.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.judging.caveats import caveats, reason_in_words
from redraft.judging.figures import many, p_value, percent, percent_range, round_up
from redraft.judging.folding import Tally
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries, PanelSummary, Summary

__all__ = [
    "caveats",
    "explanation",
    "frequencies",
    "gap_to_settle",
    "interval_name",
    "p_value",
    "percent",
    "percent_range",
    "reason_in_words",
    "sentence",
]  # fmt: skip

# Who grows a run for what it showed has looked at it without a plan (`unplanned`).
_ELSEWHERE = (
    "Take them in a new run, or in one with planned looks (--looks): p does not hold for a run that grows for what it "
    "showed."
)
WINNERS = frozenset({"better", "clearly_better"})


def sentence(summary: Summary, settings: Settings) -> str:
    """The verdict in one sentence; `explanation` has what follows from it."""
    return sentence_of(summary, named_judge(summary), summary.answered_models, settings, summary.tally)


def sentence_of(
    summary: Summary | PanelSummary, judge: str, answered: tuple[str, ...], settings: Settings, tally: Tally
) -> str:
    """The verdict in one sentence, where `judge` says whose it is, and `answered` which models gave that name."""
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
        return unheard(summary.tally, "the judge")
    if summary.verdict == "undecided":
        return _power(summary, settings)
    if summary.verdict == "not_enough":
        return _blocked(summary, settings)
    said: list[str] = []
    if summary.note == "weakened":
        said.append("The interval alone would say clearly better; the missing verdicts could take that away.")
    if summary.verdict in WINNERS:
        said += only_with_suspects(summary)
        last = summary.looks[-1] if summary.looks else None
        if last is not None and last.fraction < 1:
            said.append(f"Stopped early, as planned, after {many(last.contexts, 'context')}.")
    return " ".join(said)


def unheard(tally: Tally, judge: str) -> str:
    """Why even counts show nothing where the judge was hardly asked, or picked slots."""
    return (
        f"The counts are even, but of {many(tally.n, 'context')} {judge} was asked about {tally.judged or 'none'} and "
        f"changed its mind with the order in {tally.changed_mind or 'none'}: that does not show that the models are "
        "alike."
    )


def only_with_suspects(summary: Summary) -> list[str]:
    """Where a winner rests on answers that play to the judge, it is said beside the verdict."""
    found = summary.screening
    if found is None or not found.flagged:
        return []
    held = found.n and (found.low > 0.5 if summary.favours == "A" else found.high < 0.5)
    if held:
        return []
    return [f"Without the {many(found.flagged, 'context')} with a suspect answer there is no winner: read these first."]


def named_judge(summary: Summary) -> str:
    """The judge, marked where anything was simulated."""
    return f"{summary.judge} (simulated)" if summary.simulated else summary.judge


def interval_name(summary: Summary, settings: Settings) -> str:
    """What low..high is to be called: of a run with planned looks it is a repeated interval, of one that was looked at
    without a plan an anytime-valid one."""
    kind = "anytime-valid " if summary.earlier else "repeated " if summary.looks else ""
    return f"{kind}{percent(settings.confidence)} interval"


def _power(summary: Summary, settings: Settings) -> str:
    n, groups, said = many(summary.n, "context"), summary.clusters, list[str]()
    if groups is not None and groups < 2:
        return (
            f"All {n} are of one {group_noun(settings)}, and nothing shows how much others differ: however many more "
            f"of the same would settle nothing. Take contexts of other {others(settings)}."
        )
    if summary.detectable is not None:
        grouped = "" if groups is None else f" in {many(groups, group_noun(settings))}"
        said.append(
            f"With {n}{grouped} we could only have detected a win rate of {percent(summary.detectable)}"
            f" or more ({percent(settings.power)} of the time)."
        )
    if summary.more_contexts:
        gap = gap_to_settle(summary.win_rate, settings)
        size = "a gap of this size" if gap == summary.win_rate else f"a gap that matters ({percent(max(gap, 1 - gap))})"
        more = f"{round_up(summary.more_contexts):,} more contexts"
        if summary.more_groups is None:
            said.append(f"About {more} would settle {size}.")
        else:
            said.append(
                f"About {round_up(summary.more_groups):,} more {others(settings)} like these, with some {more}, would "
                f"settle {size}; more contexts of the same ones would do less."
            )
        said.append(_ELSEWHERE)
    return " ".join(said)


def group_noun(settings: Settings) -> str:
    """What a group of contexts is of, where the run says so."""
    return settings.cluster_by if settings.cluster_by in {"user", "document"} else "group"


def others(settings: Settings) -> str:
    """Further groups, so that it is clear what to look for."""
    noun = group_noun(settings)
    return f"{noun}s" if noun != "group" else "groups (users, documents)"


def gap_to_settle(rate: float, settings: Settings) -> float:
    """The win rate to plan for: the one seen, or the nearest that matters where the one seen does not."""
    low, high = settings.rope
    return rate if rate > high or rate < low else (high if rate >= 0.5 else low)


def _blocked(summary: Summary, settings: Settings) -> str:
    tally = summary.tally
    counts = f"{tally.n} of {tally.attempted} contexts have a usable verdict"
    return blocked(counts, summary.note, tally.unusable, settings)


def blocked(counts: str, note: str, missing: int, settings: Settings) -> str:
    """Why so many usable verdicts, as `counts` has them in words, give none in the end."""
    if note == "few":
        return f"{counts}; at least {settings.min_contexts} are needed."
    if note == "missing":
        return f"{counts}; more than {percent(settings.max_missing)} are missing."
    return f"{counts}, and the missing {missing} could turn the result."


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
    tally, judge = summary.tally, named_judge(summary)
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
