"""Ledgers on SQLite and PostgreSQL, and a program that asks as another process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redraft.calling.ledger import Entry
from redraft.records import Completion, Failure

ASKING = Path(__file__).with_name("asking.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a ledger that is not there yet, once in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "home" / "ledger.sqlite")
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture(scope="session")
def answer() -> Callable[..., Entry]:
    def make(
        key: str,
        cost: float | None = 0.1,
        *,
        scope: str | None = None,
        model: str = "m:x",
        simulated: bool = False,
        stage: str = "",
    ) -> Entry:
        outcome = Completion(
            request_key=key, text="x" * 200, model=model, answered_model="x", provider="m", finish_reason="stop",
            input_tokens=3, output_tokens=2, cost=cost, latency=0.1, attempts=1,
            created_at="2026-11-11T00:00:00+00:00", simulated=simulated,
        )  # fmt: skip
        return Entry(outcome=outcome, provider="m", endpoint="m@here", stage=stage, scope=scope)

    return make


@pytest.fixture(scope="session")
def refused() -> Callable[..., Entry]:
    def make(key: str, cost: float | None = 0.1, *, scope: str | None = None) -> Entry:
        outcome = Failure(request_key=key, model="m:x", reason="refused", detail="no", attempts=1, cost=cost)
        return Entry(outcome=outcome, provider="m", endpoint="m@here", scope=scope)

    return make


@pytest.fixture
def start(forked: Callable[..., subprocess.Popen[str]]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `asking.py` with the name of one of its programs; what is left of it ends with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(program: str, *words: object) -> subprocess.Popen[str]:
        words = (sys.executable, "-W", "error", ASKING, program, *map(str, words))
        pipe = subprocess.PIPE
        running.append(forked(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()
