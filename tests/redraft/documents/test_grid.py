"""The grid: drawn without replacement, types by their shares, no cell on both sides, a longer run beginning as a
shorter one."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.documents.grid import TEST_SHARE, Cell, cells, grid_size, side_of, wanted
from redraft.documents.persona import DocumentType, Persona, load_persona
from redraft.errors import ConfigurationError

DEFAULT = load_persona()


def setting(cell: Cell) -> tuple[str, ...]:
    return cell.document_type, cell.domain, cell.tension, cell.tone


@st.composite
def personas(draw: st.DrawFn) -> Persona:
    shares = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    sizes = [draw(st.integers(1, 4)) for _ in range(4)]
    axes = [tuple(f"{axis}{number}" for number in range(size)) for axis, size in zip("dskt", sizes, strict=True)]
    types = tuple(DocumentType(name=f"type{at}", description="x", share=share) for at, share in enumerate(shares))
    return msgspec.structs.replace(
        DEFAULT, document_types=types, domains=axes[0], stakeholders=axes[1], tensions=axes[2], tones=axes[3]
    )


@settings(max_examples=40, deadline=None)
@given(personas(), st.integers(0, 5))
def test_every_cell_is_used_once_and_on_one_side(persona: Persona, seed: int) -> None:
    train, test = (list(cells(persona, seed, side)) for side in ("train", "test"))
    assert len({*train, *test}) == len(train) + len(test) == grid_size(persona)
    assert all(side_of(one, seed) == "train" for one in train) and all(side_of(one, seed) == "test" for one in test)
    if train:
        some = max(1, len(train) // 2)
        assert list(islice(cells(persona, seed, "train"), some)) == train[:some], "a longer run begins as a shorter one"
    assert not {*map(setting, train)} & {*map(setting, test)}, "not with another stakeholder either"
    for side in (train, test):
        for kind in {one.document_type for one in side}:
            of_type = [setting(one) for one in side if one.document_type == kind]
            each = len({*of_type})
            laps = [of_type[at : at + each] for at in range(0, len(of_type), each)]
            assert all(len({*lap}) == each for lap in laps), "again only where all of its type have been used"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(1, 120))
def test_types_come_by_their_shares_at_any_time(shares: list[int], count: int) -> None:
    types = tuple(DocumentType(name=f"type{at}", description="x", share=share) for at, share in enumerate(shares))
    persona = msgspec.structs.replace(DEFAULT, document_types=types)
    found = Counter(one.document_type for one in islice(cells(persona, 0, "train"), count))
    for one in types:
        assert abs(found[one.name] - count * one.share / sum(shares)) < 1.5


def test_the_other_axes_come_up_about_equally_often() -> None:
    found = list(islice(cells(DEFAULT, 0, "train"), 10_000))
    assert len({*map(setting, found)}) == len(found), "there are 17,000 on this side"
    for axis in ("domain", "tension", "tone", "stakeholder"):
        counts = Counter(getattr(one, axis) for one in found).values()
        assert len(counts) == len(getattr(DEFAULT, f"{axis}s")) and max(counts) < 1.35 * min(counts)
    smaller = msgspec.structs.replace(DEFAULT, domains=DEFAULT.domains[:2], stakeholders=("one", "two"))
    share = len(list(cells(smaller, 0, "test"))) / grid_size(smaller)
    assert share == pytest.approx(TEST_SHARE, abs=0.01)
    for axis in ("domain", "tension", "tone", "stakeholder"):
        few = Counter(getattr(one, axis) for one in islice(cells(DEFAULT, 0, "test"), 2400)).values()
        assert len(few) == len(getattr(DEFAULT, f"{axis}s")) and max(few) < 2.5 * min(few)


def test_rows_have_names_and_too_many_are_refused() -> None:
    rows = wanted(DEFAULT, 3, 0, "test")
    assert [one.scenario_id for one in rows] == ["t00001", "t00002", "t00003"]
    assert {one.side for one in rows} == {"test"} and {one.title for one in rows} == {""}
    assert wanted(DEFAULT, 3, 1, "test") != rows, "another seed, other cells"
    small = msgspec.structs.replace(DEFAULT, domains=("a",), tensions=("b",), tones=("c",), stakeholders=("d", "e"))
    with pytest.raises(ConfigurationError, match=r"11 scenarios are asked for .* of its 10 cells"):
        wanted(small, 11, 0, "train")
    with pytest.raises(ConfigurationError, match="--count 0: at least 1"):
        wanted(small, 0, 0, "train")
