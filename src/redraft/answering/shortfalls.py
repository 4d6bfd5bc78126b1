"""What questions lack for the curriculum that was asked for, in lines for people: planned rows, phases, a test side.

Neighbours: `layers` writes the manifest that is read here, `proportions` makes the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from redraft.errors import InputError
from redraft.records import Question

_POSITIVE = ("extraction", "reasoning", "domain")
_KINDS = ("with an answer", "without one")
_MEND = (
    "raise --test-share, or give more articles: each needs a title, and a row of your own its article's name as group"
)


def shortfalls(manifest: Mapping[str, Any]) -> list[str]:
    """A line for each thing that a manifest of layers shows to be less than was planned, or missing."""
    return [*fewer_than_planned(manifest), *_empty(manifest)]


def fewer_than_planned(manifest: Mapping[str, Any]) -> list[str]:
    """A line each for questions to train on, with an answer and without one, of which the plan asks for more."""
    if (plan := manifest.get("plan")) is None:
        return []
    there = zip(("conversation", "refusal"), _KINDS, _counts(manifest, "train"), strict=True)
    return [
        f"the plan asks for {plan[phase]:,} {kind}, the files give {count:,}"
        for phase, kind, count in there
        if count < plan[phase]
    ]


def require_test_side(questions: Iterable[Question], manifest: Mapping[str, Any], where: object) -> None:
    """Raises InputError where no question with an answer is held out, or none without one, unless the layers were made
    so on purpose: what is rewritten could not be trained on here."""
    if holds_nothing_out(manifest):
        return
    missing = set(_KINDS)
    for one in questions:
        if one.side == "test":
            missing.discard(_KINDS[one.negative is not None])
        if not missing:
            return
    kinds = " and none ".join(kind for kind in _KINDS if kind in missing)
    raise InputError(
        f"{where}: no question {kinds} is held out, so a model trained on it could not be measured; make the layers "
        f"anew: {_MEND} (--test-share 0: a curriculum that is not trained on here)"
    )


def holds_nothing_out(manifest: Mapping[str, Any]) -> bool:
    """Whether layers were asked for without a test side."""
    options: Mapping[str, Any] = manifest.get("options") or {}
    return options.get("test_share") == 0


def require_something_held_out(manifest: Mapping[str, Any], where: object) -> None:
    """Raises InputError where layers hold nothing out, for whoever goes on to train on them here."""
    if holds_nothing_out(manifest):
        raise InputError(f"{where}: nothing is held out (--test-share 0), so no phase could be measured; {_MEND}")


def _counts(manifest: Mapping[str, Any], side: str) -> tuple[int, int]:
    """Questions of a side with an answer, and without one."""
    counts = manifest["counts"][side]
    return sum(counts.get(layer, 0) for layer in _POSITIVE), counts.get("negatives", 0)


def _empty(manifest: Mapping[str, Any]) -> list[str]:
    """The phases of training that these questions have no row for, to learn from or to be measured on."""
    positives, negatives = _counts(manifest, "train")
    lines = list[str]()
    if not positives:
        lines.append("none with an answer: the first and the second phase would be empty; give --squad or --hotpot")
    if not negatives:
        lines.append(
            "none without an answer: the third phase would be empty; give SQuAD v2.0, or --pairs with such rows"
        )
    if holds_nothing_out(manifest):
        return [*lines, "nothing is held out (--test-share 0): redraft answers train will refuse such a curriculum"]
    if missing := [kind for kind, count in zip(_KINDS, _counts(manifest, "test"), strict=True) if not count]:
        lines.append(
            f"held out is none {' and none '.join(missing)}: redraft answers rewrite will refuse these; {_MEND}"
        )
    return lines
