"""Pictures are well-formed SVG, drawn to scale, and say in words what they show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from redraft.judging.curves import LookPoint, looks, ratings
from redraft.judging.pictures import (
    Estimate,
    RankRange,
    Stack,
    forest,
    number_axis,
    rank_ranges,
    rate_axis,
    stacks,
)

RATES = st.floats(0, 1)
NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


def parsed(picture: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(f"<figure>{picture}</figure>")  # noqa: S314  our own


@given(st.lists(RATES, max_size=6))
def test_a_rate_axis_holds_every_limit_around_one_half(limits: list[float]) -> None:
    axis = rate_axis(limits)
    assert axis.left + axis.right == pytest.approx(1) and 0 <= axis.left <= 0.3
    assert all(axis.left - 1e-9 <= limit <= axis.right + 1e-9 for limit in limits)
    assert 0.5 in axis.ticks and axis.place(0.5) == "50.000%"


@given(st.lists(NUMBERS, max_size=6))
def test_a_number_axis_is_round_and_holds_every_limit(limits: list[float]) -> None:
    axis = number_axis(limits, include=(0.0,))
    slack = 1e-9 * max(1.0, *map(abs, limits)) if limits else 0
    assert all(axis.left - slack <= limit <= axis.right + slack for limit in limits)
    assert 2 <= len(axis.ticks) <= 12 and len(set(axis.labels)) == len(axis.ticks)
    places = [float(axis.place(tick).rstrip("%")) for tick in axis.ticks]
    assert places == sorted(places) and (places[0], places[-1]) == (0, 100)


@given(st.tuples(RATES, RATES, RATES).map(sorted))
def test_a_forest_row_is_to_scale(ends: list[float]) -> None:
    low, point, high = ends
    axis = rate_axis(ends)
    row = Estimate(names=(("<a>", "m0"), ("against", ""), ("b", "m1")), point=point, low=low, high=high, value="v")
    drawn = parsed(forest([row], axis, about='"all" <of it>', reference=0.5, band=(0.45, 0.55)))
    (bar,) = drawn.iterfind(".//line[@class='bar']")
    (dot,) = drawn.iterfind(".//circle")
    width = axis.right - axis.left
    at = [axis.left + width * float(value.rstrip("%")) / 100 for value in (bar.get("x1"), dot.get("cx"), bar.get("x2"))]  # type: ignore[union-attr]
    assert at == pytest.approx(ends, abs=1e-4)
    assert drawn.find("figure").get("aria-label") == '"all" <of it>'  # type: ignore[union-attr]
    assert "".join(drawn.itertext()).startswith("<a> against bv")


def test_what_has_no_bound_is_an_arrow_and_what_has_no_interval_a_dot() -> None:
    def drawn(low: float | None, high: float | None, point: float | None = 0.7) -> tuple[int, int, int]:
        row = Estimate(names=(("a", ""),), point=point, low=low, high=high, value="v")
        made = parsed(forest([row], rate_axis([0.7]), about="x"))
        return tuple(len(made.findall(f".//*[@class='{kind}']")) for kind in ("dot", "cap", "arrow"))  # type: ignore[return-value]

    assert drawn(0.6, 0.8) == (1, 2, 0)
    assert drawn(0.6, None) == drawn(None, 0.8) == (1, 1, 1)
    assert drawn(None, None) == (1, 0, 0)
    assert drawn(0.0, 1.0, None) == (0, 0, 0)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=5))
def test_a_stack_fills_the_width(counts: list[int]) -> None:
    parts = tuple((count, "t", f"<{number}>") for number, count in enumerate(counts))
    made = parsed(stacks([Stack(left=("<l>", "m0"), middle="m", right=("r", "m1"), parts=parts)]))
    drawn = made.findall(".//rect")
    assert len(drawn) == sum(count > 0 for count in counts)
    if sum(counts):
        widths = [float(str(one.get("width")).rstrip("%")) for one in drawn]
        assert sum(widths) == pytest.approx(100, abs=0.01)
        told = str(made.find(".//svg").get("aria-label"))  # type: ignore[union-attr]
        assert [int(one) for one in re.findall(r"> (\d+)", told.replace(",", "").replace("<", " <"))] == counts


def test_rank_ranges_cover_their_places() -> None:
    rows = [
        RankRange(model="a", low=1, high=2),
        RankRange(model="b<", low=1, high=3),
        RankRange(model="c", low=3, high=3),
    ]
    bars = parsed(rank_ranges(rows, about="x")).findall(".//rect")
    spans = [
        (float(str(one.get("x"))[:-1]) * 3 / 100 + 0.5, float(str(one.get("width"))[:-1]) * 3 / 100) for one in bars
    ]
    assert spans == [pytest.approx((0.6, 1.8), abs=1e-3), pytest.approx((0.6, 2.8), abs=1e-3), pytest.approx(
        (2.6, 0.8), abs=1e-3)]  # fmt: skip


def test_looks_and_ratings_stay_inside_the_plane() -> None:
    points = [LookPoint(contexts=100 * n, statistic=9.0 * (-1) ** n, boundary=8.0 / n) for n in (1, 2, 3)]
    curves = [("<m>", [1000.0, 1010.0, 990.0]), ("n", [1000.0, 990.0, 1010.0])]
    for picture in (looks(points, 500, about="x"), ratings([0, 10, 20], curves, about="x")):
        made = parsed(picture)
        lines = made.findall(".//polyline")
        assert len(lines) >= 2
        for line in lines:
            for pair in str(line.get("points")).split():
                x, y = map(float, pair.split(","))
                assert 52 <= x <= 704 and 14 <= y <= 256
        assert made.find(".//svg").get("aria-label") == "x"  # type: ignore[union-attr]
