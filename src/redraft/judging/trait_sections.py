"""The report's sections on traits: each model's scores, every two models compared, how far judges agree, what failed.

Pure: a study in, sections out. Neighbours: `trait_study` has the numbers, `pictures` and `histograms` draw.
"""

from __future__ import annotations

from collections.abc import Callable

from redraft.judging import histograms, pictures
from redraft.judging.caveats import reason_in_words
from redraft.judging.figures import many, p_value, percent
from redraft.judging.pages import Part, Section, Table
from redraft.judging.pictures import Estimate
from redraft.judging.sections import HUES
from redraft.judging.trait_profiles import ModelProfile, TraitProfile
from redraft.judging.trait_results import ScoredPair, TraitResult
from redraft.judging.trait_second_opinion import second_opinions
from redraft.judging.trait_study import TraitStudy
from redraft.judging.trait_suspects import trait_suspects
from redraft.judging.trait_wording import p_of, scale_of, titles_of

Label = Callable[[str], str]
_WORDS = {
    "higher": "higher", "lower": "lower", "undecided": "undecided", "too_few": "too few", "missing": "many missing",
    "judges_disagree": "judges differ", "not_poolable": "several judged",
}  # fmt: skip


def trait_sections(study: TraitStudy, label: Label) -> list[Section]:
    """What stands above the examples."""
    found = [
        _pairs(study, label), _mind(study), _scores(study, label), _spread(study, label), _judges(study, label),
        trait_suspects(study, label, titles_of(study.rubric)),
    ]  # fmt: skip
    return [one for one in found if one is not None]


def trait_failures(study: TraitStudy, label: Label) -> Section | None:
    """Every status of every rating."""
    alone = [one for one in study.profiles if one.statuses]
    statuses = sorted({status for one in alone for status in one.statuses}, key=lambda status: (status != "ok", status))
    if statuses in ([], ["ok"]):
        return None
    said = {"ok": "scored", "candidate_empty": "the answer is empty"}
    table = Table(
        columns=("Model", "Judge", *(said.get(status) or reason_in_words(status) for status in statuses), "In all"),
        rows=tuple(
            (label(one.model), one.judge, *(one.statuses.get(status, 0) for status in statuses), one.contexts)
            for one in alone
        ),
        note="Each answer has exactly one of these. Nothing is filled in for a score that is missing.",
    )  # fmt: skip
    return Section(anchor="failed", title="What failed", parts=(Part(table=table),))


def _mind(study: TraitStudy) -> Section:
    return Section(anchor="mind", title="What to keep in mind", parts=(Part(points=study.remarks),))


def _by(judge: str, study: TraitStudy) -> str:
    """Whose scores a part shows, where there are several judges."""
    return "" if len(study.judges) == 1 else judge or "All judges together, averaged by answer"


def _each(study: TraitStudy) -> list[str]:
    return [study.headline] if len(study.judges) == 1 else [study.headline, *study.judges]


def _pairs(study: TraitStudy, label: Label) -> Section | None:
    if not study.pairs:
        return None
    titles = titles_of(study.rubric)
    parts = [
        part
        for judge in _each(study) for one in study.pairs_of(judge)
        for part in (
            _pair(one, study, label, titles), second_opinions(one, titles, label(one.model_a), label(one.model_b))
        )
        if part is not None
    ]  # fmt: skip
    explain = (
        "The dot is the mean difference of the two models' scores on the same contexts, in points of the scale "
        f"({scale_of(study.rubric)}); the bar its {percent(study.confidence)} interval. A bar that touches 0 could be "
        "chance."
    )
    return Section(anchor="traits", title="Who scores higher?", explain=explain, parts=tuple(parts))


def _pair(pair: ScoredPair, study: TraitStudy, label: Label, titles: dict[str, str]) -> Part:
    a, b, found = label(pair.model_a), label(pair.model_b), pair.found
    rows = [_estimate(one, titles) for one in found.traits]
    limits = [end for row in rows for end in (row.low, row.high, row.point) if end is not None]
    about = f"{a} less {b}, in points: " + "; ".join(f"{row.names[0][0]} {row.value}, {row.note}" for row in rows)
    drawn = pictures.forest(
        rows, pictures.number_axis(limits, include=(0.0,)), about=about, reference=0.0,
        ends=(f"← {b} scores higher", f"{a} scores higher →"),
    )  # fmt: skip
    lost = any(one.n < found.contexts for one in found.traits)
    columns = ("Trait", f"Mean of {a}", f"Mean of {b}", "Difference", *(["Bounds", "Missing"] if lost else []),
               "In standard deviations", "Higher", "Same", "Lower", "p", "p, adjusted", "Contexts",
               "Found")  # fmt: skip
    table = Table(
        columns=columns,
        rows=tuple(
            (titles[one.trait], _two(one.mean_a), _two(one.mean_b), _signed(one.mean),
             *([_bounds(one.worst, one.best, "+"), found.contexts - one.n] if lost else []), _two(one.standardised),
             one.higher, one.same, one.lower, p_value(one.p)[2:].replace("= ", ""), p_of(one), one.n,
             _WORDS[one.verdict])
            for one in found.traits
        ),
        note=(
            f"p is a sign-flip test of the mean difference, adjusted over {many(found.tests, 'test')} by Holm's "
            "method. Higher, same, lower: in how many contexts."
        ) + (
            " Bounds: where the difference over all contexts would lie had every missing score been as bad, or as "
            f"good, for {a} as the scale allows." if lost else ""
        ),
    )  # fmt: skip
    halo = () if found.halo is None else (f"Two traits' scores correlate by {found.halo:.2f} on average.",)
    by = _by(pair.judge, study)
    title = f"{a} against {b}{f': {by}' if by else ''}" if len(study.pairs) > 1 else ""
    return Part(title=title, picture=drawn, table=table, points=halo)


