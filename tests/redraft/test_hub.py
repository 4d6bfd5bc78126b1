"""Models are fetched from a Hub on loopback: safe weights, and the old ones where those are missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.hub import is_path
from tests.redraft.served_hub import COMMIT, Hub, asking, served_hub

FETCH = """
import sys
from redraft.errors import ConfigurationError
from redraft.hub import fetch_model
for asked in sys.argv[1:]:
    model, _, pattern = asked.partition(" ")
    try:
        path = fetch_model(model, None, pattern, lambda error: f"no {model}: {type(error).__name__}")
        print(path.name, *sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file()))
    except ConfigurationError as error:
        print(error)
"""
TOP, ANYWHERE = "*.safetensors", "**/*.safetensors"


@pytest.fixture
def hub() -> Iterator[str]:
    pytest.importorskip("huggingface_hub", reason="needs the extra local: pip install 'redraft[local]'")
    with served_hub() as address:
        yield address


def test_old_weights_are_fetched_only_where_safe_ones_are_missing(hub: str, tmp_path: Path) -> None:
    asked = (
        f"ours/tiny {TOP}",
        f"ours/old {TOP}",
        f"ours/parts {ANYWHERE}",
        f"ours/parts {TOP}",
        f"ours/unknown {TOP}",
    )
    done = asking(hub, tmp_path, FETCH, *asked)
    assert done.stdout.splitlines() == [
        f"{COMMIT} config.json model.safetensors",
        f"{COMMIT} config.json pytorch_model.bin",
        f"{COMMIT} 2_Dense/model.safetensors config.json",
        f"{COMMIT} 2_Dense/model.safetensors config.json pytorch_model.bin",
        "no ours/unknown: RepositoryNotFoundError",
    ], done.stderr
    assert not [line for line in Hub.asked if line.endswith("rust_model.ot")]


@pytest.mark.parametrize(("model", "path"), [("t5", False), ("google/t5", False), ("a/b/c", True), ("./t5", True)])
def test_what_can_only_be_a_folder(model: str, path: bool) -> None:
    assert is_path(model) is path
