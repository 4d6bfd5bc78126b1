"""Several processes with the same requests and one ledger: each request is sent once, and nobody fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.sandbox.process import SandboxProcess

ROOT = Path(__file__).resolve().parents[3]
ROWS = 300


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    return str(request.getfixturevalue("postgres_database"))


def all_at_once(forked: Callable[..., Any], count: int, url: str, ledger: str) -> list[dict[str, Any]]:
    """What each of the processes said, which began to ask in the same instant."""
    words = [sys.executable, "-m", "benchmarks.asking", "--url", url, "--rows", str(ROWS), "--ledger", ledger]
    words += ["--in-flight", "8", "--model", "together:some/model", "--on-go"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # Each in an order of its own: in the same order one would be ahead and the others would only read.
    started = [forked([*words, "--shuffle", str(seed)], cwd=ROOT, **pipes) for seed in range(count)]
    said: list[dict[str, Any]] = []
    try:
        for process in started:
            assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()
        for process in started:
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0 and not err, err.decode()
            said.append(json.loads(out))
    finally:
        for process in started:
            process.kill()
            process.communicate()
    return said


@pytest.mark.parametrize("count", [2, 4])
def test_no_request_is_sent_twice(
    count: int, address: str, start_sandbox: Callable[..., SandboxProcess], forked: Callable[..., Any]
) -> None:
    sandbox = start_sandbox(seed=1, latency_ms=40)
    said = all_at_once(forked, count, sandbox.url, address)
    assert [one["counts"]["completion"] for one in said] == [ROWS] * count, "everybody has every answer"
    stats = sandbox.stats()
    assert (stats["calls"], stats["paid_calls"], stats["repeated"]) == (ROWS, ROWS, 0)
    paid = [ROWS - one["counts"]["reused"] for one in said]
    assert sum(paid) == ROWS and min(paid) > 0, "the work was shared, each answer paid by one of them"
