"""What is said of several training runs taken together: a sentence, its details, the report's stage.

Neighbours: `seeds` counts, `wording` speaks of single runs.
"""

from __future__ import annotations

from redraft.judging.figures import many
from redraft.judging.pages import Stage, Table
from redraft.judging.seed_variance import LEAST_SEEDS
from redraft.judging.seeds import Pooled
from redraft.judging.summary import StudySummary

_LEAD = (
    "All training runs of an arm together: a context's verdicts are averaged over the runs first, so that it counts "
    "once. The first interval is about these runs on other contexts, the second about other runs of the same method, "
    "too; with 3 runs that differ much it holds the truth in 93% instead of 95%, and with fewer it allows no claim. "
    "The p-values are adjusted for the number of pairs, the verdicts on single runs for theirs."
)
_COLUMNS = (
    "A", "B", "contexts", "A's win rate", "these runs", "p", "the method", "p", "owed to the runs", "by seed",
)  # fmt: skip


def seed_sentences(study: StudySummary) -> list[tuple[str, str]]:
    """(sentence, details) for each pair of arms that was trained more than once."""
    mark = " (simulated)" if study.simulated else ""
    return [
        (
            f"{a} won {one.rate:.1%} against {b}: the mean of {one.seeds} training runs{mark}{_by(one, study)}.",
            f"These runs: {_interval(one.low, one.high, study)}; p {_p(one.p_adjusted)}; by seed {_rates(one)}. "
            f"The method: {_of_method(one, study)}; p {_p(one.method_p)}.{_missing(one, a)}",
        )
        for one, a, b in _named(study)
    ]


def seed_stage(study: StudySummary) -> tuple[Stage, ...]:
    """The report's table of them; nothing where every arm was trained once."""
    rows = tuple(
        (a, b, one.n, f"{one.rate:.1%}", _interval(one.low, one.high, study), _p(one.p_adjusted),
         _of_method(one, study), _p(one.method_p), _share(one), _rates(one), *([one.judge] if _several(study) else []))
        for one, a, b in _named(study)
    )  # fmt: skip
    columns = (*_COLUMNS, *(["judge"] if _several(study) else []))
    note = " ".join(f"{a} against {b}:{said}" for one, a, b in _named(study) if (said := _missing(one, a)))
    return (Stage(title="Seeds", lead=_LEAD, tables=(Table(columns=columns, rows=rows, note=note),)),) if rows else ()


def _named(study: StudySummary) -> list[tuple[Pooled, str, str]]:
    label = study.settings.label
    return [(one, label(one.arm_a), label(one.arm_b)) for one in study.over_seeds]


def _missing(one: Pooled, a: str) -> str:
    """What the verdicts that single runs lack could change; "" where none is missing."""
    if one.worst is None or one.best is None:
        return ""
    lost, won = one.worst, one.best
    return (
        f" {many(one.missing, 'verdict')} of single runs {'is' if one.missing == 1 else 'are'} missing: had all been "
        f"lost by {a}, {lost.rate:.1%}, p {_p(lost.p)} and for the method {_p(lost.method_p)}; had all been won, "
        f"{won.rate:.1%}, p {_p(won.p)} and {_p(won.method_p)}."
    )


def _several(study: StudySummary) -> bool:
    return len({one.judge for one in study.over_seeds}) > 1


def _by(one: Pooled, study: StudySummary) -> str:
    return f", by {one.judge}" if _several(study) else ""


def _interval(low: float | None, high: float | None, study: StudySummary) -> str:
    if low is None or high is None:
        return "no interval: the contexts do not differ"
    return f"{study.settings.confidence:.0%} interval {low:.1%} to {high:.1%}"


def _of_method(one: Pooled, study: StudySummary) -> str:
    if one.method is None or one.method.low is None or one.method.high is None:
        return "no interval: the runs or contexts do not differ"
    few = "" if one.method.enough else f", no claim with fewer than {LEAST_SEEDS} runs"
    return f"{_interval(one.method.low, one.method.high, study)}{few}"


def _share(one: Pooled) -> str:
    known = one.method is not None and one.method.seed_share is not None
    return f"{one.method.seed_share:.0%} of the variance" if known and one.method else "—"


def _p(p: float | None) -> str:
    if p is None:
        return "not known"
    return f"{p:.4f}" if p >= 0.0001 else "below 0.0001"


def _rates(one: Pooled) -> str:
    return ", ".join("none" if rate is None else f"{rate:.1%}" for rate in one.rates)
