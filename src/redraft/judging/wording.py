"""The plain sentences of a verdict: who is better according to whom, how often, and what to keep in mind.

Never "A is 60% better", never "95% probability", never "significant". Neighbour: `verdict`.
"""

from __future__ import annotations

from redraft.judging.families import related
from redraft.judging.summary import Settings, StudySummary, Summary

_REASONS = {
    "candidate_error": "a model gave no answer",
    "skipped_budget": "not asked, the budget was used up",
    "judge_refused": "the judge refused",
    "judge_truncated": "the judge's answer was cut off",
    "judge_unparseable": "the judge's answer could not be read",
    "judge_error": "the call to the judge failed",
    "not_judged": "not judged",
}


def reason_in_words(reason: str) -> str:
    return _REASONS.get(reason, reason)


def sentence(summary: Summary, settings: Settings) -> str:
    """The verdict in one sentence; `explanation` has what follows from it."""
    a, b = settings.label(summary.model_a), settings.label(summary.model_b)
    winner, loser = (a, b) if summary.favours != "B" else (b, a)
    judge = _judge(summary)
    match summary.verdict:
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
        case "undecided":
            return f"Can't tell yet whether {a} or {b} is better, according to {judge}."
        case "not_poolable":
            return (
                f"No verdict on {a} and {b}: more than one model answered as {judge} "
                f"({', '.join(summary.answered_models)}), and their judgments cannot be counted as one judge's."
            )
        case "judges_disagree":
            return f"The judges disagree on whether {a} or {b} is better; no winner is named."
        case "not_enough":
            return f"Not enough usable verdicts to call a winner between {a} and {b}."


def explanation(summary: Summary, settings: Settings) -> str:
    """What an open verdict still needs, or why there is none; "" for the others."""
    if summary.verdict == "undecided":
        return _power(summary, settings)
    if summary.note == "weakened":
        return "The interval alone would say clearly better; the missing verdicts could take that away."
    return _blocked(summary, settings) if summary.verdict == "not_enough" else ""


