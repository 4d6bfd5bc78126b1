"""Rows of a plan: the planned bytes alone, one phase a file, and a rehearsal that is spread evenly."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.datasets.curriculum_files import PHASES
from redraft.errors import InputError
from redraft.records import CurriculumRow, Phase
from redraft.training.local.plan import CurriculumPlan, PlannedFile
from redraft.training.local.rows import apart, drawn, read_rows, replayed


def written(folder: Path, name: str, rows: list[CurriculumRow], phase: Phase = "extraction") -> PlannedFile:
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (folder / name).write_bytes(content)
    return PlannedFile(name=phase, file=name, sha256=hashlib.sha256(content).hexdigest())


def plan(folder: Path, rows: list[CurriculumRow]) -> CurriculumPlan:
    held_out = written(folder, "held.jsonl", [CurriculumRow(input="q", output="", phase="extraction")])
    return CurriculumPlan(model="m", phases=(written(folder, "rows.jsonl", rows),), evaluations=(held_out,))


def test_rows_are_read_by_phase_and_doubted_where_they_name_none(tmp_path: Path) -> None:
    marked = CurriculumRow(input="a", output="b", phase="extraction")
    unmarked = CurriculumRow(input="c", output="d")
    asked: list[str] = []
    found = read_rows(plan(tmp_path, [marked, unmarked]), tmp_path, lambda phase, row: asked.append(row.input))
    assert found.trained.rows == {"extraction": [marked, msgspec.structs.replace(unmarked, phase="extraction")]}
    assert asked == ["c"]
    with pytest.raises(
        InputError, match=r'rows\.jsonl row 2: looks odd; if it is right so, write "phase": "extraction"'
    ):
        read_rows(plan(tmp_path, [marked, unmarked]), tmp_path, lambda phase, row: "looks odd")


def test_a_mixed_file_names_its_row(tmp_path: Path) -> None:
    rows = [
        CurriculumRow(input="a", output="b", phase="extraction"),
        CurriculumRow(input="a", output="b", phase="refusal"),
    ]
    with pytest.raises(InputError, match=r"rows\.jsonl row 2: belongs to the phase refusal, not extraction"):
        read_rows(plan(tmp_path, rows), tmp_path, lambda phase, row: None)


def test_files_that_are_empty_changed_or_gone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rows\.jsonl: no rows, so the phase extraction would teach nothing"):
        read_rows(plan(tmp_path, []), tmp_path, lambda phase, row: None)
    planned = plan(tmp_path, [CurriculumRow(input="a", output="b")])
    (tmp_path / "rows.jsonl").write_text('{"input": "a", "output": "other"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl: changed since it was planned"):
        read_rows(planned, tmp_path, lambda phase, row: None)
    (tmp_path / "rows.jsonl").unlink()
    with pytest.raises(InputError, match=r"rows\.jsonl: no such file"):
        read_rows(planned, tmp_path, lambda phase, row: None)


@given(
    st.tuples(*[st.integers(1, 40)] * 3),
    st.floats(0, 0.99),
    st.integers(0, 5),
)
def test_a_rehearsal_is_a_share_of_the_phase_spread_evenly(sizes: tuple[int, ...], fraction: float, seed: int) -> None:
    trained = {phase: list(range(100, 100 + size)) for phase, size in zip(PHASES, sizes, strict=True)}
    for place, phase in enumerate(PHASES):
        chosen = replayed(phase, trained, fraction, seed)
        assert chosen == replayed(phase, trained, fraction, seed)
        assert len(set(chosen)) == len(chosen)
        earlier = PHASES[:place]
        assert all(name in earlier and row in trained[name] for name, row in chosen)
        wanted = round(fraction * len(trained[phase]))
        assert len(chosen) == min(wanted if earlier else 0, sum(len(trained[name]) for name in earlier))
        counts = {name: sum(of == name for of, _ in chosen) for name in earlier}
        for name in earlier:
            # Whoever gave less than another has given all, or one less for a rest that cannot be halved.
            assert counts[name] == len(trained[name]) or counts[name] >= max(counts.values()) - 1


@given(st.lists(st.integers(0, 6), min_size=2, max_size=60), st.floats(0.01, 0.9), st.integers(0, 3))
def test_early_stopping_never_parts_an_article(groups: list[int], share: float, seed: int) -> None:
    rows = [CurriculumRow(input=f"{n}", output="o", group=f"article {group}") for n, group in enumerate(groups)]
    if len(set(groups)) == 1:
        with pytest.raises(InputError, match="there is one only"):
            apart(rows, share, seed)
        return
    own, held = apart(rows, share, seed)
    assert sorted(own + held) == list(range(len(rows)))
    assert own and held
    assert not {groups[place] for place in own} & {groups[place] for place in held}
    assert apart(rows, 0.0, seed) == (list(range(len(rows))), [])


def test_an_evaluation_draws_rows_in_their_order() -> None:
    rows = [CurriculumRow(input=f"{n}", output="") for n in range(50)]
    some = drawn(rows, 7, 1)
    assert len(some) == 7
    assert [int(row.input) for row in some] == sorted(int(row.input) for row in some)
    assert some == drawn(rows, 7, 1) != drawn(rows, 7, 2)
    assert drawn(rows, None, 1) == drawn(rows, 50, 1) == rows
