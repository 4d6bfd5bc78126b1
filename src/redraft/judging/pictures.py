"""The report's pictures as inline SVG: pure functions of plain values, drawn without a script, colours from report.css.

Rows stand in HTML with their names, so that long names wrap; only the drawing is SVG. Every text is escaped here.
Neighbours: `sections` gives the values, `curves` draws looks and ratings over time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log10

import msgspec
from markupsafe import Markup, escape

from redraft.judging.untrusted import visible


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """A scale from `left` to `right` with `labels` at `ticks`; what lies outside is drawn at the edge."""

    left: float
    right: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def place(self, value: float) -> str:
        """Where a value stands, as a percentage of the width."""
        inside = min(max(value, self.left), self.right)
        return f"{100 * (inside - self.left) / (self.right - self.left):.3f}%"

    def span(self, low: float, high: float) -> str:
        """How wide the stretch between two values is, as a percentage of the width."""
        low, high = (min(max(value, self.left), self.right) for value in (low, high))
        return f"{100 * (high - low) / (self.right - self.left):.3f}%"


def rate_axis(limits: Iterable[float], least: float = 0.2) -> Axis:
    """Tens of percent around one half, wide enough for every limit."""
    reach = max([least, *(abs(limit - 0.5) for limit in limits)])
    tens = min(5, -int(-reach * 10 // 1))
    ticks = tuple((50 + 10 * step) / 100 for step in range(-tens, tens + 1))
    return Axis(left=ticks[0], right=ticks[-1], ticks=ticks, labels=tuple(f"{100 * tick:.0f}%" for tick in ticks))


def number_axis(limits: Iterable[float], include: Iterable[float] = ()) -> Axis:
    """Round numbers around every limit; 0..1 where there are none."""
    values = [*limits, *include]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 1, high + 1
    step = 10.0 ** floor(log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first, last = floor(low / step), -floor(-high / step)
    ticks = tuple(step * number for number in range(first, last + 1))
    labels = tuple(f"{round(tick, 9):,g}" for tick in ticks)
    return Axis(left=ticks[0], right=ticks[-1], ticks=ticks, labels=labels)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a forest plot. `names` are pieces of its name, each with a class of report.css ("" for none).

    `point` and the interval's ends are None where there are none: an end that is not bounded is drawn as an arrow.
    """

    names: tuple[tuple[str, str], ...]
    point: float | None
    low: float | None
    high: float | None
    value: str
    note: str = ""
    tone: str = "open"


def forest(
    rows: Sequence[Estimate], axis: Axis, *, about: str, reference: float | None = None,
    band: tuple[float, float] | None = None, ends: tuple[str, str] = ("", ""),
) -> Markup:  # fmt: skip
    """Estimates with their intervals, one below the other; `about` tells the whole to who cannot see it."""
    drawn = [_row(row, _estimate(row, axis, reference, band)) for row in rows]
    caption = _tag("figcaption", _tag("span", ends[0]) + _tag("span", ends[1])) if any(ends) else Markup("")
    return _figure("forest", about, Markup("").join([*drawn, _scale(axis), caption]))


def _estimate(row: Estimate, axis: Axis, reference: float | None, band: tuple[float, float] | None) -> Markup:
    back = [_rect("band", axis.place(band[0]), axis.span(*band), "0", "100%")] if band else []
    back += [_line("half" if tick == reference else "grid", axis.place(tick)) for tick in axis.ticks]
    if reference is not None and reference not in axis.ticks:
        back.append(_line("half", axis.place(reference)))
    if row.point is None:
        return _svg(back, [])
    parts: list[Markup] = []
    low, high = row.low, row.high
    if low is not None or high is not None:
        left, right = axis.left if low is None else low, axis.right if high is None else high
        bar = Markup('<line class="bar" x1="{}" x2="{}" y1="0" y2="0"/>')
        parts.append(bar.format(axis.place(left), axis.place(right)))
        parts += [_line("cap", axis.place(end), "-8", "8") for end in (low, high) if end is not None]
        parts += [_open_end(x, sign) for x, sign, end in (("0%", "◂", low), ("100%", "▸", high)) if end is None]
    parts.append(Markup('<circle class="dot" cx="{}" cy="0" r="6"/>').format(axis.place(row.point)))
    return _svg(back, parts)


def _open_end(x: str, sign: str) -> Markup:
    anchor = "start" if x == "0%" else "end"
    return Markup('<text class="arrow" x="{}" y="5" text-anchor="{}">{}</text>').format(x, anchor, sign)


class RankRange(msgspec.Struct, frozen=True, kw_only=True):
    """A model's places, from the best to the worst that the data allow; 1 is the first."""

    model: str
    low: int
    high: int