def _judge(summary: Summary) -> str:
    return f"{summary.judge} (simulated)" if summary.simulated else summary.judge


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
        said.append(f"About {_round_up(summary.more_contexts):,} more contexts would settle {size}.")
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
    wins, losses, ties = _hundred(tally.wins, tally.losses, tally.ties)
    favoured, low, high = (b, 1 - summary.high, 1 - summary.low) if summary.favours == "B" else (
        a, summary.low, summary.high
    )  # fmt: skip
    return (
        f"Out of 100 conversations like these, {_judge(summary)} would pick {a} in about {wins}, {b} in about "
        f"{losses}, and see no difference in {ties}. Plausible range for {favoured}'s win rate: "
        f"{percent_range(low, high, (*settings.rope, 0.5))}."
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


def caveats(summary: Summary, settings: Settings) -> tuple[str, ...]:
    """Everything a reader must know before believing the sentence, most important first."""
    tally, found = summary.tally, list[str]()
    a, b = settings.label(summary.model_a), settings.label(summary.model_b)
    if summary.simulated:
        found.append("Simulated: the answers came from the sandbox, so this says nothing about real models.")
    if tally.unusable:
        reasons = "; ".join(f"{reason_in_words(why)}: {count}" for why, count in tally.unusable_by_reason.items())
        found.append(
            f"{tally.unusable} of {_many(tally.attempted, 'context')} without a usable verdict ({reasons}). Had all "
            f"of them gone one way, {a}'s win rate would lie between {percent(summary.worst)} and "
            f"{percent(summary.best)}."
        )
    if summary.clusters is not None:
        found.append(
            f"The {tally.n} contexts come in {_many(summary.clusters, 'group')} and are not independent: they tell as "
            f"much as about {max(1, round(tally.n / summary.design_effect))} that are."
        )
    found += _empties(summary, a, b)
    if summary.p_adjusted is not None:
        found.append(
            "One of several comparisons: the verdict uses the adjusted p-value "
            f"({p_value(summary.p_adjusted)}); the interval is this comparison's alone."
        )
    found += _on_judge(summary, a, b)
    if settings.one_training_run:
        found.append("One training run per arm: the claim is about this checkpoint, not about the method.")
    found += _on_lengths(summary, a, b)
    return tuple(found)


def _empties(summary: Summary, a: str, b: str) -> list[str]:
    tally = summary.tally
    said = [
        f"Empty answers of {name}: {count}. An empty answer counts as lost without asking the judge."
        for name, count in ((a, tally.empty_a), (b, tally.empty_b))
        if count
    ]
    if tally.both_empty:
        said.append(f"Both answers were empty in {_many(tally.both_empty, 'context')}; that counts as a tie.")
    return said


def _on_judge(summary: Summary, a: str, b: str) -> list[str]:
    tally, said = summary.tally, list[str]()
    said.append("The judge was not checked against people; how people would choose may differ.")
    if tally.judged:
        said.append(
            f"The judge changed its mind with the order of the answers in {percent(tally.flip_rate)} of the contexts "
            f"({tally.changed_mind} of {tally.judged}); these count as ties."
            + (" The judge often cannot tell these apart." if tally.flip_rate > 0.3 else "")
        )
    if tally.position_p < 0.01:
        slot = "first" if tally.first_both > tally.second_both else "second"
        said.append(f"The judge prefers the {slot} answer; corrected by judging both orders.")
    for model, name in ((summary.model_a, a), (summary.model_b, b)):
        if kin := related(summary.judge, model):
            said.append(f"The judge is from the same family as {name} ({kin}); judges tend to favour their own.")
    if summary.accused_a or summary.accused_b:
        said.append(
            f"The judge found instructions to itself in {_many(summary.accused_a, 'answer')} of {a} and "
            f"{summary.accused_b} of {b}; read these before relying on the verdict."
        )
    return said


def _on_lengths(summary: Summary, a: str, b: str) -> list[str]:
    lengths = summary.lengths
    if lengths is None or not lengths.decided or not min(lengths.mean_a, lengths.mean_b):
        return []
    longer, ratio = (a, lengths.mean_a / lengths.mean_b) if lengths.mean_a > lengths.mean_b else (
        b, lengths.mean_b / lengths.mean_a
    )  # fmt: skip
    if ratio < 1.2:
        return []
    return [
        f"{longer}'s answers are {percent(ratio - 1)} longer on average ({lengths.mean_a:,.0f} and "
        f"{lengths.mean_b:,.0f} characters); where one answer won, it was the longer one in {lengths.longer_won} "
        f"of {lengths.decided} contexts. Judges tend to favour length."
    ]


def conclusion(study: StudySummary) -> str:
    """What the pairs say together, in one sentence; "" for a single pair."""
    if len(study.pairs) < 2:
        return ""
    settings = study.settings
    beats = {
        (p.model_a, p.model_b) if p.favours == "A" else (p.model_b, p.model_a)
        for p in study.pairs
        if p.verdict in {"better", "clearly_better"}
    }
    arms = list(dict.fromkeys(arm for p in study.pairs for arm in (p.model_a, p.model_b)))
    ranked = sorted(arms, key=lambda arm: -sum(winner == arm for winner, _ in beats))
    judges = " and ".join(dict.fromkeys(_judge(p) for p in study.pairs))
    if all((x, y) in beats for i, x in enumerate(ranked) for y in ranked[i + 1 :]):
        order = ", then ".join(settings.label(arm) for arm in ranked)
        return f"In this order, best first: {order}, according to {judges}."
    against_baseline = [p for p in study.pairs if settings.baseline in (p.model_a, p.model_b)]
    if against_baseline and all(p.verdict in {"undecided", "borderline", "no_difference"} for p in against_baseline):
        return f"The study could not show that training changed anything the judge can see ({judges})."
    text = "; ".join(_clause(p, settings) for p in study.pairs)
    return f"{text}, according to {judges}."


def _clause(summary: Summary, settings: Settings) -> str:
    a, b = settings.label(summary.model_a), settings.label(summary.model_b)
    winner, loser = (a, b) if summary.favours != "B" else (b, a)
    match summary.verdict:
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


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(share: float) -> str:
    """A share as a percentage, with the digits it needs: 64%, 57.5%, 0.4%."""
    value = 100 * share
    return f"{value:.0f}%" if abs(value - round(value)) < 0.05 else f"{value:.1f}%"


def percent_range(low: float, high: float, marks: tuple[float, ...] = (0.5,)) -> str:
    """Both limits in percent, with as many digits as it takes not to round one onto or across a mark."""
    digits = max(_digits_beside(low, marks), _digits_beside(high, marks))
    return f"{_limit(low, digits, marks)}–{_limit(high, digits, marks)}%"  # noqa: RUF001  (a range takes an en dash)


def _digits_beside(share: float, marks: tuple[float, ...]) -> int:
    """Digits that keep a share on its side of every mark; 0 where even two do not, and words must."""
    return next((digits for digits in range(3) if _keeps_side(share, digits, marks)), 0)


def _keeps_side(share: float, digits: int, marks: tuple[float, ...]) -> bool:
    shown = round(100 * share, digits)
    lines = [round(100 * mark, 9) for mark in marks]
    sides = zip(marks, lines, strict=True)
    return all((shown > line) == (share > mark) and (shown < line) == (share < mark) for mark, line in sides)


def _limit(share: float, digits: int, marks: tuple[float, ...]) -> str:
    if _keeps_side(share, digits, marks):
        return f"{100 * share:.{digits}f}"
    nearest = min(marks, key=lambda mark: abs(mark - share))
    return f"just {'above' if share > nearest else 'below'} {100 * nearest:.0f}"


def p_value(p: float, alpha: float = 0.05) -> str:
    """`p = .034`, `p < .001`; more digits where three would round a p onto alpha."""
    if p < 0.001:
        return "p < .001"
    digits = next(d for d in range(3, 18) if round(p, d) != alpha or p == alpha or d == 17)
    return f"p = {p:.{digits}f}".replace("0.", ".", 1)


def _round_up(count: int) -> int:
    """Two significant digits, upwards: 1,234 → 1,300."""
    step = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
