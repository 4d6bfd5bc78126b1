"""What a reader must know before believing a verdict, as far as it applies to this comparison.

Neighbours: `wording` has the verdict itself, `figures` the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.judging.families import related
from redraft.judging.figures import many, p_value, percent, percent_range
from redraft.judging.judges import model_remarks
from redraft.judging.screening import Findings
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries, PanelSummary, Summary

_REASONS = {
    "candidate_error": "a model gave no answer",
    "skipped_budget": "not asked, the budget was used up",
    "judge_refused": "the judge refused",
    "judge_truncated": "the judge's answer was cut off",
    "judge_unparseable": "the judge's answer could not be read",
    "judge_error": "the call to the judge failed",
    "not_judged": "not judged",
}

# What makes anything simulated.
SIMULATED = "answers came from the sandbox, or from a model that was trained on its texts"
# Below this p of its picks a judge prefers a slot, or leans to it.
LEANS = 0.01


def reason_in_words(reason: str) -> str:
    return _REASONS.get(reason, reason)


def caveats(summary: Summary, settings: Settings, canaries: Sequence[Canaries] = ()) -> tuple[str, ...]:
    """Everything a reader must know before believing the sentence, most important first."""
    tally, found = summary.tally, list[str]()
    a, b = settings.label(summary.model_a), settings.label(summary.model_b)
    if summary.simulated:
        found.append(f"Simulated: {SIMULATED}, so this says nothing about real models.")
    found += [
        f"{summary.judge} is not safe to judge untrusted answers: {canary.meaning or canary.kind}."
        for canary in canaries
        if not canary.safe
    ]
    if summary.looks:
        found.append(
            f"{summary.looks[-1].why} The interval is a repeated one: it holds at all looks together with "
            f"{percent(settings.confidence)}."
        )
    if tally.unusable:
        reasons = "; ".join(f"{reason_in_words(why)}: {count}" for why, count in tally.unusable_by_reason.items())
        found.append(
            f"{tally.unusable} of {many(tally.attempted, 'context')} without a usable verdict ({reasons}). Had all "
            f"of them gone one way, {a}'s win rate would lie between {percent(summary.worst)} and "
            f"{percent(summary.best)}."
        )
    if summary.clusters is not None:
        found.append(
            f"The {tally.n} contexts come in {many(summary.clusters, 'group')} and are not independent: they tell as "
            f"much as about {max(1, round(tally.n / summary.design_effect))} that are.{_dominant(summary)}"
        )
    found += _empties(summary, a, b)
    if summary.p_adjusted is not None:
        found.append(
            "One of several comparisons: the verdict uses the adjusted p-value "
            f"({p_value(summary.p_adjusted)}{at_extremes(summary)}); the interval is this comparison's alone."
        )
    found += _on_answers(summary, a, b)
    found += _on_judge(summary, a, b)
    if settings.one_training_run:
        found.append("One training run per arm: the claim is about this checkpoint, not about the method.")
    found += _on_lengths(summary, a, b)
    return tuple(found)


def at_extremes(summary: Summary | PanelSummary) -> str:
    """The adjusted p-value with all missing verdicts of the pair lost, and won, by A; "" where that changes nothing."""
    lost, won = summary.p_adjusted_worst, summary.p_adjusted_best
    if lost is None or won is None or lost == won == summary.p_adjusted:
        return ""
    low, high = sorted((lost, won))
    return f"; {p_value(low)} or {p_value(high)} had all missing verdicts of this one gone the same way"


def _dominant(summary: Summary) -> str:
    """Why the interval is wide where a few groups hold most contexts; "" where they do not."""
    largest, freedom, groups = summary.largest_cluster, summary.freedom, summary.clusters
    if largest is None or freedom is None or groups is None or not 0 < freedom < (groups - 1) / 2:
        return ""
    return (
        f" A few groups hold most of them, the largest {largest}. The contexts of one group may all say the same, so "
        f"that a group of {largest} counts as little more than one: that makes the interval wide."
    )


def _empties(summary: Summary, a: str, b: str) -> list[str]:
    tally = summary.tally
    said = [
        f"Empty answers of {name}: {count}. An empty answer counts as lost without asking the judge."
        for name, count in ((a, tally.empty_a), (b, tally.empty_b))
        if count
    ]
    if tally.same:
        said.append(f"Both answers were the same text in {many(tally.same, 'context')}; that counts as a tie.")
    if tally.both_empty:
        said.append(f"Both answers were empty in {many(tally.both_empty, 'context')}; that counts as a tie.")
    return said


def _on_judge(summary: Summary, a: str, b: str) -> list[str]:
    tally, said = summary.tally, list[str]()
    if summary.people is None:
        said.append("The judge was not checked against people; how people would choose may differ.")
    said += summary.people_said[:2]
    if tally.judged:
        said.append(
            f"The judge changed its mind with the order of the answers in {percent(tally.flip_rate)} of the contexts "
            f"({tally.changed_mind} of {tally.judged}); these count as ties."
            + (" The judge often cannot tell these apart." if tally.flip_rate > 0.3 else "")
        )
    if tally.position_p < LEANS:
        slot = "first" if tally.first_both > tally.second_both else "second"
        said.append(f"The judge prefers the {slot} answer; corrected by judging both orders.")
    elif tally.leaning_p < LEANS:
        slot = "first" if tally.first_leaning > tally.second_leaning else "second"
        other, times = sorted((tally.first_leaning, tally.second_leaning))
        said.append(
            f"The judge leans to the {slot} answer: in {times} of {many(tally.judged, 'context')} it thought better of "
            f"an answer that stood {slot}, in {other} the other way round; corrected by judging both orders."
        )
    said += model_remarks(summary.judge, summary.answered_models)
    for model, name in ((summary.model_a, a), (summary.model_b, b)):
        if kin := related(summary.judge, model):
            said.append(f"The judge is from the same family as {name} ({kin}); judges tend to favour their own.")
    if summary.accused_a or summary.accused_b:
        said.append(
            f"The judge found instructions to itself in {many(summary.accused_a, 'answer')} of {a} and "
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
        f"of {lengths.decided} contexts. Judges tend to favour length.{_adjusted(summary, a)}"
    ]


def _adjusted(summary: Summary, a: str) -> str:
    """The rate adjusted for length, as a sensitivity line, and why it may say little; "" where it was not looked at."""
    if summary.mechanism is None:
        return ""
    found, said = summary.mechanism.length, list(summary.mechanism.remarks)
    if found is not None and found.adjusted is not None and found.low is not None and found.high is not None:
        said.insert(
            0,
            f"Adjusted for length, {a}'s win rate would be {percent(found.adjusted)} "
            f"({percent_range(found.low, found.high)}) instead of {percent(found.raw)}; it is no truer a rate.",
        )
    return "".join(f" {one}" for one in said)


def _on_answers(summary: Summary, a: str, b: str) -> list[str]:
    """Answers that play to the judge, and what is left without them."""
    found = summary.screening
    if found is None or not found.flagged:
        return []
    said = [
        part
        for name, findings, wins in ((a, found.a, found.unrelated_wins_a), (b, found.b, found.unrelated_wins_b))
        for part in findings_in_words(name, findings, wins)
    ]
    rest = f"Without the {many(found.flagged, 'context')} concerned, {a}'s win rate "
    if not found.n:
        return [*said, f"{rest}cannot be told: no context is left."]
    return [*said, f"{rest}is {percent(found.win_rate)} ({percent_range(found.low, found.high)}, {found.n} contexts)."]


def findings_in_words(name: str, findings: Findings, unrelated_wins: int = 0) -> list[str]:
    """What was found in one model's answers, a line each."""
    said: list[str] = []
    if findings.repeated:
        most = max(len(one.contexts) for one in findings.repeated)
        said.append(
            f"{name} gave the same answer to many contexts: {many(findings.repeated_answers, 'answer')} of "
            f"{findings.answers} are such, one of them given {most} times."
        )
    spoken = {context for contexts in findings.directed.values() for context in contexts}
    if spoken:
        signs = ", ".join(f"{sign.replace('_', ' ')}: {len(ids)}" for sign, ids in findings.directed.items())
        said.append(
            f"{many(len(spoken), 'answer')} of {name} may speak to the judge rather than to the user ({signs})."
        )
    if unrelated_wins:
        said.append(f"{name} won {many(unrelated_wins, 'context')} with an answer that has nothing to do with it.")
    return said
