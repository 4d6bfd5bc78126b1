"""All evaluations at all points of a curriculum as one table, so that what a phase took shows beside what it gave.

Rows: before the training, and after each phase. Columns: the main figure of each evaluation, and the false refusals.
Neighbours: `metrics` has the scores, `forgetting` says what was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from redraft.answering.metrics import After, Scored
from redraft.answering.predictions import POINTS, by_point
from redraft.records import Phase


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the matrix: which measure of which evaluation, in a word or two."""

    evaluation: Phase
    measure: str
    title: str


# The main figure of each evaluation, in the order in which the phases teach them.
MAIN = (
    Column(evaluation="extraction", measure="em", title="extraction: exact match"),
    Column(evaluation="conversation", measure="grounded", title="conversation: grounded"),
    Column(evaluation="refusal", measure="refused", title="refusal: refused"),
)
FALSE_REFUSALS = (
    Column(evaluation="extraction", measure="refused", title="refused wrongly, extraction"),
    Column(evaluation="conversation", measure="refused", title="refused wrongly, conversation"),
)
COLUMNS = (*MAIN, *FALSE_REFUSALS)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the matrix: `shares` in the order of COLUMNS, None where nothing was measured."""

    after: After
    shares: tuple[float | None, ...]

    @property
    def title(self) -> str:
        return "before" if self.after == "before" else f"after {self.after}"


def matrix_of(scores: Iterable[Scored]) -> tuple[Line, ...]:
    """The rows at which something was measured, in the order of the curriculum."""
    found = by_point(scores)
    lines = (
        Line(after=after, shares=tuple(found.get((after, one.evaluation), {}).get(one.measure) for one in COLUMNS))
        for after in POINTS
    )
    return tuple(line for line in lines if any(share is not None for share in line.shares))


def as_rows(lines: Sequence[Line]) -> list[dict[str, str]]:
    """For a table artifact: one dictionary a row, by the columns' titles."""
    return [
        {"": line.title, **{one.title: percent(share) for one, share in zip(COLUMNS, line.shares, strict=True)}}
        for line in lines
    ]


def as_markdown(lines: Sequence[Line]) -> str:
    """A table of Markdown; the evaluation of the phase just trained is set in bold."""
    head = ["", *(one.title for one in COLUMNS)]
    body = [[line.title, *(_marked(line, one, share) for one, share in zip(COLUMNS, line.shares, strict=True))]
            for line in lines]  # fmt: skip
    rule = [":--", *("--:" for _ in COLUMNS)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *body))


def _marked(line: Line, column: Column, share: float | None) -> str:
    own = column in MAIN and column.evaluation == line.after
    return f"**{percent(share)}**" if own else percent(share)


def as_text(lines: Sequence[Line]) -> str:
    """For a terminal: columns under each other, their titles in two lines above."""
    heads = [one.title.replace(", ", ": ").split(": ") for one in COLUMNS]
    width = max(len(word) for head in heads for word in head) + 2
    first = max((len(line.title) for line in lines), default=0)
    above = [" " * first + "".join(f"{head[part]:>{width}}" for head in heads) for part in (0, 1)]
    body = [f"{line.title:<{first}}" + "".join(f"{percent(share):>{width}}" for share in line.shares) for line in lines]
    return "\n".join([*above, *body])


def percent(share: float | None) -> str:
    """A share with one decimal; a dash where nothing was measured."""
    return "—" if share is None else f"{100 * share:.1f}%"
