"""What a report is made of: sections of texts, pictures and tables; stages and costs as flows tell them.

Records only. Neighbours: `sections` and its like fill them, `report` lays them out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup

from redraft.records import Count, Dollars

Cell = str | int | float | None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of counts or words; numbers are set right and grouped. `note` stands below."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    note: str = ""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the path from the input to the verdict: what it did in a sentence, and its counts.

    For instance filtering (rows per label, rejections with reasons), rewriting, training jobs with their states.
    """

    title: str
    lead: str = ""
    tables: tuple[Table, ...] = ()


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage asked of one model. `cost` is in US dollars, None where no price is known.

    `calls` counts what was asked and answered: what was asked again, or of the next model of a chain, is in tokens and
    cost. `reused` counts answers that were paid for earlier.
    """

    stage: str
    model: str
    calls: Count
    input_tokens: Count
    output_tokens: Count
    cost: Dollars | None
    reused: Count = 0


class Further(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found beside the verdicts on its pairs and traits, in words; `firm` where a difference was found."""

    sentence: str
    detail: str = ""
    firm: bool = False


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph of a methods section of a flow's own; `works` are the references that it rests on."""

    title: str
    text: str
    works: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a section: under a heading some sentences, a picture, points, a table, as many as there are."""

    title: str = ""
    lead: str = ""
    picture: Markup | None = None
    points: tuple[str, ...] = ()
    table: Table | None = None


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One section of the page; `anchor` is its id."""

    anchor: str
    title: str
    explain: str = ""
    parts: tuple[Part, ...] = ()


class OwnPage(msgspec.Struct, frozen=True, kw_only=True):
    """What a flow's own page is made of beside judgments, so that it is laid out again where the run is scored anew;
    `kind` says whose it is, and who knows how to read the rest."""

    kind: str
    made_of: dict[str, Any]


def total(costs: tuple[Cost, ...]) -> Cost:
    """The sum of all stages; of the known prices, where some are not known."""
    known = [one.cost for one in costs if one.cost is not None]
    return Cost(
        stage="Total",
        model="",
        calls=sum(one.calls for one in costs),
        input_tokens=sum(one.input_tokens for one in costs),
        output_tokens=sum(one.output_tokens for one in costs),
        cost=sum(known) if known else None,
        reused=sum(one.reused for one in costs),
    )


def money(cost: float | None) -> str:
    """US dollars with the digits that small sums need; a dash where no price is known."""
    if cost is None:
        return "—"
    return f"${cost:,.2f}" if cost >= 1 or cost == 0 else f"${cost:.4f}"


def rate(share: float) -> str:
    """A win rate with one decimal, so that rates stand under each other."""
    return f"{100 * share:.1f}%"


def number(value: Cell) -> str:
    """A cell of a table: whole numbers grouped, others with three significant digits, nothing as a dash."""
    if value is None:
        return "—"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"
