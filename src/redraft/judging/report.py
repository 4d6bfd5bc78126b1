"""The report: one HTML file that stands alone, for one comparison or a whole study.

Everything a model or a user wrote is escaped, and the page allows no script. Neighbours: `summary` has the
numbers, `examples` picks what is shown, `templates/report.html.j2` lays it out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import ceil
from typing import cast

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from redraft.judging import wording
from redraft.judging.examples import Shown
from redraft.judging.summary import StudySummary, Summary
from redraft.records import Judgment

# Characters of one text that the page shows; the results file has the rest.
SHOWN_TEXT = 3_000
SHOWN_MESSAGES = 8
# Colours for models in report.css.
HUES = 5

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

    `reused` counts answers that were paid for earlier.
    """

    stage: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    reused: int = 0


class ReportInput(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows. `created_at` is printed as given; `facts` tell how it was done, name by name:
    parameters, models, template versions, dataset hashes. `results_file` is where every judgment lies."""

    title: str
    created_at: str
    study: StudySummary
    examples: tuple[Shown, ...] = ()
    stages: tuple[Stage, ...] = ()
    costs: tuple[Cost, ...] = ()
    facts: dict[str, str] = {}
    results_file: str = ""
    simulated: bool = False


class _Row(msgspec.Struct, frozen=True):
    """One pair as the page shows it; shares of 100 for the drawing, words for the text."""

    summary: Summary
    a: str
    b: str
    hue_a: str
    hue_b: str
    own_caveats: tuple[str, ...]
    interval: str
    p: str
    ties: str
    tone: str


def render_report(report: ReportInput) -> str:
    """The page as text: inline style and drawings, no script, nothing loaded from elsewhere."""
    study = report.study
    shared = _shared_caveats(study.pairs)
    rows = [_row(pair, study, shared) for pair in study.pairs]
    return _environment().get_template("report.html.j2").render(
        report=report,
        study=study,
        settings=study.settings,
        simulated=report.simulated or study.simulated,
        rows=rows,
        shared_caveats=shared,
        axis=_axis(study),
        examples=_with_examples(rows, report.examples),
        failures=_failures(study.pairs),
        total=_total(report.costs),
        shown_text=SHOWN_TEXT,
        shown_messages=SHOWN_MESSAGES,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("redraft.judging", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = cast("dict[str, object]", environment.filters)
    filters |= {
        "percent": wording.percent,
        "rate": rate,
        "p_value": wording.p_value,
        "reason": wording.reason_in_words,
        "money": money,
        "number": number,
        "said": said,
    }
    return environment


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


def said(judgment: Judgment, a: str, b: str) -> str:
    """What the judge said in one order, in words."""
    if judgment.winner:
        strength = f" ({judgment.strength})" if judgment.strength else ""
        return f"{a if judgment.winner == 'A' else b} is better{strength}"
    return "no difference" if judgment.status == "tie" else wording.reason_in_words(judgment.status)


def _row(pair: Summary, study: StudySummary, shared: tuple[str, ...]) -> _Row:
    settings = study.settings
    split = [f"{pair.tally.both_tie} no difference in both orders", f"{pair.tally.changed_mind} changed its mind"]
    if pair.tally.both_empty:
        split.append(f"{pair.tally.both_empty} both empty")
    tones = {"clearly_better": "firm", "better": "firm", "no_difference": "calm"}
    return _Row(
        summary=pair,
        a=settings.label(pair.model_a),
        b=settings.label(pair.model_b),
        hue_a=_hue(pair.model_a, study),
        hue_b=_hue(pair.model_b, study),
        own_caveats=tuple(caveat for caveat in pair.caveats if caveat not in shared),
        interval=wording.percent_range(pair.low, pair.high, (*settings.rope, 0.5)),
        p=wording.p_value(pair.p_mid),
        ties=", ".join(split),
        tone=tones.get(pair.verdict, "open"),
    )


def _hue(model: str, study: StudySummary) -> str:
    """The style of one model, the same wherever it appears."""
    models = list(dict.fromkeys(name for pair in study.pairs for name in (pair.model_a, pair.model_b)))
    return f"m{models.index(model) % HUES}"


def _shared_caveats(pairs: tuple[Summary, ...]) -> tuple[str, ...]:
    first, *others = pairs
    return tuple(caveat for caveat in first.caveats if all(caveat in other.caveats for other in others))


class Axis(msgspec.Struct, frozen=True):
    """The drawing's scale: shares from `left` to `right`."""

    left: float
    right: float

    @property
    def ticks(self) -> list[float]:
        return [tick / 100 for tick in range(round(100 * self.left), round(100 * self.right) + 1, 10)]

    def place(self, share: float) -> str:
        """Where a share stands, as a percentage of the width."""
        inside = min(max(share, self.left), self.right)
        return f"{100 * (inside - self.left) / (self.right - self.left):.3f}%"

    def span(self, low: float, high: float) -> str:
        """How wide the stretch between two shares is, as a percentage of the width."""
        low, high = (min(max(share, self.left), self.right) for share in (low, high))
        return f"{100 * (high - low) / (self.right - self.left):.3f}%"


def _axis(study: StudySummary) -> Axis:
    """Tens of percent around one half, wide enough for every interval."""
    limits = [limit for pair in study.pairs for limit in (pair.low, pair.high)]
    reach = min(50, max(20, *(10 * ceil(abs(limit - 0.5) * 10) for limit in limits)))
    return Axis(0.5 - reach / 100, 0.5 + reach / 100)


def _with_examples(rows: list[_Row], examples: tuple[Shown, ...]) -> list[tuple[_Row, list[Shown]]]:
    def of(row: _Row) -> list[Shown]:
        names = (row.summary.model_a, row.summary.model_b)
        return [one for one in examples if (one.comparison.model_a, one.comparison.model_b) == names]

    return [(row, own) for row in rows if (own := of(row))]


def _failures(pairs: Iterable[Summary]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for pair in pairs:
        for reason, count in pair.tally.unusable_by_reason.items():
            counts[reason] = counts.get(reason, 0) + count
    return counts


def _total(costs: tuple[Cost, ...]) -> Cost:
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
