"""The loss curve: a whole picture of any measurements."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.training.curves import POINTS, as_address, loss_curve, thinned, ticks
from redraft.training.registry import Metric

steps = st.dictionaries(st.integers(0, 10**12), st.floats(), max_size=40)
number = st.floats(-1e12, 1e12)


@settings(max_examples=60)
@given(steps, steps, st.text(max_size=40))
def test_any_measurements_make_a_whole_picture(train: dict[int, float], check: dict[int, float], title: str) -> None:
    metrics = [Metric(step=step, name="train/loss", value=value) for step, value in train.items()]
    metrics += [Metric(step=step, name="eval/loss", value=value) for step, value in check.items()]
    picture = loss_curve([*metrics, Metric(step=1, name="train/grad_norm", value=3.0)], title)
    assert (picture is None) is not bool(metrics)
    if picture is None:
        return
    root = ElementTree.fromstring(picture)  # noqa: S314  our own
    assert root.tag.endswith("svg") and not [one for one in root.iter() if one.tag.endswith(("script", "image"))]
    drawn = [one for one in root.iter() if one.tag.endswith(("polyline", "circle"))]
    assert bool(drawn) is any(abs(value) < 1e12 for value in [*train.values(), *check.values()])
    places = [place for one in drawn for place in (one.get("points") or f"{one.get('cx')},{one.get('cy')}").split()]
    assert all(0 <= float(x) <= 800 and 0 <= float(y) <= 400 for x, y in (place.split(",") for place in places)), (
        "nothing lies outside of the picture"
    )
    assert base64.b64decode(as_address(picture).partition(",")[2]).decode() == picture


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), max_size=1500, unique_by=lambda one: one[0]))
def test_a_long_curve_keeps_its_ends_and_its_bounds(points: list[tuple[int, float]]) -> None:
    kept, whole = thinned(points), sorted(points)
    assert len(kept) <= POINTS and [step for step, _ in kept] == sorted({step for step, _ in kept})
    if whole:
        assert kept[0] == whole[0] and kept[-1] == whole[-1]
        least, most = min(value for _, value in whole), max(value for _, value in whole)
        assert all(value is not None and least - 1e-6 <= value <= most + 1e-6 for _, value in kept)


@given(number, number, st.booleans())
def test_an_axis_has_a_few_round_numbers_around_all_values(first: float, second: float, whole: bool) -> None:
    least, most = sorted((first, second))
    scale = ticks(least, most, whole=whole)
    slack = 1e-9 * max(abs(least), abs(most), 1.0)
    assert scale[0] <= least + slack and scale[-1] >= most - slack and 2 <= len(scale) <= 10
