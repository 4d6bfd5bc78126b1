"""Random runs under a budget: what the providers charge stays within it, and within what redraft has booked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.budgets import run_one, start_providers
from redraft.sandbox.process import SandboxProcess


@pytest.fixture
def providers() -> Iterator[dict[str, SandboxProcess]]:
    started = start_providers(seed=1)
    yield started
    for sandbox in started.values():
        sandbox.stop()


def test_ten_random_runs_never_overshoot(
    providers: dict[str, SandboxProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_PRICES", "set by each run")
    chance = random.Random(20)  # noqa: S311
    results = [run_one(chance, providers, tmp_path) for _ in range(10)]
    for result in results:
        assert 0 < result.charged <= result.booked <= result.budget, results
    assert any(result.reached for result in results), "some budgets were too small for everything"
