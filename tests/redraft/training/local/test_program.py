"""A process that trains says by its exit status how it ended, and in one line why."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.errors import InputError, RedraftError, TrainingError
from redraft.training.local.program import run_program
from redraft.training.local.stopping import Stop, StoppedError


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """What a signal does belongs to the program; the tests have it back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("words", [[], ["--help"], ["a", "b"]])
def test_all_but_one_folder_is_bad_input(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    done: list[Path] = []
    assert run_program(words, "usage: FOLDER", lambda folder, stop: done.append(folder)) == 2
    assert (capsys.readouterr().err, done) == ("usage: FOLDER\n", [])


@pytest.mark.parametrize(
    ("fault", "status"), [(InputError("no rows"), 2), (TrainingError("no steps"), 1), (StoppedError("at step 2"), 3)]
)
def test_a_fault_is_a_line_and_a_status(fault: RedraftError, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    def work(folder: Path, stop: Stop) -> None:
        raise fault

    assert run_program(["run"], "usage", work) == status
    assert capsys.readouterr().err == f"{fault}\n"


def test_the_folder_is_whole_and_a_signal_asks_for_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[tuple[Path, bool]] = []

    def work(folder: Path, stop: Stop) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append((folder, stop.asked))

    assert run_program(["run"], "usage", work) == 0
    assert seen == [(tmp_path.resolve() / "run", True)]
