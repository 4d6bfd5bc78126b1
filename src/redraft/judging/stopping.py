"""After a look at a run that is still going: stop or go on, and why. Pure: the same counts give the same answer.

The run plans its looks before the first judgment; whoever looks at other times reads `anytime` instead. Neighbours:
`sequential` has the boundaries, `decision` the rules that a winner must pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import Literal

import msgspec

from redraft.errors import ConfigurationError, InputError
from redraft.judging.clustered import ClusterCounts, Effective
from redraft.judging.decision import WINNING, decide
from redraft.judging.distributions import normal_cdf
from redraft.judging.folding import Tally
from redraft.judging.sequential import boundaries, conditional_power, spent
from redraft.judging.settings import Decision, Settings

Reason = Literal["winner", "no_difference", "futility", "complete", "go_on"]
_CLOSEST = 5e-4  # looks nearer than this share of the run tell nothing new


class LookPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed before a run: at most `contexts`, looked at after these shares of them.

    `rate` is the win rate that the run was planned to notice. It stops for futility where the chance of still
    finding such a difference is below `futility`; 0 never stops for that. The boundaries do not count on it, so going
    on all the same is allowed. ConfigurationError where the shares do not increase up to 1.
    """

    contexts: int
    fractions: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    rate: float = 0.57
    futility: float = 0.1

    def __post_init__(self) -> None:
        if self.contexts < 1 or not 0.5 < self.rate < 1 or not 0 <= self.futility < 1:
            raise ConfigurationError(
                f"a plan of {self.contexts} contexts for a win rate of {self.rate}, futility below {self.futility}: "
                "at least one context, a rate between 0.5 and 1, a futility from 0 to below 1"
            )
        places = (0.0, *self.fractions)
        if self.fractions[-1:] != (1.0,) or any(not b - a >= _CLOSEST for a, b in pairwise(places)):
            raise ConfigurationError(f"looks at {list(self.fractions)} of the contexts: shares increase up to 1")

    def due(self) -> tuple[int, ...]:
        """Contexts attempted at each look; fewer looks than planned where two fall on one context."""
        return tuple(dict.fromkeys(ceil(round(share * self.contexts, 9)) for share in self.fractions))


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a look found, and what follows.

    `contexts` have been attempted, `fraction` of the plan; `spent` is the part of alpha used up to here. `statistic`
    is (W - L)/sqrt(W + L), `boundary` what it must reach. `low`..`high` is the repeated confidence interval (Jennison,
    Turnbull 1989, JRSS B 51:305): Tango's at `confidence`, and all looks' intervals hold the truth together as often
    as the settings say. A summary of a stopped run takes `confidence` for its settings'. `next_contexts` is where the
    next look is due, None after a stop.
    """

    number: int
    contexts: int
    fraction: float
    spent: float
    boundary: float
    confidence: float
    statistic: float
    low: float
    high: float
    decision: Decision
    conditional_power: float | None
    reason: Reason
    why: str
    next_contexts: int | None

    @property
    def stops(self) -> bool:
        return self.reason != "go_on"


def review(
    plan: LookPlan,
    looks: Sequence[Tally],
    settings: Settings,
    clusters: Sequence[ClusterCounts] = (),
    *,
    final: bool = False,
) -> Look:
    """The look at which the run stops, or the last one if it goes on.

    `looks` holds the counts since the start at every look so far, also of earlier ones; `clusters` the same by
    cluster, where contexts are grouped. Looks may lie elsewhere than planned. The last look is final where all
    planned contexts are attempted, or where `final` says that no more will come (a budget that ran out, say; never
    because of what the counts show). A winner must pass all that `decision` asks for, with the boundary's confidence
    in place of the settings'. InputError where looks do not grow, or go on after the plan's end.
    """
    attempted = [look.attempted for look in looks]
    shares = [count / plan.contexts for count in attempted]
    if clusters and len(clusters) != len(looks):
        raise InputError(f"{len(looks)} looks, but counts by cluster of {len(clusters)}; give one of each a look")
    if not looks or any(b - a < _CLOSEST for a, b in pairwise((0.0, *shares))):
        raise InputError(f"looks after {attempted} contexts; each has more than the one before")
    if any(share >= 1 for share in shares[:-1]):
        raise InputError(f"looks after {attempted} contexts, but the plan ended at {plan.contexts}")
    fractions = [*shares[:-1], 1.0 if final else min(1.0, shares[-1])]
    bounds = boundaries(fractions, settings.alpha, shares)

    def look(index: int) -> Look:
        counts = clusters[index] if clusters else None
        return _look(plan, looks[index], settings, counts, fractions[: index + 1], bounds[index])

    earlier = (look(index) for index in range(len(looks) - 1))
    return next((one for one in earlier if one.stops), None) or look(len(looks) - 1)


def _look(
    plan: LookPlan,
    tally: Tally,
    settings: Settings,
    clusters: ClusterCounts | None,
    fractions: list[float],
    boundary: float,
) -> Look:
    fraction = fractions[-1]
    confidence = 1 - 2 * normal_cdf(-boundary)
    counts = clusters.effective() if clusters else Effective(wins=tally.wins, losses=tally.losses, ties=tally.ties)
    decisive = counts.wins + counts.losses
    statistic = (counts.wins - counts.losses) / sqrt(decisive) if decisive else 0.0
    decision = decide(tally, msgspec.structs.replace(settings, confidence=confidence), None, clusters)
    chance = None
    if fraction < 1 and decisive:
        chance = _chance(plan, tally, counts, settings, fractions, statistic)
    reason = _reason(plan, decision, fraction, chance)
    due = next((count for count in plan.due() if count > tally.attempted), plan.contexts)
    low, high = counts.interval(confidence)
    number = len(fractions)
    return Look(
        number=number,
        contexts=tally.attempted,
        fraction=fraction,
        spent=spent(fraction, settings.alpha),
        boundary=boundary,
        confidence=confidence,
        statistic=statistic,
        low=low,
        high=high,
        decision=decision,
        conditional_power=chance,
        reason=reason,
        why=f"Look {number}, after {tally.attempted:,} of {plan.contexts:,} contexts: "
        + _why(reason, plan, decision, statistic, boundary, chance, due, fraction),
        next_contexts=due if reason == "go_on" else None,
    )


def _chance(
    plan: LookPlan,
    tally: Tally,
    counts: Effective,
    settings: Settings,
    fractions: list[float],
    statistic: float,
) -> float:
    """Conditional power at the planned rate, in the direction that is likelier to succeed.

    The drift uses the ties, missing verdicts and design effect seen so far, none of which tells who is ahead.
    """
    decisive = (counts.wins + counts.losses) / counts.n
    usable = plan.contexts * tally.n / tally.attempted / counts.design_effect
    drift = min(2 * plan.rate - 1, decisive) * sqrt(usable / decisive)
    ahead = [*fractions, *(share for share in plan.fractions if share - fractions[-1] >= _CLOSEST)]
    last = boundaries(ahead, settings.alpha)[-1]
    return max(conditional_power(abs(statistic), fractions[-1], last, side * drift) for side in (1, -1))


def _reason(plan: LookPlan, decision: Decision, fraction: float, chance: float | None) -> Reason:
    if decision.code in WINNING:
        return "winner"
    if decision.code == "no_difference":
        return "no_difference"
    if fraction >= 1:
        return "complete"
    return "futility" if chance is not None and chance < plan.futility else "go_on"


def _why(
    reason: Reason,
    plan: LookPlan,
    decision: Decision,
    statistic: float,
    boundary: float,
    chance: float | None,
    due: int,
    fraction: float,
) -> str:
    evidence = f"the evidence (z = {statistic:.2f}, boundary {boundary:.2f})"
    match reason:
        case "winner":
            early = "" if fraction >= 1 else " Stopped early, an estimate tends to be a little high."
            return f"{evidence} is enough for {decision.favours}.{early}"
        case "no_difference":
            return "the whole plausible range lies where a difference does not matter."
        case "futility":
            return f"a win rate of {plan.rate:.0%} or more would now be noticed with a chance of {chance:.0%} only."
        case "complete":
            return "all that was planned is judged."
        case "go_on":
            return f"{evidence} does not settle it yet; the next look is after {due:,} contexts."
