"""What an answering study's report lets people read: questions of each evaluation with what the model wrote.

Every text is of others: escaped, made visible and cut. Neighbour: `answering_sections` has the figures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from markupsafe import Markup

from redraft.answering.matrix import MAIN
from redraft.answering.metrics import After, Prediction
from redraft.datasets.curriculum_files import PHASES
from redraft.judging.pages import Part, Section
from redraft.judging.untrusted import clipped
from redraft.records import Phase
from tasks.answering_scores import Evaluations
from tasks.answering_words import point_name

# Questions of each evaluation, right and wrong ones; characters that the page shows of a text, and of a prediction.
_SAMPLES, _CHARACTERS, _WRITTEN = 3, 3_000, 600
_HEADLINE: dict[Phase, str] = {one.evaluation: one.measure for one in MAIN}
_TITLES: dict[Phase, str] = {
    "extraction": "Asked for the bare answer",
    "conversation": "Asked for an answer in a sentence",
    "refusal": "Asked what the context does not answer",
}


def samples_section(found: Evaluations) -> Section | None:
    """Some questions of each evaluation with all that the model wrote to them, right and wrong ones at the end."""
    parts: list[Part] = []
    for evaluation in PHASES:
        at = [after for after in found.points if (after, evaluation) in found.found]
        if not at:
            continue
        texts = Markup("").join(
            _sample(right, row, evaluation, at, found) for right, row in _picked(found, at[-1], evaluation)
        )
        if texts:
            parts.append(Part(title=_TITLES[evaluation], picture=texts))
    if not parts:
        return None
    explain = (
        "Drawn by chance among those that came out right at the end, and among those that did not; with what the model "
        "wrote before training and after each phase. All predictions lie in the run's folder."
    )
    return Section(anchor="reading", title="Read for yourself", explain=explain, parts=tuple(parts))


def _picked(found: Evaluations, last: After, evaluation: Phase) -> list[tuple[bool, Prediction]]:
    """Up to _SAMPLES right and as many wrong rows of the last point, the same ones in every report of a run."""
    one = found.found[last, evaluation]
    if (values := one.values.get(_HEADLINE[evaluation])) is None:
        return []
    order = sorted(range(len(values)), key=lambda place: hashlib.sha256(one.predictions[place].id.encode()).digest())
    return [
        (right, one.predictions[place])
        for right in (True, False)
        for place in [each for each in order if values[each] == right][:_SAMPLES]
    ]  # fmt: skip


def _sample(right: bool, row: Prediction, evaluation: Phase, at: Sequence[After], found: Evaluations) -> Markup:
    context, question = row.read
    golds = Markup("; ").join(_text(one) for one in row.golds) if row.golds else Markup("none in the context")
    said = Markup("").join(
        Markup('<dt>{}</dt><dd dir="auto"><b>{}</b>: {}</dd>').format(
            point_name(after), "right" if value == 1 else "wrong",
            _text(written, _WRITTEN) if written.strip() else Markup('<span class="none">nothing</span>'),
        )
        for after in at for value, written in _written(row.id, after, evaluation, found)
    )  # fmt: skip
    return Markup(
        '<details class="example"><summary><span class="chip">{}</span><span class="asked" dir="auto">{}</span>'
        '</summary><div class="context"><div class="message"><span class="role">context</span>'
        '<div class="text" dir="auto">{}</div></div><div class="message user"><span class="role">question</span>'
        '<div class="text" dir="auto">{}</div></div></div><dl class="judge"><dt>right answer</dt><dd dir="auto">{}</dd>'
        '{}</dl><p class="id">{}</p></details>'
    ).format(
        "right" if right else "wrong", clipped(question, 140)[0], _text(context), _text(question),
        golds, said, clipped(f"{row.id}, {row.group}" if row.group else row.id, 200)[0],
    )  # fmt: skip


def _written(row_id: str, after: After, evaluation: Phase, found: Evaluations) -> list[tuple[float, str]]:
    """(its headline measure, what was written) of one row at a point."""
    one = found.found[after, evaluation]
    values = one.values.get(_HEADLINE[evaluation])
    return [] if values is None else [
        (float(value), row.prediction)
        for row, value in zip(one.predictions, values, strict=True) if row.id == row_id
    ]  # fmt: skip


def _text(text: str, most: int = _CHARACTERS) -> Markup:
    """A text of others as it is: escaped, made visible, cut."""
    kept, left_out = clipped(text, most)
    more = Markup('<span class="cut"> … {} more characters</span>').format(f"{left_out:,}") if left_out else Markup("")
    return Markup("{}{}").format(kept, more)
