"""What a kill leaves of a file that is written batch by batch: whole batches stay, and the rest is written again."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.training.local.parts import lines_in, whole_batches

LINES = [(0, "a"), (2, "b"), (1, "c")]
BATCHES = [[0, 2], [1, 3], [4]]


@pytest.mark.parametrize(
    ("left", "done", "kept"),
    [
        (b"", 0, []),
        (b'[0,"a"]\n', 0, []),
        (b'[0,"a"]\n[2,"b"]\n', 1, LINES[:2]),
        (b'[0,"a"]\n[2,"b"]\n[1,"c"]\n', 1, LINES[:2]),
        (b'[0,"a"]\n[2,"b"]\n[1,"c"]\n[3,"d', 1, LINES[:2]),
        (b'[0,"a"]\n[2,"b"]\n[1,"c"]\n[3,"d"]\n[4,"e"]\n', 3, [*LINES, (3, "d"), (4, "e")]),
    ],
)
def test_only_whole_batches_are_kept(tmp_path: Path, left: bytes, done: int, kept: list[tuple[int, str]]) -> None:
    part = tmp_path / "outputs.jsonl"
    part.write_bytes(left)
    assert whole_batches(part, BATCHES, tuple[int, str]) == done
    assert lines_in(part, tuple[int, str]) == kept


def test_before_the_first_batch_there_is_nothing(tmp_path: Path) -> None:
    part = tmp_path / "outputs.jsonl"
    assert (whole_batches(part, BATCHES, tuple[int, str]), lines_in(part, tuple[int, str])) == (0, [])
    assert not part.exists()
