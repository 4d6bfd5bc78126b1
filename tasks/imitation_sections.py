"""The sections of the report on imitators about what was written: was it worth it, style, recitation.

Neighbours: `imitation_words` has the sentences, `imitation_training` what came before, `imitation_samples` the replies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.imitating.arms import PERSON
from redraft.imitating.measures import Measured
from redraft.judging import pictures
from redraft.judging.figures import many, p_value, percent
from redraft.judging.pages import Further, Part, Section, Stage, Table, rate
from redraft.judging.pictures import Estimate
from tasks.imitation_words import Beside, begun


def worth_section(
    besides: Sequence[Beside], ceiling: Further | None, labels: Mapping[str, str], takes: Mapping[str, str], plain: str
) -> Section:
    """Each arm beside the plain one, the person's own replies last, with what each took."""
    parts: list[Part] = []
    if besides:
        rows = [_estimate(one) for one in besides]
        limits = [end for one in besides for end in (one.low, one.high, one.rate)]
        about = f"Preferred to {plain}. " + "; ".join(f"{row.names[0][0]}: {row.value}, {row.note}" for row in rows)
        drawn = pictures.forest(
            rows, pictures.rate_axis(limits), about=about, reference=0.5, ends=(f"{plain} preferred", "arm preferred")
        )
        parts.append(Part(picture=drawn))
    parts.append(Part(table=worth_table(besides, labels, takes, plain)))
    if ceiling is not None:
        parts.append(Part(title="The person's own replies", lead=f"{ceiling.sentence} {ceiling.detail}".strip()))
    explain = (
        f"How often each was preferred to {plain} on the same test contexts, a tie counting one half, with the "
        f"{_interval(besides)} of each alone; verdicts allow for all comparisons together. Beside it stands what it "
        "took: best of several outputs trains no model to write, and is what any training on preferences has to beat."
    )
    return Section(anchor="worth", title="Was it worth it?", explain=explain, parts=tuple(parts))


def _interval(besides: Sequence[Beside]) -> str:
    return besides[0].interval if besides else "interval"


def worth_table(
    besides: Sequence[Beside], labels: Mapping[str, str], takes: Mapping[str, str], plain: str
) -> Table:  # fmt: skip
    by_name = {one.name: one for one in besides}
    return Table(
        columns=("", f"preferred to {plain}", _interval(besides), "contexts", "no verdict", "p", "adjusted p",
                 "what it took"),
        rows=tuple(
            (labels[name], *_figures(by_name.get(name)), takes.get(name, "—")) for name in labels
        ),
    )  # fmt: skip


def _figures(one: Beside | None) -> tuple[str | int | None, ...]:
    if one is None:
        return (None,) * 6
    adjusted = None if one.p_adjusted is None else p_value(one.p_adjusted)
    if not one.contexts:
        return (None, None, 0, one.missing, None, None)
    return (rate(one.rate), f"{rate(one.low)} to {rate(one.high)}", one.contexts, one.missing, p_value(one.p), adjusted)


def _estimate(one: Beside) -> Estimate:
    usable = one.contexts > 0
    return Estimate(
        names=((one.label, ""),), point=one.rate if usable else None,
        low=one.low if usable else None, high=one.high if usable else None,
        value=rate(one.rate) if usable else "no verdict", note=f"{rate(one.low)} to {rate(one.high)}" if usable else "",
        tone="calm" if one.name == PERSON else "firm" if one.won > 0 else "open",
    )  # fmt: skip


