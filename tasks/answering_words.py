"""What the report of an answering study says in words: what came out, how each phase moved it, what to keep in mind.

Neighbours: `answering_scores` has the numbers, `answering_sections` the tables and pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.answering.forgetting import ALLOWED, REHEARSE
from redraft.answering.matrix import MAIN
from redraft.answering.metrics import After
from redraft.datasets.curriculum_files import PHASES
from redraft.judging.figures import many, percent
from redraft.judging.pages import Further
from redraft.records import Phase
from tasks.answering_scores import FEW_GROUPS, Change, Evaluations, Share

_NEAR = 0.005
# Shares from which the heading says always, mostly, and that two of them differ.
_ALWAYS, _MOSTLY, _APART = 0.9, 0.8, 0.1
# How folders of models begin that were built for a rehearsal, with random weights.
_TINY = "tiny"
_NOT_A_MODEL = "this says nothing about any real model"
_TAKEN = "Later phases took what earlier ones had taught."
_NEVER_GIVEN = "Training cost the model what it could do before, or it refuses where there is an answer."


def point_name(after: After) -> str:
    return "before training" if after == "before" else f"after {after}"


def shown(share: Share) -> str:
    """`92–98%`, with a decimal where an end would be rounded onto 0 or 100; a dash without an interval."""  # noqa: RUF002
    if share.low is None or share.high is None:
        return "—"
    digits = any(0 < end < _NEAR or 1 - _NEAR < end < 1 for end in (share.low, share.high))
    return f"{100 * share.low:.{digits:d}f}–{100 * share.high:.{digits:d}f}%"  # noqa: RUF001  (a range takes an en dash)


def in_counts(share: Share) -> str:
    """`96 of 100 (92–98%)`."""  # noqa: RUF002
    count = f"{share.hits:,} of {share.rows:,}" if share.hits is not None else percent(share.value)
    return f"{count} ({shown(share)})"


def points_moved(change: Change) -> str:
    """`+96 points (+92 to +98)`."""
    reach = "" if change.low is None or change.high is None else f" ({_signed(change.low)} to {_signed(change.high)})"
    return f"{_signed(change.value)} points{reach}"


def _signed(share: float) -> str:
    points = 100 * share
    return f"{points:+.1f}" if 0 < abs(points) < 1 else f"{points:+.0f}"


def heading_of(found: Evaluations, title: str) -> str:
    """What came out in one sentence: does it refuse when it should, and answer when it can?"""
    last = found.points[-1] if found.points else "before"
    rightly, wrongly = found.share(last, "refusal", "refused"), found.share(last, "conversation", "refused")
    if rightly is None or wrongly is None:
        return title
    figures = f"{percent(rightly.value)} of the questions without an answer, {percent(wrongly.value)} of those with one"
    said = _refuses(rightly.value, wrongly.value)
    apart = abs(rightly.value - wrongly.value) >= _APART
    groups = min(rightly.groups, wrongly.groups)
    if apart and not _surely_apart(rightly, wrongly):
        return f"As far as {many(groups, 'article')} can tell, it {said}: {figures}"
    return f"It {said}: {figures}"


def _refuses(rightly: float, wrongly: float) -> str:
    """How its refusals of questions without and with an answer stand to each other, in words."""
    if min(rightly, wrongly) >= _ALWAYS:
        return "refuses whatever it is asked"
    if max(rightly, wrongly) <= 1 - _ALWAYS:
        return "hardly ever refuses"
    if abs(rightly - wrongly) < _APART:
        return "refuses much the same with an answer and without"
    if rightly < wrongly:
        return "refuses more often where there is an answer"
    if rightly >= _MOSTLY and wrongly <= 1 - _MOSTLY:
        return "refuses where there is no answer, and seldom where there is one"
    return "refuses more often where there is no answer"


def _surely_apart(rightly: Share, wrongly: Share) -> bool:
    """Whether the intervals of two shares do not meet."""
    first, second = sorted((rightly, wrongly), key=lambda share: share.value)
    return _bound(first.high, 1.0) < _bound(second.low, 0.0)


def _bound(end: float | None, otherwise: float) -> float:
    return otherwise if end is None else end


def of_forgetting(found: Evaluations, remarks: Sequence[str]) -> list[Further]:
    """Whether a later phase took what an earlier one had taught; nothing where no later phase was evaluated."""
    if remarks:
        *lost, mend = remarks
        more = f" {len(lost) - 1} more below." if len(lost) > 1 else ""
        told = _TAKEN if mend.startswith(REHEARSE) else _NEVER_GIVEN
        return [Further(sentence=f"{told} {mend}", detail=f"{lost[0]}{more}")]
    taught = [one for one in MAIN[:-1] if _rose(found, one.evaluation, one.measure)]
    if not any(after in found.points for after in PHASES[1:]):
        return []
    if not taught:
        return [Further(sentence="The earlier phases taught nothing that a later one could have taken.")]
    kept = " and ".join(one.evaluation for one in taught)
    return [Further(sentence=f"No later phase took what an earlier one had taught ({kept}).", firm=True)]


def _rose(found: Evaluations, evaluation: Phase, measure: str) -> bool:
    """Whether a phase raised its own figure by more than a run may lose of it later."""
    change = found.change("before", evaluation, evaluation, measure)
    return change is not None and change.value > ALLOWED


def sentences_of(found: Evaluations) -> list[Further]:
    """The verdicts on the model as it is at the end; `firm` where it became better by more than chance explains."""
    if not found.points:
        return [Further(sentence="Nothing was evaluated.", detail="The run's folder holds no predictions.")]
    said = (_refusing(found), _making_up(found), _answering(found), _extracting(found))
    return [one for one in said if one is not None]


def _end(found: Evaluations) -> tuple[After, str]:
    last = found.points[-1]
    return last, "Before training" if last == "before" else "After training"


def _refusing(found: Evaluations) -> Further | None:
    last, when = _end(found)
    rightly, wrongly = found.share(last, "refusal", "refused"), found.share(last, "conversation", "refused")
    if rightly is None:
        return None
    also = "" if wrongly is None else f", and wrongly {in_counts(wrongly)} that it does"
    return Further(
        sentence=f"{when} it refuses {in_counts(rightly)} questions that the context does not answer{also}.",
        detail=_moved(found, last, (("refusal", "refused", "Refusing rightly"),
                                    ("conversation", "refused", "refusing wrongly"))),
        firm=_better(found, last, "refusal", "refused", 1)
        and (wrongly is None or (rightly.value > wrongly.value and _surely_apart(rightly, wrongly))),
    )  # fmt: skip


def _making_up(found: Evaluations) -> Further | None:
    last, when = _end(found)
    made_up = found.share(last, "refusal", "asserted")
    if made_up is None:
        return None
    return Further(
        sentence=f"{when} it makes up an answer to {in_counts(made_up)} questions that the context does not answer.",
        detail=_moved(found, last, (("refusal", "asserted", "Hallucination"),)),
        firm=_better(found, last, "refusal", "asserted", -1),
    )


def _answering(found: Evaluations) -> Further | None:
    last, when = _end(found)
    grounded, style = found.share(last, "conversation", "grounded"), found.share(last, "conversation", "style")
    if grounded is None or style is None:
        return None
    return Further(
        sentence=f"{when} {in_counts(grounded)} answers to answerable questions are right and grounded, and "
        f"{in_counts(style)} are well put.",
        detail=_moved(found, last, (("conversation", "grounded", "Grounded"), ("conversation", "style", "style"))),
        firm=_better(found, last, "conversation", "grounded", 1),
    )


def _extracting(found: Evaluations) -> Further | None:
    last, when = _end(found)
    exact, f1 = found.share(last, "extraction", "em"), found.share(last, "extraction", "f1")
    if exact is None or f1 is None:
        return None
    return Further(
        sentence=f"{when}, asked for the bare answer, it gives exactly that in {in_counts(exact)} questions; token F1 "
        f"is {percent(f1.value)}.",
        detail=_moved(found, last, (("extraction", "em", "Exact match"), ("extraction", "f1", "token F1"))),
        firm=_better(found, last, "extraction", "em", 1),
    )


def _moved(found: Evaluations, last: After, measures: Sequence[tuple[Phase, str, str]]) -> str:
    """How these measures stood before the training and have moved since, on the same questions."""
    told: list[str] = []
    for evaluation, measure, name in measures:
        start, change = found.share("before", evaluation, measure), found.change("before", last, evaluation, measure)
        if start is not None and change is not None and last != "before":
            told.append(f"{name}: {percent(start.value)} before, {points_moved(change)}")
    return f"{'; '.join(told)}." if told else ""


def _better(found: Evaluations, last: After, evaluation: Phase, measure: str, sign: int) -> bool:
    change = found.change("before", last, evaluation, measure)
    if change is None or change.low is None or change.high is None:
        return False
    return change.low > 0 if sign > 0 else change.high < 0


def cautions_of(found: Evaluations, run: Mapping[str, Any]) -> list[str]:
    """What a reader must know before believing the figures, most important first.

    `run` tells of the training: `simulated`, `model`, `replay_fraction`, `evaluation_rows`, `exact_tokenizer`.
    """
    told: list[str] = []
    if run.get("simulated"):
        told.append(f"Simulated: the sandbox wrote the answers that were trained on; {_NOT_A_MODEL}.")
    if str(run.get("model", "")).startswith(_TINY):
        told.append(f"The model is a tiny one with random weights, built for a rehearsal; {_NOT_A_MODEL}.")
    told += [*_of_groups(found), *_of_unanswered(found)]
    told.append(
        "One training run: another seed gives other figures, and the intervals know nothing of that. They tell how far "
        "other questions of such articles could move these."
    )
    if (rows := run.get("evaluation_rows")) is not None:
        told.append(f"Each evaluation asked at most {rows:,} of the held-out questions, drawn by seed.")
    if not run.get("replay_fraction"):
        told.append(
            "Phases were trained in strict order, without rehearsing earlier ones: what a later phase takes from an "
            "earlier one shows below its diagonal in the matrix."
        )
    if run.get("exact_tokenizer") is False:
        told.append(
            "Contexts were cut by an estimate of the tokens: the gate holds for the estimate, not for the model's own "
            "tokenizer."
        )
    return [
        *told,
        "Answers are measured by rules: grounded means that the extractive answer, or an alias, is kept and that every "
        "number, date and name stands in context or question. A right answer in other words counts as wrong, and a "
        "grounded one may still miss what was asked.",
        "A refusal is known by its wording. The held-out references are people's extractive answers; the "
        "conversational ones were not compared with a reference.",
    ]


def _of_unanswered(found: Evaluations) -> list[str]:
    """Rows of which nobody knows what is right."""
    return [
        f"Of the held-out questions ({evaluation}) {without:,} of {rows:,} name no answer: whether what was written is "
        "right and grounded is measured on the others alone."
        for evaluation, (without, rows) in found.unanswered.items()
    ]


def _of_groups(found: Evaluations) -> list[str]:
    """Few articles: said once for each number of them."""
    told: dict[int, list[str]] = {}
    for (_, evaluation), one in found.found.items():
        share = next(iter(one.shares.values()))
        if share.groups < min(FEW_GROUPS, share.rows) and evaluation not in told.get(share.groups, ()):
            told.setdefault(share.groups, []).append(evaluation)
    return [
        f"The held-out questions ({', '.join(names)}) come from {many(groups, 'article')}, and those of one article "
        "are "
        + (
            "alike: nothing is known of how others would do, and the intervals are as wide as can be."
            if groups == 1
            else "not independent: the intervals allow for that and are wide, and the figures hold for articles like "
            "these."
        )
        for groups, names in told.items()
    ]
