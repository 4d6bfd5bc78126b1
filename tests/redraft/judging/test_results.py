"""The results file gives back what went in, and the summary anew from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redraft.errors import InputError
from redraft.judging.results import read_comparisons, read_head, read_judgments, rescore, write_results
from redraft.judging.summary import Settings, StudySummary
from redraft.judging.verdict import summarise_study
from redraft.records import Comparison, Judgment


@pytest.fixture
def study(
    make_comparison: Callable[..., Comparison], make_tallied: Callable[..., list[Judgment]]
) -> tuple[list[Comparison], list[Judgment], StudySummary]:
    compared, judgments = [], []
    for pair in (("f", "b"), ("a", "b"), ("f", "a")):
        names = {"model_a": pair[0], "model_b": pair[1]}
        compared += [make_comparison(f"c{n}", response_a='a "quoted"\n<b>é😀</b>', **names) for n in range(50)]
        judgments += make_tallied(30, 15, 3, 2, raw='{"verdict": "é\\n"}', simulated=True, **names)
    settings = Settings(labels={"f": "feedback"}, one_training_run=True, rope=(0.4, 0.6))
    return compared, judgments, summarise_study(judgments, compared, settings)


def test_round_trip_and_rescoring(tmp_path: Path, study: tuple[list[Comparison], list[Judgment], StudySummary]) -> None:
    compared, judgments, summary = study
    path = tmp_path / "results.json"
    write_results(path, summary, iter(compared), iter(judgments), {"seed": 1, "judge": "judge"})
    head = read_head(path)
    assert head.simulated
    assert head.parameters == {"seed": 1, "judge": "judge"}
    assert head.summary == summary
    assert list(read_comparisons(path)) == compared
    stored = read_judgments(path)
    assert list(stored) == judgments == list(stored)
    assert rescore(path) == summary
    assert rescore(path, Settings(rope=(0.49, 0.51))) != summary


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, study: tuple[list[Comparison], list[Judgment], StudySummary]
) -> None:
    compared, judgments, summary = study
    path = tmp_path / "results.json"
    write_results(path, summary, compared, judgments, {})
    before = path.read_bytes()

    def broken() -> Iterator[Judgment]:
        yield judgments[0]
        raise InputError("the source ended early")

    with pytest.raises(InputError, match="ended early"):
        write_results(path, summary, compared, broken(), {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"{}", b'{"format": "other@1"}', b"[1, 2]", b'{"format": "redraft.results@1", ', b"\xff"]
)
def test_what_is_no_results_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"r\.json"):
        rescore(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        rescore(tmp_path / "r.json")