def _estimate(one: TraitResult, titles: dict[str, str]) -> Estimate:
    tone = "firm" if one.verdict in {"higher", "lower"} else "open"
    note = "" if one.low is None or one.high is None else f"{one.low:+.2f} to {one.high:+.2f}"
    return Estimate(
        names=((titles[one.trait], ""),), point=one.mean, low=one.low, high=one.high,
        value="—" if one.mean is None else f"{one.mean:+.2f}", note=note, tone=tone,
    )  # fmt: skip


def _hues(study: TraitStudy) -> dict[str, str]:
    return {model: f"m{place % HUES}" for place, model in enumerate(study.models)}


def _scores(study: TraitStudy, label: Label) -> Section:
    """The mean of every model on every trait."""
    explain = (
        f"Each answer was scored alone, on all traits of {study.rubric.id} in one call, from {scale_of(study.rubric)}; "
        f"{many(study.contexts, 'context')}. The dot is the mean, the bar its {percent(study.confidence)} interval."
    )
    parts = [_means(judge, study, label) for judge in _each(study)]
    return Section(anchor="scores", title="How were the answers scored?", explain=explain, parts=tuple(parts))


def _means(judge: str, study: TraitStudy, label: Label) -> Part:
    titles, hues, profiles = titles_of(study.rubric), _hues(study), study.profiles_of(judge)
    scale, several = study.rubric.scale, len(profiles) > 1
    rows = [
        _mean(one, titles[each.trait], label(one.model) if several else "", hues[one.model], each)
        for i in range(len(study.rubric.traits))
        for one, each in ((one, one.traits[i]) for one in profiles)
    ]
    about = "Mean scores: " + "; ".join(f"{' '.join(name for name, _ in row.names)} {row.value}" for row in rows)
    drawn = pictures.forest(rows, pictures.number_axis((scale.low, scale.high)), about=about)
    lost = any(each.missing for one in profiles for each in one.traits)
    table = Table(
        columns=("Trait", "Model", "Mean", "Interval", *(["Bounds", "Missing"] if lost else []), "Median",
                 "Middle half", "Standard deviation", "Lowest", "Highest", "Scored"),
        rows=tuple(
            (titles[each.trait], label(one.model), _two(each.mean), _interval(each),
             *([_bounds(each.worst, each.best), each.missing] if lost else []), _two(each.median),
             _bounds(each.lower, each.upper), _two(each.sd), percent(each.at_floor), percent(each.at_ceiling), each.n)
            for i in range(len(study.rubric.traits)) for one, each in ((one, one.traits[i]) for one in profiles)
        ),
        note="Lowest and highest: shares of scores at the ends of the scale." + (
            " Bounds: where the mean over all contexts would lie had every missing score been the lowest of the scale, "
            "or the highest." if lost else ""
        ),
    )  # fmt: skip
    return Part(title=_by(judge, study), picture=drawn, table=table)


def _mean(one: ModelProfile, title: str, name: str, hue: str, each: TraitProfile) -> Estimate:
    return Estimate(
        names=((title, ""), (name, hue)) if name else ((title, ""),), point=each.mean, low=each.low, high=each.high,
        value="—" if each.mean is None else f"{each.mean:.2f}", note=_interval(each) or "", tone="calm",
    )  # fmt: skip


def _spread(study: TraitStudy, label: Label) -> Section:
    """How the scores are distributed, by the judge or the judges together."""
    titles, hues, profiles = titles_of(study.rubric), _hues(study), study.profiles_of(study.headline)
    parts: list[Part] = []
    for i, trait in enumerate(study.rubric.traits):
        rows = [
            histograms.Histogram(
                name=label(one.model), hue=hues[one.model], counts=one.traits[i].counts,
                labels=tuple(name for name, _ in one.bins),
            )
            for one in profiles
        ]  # fmt: skip
        parts.append(Part(title=titles[trait.name], lead=trait.description, picture=histograms.histograms(rows)))
    explain = "How many answers got which score. Most of a model's answers at one end mean that the scale cannot tell "
    explain += "them apart."
    return Section(anchor="spread", title="How are the scores spread?", explain=explain, parts=tuple(parts))


def _judges(study: TraitStudy, label: Label) -> Section | None:
    if not study.agreements:
        return None
    titles = titles_of(study.rubric)
    table = Table(
        columns=("Trait", "Answers", "alpha", "Mean distance", *(f"Mean by {judge}" for judge in study.judges)),
        rows=tuple(
            (titles[one.trait], one.n, _two(one.alpha), _two(one.apart),
             *(_two(one.means[judge]) for judge in study.judges))
            for one in study.agreements
        ),
        note="Over the answers that all judges scored. Krippendorff's alpha for interval data: 1 is perfect, 0 chance.",
    )  # fmt: skip
    explain = (
        "Judges' scores are averaged by answer, and an answer that one of them did not score counts as missing. A "
        "difference is called only where each judge alone sees it on the same side."
    )
    return Section(anchor="judges", title="Do the judges agree?", explain=explain, parts=(Part(table=table),))


def _two(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+.2f}"


def _bounds(low: float | None, high: float | None, sign: str = "") -> str | None:
    return None if low is None or high is None else f"{low:{sign}.2f} to {high:{sign}.2f}"


def _interval(one: TraitProfile) -> str | None:
    return _bounds(one.low, one.high)