def rank_ranges(rows: Sequence[RankRange], *, about: str) -> Markup:
    """Which places each model may hold: a bar over its range, on a scale of all places."""
    size = max((row.high for row in rows), default=1)
    step = max(1, -(-size // 12))
    ticks = tuple(float(place) for place in range(1, size + 1, step))
    axis = Axis(left=0.5, right=size + 0.5, ticks=ticks, labels=tuple(f"{tick:.0f}" for tick in ticks))
    drawn: list[Markup] = []
    for row in rows:
        back = [_line("grid", axis.place(tick)) for tick in ticks]
        bar = _rect("range", axis.place(row.low - 0.4), axis.span(row.low - 0.4, row.high + 0.4), "-8", "16")
        said = str(row.low) if row.low == row.high else f"{row.low} to {row.high}"
        shown = Estimate(names=((row.model, ""),), point=None, low=None, high=None, value=said)
        drawn.append(_row(shown, _svg(back, [bar])))
    return _figure("forest ranks", about, Markup("").join([*drawn, _scale(axis)]))


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """One bar. `parts` are (count, class of report.css, what it is); `left`, `middle`, `right` stand above it."""

    left: tuple[str, str]
    middle: str
    right: tuple[str, str]
    parts: tuple[tuple[int, str, str], ...]


def stacks(rows: Sequence[Stack]) -> Markup:
    """Counts as bars that each fill the width."""
    return Markup("").join(_stack(row) for row in rows)


def _stack(row: Stack) -> Markup:
    total = sum(count for count, _, _ in row.parts)
    above = (
        _tag("b", row.left[0], row.left[1]) + _tag("span", row.middle) + _tag("b", row.right[0], row.right[1])
    )  # fmt: skip
    told = ", ".join(f"{what} {count:,}" for count, _, what in row.parts)
    drawn, at = list[Markup](), 0.0
    for count, style, what in row.parts:
        share = 100 * count / total if total else 0.0
        if not count:
            continue
        shown = Markup("<title>{}: {}</title>").format(visible(what), f"{count:,}")
        drawn.append(
            Markup('<g class="{}">{}<rect x="{:.3f}%" y="0" width="{:.3f}%" height="32"/>{}</g>').format(
                style, shown, at, share, _count(count, at + share / 2) if share > 4 else ""
            )
        )
        at += share
    bar = Markup('<svg class="stack" width="100%" height="32" role="img" aria-label="{}">{}</svg>').format(
        visible(told), Markup("").join(drawn)
    )
    return Markup('<div class="tally"><div class="names">{}</div>{}</div>').format(above, bar if total else "")


def _count(count: int, middle: float) -> Markup:
    return Markup('<text x="{:.3f}%" y="21" text-anchor="middle">{}</text>').format(middle, f"{count:,}")


def _row(row: Estimate, drawing: Markup) -> Markup:
    named = Markup(" ").join(
        _tag("b", name, style) if style or len(row.names) == 1 else _tag("i", name) for name, style in row.names
    )
    value = _tag("b", row.value) + (_tag("span", row.note) if row.note else "")
    return Markup(
        '<div class="row {}"><div class="who">{}</div>{}<div class="value">{}</div></div>'
    ).format(row.tone, named, drawing, value)  # fmt: skip


def _scale(axis: Axis) -> Markup:
    texts = [
        Markup('<text x="{}" y="13" text-anchor="{}">{}</text>').format(
            axis.place(tick), _anchor(tick, axis), label
        )
        for tick, label in zip(axis.ticks, axis.labels, strict=True)
    ]  # fmt: skip
    return Markup(
        '<div class="row scale" aria-hidden="true"><div class="who"></div>'
        '<svg class="axis" width="100%" height="18">{}</svg><div class="value"></div></div>'
    ).format(Markup("").join(texts))


def _anchor(tick: float, axis: Axis) -> str:
    return "start" if tick <= axis.left else "end" if tick >= axis.right else "middle"


def _figure(style: str, about: str, inside: Markup) -> Markup:
    return Markup('<figure class="{}" role="group" aria-label="{}">{}</figure>').format(style, visible(about), inside)


def _svg(back: Iterable[Markup], front: Iterable[Markup]) -> Markup:
    """As high as its row: `back` fills it, `front` is drawn around the middle."""
    return Markup(
        '<svg width="100%" aria-hidden="true">{}<svg y="50%" width="100%" height="1" overflow="visible">{}</svg></svg>'
    ).format(Markup("").join(back), Markup("").join(front))  # fmt: skip


def _rect(style: str, x: str, width: str, y: str, height: str) -> Markup:
    return Markup('<rect class="{}" x="{}" width="{}" y="{}" height="{}"/>').format(style, x, width, y, height)


def _line(style: str, x: str, top: str = "0", bottom: str = "100%") -> Markup:
    return Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(style, x, x, top, bottom)


def _tag(name: str, text: str | Markup, style: str = "") -> Markup:
    inside = text if isinstance(text, Markup) else escape(visible(text))
    # Names may be of any script: each is set on its own, so that it cannot turn what stands beside it.
    return Markup("<{0}{1}>{2}</{0}>").format(
        name, Markup(' class="{}"').format(style) if style else "",
        Markup("<bdi>{}</bdi>").format(inside) if name in {"b", "i"} else inside,
    )  # fmt: skip
