"""What is said of several training runs taken together: a sentence, its details, the report's stage.

Neighbours: `seeds` counts, `wording` speaks of single runs.
"""

from __future__ import annotations

from redraft.judging.report import Stage, Table
from redraft.judging.seeds import Pooled
from redraft.judging.summary import StudySummary

_LEAD = (
    "All training runs of an arm together: a context's verdicts are averaged over the runs first, so that it counts "
    "once. The interval is about these runs on other contexts; how far runs with other seeds may lie from them, the "
    "last column gives an idea of. The verdicts on single runs are adjusted for their number."
)
_COLUMNS = ("A", "B", "contexts", "A's win rate", "interval", "p (Holm)", "by seed")


def seed_sentences(study: StudySummary) -> list[tuple[str, str]]:
    """(sentence, details) for each pair of arms that was trained more than once."""
    mark = " (simulated)" if study.simulated else ""
    return [
        (
            f"{a} won {one.rate:.1%} against {b}: the mean of {one.seeds} training runs{mark}.",
            f"{_interval(one, study)}; p {_p(one)}; by seed {_rates(one)}.",
        )
        for one, a, b in _named(study)
    ]


def seed_stage(study: StudySummary) -> tuple[Stage, ...]:
    """The report's table of them; nothing where every arm was trained once."""
    rows = tuple((a, b, one.n, f"{one.rate:.1%}", _interval(one, study), _p(one), _rates(one))
                 for one, a, b in _named(study))  # fmt: skip
    return (Stage(title="Seeds", lead=_LEAD, tables=(Table(columns=_COLUMNS, rows=rows),)),) if rows else ()


def _named(study: StudySummary) -> list[tuple[Pooled, str, str]]:
    label = study.settings.label
    return [(one, label(one.arm_a), label(one.arm_b)) for one in study.over_seeds]


def _interval(one: Pooled, study: StudySummary) -> str:
    if one.low is None or one.high is None:
        return "no interval: the contexts do not differ"
    return f"{study.settings.confidence:.0%} interval {one.low:.1%} to {one.high:.1%}"


def _p(one: Pooled) -> str:
    if one.p_adjusted is None:
        return "not known"
    return f"{one.p_adjusted:.4f}" if one.p_adjusted >= 0.0001 else "below 0.0001"


def _rates(one: Pooled) -> str:
    return ", ".join("none" if rate is None else f"{rate:.1%}" for rate in one.rates)
