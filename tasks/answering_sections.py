"""The sections of the report of an answering study: the matrix, the gate against forgetting, refusals and answers point
by point, the curves of the training.

Neighbours: `answering_scores` has the numbers, `answering_words` the sentences, `answering_samples` the texts to read.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.answering.matrix import COLUMNS, percent
from redraft.datasets.curriculum_files import PHASES
from redraft.judging import curves, pictures
from redraft.judging.figures import many
from redraft.judging.pages import Part, Section, Table
from redraft.judging.pictures import Estimate
from redraft.records import Phase
from redraft.training.curves import thinned
from redraft.training.registry import Metric
from tasks.answering_scores import Change, Evaluations, Share
from tasks.answering_words import point_name, points_moved, shown

_LOSS = "train/loss"
# What each question of a picture is answered by: evaluation, measure, what it is called, whether more is better.
_REFUSALS: tuple[tuple[Phase, str, str], ...] = (
    ("refusal", "refused", "Refused, where there is no answer (more is better)"),
    ("refusal", "asserted", "Made up, where there is no answer (less is better)"),
    ("conversation", "refused", "Refused, where there is an answer (less is better)"),
)
_AXIS = pictures.Axis(
    left=0.0, right=1.0, ticks=(0.0, 0.25, 0.5, 0.75, 1.0), labels=("0%", "25%", "50%", "75%", "100%")
)  # fmt: skip
_ANSWERS: tuple[tuple[Phase, str, str], ...] = (
    ("conversation", "grounded", "Conversation: right and grounded"),
    ("conversation", "style", "Conversation: well put"),
    ("extraction", "em", "Extraction: exact match"),
    ("extraction", "f1", "Extraction: token F1"),
    ("extraction", "contained", "Extraction: the answer stands in what is said"),
)


def matrix_section(found: Evaluations) -> Section:
    """The main figure of each evaluation at each point, with intervals."""
    rows = tuple(
        (point_name(after), *(_cell(found.share(after, one.evaluation, one.measure)) for one in COLUMNS))
        for after in found.points
    )
    table = Table(columns=("", *(one.title for one in COLUMNS)), rows=rows, note=_held_out(found))
    explain = (
        "All three evaluations after every phase. On the diagonal stands what a phase taught, below it what later ones "
        "left of that. The last two columns are questions that have an answer and were refused."
    )
    return Section(
        anchor="matrix", title="What did each phase give, and take?", explain=explain, parts=(Part(table=table),)
    )


def _cell(share: Share | None) -> str | None:
    return None if share is None else f"{percent(share.value)} ({shown(share)})"


def _held_out(found: Evaluations) -> str:
    told: list[str] = []
    for evaluation in PHASES:
        one = next(
            (found.found[after, evaluation] for after in found.points if (after, evaluation) in found.found), None
        )
        if one is not None:
            share = next(iter(one.shares.values()))
            told.append(f"{evaluation}: {many(share.rows, 'question')} of {many(share.groups, 'article')}")
    return f"Held out, by article, from everything that was trained on. {'; '.join(told)}. In brackets: 95% intervals."


def gate_section(remarks: Sequence[str]) -> Section:
    """What the gate against forgetting said."""
    explain = (
        "Phases that follow each other without rehearsal may end with a model that refuses whatever it is asked. The "
        "gate compares each figure with itself after its own phase, and before training where it was better then, and "
        "speaks where the 95% interval of its change, or of the false refusals at the end, leaves the 5 points that "
        "are allowed."
    )
    points = tuple(remarks) or ("No later phase was evaluated.",)
    return Section(anchor="forgetting", title="Was anything forgotten?", explain=explain, parts=(Part(points=points),))


def refusals_section(found: Evaluations) -> Section | None:
    explain = (
        "Refusals of held-out questions, before training and after each phase. A question without an answer is "
        "refused, or an answer is made up (hallucination), or nothing is written."
    )
    return _points_section(
        "refusals", "Does it refuse when it should, and answer when it can?", explain, _REFUSALS, found
    )


def answers_section(found: Evaluations) -> Section | None:
    explain = (
        "Answers to held-out questions that have one. Right and grounded: the answer is kept, and every number, date "
        "and name stands in context or question. Well put: one or two sentences without preamble or talk of the "
        "context, as the rewrites that were trained on."
    )
    return _points_section("answering", "How well does it answer?", explain, _ANSWERS, found)


def _points_section(
    anchor: str, title: str, explain: str, measures: Sequence[tuple[Phase, str, str]], found: Evaluations
) -> Section | None:
    """A picture for each measure, and how each phase moved all of them."""
    parts = [part for evaluation, measure, name in measures if (part := _points(evaluation, measure, name, found))]
    if not parts:
        return None
    moved = _moves(measures, found)
    return Section(anchor=anchor, title=title, explain=explain, parts=(*parts, *((moved,) if moved else ())))


def _points(evaluation: Phase, measure: str, name: str, found: Evaluations) -> Part | None:
    """One measure at all points."""
    rows = [
        Estimate(
            names=((point_name(after), ""),), point=share.value, low=share.low, high=share.high,
            value=percent(share.value), note=shown(share), tone="calm" if after == "before" else "firm",
        )
        for after in found.points
        if (share := found.share(after, evaluation, measure)) is not None
    ]  # fmt: skip
    if not rows:
        return None
    about = f"{name}: " + "; ".join(f"{row.names[0][0]} {row.value}, {row.note}" for row in rows)
    return Part(title=name, picture=pictures.forest(rows, _AXIS, about=about))


def _moves(measures: Sequence[tuple[Phase, str, str]], found: Evaluations) -> Part | None:
    """How far each phase moved each measure on the same questions, and all of them together."""
    spans = list(zip(found.points, found.points[1:], strict=False))
    if not spans:
        return None
    ends = [*spans, (found.points[0], found.points[-1])] if len(spans) > 1 else spans
    table = Table(
        columns=("Moved by", *(f"{after} phase" for _, after in spans), *(("all phases",) if len(spans) > 1 else ())),
        rows=tuple(
            (name, *(_cell_of(found.change(since, after, evaluation, measure)) for since, after in ends))
            for evaluation, measure, name in measures
        ),
        note="In points, of the same questions before and after; in brackets the 95% interval of the difference.",
    )  # fmt: skip
    return Part(table=table)


def _cell_of(change: Change | None) -> str | None:
    return None if change is None else points_moved(change).replace(" points", "")


def curves_section(metrics: Sequence[Metric], phases: Sequence[Phase]) -> Section | None:
    """The training's loss by step, for each of the `phases` that were trained; they end where evaluations were made."""
    losses = sorted((one.step, one.value) for one in metrics if one.name == _LOSS)
    if not losses:
        return None
    ends = sorted({one.step for one in metrics if one.name.partition("/")[0] in PHASES and one.step > 0})
    series = [
        (name, thinned([point for point in losses if start < point[0] <= end]))
        for name, start, end in _stretches_of(phases, ends, losses[-1][0])
    ]
    last = "; ".join(f"{name} {points[-1][1]:.3g}" for name, points in series if points and points[-1][1] is not None)
    drawn = curves.losses(series, about=f"Training loss by step. At the end of each phase: {last}.")
    explain = "The loss of the rows that were trained on; each phase begins with the weights that the one before left."
    return Section(
        anchor="curves", title="How did it learn?", explain=explain,
        parts=(Part(picture=drawn, lead=f"Loss at the end: {last}." if last else ""),),
    )  # fmt: skip


def _stretches_of(phases: Sequence[Phase], ends: Sequence[int], last: int) -> list[tuple[str, int, int]]:
    """(phase, step before its first, its last step), also of a phase that has no end yet."""
    found: list[tuple[str, int, int]] = []
    start = 0
    for name, end in zip(phases, [*ends, last], strict=False):
        if end > start:
            found.append((name, start, end))
            start = end
    return found
