"""The report's sections on what may sway a judge, and on what failed: position, length and format, suspect answers,
canaries, failures by cause.

Pure: a summary in, sections out. Neighbours: `sections` has the verdicts, `side_effects` the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from redraft.judging import pictures
from redraft.judging.caveats import LEANS, reason_in_words
from redraft.judging.figures import many, p_value, percent, percent_range
from redraft.judging.pages import Part, Section, Table, rate
from redraft.judging.pictures import Estimate, Stack
from redraft.judging.screening import Findings
from redraft.judging.sections import Names
from redraft.judging.summary import Canaries, LengthBin, StudySummary, Summary

# What a reader calls the detectors' signs; others are shown by their own names.
_STATUSES = {
    "ok": "a winner", "tie": "no difference", "candidate_empty_A": "the first model's answer was empty",
    "candidate_empty_B": "the second model's answer was empty", "candidate_empty_both": "both answers were empty",
}  # fmt: skip


def position(study: StudySummary, names: Names) -> Section | None:
    """Which slot the judge picked, over all orders, and where it changed its mind."""
    shown = [one for one in study.pairs if one.picks and one.picks.first + one.picks.second + one.picks.neither]
    if not shown:
        return None
    bars = [
        Stack(
            left=("shown first", "p0"), middle=names.title(one), right=("shown second", "p1"),
            parts=((one.picks.first, "p0", "first answer picked"), (one.picks.neither, "t", "no difference"),
                   (one.picks.second, "p1", "second answer picked")),
        )
        for one in shown
        if one.picks
    ]  # fmt: skip
    rows = tuple(
        (names.title(one), one.tally.judged, one.tally.changed_mind, rate(one.tally.flip_rate), one.tally.first_both,
         one.tally.second_both, p_value(one.tally.position_p)[2:].replace("= ", ""))
        for one in shown
    )  # fmt: skip
    columns = ("Comparison", "Judged in both orders", "Mind changed", "Share", "always the first", "always the second",
               "p")  # fmt: skip
    note = (
        "Where the judge changed its mind it picked one slot twice. p tests whether both slots are picked so alike; "
        "below .01 the judge prefers one of them, and judging both orders corrects it."
    )
    explain = (
        "Every judgment by what was picked, whoever's answer stood there. As each model stands first as often as "
        "second, a judge without a preference picks both alike."
    )
    points = tuple(_leaning(one, names) for one in shown if one.tally.judged)
    table = Table(columns=columns, rows=rows, note=note)
    parts = (Part(picture=pictures.stacks(bars)), Part(points=points, table=table))
    return Section(anchor="position", title="Does the order of the answers matter?", explain=explain, parts=parts)


def _leaning(one: Summary, names: Names) -> str:
    """All contexts in which the order made a difference, a tie in one order among them: flips alone miss these."""
    tally = one.tally
    said = (
        f"{names.title(one)}: in {tally.first_leaning:,} of {many(tally.judged, 'context')} the judge thought better "
        f"of an answer when it stood first, in {tally.second_leaning:,} when it stood second "
        f"({p_value(tally.leaning_p, LEANS)})."
    )
    if tally.leaning_p >= LEANS:
        return f"{said} That does not show that it leans to either."
    slot = "first" if tally.first_leaning > tally.second_leaning else "second"
    return f"{said} It leans to the {slot} answer; judging both orders corrects it."


def length(study: StudySummary, names: Names) -> Section | None:
    """The win rate by how much longer one answer is, and the differences in form."""
    parts = [part for one in study.pairs for part in _of_length(one, names)]
    if not parts:
        return None
    explain = (
        "Judges tend to favour long and formatted answers. Equal rates in all rows mean that length does not explain "
        "the result. The adjusted rate is a sensitivity line, no truer a rate."
    )
    return Section(anchor="length", title="Does length matter?", explain=explain, parts=tuple(parts))


def _of_length(one: Summary, names: Names) -> Iterable[Part]:
    a, b = names.pair(one)
    if one.lengths is not None and one.lengths.bins:
        rows = [_bin(each, a) for each in one.lengths.bins]
        axis = pictures.rate_axis(end for row in rows for end in (row.low, row.high) if end is not None)
        about = f"{a}'s win rate by length: " + "; ".join(f"{row.names[0][0]}: {row.value}" for row in rows)
        drawn = pictures.forest(rows, axis, about=about, reference=0.5, ends=(f"← {b} wins more", f"{a} wins more →"))
        yield Part(title=names.title(one), picture=drawn)
    if one.mechanism is None:
        return
    features = tuple(
        (each.feature, _digits(each.mean_a), _digits(each.mean_b), _digits(each.difference.mean),
         None if each.difference.low is None or each.difference.high is None
         else f"{_digits(each.difference.low)} to {_digits(each.difference.high)}",
         percent(each.larger_a), percent(each.larger_b))
        for each in one.mechanism.features
    )  # fmt: skip
    columns = ("Feature", f"Mean of {a}", f"Mean of {b}", "Difference", "Interval", f"More in {a}",
               f"More in {b}")  # fmt: skip
    note = f"Over {many(one.mechanism.n, 'context')} that the judge decided in both orders."
    yield Part(points=one.mechanism.remarks, table=Table(columns=columns, rows=features, note=note))


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def _bin(one: LengthBin, a: str) -> Estimate:
    said = f"{a}'s answer {one.shortest:.2g} to {one.longest:.2g} times as long"
    return Estimate(
        names=((said, ""),), point=one.win_rate, low=one.low, high=one.high, value=rate(one.win_rate),
        note=f"{percent_range(one.low, one.high)}, {many(one.n, 'context')}", tone="calm",
    )  # fmt: skip


def suspects(study: StudySummary, names: Names) -> Section | None:
    """What the detectors found in each model's answers, and the judge's answers to the canaries."""
    findings: dict[str, Findings] = {}
    for one in study.pairs:
        if one.screening is not None:
            findings |= {one.screening.a.model: one.screening.a, one.screening.b.model: one.screening.b}
    return suspects_among(findings, study.canaries, names.label)


def suspects_among(
    findings: Mapping[str, Findings], canaries: Sequence[Canaries], label: Callable[[str], str], *more: Part
) -> Section | None:
    """The same of findings by model; `more` parts stand between them and the canaries."""
    parts: list[Part] = []
    if findings:
        columns = ("Model", "Answers", "Empty", "Same answer to many contexts", "Speak to the judge", "Signs",
                   "Nothing to do with the context")  # fmt: skip
        rows = tuple(_found(label(model), one) for model, one in findings.items())
        note = "A sign is no proof: a user may have asked for such a text. Flagged contexts can be read below."
        repeated = tuple(
            f"{label(model)}, {many(len(each.contexts), 'context')}: “{each.begins}”"
            for model, one in findings.items()
            for each in one.repeated[:3]
        )
        parts.append(Part(title="In the answers", table=Table(columns=columns, rows=rows, note=note), points=repeated))
    parts += more
    if canaries:
        parts.append(_canaries(canaries))
    if not parts:
        return None
    explain = (
        "Answers may try to sway the judge rather than help the user. Detectors look at every answer, and canaries "
        "(answers made to be caught) are put to the judge in the same run."
    )
    return Section(anchor="suspects", title="Was the judge played?", explain=explain, parts=tuple(parts))


def _found(label: str, one: Findings) -> tuple[str | int, ...]:
    spoken = {context for contexts in one.directed.values() for context in contexts}
    signs = ", ".join(f"{sign.replace('_', ' ')} {len(contexts)}" for sign, contexts in one.directed.items())
    return label, one.answers, one.empty, one.repeated_answers, len(spoken), signs or "—", len(one.unrelated)


def _canaries(canaries: Sequence[Canaries]) -> Part:
    """Planted answers in a table; what else was tried, in words."""
    planted = [one for one in canaries if one.kind not in {"identical", "repeated"}]
    columns = ("Judge", "Planted answer", "Contexts", "It won", "No difference", "It lost", "No verdict",
               "As it should be")  # fmt: skip
    rows = tuple(
        (one.judge, one.kind.replace("_", " "), one.asked, one.won, one.tied, one.lost, one.unusable,
         "yes" if one.safe else "no")
        for one in planted
    )  # fmt: skip
    several = len({one.judge for one in canaries}) > 1
    points = tuple(
        f"{f'{one.judge}: ' if several else ''}{one.meaning[:1].upper()}{one.meaning[1:]}."
        for one in canaries
        if one.meaning and one not in planted
    )
    return Part(title="Put to the judge", table=Table(columns=columns, rows=rows) if rows else None, points=points)


def failures(study: StudySummary, names: Names, *, by_judge: bool = False) -> Section:
    """Every status of every judgment, and why contexts have no verdict; `by_judge` adds up the pairs of each judge."""
    reasons: dict[str, int] = {}
    for one in study.pairs:
        for reason, count in one.tally.unusable_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    statuses = sorted({status for one in study.pairs for status in one.statuses}, key=_weight)
    of_pair = {names.title(one): [one] for one in study.pairs}
    of_judge = {judge: [one for one in study.pairs if one.judge == judge] for judge in study.judges}
    table = Table(
        columns=("Judgments, one for each order", *(of_judge if by_judge else of_pair)),
        rows=tuple(
            (_STATUSES.get(status, reason_in_words(status)),
             *(sum(one.statuses.get(status, 0) for one in pairs)
               for pairs in (of_judge.values() if by_judge else of_pair.values())))
            for status in statuses
        ),
    )  # fmt: skip
    if not reasons:
        explain = "Nothing: every context has a usable verdict in both orders."
        return Section(anchor="failed", title="What failed", explain=explain, parts=(Part(table=table),))
    points = tuple(f"{count:,} {reason_in_words(reason)}" for reason, count in reasons.items())
    singles = [one for one in study.pairs if one.tally.single_wins + one.tally.single_losses + one.tally.single_ties]
    also = tuple(
        f"{names.title(one)}: with the contexts that have a verdict in one order only, the win rate would be "
        f"{percent(one.with_single)} instead of {percent(one.win_rate)}."
        for one in ([] if by_judge else singles)
    )
    explain = (
        "Contexts without a usable verdict. None was dropped: the verdicts above are checked against the case that all "
        "of them had gone either way."
    )
    part = Part(points=(*points, *also), table=table)
    return Section(anchor="failed", title="What failed", explain=explain, parts=(part,))


def _weight(status: str) -> tuple[int, str]:
    return (0 if status in {"ok", "tie"} else 1 if status.startswith("candidate_empty") else 2), status
