"""The report's sections on what stands beside a verdict: the rate computed otherwise, judges, people, looks.

Pure: a summary in, sections out. Neighbours: `sections` has the verdicts themselves, `curves` draws the looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redraft.judging import curves, pictures
from redraft.judging.figures import many, percent, percent_range
from redraft.judging.pages import Part, Section, Table, rate
from redraft.judging.pictures import Estimate
from redraft.judging.sections import Names
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary, Summary


def sensitivity(study: StudySummary, names: Names) -> Section | None:
    """The same win rate computed in other ways that a reader may ask for; None where there is none."""
    parts = [part for one in study.pairs if (part := _otherwise(one, names, study.settings))]
    if not parts:
        return None
    explain = (
        "The same win rate computed in other ways. None of these replaces the verdict: they show on what it depends."
    )
    return Section(anchor="otherwise", title="Would it come out otherwise?", explain=explain, parts=tuple(parts))


def _otherwise(one: Summary, names: Names, settings: Settings) -> Part | None:
    def row(name: str, point: float | None, low: float | None, high: float | None) -> Estimate:
        note = "" if low is None or high is None else percent_range(low, high)
        value = "between" if point is None else rate(point)
        return Estimate(names=((name, ""),), point=point, low=low, high=high, value=value, note=note)

    rows: list[Estimate] = []
    if one.people is not None:
        rows.append(row("by people's choice, the judge helping", one.people.rate, one.people.low, one.people.high))
        rows.append(
            row(f"by {one.people.labelled} labels of people alone",
                one.people.human_rate, one.people.human_low, one.people.human_high)
        )  # fmt: skip
    if one.screening is not None and one.screening.flagged and one.screening.n:
        found = one.screening
        rows.append(row(f"without {many(found.flagged, 'flagged context')}", found.win_rate, found.low, found.high))
    for name, adjusted in _adjusted(one):
        rows.append(row(f"adjusted for {name}", *adjusted))
    if one.tally.unusable:
        rows.append(row("had all missing verdicts been lost", one.worst, None, None))
        rows.append(row("had all missing verdicts been won", one.best, None, None))
    if not rows or not one.n:
        return None
    rows.insert(0, row("as counted", one.win_rate, one.low, one.high))
    axis = pictures.rate_axis(end for each in rows for end in (each.low, each.high, each.point) if end is not None)
    a, _ = names.pair(one)
    about = f"{a}'s win rate: " + "; ".join(f"{each.names[0][0]} {each.value} {each.note}" for each in rows)
    drawn = pictures.forest(rows, axis, about=about, reference=0.5, band=settings.rope)
    return Part(title=f"{a}'s win rate, {names.title(one)}", picture=drawn)


def _adjusted(one: Summary) -> list[tuple[str, tuple[float, float, float]]]:
    if one.mechanism is None:
        return []
    found = (("length", one.mechanism.length), ("length and format", one.mechanism.length_and_format))
    return [
        (name, (each.adjusted, each.low, each.high))
        for name, each in found
        if each is not None and each.adjusted is not None and each.low is not None and each.high is not None
    ]


def judges(study: StudySummary, names: Names) -> Section | None:
    """How far several judges agree."""
    if not study.panels:
        return None
    parts: list[Part] = []
    for one in study.panels:
        rows = tuple(
            (each.first, each.second, each.measured.n, _share(each.measured.agreement), each.measured.kappa,
             each.measured.decisive_n, _share(each.measured.decisive), each.measured.decisive_kappa, each.family)
            for each in one.panel.agreements
        )  # fmt: skip
        columns = ("Judge", "and judge", "Contexts", "Same label", "kappa", "Both decided", "Same winner", "kappa",
                   "One family")  # fmt: skip
        alpha, ordinal = one.panel.alpha, one.panel.alpha_ordinal
        note = "" if alpha is None else f"Krippendorff's alpha {alpha:.2f}" + (
            "" if ordinal is None else f", {ordinal:.2f} where win and loss count as further apart than a tie"
        )  # fmt: skip
        said = tuple(
            f"{each.sentence} {each.explanation} {each.frequencies}".replace("  ", " ").strip()
            for each in study.pairs
            if (each.model_a, each.model_b) == (one.model_a, one.model_b)
        )
        parts.append(Part(title=names.title(one), points=said, table=Table(columns=columns, rows=rows, note=note)))
    explain = "A winner is named only where all judges prefer the same model. Kappa and alpha: 1 is perfect, 0 chance."
    return Section(anchor="judges", title="Do the judges agree?", explain=explain, parts=tuple(parts))


def _share(share: float | None) -> str | None:
    return None if share is None else percent(share)


def people(study: StudySummary, names: Names, notes: Mapping[tuple[str, str], Sequence[str]]) -> Section | None:
    """What labels of people changed; `notes` say of each pair who labelled."""
    parts = [
        Part(title=names.title(one), points=(*one.people_said, *notes.get((one.model_a, one.model_b), ())))
        for one in study.pairs
        if one.people_said
    ]
    if not parts:
        return None
    explain = (
        "A random sample of the contexts was labelled by people who did not know whose answer was whose. Their labels "
        "correct what the judge says of all (prediction-powered inference)."
    )
    return Section(anchor="people", title="What do people say?", explain=explain, parts=tuple(parts))


def looks(study: StudySummary, names: Names) -> Section | None:
    """The evidence at each planned look."""
    parts: list[Part] = []
    for one in study.pairs:
        if not one.looks:
            continue
        points = [
            curves.LookPoint(contexts=each.contexts, statistic=each.statistic, boundary=each.boundary)
            for each in one.looks
        ]
        planned = round(one.looks[-1].contexts / one.looks[-1].fraction)
        about = f"{names.title(one)}: " + " ".join(each.why for each in one.looks)
        table = Table(
            columns=("Look", "Contexts", "z", "Boundary", "Repeated interval", "Could still be found", "What follows"),
            rows=tuple(
                (each.number, each.contexts, round(each.statistic, 2), round(each.boundary, 2),
                 percent_range(each.low, each.high), _share(each.conditional_power), each.reason.replace("_", " "))
                for each in one.looks
            ),
        )  # fmt: skip
        drawn = curves.looks(points, planned, about=about)
        parts.append(Part(title=names.title(one), lead=one.looks[-1].why, picture=drawn, table=table))
    if not parts:
        return None
    explain = (
        "The run was looked at as planned beforehand. Beyond a boundary (dashed) it stops with a winner; the "
        "boundaries allow for all looks together."
    )
    return Section(anchor="looks", title="When did it stop?", explain=explain, parts=tuple(parts))
