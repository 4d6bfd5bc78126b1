"""Which verdict the counts allow. The rules stand in order; the words are `wording`'s.

"Better" needs three things to agree: the interval, the p-value and, among several pairs, the adjusted p-value. Each
of them also as it would be had the missing verdicts all been lost, or won.
"""

from __future__ import annotations

from redraft.judging.clustered import ClusterCounts, Effective
from redraft.judging.folding import Tally
from redraft.judging.missing_bounds import Bounded
from redraft.judging.settings import Decision, Settings

# Beyond this share of changed minds a judge cannot tell the answers apart, and cannot call them equal either.
UNSTEADY = 0.3
WINNING = ("better", "clearly_better")


def decide(
    tally: Tally, settings: Settings, p_adjusted: Bounded | None = None, clusters: ClusterCounts | None = None
) -> Decision:
    """The verdict on a tally; `clusters` are the same counts by cluster, where contexts are grouped.

    `p_adjusted`, where the pair is one of several, are its adjusted p-values as counted and at both extremes.

    Too few or too many missing verdicts block it; so does any other verdict at the extremes of what the missing
    ones could have been. Where the extremes agree on the winner but not on the strength, the weaker is said.
    """
    if tally.n < settings.min_contexts:
        return Decision("not_enough", note="few")
    if tally.unusable / tally.attempted > settings.max_missing:
        return Decision("not_enough", note="missing")
    adjusted = (None, None, None) if p_adjusted is None else (p_adjusted.counted, p_adjusted.worst, p_adjusted.best)
    cases = [
        _decide(counts, settings, p is not None and p > settings.alpha)
        for counts, p in zip(extremes(tally, clusters), adjusted, strict=True)
    ]
    headline = cases[0]
    if headline.code == "no_difference" and not heard(tally, settings):
        return Decision("undecided", note="unheard")
    if not tally.unusable:
        return headline
    if headline.code in WINNING and all(c.code in WINNING and c.favours == headline.favours for c in cases):
        weakest = min(cases, key=lambda case: WINNING.index(case.code))
        return weakest if weakest.code == headline.code else Decision(weakest.code, weakest.favours, note="weakened")
    if len({_firmness(case) for case in cases}) == 1:
        return headline
    return Decision("not_enough", note="extremes")


def heard(tally: Tally, settings: Settings) -> bool:
    """Whether the ties are a judge's word: it was asked often enough, and did not pick a slot instead of an answer.

    A judge that always takes the first answer ties every context; that says nothing about the models. Of the same text
    twice nobody needs to be asked.
    """
    told = tally.n - tally.empty_a - tally.empty_b - tally.both_empty
    return told >= settings.min_contexts and tally.changed_mind <= UNSTEADY * (told - tally.same)


def extremes(tally: Tally, clusters: ClusterCounts | None) -> tuple[Effective, Effective, Effective]:
    """As counted; as if every missing verdict had been a loss; as if every one had been a win."""
    if clusters:
        return clusters.effective(), clusters.worst().effective(), clusters.best().effective()
    wins, losses, ties, missing = tally.wins, tally.losses, tally.ties, tally.unusable
    return (
        Effective(wins=wins, losses=losses, ties=ties),
        Effective(wins=wins, losses=losses + missing, ties=ties),
        Effective(wins=wins + missing, losses=losses, ties=ties),
    )


def _firmness(case: Decision) -> tuple[str, str | None]:
    """Borderline and undecided say the same to a reader: not settled."""
    return ("open", None) if case.code in {"borderline", "undecided"} else (case.code, case.favours)


def _decide(counts: Effective, settings: Settings, corrected_away: bool) -> Decision:
    low, high = counts.interval(settings.confidence)
    excluded = low > 0.5 or high < 0.5
    rejected = counts.p <= settings.alpha
    side = "A" if counts.wins > counts.losses else "B"
    if excluded and rejected and not corrected_away:
        clear = low > settings.rope[1] or high < settings.rope[0]
        return Decision("clearly_better" if clear else "better", side)
    if settings.rope[0] <= low and high <= settings.rope[1]:
        return Decision("no_difference")
    if excluded and rejected:
        return Decision("borderline", side, note="corrected")
    if excluded or rejected:
        return Decision("borderline", side, note="disagree")
    return Decision("undecided")
