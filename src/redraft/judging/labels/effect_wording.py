"""What people's labels change, in sentences. Neighbours: `effect` computes it, `human_wording` words the correction."""

from __future__ import annotations

from redraft.judging.figures import percent
from redraft.judging.human_check import FEWEST
from redraft.judging.human_wording import what_changed
from redraft.judging.labels.effect import Between, HumanLabels, Person
from redraft.judging.settings import Settings

# Below it a person's sides are no longer a fair coin's.
_SIDE_ALPHA = 0.01


def in_words(found: HumanLabels, settings: Settings) -> tuple[str, ...]:
    """The correction and the verdict with it, then by whom, then what weakens it; most important first."""
    a, b = settings.label(found.model_a), settings.label(found.model_b)
    if found.check is None:
        said = [
            f"Too few labels to correct {found.judge}: {found.contexts}, and {FEWEST} beside its verdicts are needed."
        ]
    else:
        said = list(what_changed(found.check, a, b, found.judge))
    return (*said, *by_whom(found))


def by_whom(found: HumanLabels) -> tuple[str, ...]:
    """Who labelled and how far they agree with each other, then what weakens the sample."""
    said = [f"Labelled by {_listed([_part(one) for one in found.people])}, blind, in random order and sides."]
    said += [_between(one) for one in found.between if one.measured.n]
    return (*said, *_remarks(found))


def _part(person: Person) -> str:
    skipped = f", {person.skipped} skipped" if person.skipped else ""
    pace = f", half of them within {person.seconds:.0f} s" if person.seconds is not None else ""
    return f"{person.by} ({person.labelled}{skipped}{pace})"


def _between(one: Between) -> str:
    found = one.measured
    kappa = "" if found.kappa is None else f" (kappa {found.kappa:.2f})"
    share = percent(found.agreement or 0.0)
    return f"{one.first} and {one.second} agree in {share} of the {found.n} contexts that both labelled{kappa}."


def _remarks(found: HumanLabels) -> list[str]:
    said: list[str] = []
    if found.passed_over:
        said.append(
            f"{found.passed_over} contexts were drawn and have no label (skipped, or judged later). If these differ "
            "from the others, the result leans; label them to mend that."
        )
    for one in found.people:
        if one.stale:
            said.append(f"{one.stale} labels of {one.by} are of other answers than these results hold; not used.")
        if one.side_p < _SIDE_ALPHA:
            said.append(
                f"{one.by} chose the left answer {one.left} times and the right {one.right}: by the side, it seems. "
                "Shuffled sides keep that from favouring a model; it adds noise."
            )
    return said


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
