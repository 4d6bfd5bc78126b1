"""What is said of models' traits in sentences, and what a reader must know before believing them.

Neighbours: `trait_study` asks for the words, `figures` writes the numbers, `caveats` does the same for comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from redraft.judging.caveats import reason_in_words
from redraft.judging.families import related
from redraft.judging.figures import many, p_value, percent
from redraft.judging.judges import model_remarks
from redraft.judging.rubric import Rubric
from redraft.judging.trait_profiles import ModelProfile
from redraft.judging.trait_results import EXTREME_SHARE, ScoredPair, TraitResult
from redraft.judging.trait_scores import halo_remarks
from redraft.judging.trait_second_opinion import second_opinion
from redraft.judging.trait_suspects import suspect_remarks

if TYPE_CHECKING:
    from redraft.judging.trait_study import TraitStudy

Labels = Mapping[str, str]


def titles_of(rubric: Rubric) -> dict[str, str]:
    """Trait → its name for people."""
    return {trait.name: trait.title for trait in rubric.traits}


def scale_of(rubric: Rubric) -> str:
    return f"{rubric.scale.low:g} to {rubric.scale.high:g}"


def pair_sentence(pair: ScoredPair, rubric: Rubric, labels: Labels, by: str) -> tuple[str, str]:
    """The sentence on two models, and what follows from it: the differences that were found, or could have been."""
    titles = titles_of(rubric)
    a, b = labels.get(pair.model_a, pair.model_a), labels.get(pair.model_b, pair.model_b)
    of = {verdict: [one for one in pair.found.traits if one.verdict == verdict] for verdict in _VERDICTS}
    clauses: list[str] = []
    for verdict, comparative in (("higher", "higher"), ("lower", "lower")):
        if of[verdict]:
            named = _listed(of[verdict], titles, len(pair.found.traits))
            clauses.append(f"{'' if clauses else f'{a} scores '}{comparative} {'' if clauses else f'than {b} '}{named}")
    rest = [one for one in pair.found.traits if one.verdict not in {"higher", "lower"}]
    if clauses:
        said = " and ".join(clauses)
        sentence = f"{said}, according to {by}."
    elif rest and len({one.verdict for one in rest}) == 1 and rest[0].verdict != "undecided":
        sentence = f"{a} and {b}: {_VERDICTS[rest[0].verdict]}."
    else:
        sentence = f"No difference between {a} and {b} was found on any trait, according to {by}."
    return sentence, " ".join(_details(pair, of, titles, bool(clauses)))


_VERDICTS = {
    "higher": "", "lower": "", "undecided": "no difference was found",
    "too_few": "too few contexts are scored for both to call a difference",
    "missing": "too many scores are missing to call a difference",
    "judges_disagree": "the judges do not all see the difference on the same side",
    "not_poolable": "more than one model answered as the judge, so nothing is called",
}  # fmt: skip


def _details(
    pair: ScoredPair, of: Mapping[str, Sequence[TraitResult]], titles: Mapping[str, str], told: bool
) -> list[str]:
    said: list[str] = []
    found = [*of["higher"], *of["lower"]]
    if found:
        said.append("; ".join(f"{titles[one.trait]} {difference(one)}" for one in found) + " points.")
    if of["undecided"]:
        detectable = [one.detectable for one in of["undecided"] if one.detectable is not None]
        able = f" {max(detectable):.2g} points would probably have been noticed." if detectable else ""
        if told:
            said.append(f"No difference was found {_listed(of['undecided'], titles, len(pair.found.traits))};{able}")
        elif able:
            n = min(one.n for one in of["undecided"])
            said.append(f"With {many(n, 'context')} a difference of{able}")
    for verdict in ("too_few", "missing", "judges_disagree", "not_poolable"):
        if of[verdict] and (told or len(of[verdict]) < len(pair.found.traits)):
            named = ", ".join(titles[one.trait] for one in of[verdict])
            said.append(f"{named}: {_VERDICTS[verdict]}.")
    doubted = [
        titles[one.trait] for one in pair.found.traits if one.ordinal is not None and one.ordinal.agrees is False
    ]
    if doubted:
        said.append(f"A second opinion, by the order of the scores alone, does not agree on {', '.join(doubted)}.")
    return said


def difference(one: TraitResult) -> str:
    """`+0.83 (+0.41 to +1.25)`."""
    if one.mean is None:
        return "—"
    known = one.low is not None and one.high is not None
    return f"{one.mean:+.2f}" + (f" ({one.low:+.2f} to {one.high:+.2f})" if known else "")


def _listed(results: Sequence[TraitResult], titles: Mapping[str, str], count: int) -> str:
    names = [titles[one.trait] for one in results]
    if len(names) == count and count > 1:
        return f"on all {count} traits"
    return "on " + (", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0])


def model_sentence(one: ModelProfile, rubric: Rubric, labels: Labels, by: str) -> tuple[str, str]:
    """The sentence on a model alone: its highest and lowest means, and the means of all traits."""
    titles, name = titles_of(rubric), labels.get(one.model, one.model)
    scored = sorted((each for each in one.traits if each.mean is not None), key=lambda each: -(each.mean or 0.0))
    if not scored:
        return f"{name} has no scores: {statuses_in_words(one.statuses) or 'nothing was scored'}.", ""
    top, last = scored[0], scored[-1]
    ends = f"{titles[top.trait]} ({top.mean:.1f})"
    if len(scored) > 1:
        ends = f"highest on {ends} and lowest on {titles[last.trait]} ({last.mean:.1f})"
    else:
        ends = f"on {ends}"
    detail = "; ".join(
        f"{titles[each.trait]} {each.mean:.2f}" + ("" if each.low is None else f" ({each.low:.2f} to {each.high:.2f})")
        for each in one.traits
        if each.mean is not None
    )
    counted = many(max(each.n for each in one.traits), "answer")
    return f"{name} scores {ends} of {scale_of(rubric)}, according to {by}.", f"Means of {counted}: {detail}."


def statuses_in_words(statuses: Mapping[str, int]) -> str:
    """`the judge refused: 2; the judge's answer could not be read: 1`; without what has scores."""
    lost = [(status, count) for status, count in statuses.items() if status not in {"ok", "candidate_empty"}]
    return "; ".join(f"{reason_in_words(status)}: {count}" for status, count in lost)


def study_remarks(study: TraitStudy, labels: Labels) -> tuple[str, ...]:
    """What a reader must know, the most important first, each once."""
    said: list[str] = []
    if study.simulated:
        said.append("Simulated: the answers or scores came from the sandbox, so this says nothing about real models.")
    said += [
        f"{one.judge} is not safe to score untrusted answers: {one.meaning or one.kind}."
        for one in study.canaries
        if not one.safe
    ]
    said += [
        f"{one.judge}: {one.meaning}." for one in study.canaries if one.kind == "repeated" and "doubtful" in one.meaning
    ]
    said += [line for one in study.profiles for line in _lost(one, labels, len(study.judges) > 1)]
    said += suspect_remarks(study, labels, titles_of(study.rubric))
    headline = study.pairs_of(study.headline)
    tests = headline[0].found.tests if headline else 0
    if tests > len(study.rubric.traits):
        said.append(f"{tests} differences were tested together; a difference is called by its adjusted p-value.")
    if study.grouped:
        clusters = max(one.clusters for one in study.profiles)
        said.append(
            f"The {study.contexts} contexts come in {many(clusters, 'group')} and are not independent; intervals and "
            "tests allow for that."
        )
    for pair in headline:
        at = f"{labels.get(pair.model_a, pair.model_a)} against {labels.get(pair.model_b, pair.model_b)}: "
        at = at if len(headline) > 1 else ""
        said += [
            f"{at}{remark}"
            for one in pair.found.traits
            for remark in (*one.remarks, *_second(one, pair, study, labels))
        ]
        said += [f"{at}{remark}" for remark in pair.found.remarks]
    if not headline:
        said += [line for one in study.profiles_of(study.headline) for line in _alone(one, study.rubric, labels)]
    said += _on_judges(study, labels)
    return tuple(dict.fromkeys(said))


def _second(one: TraitResult, pair: ScoredPair, study: TraitStudy, labels: Labels) -> list[str]:
    a, b = (labels.get(model, model) for model in (pair.model_a, pair.model_b))
    told = second_opinion(one, titles_of(study.rubric)[one.trait], a, b)
    return [told] if told else []


def _lost(one: ModelProfile, labels: Labels, several: bool) -> list[str]:
    name = labels.get(one.model, one.model) + (f", scored by {one.judge}" if several else "")
    said: list[str] = []
    lost = sum(count for status, count in one.statuses.items() if status not in {"ok", "candidate_empty"})
    if lost:
        said.append(
            f"{name}: {lost} of {many(one.contexts, 'answer')} without scores ({statuses_in_words(one.statuses)}). The "
            "bounds beside each mean tell where it would lie had all of them been the lowest, or the highest."
        )
    if empty := one.statuses.get("candidate_empty"):
        verb = "answer is empty and has" if empty == 1 else "answers are empty and have"
        said.append(f"{name}: {empty} {verb} the lowest score on every trait.")
    if one.accused:
        said.append(f"{name}: the judge found instructions to itself in {many(one.accused, 'answer')}; read these.")
    return said


def _alone(one: ModelProfile, rubric: Rubric, labels: Labels) -> list[str]:
    name, titles = labels.get(one.model, one.model), titles_of(rubric)
    said = list(halo_remarks(one.halo))
    for each in one.traits:
        for share, end in ((each.at_floor, "lowest"), (each.at_ceiling, "highest")):
            if share > EXTREME_SHARE:
                said.append(
                    f"{name}, {titles[each.trait]}: {percent(share)} of the scores are the {end} of the scale, which "
                    "cannot tell such answers apart."
                )
    return said


def _on_judges(study: TraitStudy, labels: Labels) -> list[str]:
    who = "The judge was" if len(study.judges) == 1 else "The judges were"
    said = [f"{who} not checked against people; how people would score may differ."]
    for judge in study.judges:
        answered = study.answered.get(judge, ())
        if len(answered) > 1:
            said.append(f"More than one model answered as {judge} ({', '.join(answered)}); no difference is called.")
        said += model_remarks(judge, answered)
        for model in study.models:
            if kin := related(judge, model):
                name = labels.get(model, model)
                said.append(f"{judge} is from the same family as {name} ({kin}); judges tend to favour their own.")
    return said


def p_of(one: TraitResult) -> str:
    """The adjusted p as a cell of a table: `.034`, `< .001`."""
    return p_value(one.p_adjusted)[2:].replace("= ", "")
