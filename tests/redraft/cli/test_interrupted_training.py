"""What Ctrl-C says of a command that sees to a training on this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from redraft.cli import running
from redraft.training.local.starting import kept

with running.one_line_for_faults(), running._interruptible():
    if sys.argv[2:]:
        with kept(Path(sys.argv[1])):
            os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize(
    ("words", "said"), [(["kept"], "stopping; the training writes a checkpoint first"), ([], "stopping")]
)
def test_ctrl_c_says_that_a_checkpoint_is_written_first(words: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path), *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.strip().splitlines() == [
        f"redraft: {said}; Ctrl-C again stops at once",
        "redraft: stopped; the same command continues where it stopped",
    ]
