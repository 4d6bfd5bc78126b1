"""After a pilot: going on, being asked, or being told how to go on."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from click.testing import CliRunner

from redraft.cli import main, piloting

MANIFEST = {
    "count": 18, "rejected": 2, "reasons": {"truncated": 2}, "calls": 15, "input_tokens": 3000, "output_tokens": 1500,
    "cost": 0.5, "unpriced": 0, "simulated": False,
}  # fmt: skip
ESTIMATE = {
    "stage": "rewrite (feedback)", "models": ["a/b"], "mode": "call", "requests": 120, "recorded": 15, "calls": 105,
    "input_tokens": 21_000, "output_tokens": 10_500, "most_output_tokens": 215_040, "cost": 3.5, "worst_cost": None,
    "unpriced": ["c/d"], "seconds": 600.0, "paced_by": "--rpm 10", "latency": 1.0, "assumed": [], "simulated": False,
}  # fmt: skip
RESULT = {
    "said": "pilot: 18 examples", "manifests": {"feedback": MANIFEST}, "datasets": {"feedback": "my data.pilot"},
    "estimates": [ESTIMATE, {**ESTIMATE, "stage": "judge", "cost": 0.25, "worst_cost": 9.0, "unpriced": []}],
}  # fmt: skip


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The parameters of every flow that was started; none of them really is."""
    started: list[dict[str, Any]] = []

    def run(path: str, intent: str, show: Callable[[dict[str, Any]], None], **parameters: Any) -> dict[str, Any]:
        started.append({"path": path, "intent": intent, **parameters})
        if parameters["pilot"] is not None or parameters["dry_run"]:
            show(RESULT)
        return parameters

    monkeypatch.setattr(piloting, "run_flow", run)
    return started


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], object]]:
    """Types an answer at a real pseudo-terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keyboard, os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield lambda answer: keyboard.write(answer.encode())


def go(*words: str) -> None:
    main(["rewrite", *words], standalone_mode=False)


def test_what_a_pilot_shows(runs: list[dict[str, Any]]) -> None:
    done = CliRunner().invoke(main, ["rewrite", "--pilot", "20"])
    assert done.exit_code == 0
    for said in (
        "feedback: 20 rows, 18 examples, 2 rejected",
        "rejected, truncated: 2 (10.0%)",
        "15 answers of 200 tokens in and 100 out; $0.5000 in all",
        "redraft export 'my data.pilot' 'my data.pilot.json'",
        "expected: $3.75; at worst: $9.00 and what has no known price",
        "no known price: c/d",
        "time of judge: --rpm 10",
    ):
        assert said in done.stdout, said
    assert len(runs) == 1


@pytest.mark.parametrize("given", [("--pilot", "20"), ("--pilot=20",)])
def test_without_a_terminal_it_says_how_to_go_on(
    runs: list[dict[str, Any]], given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    monkeypatch.setattr(sys, "argv", ["redraft", "rewrite", "-i", "my file", *given, "-n", "7"])
    go("-i", "my file", *given, "-n", "7")
    assert capsys.readouterr().out.splitlines()[-1].endswith("go on with: redraft rewrite -i 'my file' -n 7")
    assert [run["pilot"] for run in runs] == [20]


def test_yes_goes_on_without_asking(runs: list[dict[str, Any]]) -> None:
    assert CliRunner().invoke(main, ["rewrite", "--pilot", "20", "--yes"]).exit_code == 0
    assert [run.pop("pilot") for run in runs] == [20, None]
    first, second = ({name: value for name, value in run.items() if name != "intent"} for run in runs)
    assert first == second, "the run is the pilot's in everything but its size"


@pytest.mark.parametrize(("answer", "pilots"), [("y\n", [20, None]), ("n\n", [20]), ("\n", [20])])
def test_at_a_terminal_the_answer_decides(
    runs: list[dict[str, Any]], at_a_terminal: Callable[[str], object], answer: str, pilots: list[int | None]
) -> None:
    at_a_terminal(answer)
    go("--pilot", "20")
    assert [run["pilot"] for run in runs] == pilots


def test_a_dry_run_is_only_that(runs: list[dict[str, Any]]) -> None:
    done = CliRunner().invoke(main, ["study", "--dry-run", "--pilot", "20", "--yes"])
    assert done.exit_code == 0 and "10 min" in done.stdout
    assert [run["dry_run"] for run in runs] == [True]


def test_a_dry_run_is_named_so_and_shown_ahead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[tuple[str, bool]] = []

    def run(path: str, intent: str, show: Callable[[dict[str, Any]], None], **parameters: Any) -> None:
        started.append((intent, parameters["dry_run"]))
        show(RESULT)

    monkeypatch.setattr(piloting, "run_flow", run)
    for ahead, dry_run in ((None, False), (None, True), (lambda result: print("all ahead"), True)):  # noqa: T201
        piloting.run_or_estimate("m:f", "Rank", lambda result: print("done"), ahead, dry_run=dry_run)  # noqa: T201
    assert started == [("Rank", False), ("Estimate: Rank", True), ("Estimate: Rank", True)]
    said = capsys.readouterr().out
    assert said.startswith("done\n") and said.endswith("all ahead\n") and said.count("expected: $3.75") == 1
