"""The loss curve of a job as an SVG picture, whole in itself: it loads nothing and runs no script.

Neighbours: the registry has the measurements; the Prefect UI shows the picture.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from redraft.training.registry import Metric

# A screen shows no more.
POINTS = 200
_WIDTH, _HEIGHT = 800.0, 400.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 780.0, 44.0, 340.0
_CURVES = (("train/loss", "training", "#1f5fbf"), ("eval/loss", "validation", "#d9730d"))
# A loss beyond it is as good as infinite.
_MOST = 1e12
# What XML has no place for.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Point = tuple[int, float | None]


def loss_curve(metrics: Sequence[Metric], title: str) -> str | None:
    """The picture as SVG; None where there is no loss yet. A loss that is no number leaves a gap."""
    curves = [
        (legend, colour, thinned([(metric.step, metric.value) for metric in metrics if metric.name == name]))
        for name, legend, colour in _CURVES
    ]
    steps = [step for _, _, points in curves for step, _ in points]
    if not steps:
        return None
    values = [value for _, _, points in curves for _, value in points if value is not None]
    picture = _Picture(steps, values or [0.0])
    picture.words(title, _WIDTH / 2, 24, size=16)
    for number, (legend, colour, points) in enumerate(one for one in curves if one[2]):
        picture.curve(points, colour)
        picture.words(legend, _LEFT + 20 + 140 * number, _HEIGHT - 12, anchor="start", colour=colour)
    picture.words("step", _RIGHT, _HEIGHT - 12, anchor="end")
    return tostring(picture.root, encoding="unicode")


def thinned(points: Sequence[tuple[int, float]], most: int = POINTS) -> list[Point]:
    """At most `most` points by step: the first, the last, and of every stretch between its mean."""
    finite: list[Point] = [(step, value if abs(value) < _MOST else None) for step, value in sorted(points)]
    if len(finite) <= most:
        return finite
    kept, inner, stretches = [finite[0]], finite[1:-1], most - 2
    for number in range(stretches):
        part = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        values = [value for _, value in part if value is not None]
        mean = math.fsum(value / len(values) for value in values) if values else None
        kept.append((part[len(part) // 2][0], mean))
    return [*kept, finite[-1]]


def as_address(svg: str) -> str:
    """The picture as a `data:` address, which a browser shows without asking anybody."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


class _Picture:
    """Axes for these steps and values, and what is drawn on them."""

    def __init__(self, steps: Sequence[int], values: Sequence[float]) -> None:
        size = {"width": f"{_WIDTH:.0f}", "height": f"{_HEIGHT:.0f}", "viewBox": f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}"}
        self.root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif", **size})
        SubElement(self.root, "rect", {"width": "100%", "height": "100%", "fill": "white"})
        self._x, self._y = ticks(min(steps), max(steps), whole=True), ticks(min(values), max(values))
        for step in self._x:
            self.words(f"{step:,.0f}", self._across(step), _BOTTOM + 20)
        for value in self._y:
            self._line(_LEFT, self._up(value), _RIGHT, self._up(value), "#dddddd")
            self.words(f"{value:.6g}", _LEFT - 8, self._up(value) + 4, anchor="end")
        self._line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "#666666")

    def curve(self, points: Sequence[Point], colour: str) -> None:
        """A line through the points, broken where a value is missing; a point on its own is a dot."""
        stretch: list[tuple[float, float]] = []
        for step, value in (*points, (0, None)):
            if value is not None:
                stretch.append((self._across(step), self._up(value)))
                continue
            if len(stretch) == 1:
                ((x, y),) = stretch
                SubElement(self.root, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "3", "fill": colour})
            elif stretch:
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
                look = {"fill": "none", "stroke": colour, "stroke-width": "2"}
                SubElement(self.root, "polyline", {"points": path, **look})
            stretch = []

    def words(
        self, text: str, x: float, y: float, *, anchor: str = "middle", size: int = 12, colour: str = "#333333"
    ) -> None:
        look = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": str(size), "fill": colour}
        SubElement(self.root, "text", look).text = _NO_XML.sub("\ufffd", text)

    def _line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
        SubElement(self.root, "line", {**ends, "stroke": colour})

    def _across(self, step: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * _share(step, self._x)

    def _up(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * _share(value, self._y)


def ticks(least: float, most: float, *, whole: bool = False, about: int = 6) -> list[float]:
    """Round numbers, about `about` of them, the first not above `least` and the last not below `most`."""
    span = max(most - least, 1e-9 * max(abs(most), abs(least), 1.0))
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    step = max(1.0, step) if whole else step
    first, last = math.floor(least / step), math.ceil(most / step)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _share(value: float, scale: Sequence[float]) -> float:
    return (value - scale[0]) / (scale[-1] - scale[0])
