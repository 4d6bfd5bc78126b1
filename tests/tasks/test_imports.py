"""Another installed package may ship `tasks` or `flows`; ours must win."""

from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["flows", "tasks", "blocks", "deployments"])
def test_the_root_folders_are_what_is_imported(name: str) -> None:
    assert Path(str(import_module(name).__file__)).is_relative_to(ROOT)
