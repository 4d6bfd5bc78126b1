"""Local runs without a model, whose processes end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redraft.training.local.pretended_runs import Runs


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    one = Runs(tmp_path)
    yield one
    one.close()