def style_section(measured: Mapping[str, Measured], labels: Mapping[str, str]) -> Section | None:
    """How like the real replies each arm's are written."""
    found = {labels[name]: one.likeness for name, one in measured.items() if one.likeness is not None}
    if not found:
        return None
    explain = (
        "Style alone, beside the judge: generated and real replies to the same contexts. What is said may be nonsense "
        "all the same. Replies of a session count together."
    )
    each = by_figure(
        {label: one.as_rows() for label, one in found.items()},
        "In brackets the 95% interval of generated less real; ≠ where it leaves out 0, as of twenty figures one does "
        "by chance.",
    )
    said = tuple(f"{begun(label)}: {one.as_sentence()}." for label, one in found.items())
    parts = (Part(points=said, table=style_table(measured, labels)), Part(title="Figure by figure", table=each))
    return Section(anchor="style", title="Is it written alike?", explain=explain, parts=parts)


def by_figure(rows: Mapping[str, Sequence[Mapping[str, Any]]], note: str) -> Table:
    """Figures of the real replies and of each arm's; `rows` are those of `Likeness` or `Recitation`, by arm."""
    real: dict[str, str] = {}
    cells: dict[str, dict[str, str]] = {}
    for label, of_arm in rows.items():
        for row in of_arm:
            reach = next((value for name, value in row.items() if "interval" in name), "")
            real.setdefault(row["figure"], row["real"])
            shown = f"{row['generated']} ({reach})" if reach else row["generated"]
            cells.setdefault(row["figure"], {})[label] = f"{shown} ≠" if row.get("differs") else shown
    return Table(
        columns=("", "real", *rows),
        rows=tuple((name, real[name], *(of.get(label) for label in rows)) for name, of in cells.items()),
        note=note,
    )


def style_table(measured: Mapping[str, Measured], labels: Mapping[str, str]) -> Table:
    """The whole of each arm in a row."""
    rows: list[tuple[Any, ...]] = []
    for name, one in measured.items():
        found = one.likeness
        if found is None:
            continue
        whole = found.told_apart
        told = None if whole is None or whole.generated is None else percent(whole.generated)
        bounds = (None, None) if whole is None else (whole.low, whole.high)
        reach = None if None in bounds else " to ".join(percent(min(1.0, max(0.0, 0.5 + (end or 0)))) for end in bounds)
        rows.append((
            labels[name], found.pairs, found.sessions, told, reach,
            sum(each.differs for each in found.figures.values()), len(found.figures),
            f"{found.profiles['function'].distance:.2f}", f"{found.profiles['function'].rarely:.2f}",
        ))  # fmt: skip
    return Table(
        columns=("", "replies", "sessions", "told from the real by style", "95% interval", "figures that differ", "of",
                 "function words that would have to change", "by chance at most"),
        rows=tuple(rows),
        note="Told from the real: of two replies to a context, how often style alone tells the real one; 50% is "
        "guessing.",
    )  # fmt: skip


def recitation_section(measured: Mapping[str, Measured], labels: Mapping[str, str]) -> Section | None:
    """Whether an arm recites messages that some training showed it."""
    found = {name: one.recitation for name, one in measured.items() if one.recitation is not None}
    if not found:
        return None
    trained = next(iter(found.values())).trained
    explain = (
        f"Generated replies looked for in the {many(trained, 'message')} that a training showed a model (contexts and "
        "replies of the sides train and preference). People repeat themselves, so real replies stand beside: what "
        "generated ones repeat more often than these is recited."
    )
    said = tuple(f"{begun(labels[name])}: {one.as_sentence()}." for name, one in found.items())
    table = by_figure(
        {labels[name]: one.as_rows() for name, one in found.items()},
        "In brackets the 95% interval of generated less real.",
    )
    return Section(
        anchor="recitation", title="Does it recite?", explain=explain, parts=(Part(points=said, table=table),)
    )  # fmt: skip


def stages_of(sections: Sequence[Section]) -> list[Stage]:
    """The words and tables of sections as stages, so that results.json has every number that the page shows."""
    return [
        Stage(
            title=f"{one.title} {part.title}".strip(),
            lead=" ".join([part.lead, *part.points]).strip(),
            tables=(part.table,) if part.table is not None else (),
        )
        for one in sections
        for part in one.parts
        if part.lead or part.points or part.table is not None
    ]
