"""What a run's evidence is worth to somebody who watched it without a plan, in a sentence for the report.

Neighbours: `anytime` has the statistics, `stopping` the looks that are planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from redraft.judging.anytime import log_e_value
from redraft.judging.settings import Settings
from redraft.judging.summary import Summary

_MILLION = log(1e6)


def e_value_note(pairs: Sequence[Summary], settings: Settings) -> str:
    """The e-value of a run of one comparison without planned looks; "" for others.

    Beside p, for a run that was stopped or prolonged for what it showed. Contexts that come in groups bet by group,
    which the counts alone do not tell: "" for them.
    """
    if len(pairs) != 1 or pairs[0].looks or pairs[0].clusters is not None or not pairs[0].n:
        return ""
    counts = pairs[0].tally
    value = log_e_value(counts.wins, counts.losses)
    told = "is above a million" if value > _MILLION else f"= {exp(value):.3g}"
    return (
        "p holds where the number of contexts was fixed beforehand. Had the run been stopped or prolonged for what it "
        f"showed, its e-value would hold instead: E {told}, and {1 / settings.alpha:.0f} or more is evidence."
    )
