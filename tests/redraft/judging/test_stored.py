"""A results file is read the same however it is laid out, and what is damaged is said with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from redraft.errors import InputError
from redraft.judging.results import read_comparisons, read_head, read_judgments, read_ratings, write_results
from redraft.judging.settings import Settings
from redraft.judging.stored import Ids
from redraft.judging.summary import StudySummary
from redraft.records import Comparison, Judgment


@pytest.fixture
def path(
    tmp_path: Path, make_comparison: Callable[..., Comparison], make_tallied: Callable[..., list[Judgment]]
) -> Path:
    compared = [make_comparison(f"c{n}", response_a='a "],\n"judgments": [\n{} é😀') for n in range(6)]
    found = tmp_path / "results.json"
    write_results(found, StudySummary(pairs=(), settings=Settings()), compared, make_tallied(3, 2, 1), {"seed": 1})
    return found


def _all(path: Path) -> tuple[object, ...]:
    return read_head(path), list(read_comparisons(path)), list(read_judgments(path)), list(read_ratings(path))


def test_the_layout_does_not_matter(path: Path) -> None:
    before = _all(path)
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    # Records of comparisons stand from the third line on; the first two of these stay as they are.
    by_hand = [
        *lines[:4], lines[4].rstrip() + lines[5],  # two records in one line
        lines[6].replace('{"context_id"', '{\n"context_id"', 1), *lines[7:],  # one in two
    ]  # fmt: skip
    document = json.loads(text)
    for other in (
        json.dumps(document, indent=1), json.dumps(document), "".join(by_hand),
        json.dumps(dict(reversed(document.items()))), text.replace("\n", "\r\n"),
    ):  # fmt: skip
        path.write_text(other, newline="")
        assert _all(path) == before


def test_records_are_copied_as_they_stand_only_where_all_were_read_from_lines(path: Path, tmp_path: Path) -> None:
    stored = read_judgments(path)
    expected = [msgspec.json.encode(one) for one in stored]
    path.write_text(path.read_text().replace('"status":"tie"', '"later":{"x":1},"status":"tie"'))
    assert list(stored.encoded()) != expected and b'"later"' in b"".join(stored.encoded())
    fresh = read_judgments(path)
    assert list(fresh.encoded()) == expected  # nobody has read it yet: what a record is, is made sure of first
    path.write_text(json.dumps(json.loads(path.read_text())))
    with pytest.raises(InputError, match="changed while it was read"):
        list(fresh.encoded())
    fresh = read_judgments(path)
    assert list(fresh.encoded()) == list(fresh.encoded()) == expected
    again = tmp_path / "again.json"
    write_results(again, read_head(path).summary, read_comparisons(path), fresh, {})
    assert list(read_judgments(again)) == list(fresh)


def test_records_are_chosen_by_their_ids(path: Path) -> None:
    def wanted(one: Ids | Comparison | Judgment) -> bool:
        return one.context_id in {"c1", "c4"}

    for other in (path.read_text(), json.dumps(json.loads(path.read_text()))):
        path.write_text(other)
        for stored in (read_comparisons(path), read_judgments(path)):
            assert list(stored.where(wanted)) == [one for one in stored if wanted(one)]
            assert len(list(stored.where(wanted))) in {2, 4}


@pytest.mark.parametrize("end", [0.35, 0.6, 0.9, 0.99])
def test_a_file_that_ends_early(path: Path, end: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(end * len(whole))])
    with pytest.raises(InputError, match=r"results\.json is not whole JSON"):
        _all(path)


def test_a_damaged_record_is_named(path: Path) -> None:
    text = path.read_text()
    at = text.index('"judgments"')
    path.write_text(text[:at] + text[at:].replace('"order":"BA"', '"order":"CA"', 1))
    for again in (None, json.dumps(json.loads(path.read_text()))):
        if again:
            path.write_text(again)
        with pytest.raises(InputError, match="judgments, record 2: Invalid enum value 'CA'"):
            list(read_judgments(path))
    path.write_bytes(b'{"format":"redraft.results@1","simulated":1},\n')
    with pytest.raises(InputError):
        read_head(path)
