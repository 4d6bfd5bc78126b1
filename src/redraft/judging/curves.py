"""Pictures over the course of a run: planned looks with their boundaries, online ratings, losses.

Neighbour: `pictures`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from redraft.judging.pictures import Axis, number_axis
from redraft.judging.untrusted import visible

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 44
# What can never be reached is drawn no higher than this.
_HIGHEST = 5.0


class LookPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One look: after `contexts` contexts the evidence was `statistic`, and `boundary` would have stopped the run."""

    contexts: int
    statistic: float
    boundary: float


class _Plane:
    """The area of a drawing, in its own units."""

    def __init__(self, across: Axis, up: Axis) -> None:
        self._across, self._up = across, up

    def x(self, value: float) -> float:
        share = (value - self._across.left) / (self._across.right - self._across.left)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 2)

    def y(self, value: float) -> float:
        inside = min(max(value, self._up.left), self._up.right)
        share = (inside - self._up.left) / (self._up.right - self._up.left)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 2)

    def axes(self, name: str) -> Markup:
        parts: list[Markup] = []
        for tick, label in zip(self._up.ticks, self._up.labels, strict=True):
            at = self.y(tick)
            parts.append(_segment("half" if tick == 0 else "grid", _LEFT, at, _WIDTH - _RIGHT, at))
            parts.append(_text(_LEFT - 8, at + 4, label, "end"))
        foot = _HEIGHT - _BOTTOM + 18
        parts += [
            # A label in the middle of the right edge would be cut.
            _text(self.x(tick), foot, label, "end" if tick == self._across.right else "middle")
            for tick, label in zip(self._across.ticks, self._across.labels, strict=True)
        ]
        parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, name, "middle"))
        return Markup("").join(parts)


def looks(points: Sequence[LookPoint], planned: int, *, about: str) -> Markup:
    """The evidence at each look (points) between the boundaries (lines) of a run planned for so many contexts."""
    reach = max(3.0, *(min(_HIGHEST, max(abs(one.statistic), one.boundary)) for one in points))
    plane = _Plane(number_axis((0.0, float(planned))), number_axis((-reach, reach)))
    drawn = [plane.axes("contexts judged")]
    for side in (1, -1):
        path = " ".join(f"{plane.x(one.contexts)},{plane.y(side * min(one.boundary, _HIGHEST))}" for one in points)
        drawn.append(Markup('<polyline class="boundary" points="{}"/>').format(path))
        drawn += [_mark("limit", plane, one.contexts, side * min(one.boundary, _HIGHEST)) for one in points]
    path = " ".join(f"{plane.x(one.contexts)},{plane.y(one.statistic)}" for one in points)
    drawn.append(Markup('<polyline class="evidence" points="{}"/>').format(path))
    drawn += [_mark("seen", plane, one.contexts, one.statistic) for one in points]
    return _plot(about, drawn)


def ratings(steps: Sequence[int], series: Sequence[tuple[str, Sequence[float]]], *, about: str) -> Markup:
    """Each model's rating after so many comparisons, with its name at the end of its line."""
    values = [value for _, curve in series for value in curve]
    plane = _Plane(number_axis((0.0, steps[-1] * 1.25)), number_axis((min(values), max(values))))
    drawn = [plane.axes("comparisons")]
    for number, (model, curve) in enumerate(series):
        path = " ".join(f"{plane.x(step)},{plane.y(value)}" for step, value in zip(steps, curve, strict=True))
        drawn.append(Markup('<polyline class="rating m{}" points="{}"/>').format(number % 5, path))
        name = visible(model)
        drawn.append(_text(plane.x(steps[-1]) + 6, plane.y(curve[-1]) + 4, name[:24], "start", f"m{number % 5}"))
    return _plot(about, drawn)


def losses(series: Sequence[tuple[str, Sequence[tuple[int, float | None]]]], *, about: str) -> Markup:
    """The loss by step, a line for each phase with its name above where it begins; None leaves a gap.

    `series` are (name, points by step), at least one of them with a point.
    """
    steps = [step for _, points in series for step, _ in points]
    values = [value for _, points in series for _, value in points if value is not None]
    plane = _Plane(number_axis((0.0, float(max(steps)))), number_axis((0.0, *values)))
    drawn = [plane.axes("step")]
    for number, (name, points) in enumerate(series):
        if not points:
            continue
        start, hue = plane.x(points[0][0]), f"m{number % 5}"
        drawn.append(_segment("grid", start, _TOP, start, _HEIGHT - _BOTTOM))
        drawn.append(_text(start + 6, _TOP + 8, visible(name)[:24], "start", hue))
        drawn += [_stretch(hue, plane, stretch) for stretch in _stretches(points)]
    return _plot(about, drawn)


def _stretches(points: Sequence[tuple[int, float | None]]) -> list[list[tuple[int, float]]]:
    """The points without those that have no value, parted where these stood."""
    found: list[list[tuple[int, float]]] = [[]]
    for step, value in points:
        if value is None:
            found.append([])
        else:
            found[-1].append((step, value))
    return [one for one in found if one]


def _stretch(hue: str, plane: _Plane, points: Sequence[tuple[int, float]]) -> Markup:
    """A line, or a dot for a point on its own."""
    if len(points) == 1:
        return Markup('<g class="{}">{}</g>').format(hue, _mark("alone", plane, *points[0]))
    path = " ".join(f"{plane.x(step)},{plane.y(value)}" for step, value in points)
    return Markup('<polyline class="rating {}" points="{}"/>').format(hue, path)


def _plot(about: str, drawn: Sequence[Markup]) -> Markup:
    return Markup('<figure class="plot"><svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg></figure>').format(
        _WIDTH, _HEIGHT, visible(about), Markup("").join(drawn)
    )


def _mark(style: str, plane: _Plane, x: float, y: float) -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="4"/>').format(style, plane.x(x), plane.y(y))


def _segment(style: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(style, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(style, x, y, anchor, text)
