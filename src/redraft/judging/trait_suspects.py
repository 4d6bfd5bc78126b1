"""Whether the judge of traits was played: what the detectors found in the answers, what is left without, its tests.

Neighbours: `trait_screening` has the numbers, `style_sections` shows the same of pairs, `trait_wording` asks for words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from redraft.judging.caveats import findings_in_words
from redraft.judging.figures import many
from redraft.judging.pages import Part, Section, Table
from redraft.judging.style_sections import suspects_among
from redraft.judging.trait_screening import Left, PairLeft, Suspect

if TYPE_CHECKING:
    from redraft.judging.trait_study import TraitStudy


def suspect_remarks(study: TraitStudy, labels: Mapping[str, str], titles: Mapping[str, str]) -> Iterator[str]:
    """What was found in each model's answers, and what it changes where there is one pair or a difference is lost."""
    for one in study.suspects:
        name = labels.get(one.findings.model, one.findings.model)
        yield from findings_in_words(name, one.findings)
        if one.flagged:
            yield _scores(name, one)
    called = {
        (pair.model_a, pair.model_b): {one.trait for one in pair.found.traits if one.verdict in {"higher", "lower"}}
        for pair in study.pairs_of(study.headline)
    }
    for left in (one for one in study.left if one.judge == study.headline):
        a, b = (labels.get(model, model) for model in (left.model_a, left.model_b))
        for count, name, other in ((left.unrelated_above_a, a, b), (left.unrelated_above_b, b, a)):
            if count:
                yield (
                    f"{many(count, 'answer')} of {name} scored above {other}'s though sharing next to no word with the "
                    "context."
                )
        lost = [
            titles[one.trait] for one in left.traits
            if one.trait in called[left.model_a, left.model_b] and not _apart(one)
        ]  # fmt: skip
        if len(called) == 1 or lost:
            yield _without(left, a, b, titles, lost)


def _scores(name: str, one: Suspect) -> str:
    these = f"{'This' if len(one.flagged) == 1 else 'These'} {many(len(one.flagged), 'answer')} of {name} "
    if one.mean_flagged is None:
        return f"{these}{'has' if len(one.flagged) == 1 else 'have'} no scores."
    rest = "" if one.mean_rest is None else f", its others {one.mean_rest:.2f}"
    return f"{these}{'scores' if len(one.flagged) == 1 else 'score'} {one.mean_flagged:.2f} on average{rest}."


def _apart(one: Left) -> bool:
    """Whether the interval leaves 0; where nothing varies there is none, and the difference alone says it."""
    if one.low is None or one.high is None:
        return one.n > 1 and bool(one.mean)
    return one.low > 0 or one.high < 0


def _without(left: PairLeft, a: str, b: str, titles: Mapping[str, str], lost: list[str]) -> str:
    begins = f"Without the {many(left.flagged, 'context')} concerned, {a} less {b} "
    known = [one for one in left.traits if one.mean is not None]
    if not known:
        return f"{begins}cannot be told: no context is left."
    told = "; ".join(f"{titles[one.trait]} {_difference(one)}" for one in known)
    ends = f"; no difference would be left on {', '.join(lost)}" if lost else ""
    return f"{begins}is {told} points, of at most {many(max(one.n for one in known), 'context')}{ends}."


def _difference(one: Left) -> str:
    if one.mean is None:
        return "—"
    return f"{one.mean:+.2f}" + ("" if one.low is None or one.high is None else f" ({one.low:+.2f} to {one.high:+.2f})")


def trait_suspects(study: TraitStudy, label: Callable[[str], str], titles: Mapping[str, str]) -> Section | None:
    """The report's section, as a report on pairs has it."""
    findings = {one.findings.model: one.findings for one in study.suspects}
    parts = [
        Part(
            title=f"Without the contexts concerned: {label(one.model_a)} less {label(one.model_b)}",
            table=Table(
                columns=("Trait", "Difference", "Contexts"),
                rows=tuple((titles[each.trait], _difference(each), each.n) for each in one.traits),
                note=f"Left out: {len(one.flagged_a):,} for the answer of {label(one.model_a)}, "
                f"{len(one.flagged_b):,} for that of {label(one.model_b)}.",
            ),
        )
        for one in study.left
        if one.judge == study.headline
    ]
    return suspects_among(findings, study.canaries, label, *parts)
