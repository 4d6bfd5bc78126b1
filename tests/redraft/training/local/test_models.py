"""Models are found by folder or at the Hub, which is played here on loopback: fetched once, and named by commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from redraft.errors import ConfigurationError, InputError
from redraft.training.local.models import BUILT, base_of_run, built_name, find_base, folder_revision
from redraft.training.local.plan import TINY
from tests.redraft.served_hub import COMMIT, FILES, Hub, asking, served_hub

# One process alone.
ALONE: Any = SimpleNamespace(first=True, wait=lambda: None)


def test_a_folder_is_named_by_its_content(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    before = find_base(str(tmp_path), None)
    assert before.revision == folder_revision(tmp_path) and before.revision.startswith("sha256:")
    (tmp_path / "rust_model.ot").write_bytes(b"changed")
    assert folder_revision(tmp_path) == before.revision
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert folder_revision(tmp_path) != before.revision
    with pytest.raises(ConfigurationError, match="a folder has no revision"):
        find_base(str(tmp_path), "main")


def test_a_model_that_was_built_on_the_spot_is_called_by_what_it_is(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert find_base(str(tmp_path), None).name == str(tmp_path)
    (tmp_path / BUILT).write_text('{"name": "tiny-t5 (random weights)"}')
    assert find_base(str(tmp_path), None).name == built_name(tmp_path) == "tiny-t5 (random weights)"


def test_what_is_no_model(tmp_path: Path) -> None:
    for empty in ("", " "):
        with pytest.raises(ConfigurationError, match="no model is named; give a folder"):
            find_base(empty, None)
    with pytest.raises(ConfigurationError, match=r"no config\.json, so no model"):
        find_base(str(tmp_path), None)
    with pytest.raises(ConfigurationError, match="no such folder"):
        find_base(str(tmp_path / "nothing"), None)


def test_a_run_goes_on_with_the_model_that_it_began_with(tmp_path: Path) -> None:
    run, built = tmp_path / "run", list[Path]()

    def build(folder: Path) -> None:
        built.append(folder)
        folder.mkdir(parents=True)
        for name, content in FILES.items():
            (folder / name).write_bytes(content)

    first = base_of_run(run, TINY, None, None, build, ALONE)
    assert base_of_run(run, TINY, None, first.revision, build, ALONE) == first
    assert built == [first.path] == [run / "tiny"]
    (first.path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(InputError, match="another model than this run began with; put it back"):
        base_of_run(run, TINY, None, first.revision, build, ALONE)
    # What was a commit of the Hub is asked for by that commit, whatever is planned: a folder has none.
    with pytest.raises(ConfigurationError, match=f"leave the revision '{COMMIT}' out"):
        base_of_run(run, str(first.path), "main", COMMIT, build, ALONE)


@pytest.fixture
def hub() -> Iterator[str]:
    pytest.importorskip("huggingface_hub", reason="needs the extra local: pip install 'redraft[local]'")
    with served_hub() as address:
        yield address


FIND = """
import sys
from redraft.errors import RedraftError
from redraft.training.local.models import find_base
for model in sys.argv[1:]:
    try:
        base = find_base(model, None)
        print(base.revision, sorted(path.name for path in base.path.iterdir()))
    except RedraftError as error:
        print(error)
"""


def test_a_model_of_the_hub_is_fetched_once(hub: str, tmp_path: Path) -> None:
    done = asking(hub, tmp_path, FIND, "ours/tiny", "ours/tiny", "ours/unknown", "ours/silent")
    lines = done.stdout.splitlines()
    assert lines[0] == lines[1] == f"{COMMIT} ['config.json', 'model.safetensors']", done.stderr
    assert "ours/unknown: no model could be fetched, as the Hub has none of that name" in lines[2]
    assert "ours/silent: no model could be fetched, as the Hub does not answer" in lines[3]
    assert all(len(line) < 200 and "http" not in line for line in lines[2:])
    assert sum(line == f"GET /ours/tiny/resolve/{COMMIT}/model.safetensors" for line in Hub.asked) == 1
