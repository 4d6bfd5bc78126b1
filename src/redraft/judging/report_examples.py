"""The texts that a report lets people read: examples of each pair of models, and answers that were scored on traits.

Neighbours: `report` lays them out, `examples` and `trait_examples` pick them, `embedding` packs them for the script.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from redraft.judging.caveats import reason_in_words
from redraft.judging.embedding import Packed, pack
from redraft.judging.examples import Examples, Said, Shown
from redraft.judging.sections import HUES, Names
from redraft.judging.trait_examples import RatedAnswer
from redraft.judging.trait_study import TraitStudy
from redraft.judging.untrusted import visible

_OUTCOMES = {
    "both orders tied": "No difference", "changed its mind": "The judge changed its mind",
    "judges differ": "The judges differ", "no verdict": "No verdict",
}  # fmt: skip


def said(one: Said, a: str, b: str) -> str:
    """What the judge said in one order, in words."""
    if one.winner:
        strength = f" ({one.strength})" if one.strength else ""
        return f"{a if one.winner == 'A' else b} is better{strength}"
    return "no difference" if one.status == "tie" else reason_in_words(one.status)


class Example(msgspec.Struct, frozen=True):
    """One context as it is shown: who won, in which colour, and how the question begins."""

    shown: Shown
    outcome: str
    hue: str
    asked: str


class ExampleGroup(msgspec.Struct, frozen=True):
    """The examples of two models, with their names and colours."""

    a: str
    b: str
    hue_a: str
    hue_b: str
    examples: list[Example]


def static_examples(examples: Examples, names: Names) -> list[ExampleGroup]:
    """Some of each pair, as they are seen without a script and on paper."""
    groups: dict[tuple[str, str], ExampleGroup] = {}
    for one in examples.static:
        a, b = names.label(one.pair[0]), names.label(one.pair[1])
        hues = names.hue(one.pair[0]), names.hue(one.pair[1])
        group = groups.setdefault(one.pair, ExampleGroup(a, b, *hues, []))
        won = {"A won": (f"{a} won", hues[0]), "B won": (f"{b} won", hues[1])}
        outcome, hue = won.get(one.kind) or (_OUTCOMES[one.kind], "")
        asked = one.messages[-1][1].text if one.messages else one.context_id
        group.examples.append(Example(one, outcome, hue, asked[:140]))
    return list(groups.values())


class RatedGroup(msgspec.Struct, frozen=True):
    """The scored answers of one model, with its name and colour."""

    name: str
    hue: str
    answers: list[RatedAnswer]


def rated_answers(
    traits: TraitStudy | None, rated: Sequence[RatedAnswer], label: Callable[[str], str]
) -> list[RatedGroup]:
    """The scored answers to read, model by model, in the colours that the models have elsewhere."""
    if traits is None:
        return []
    of = {model: RatedGroup(label(model), f"m{place % HUES}", []) for place, model in enumerate(traits.models)}
    for one in rated:
        of[one.model].answers.append(one)
    return [one for one in of.values() if one.answers]


def packed_examples(examples: Examples, names: Names) -> Packed | None:
    """All of them, for the script to show; None where there are none."""
    if not examples.shown:
        return None
    pairs = {
        pair: {"a": visible(names.label(pair[0])), "b": visible(names.label(pair[1])),
               "hueA": names.hue(pair[0]), "hueB": names.hue(pair[1])}
        for pair in dict.fromkeys(one.pair for one in examples.shown)
    }  # fmt: skip
    return pack(examples, pairs)
