"""Models that learnt from somebody who has left: found, marked once, deleted where that is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from redraft.errors import InputError
from redraft.training.formats import TrainingFile
from redraft.training.local.reading import LOCK
from redraft.training.purged_models import PURGED, PurgedModel, purge_models, trained_on
from redraft.training.registry import LOCAL, Registry, TrainingJob
from redraft.training.settings import TrainingSettings


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.sqlite")


def job(registry: Registry, folder: Path, name: str, dataset_hash: str | None, endpoint: str = "e") -> TrainingJob:
    path = folder / name / "plan.json"
    path.parent.mkdir(parents=True)
    path.write_text(name)
    file = TrainingFile(path=path, sha256=name * 8, rows=1, rejections={})
    return registry.plan(
        file, TrainingSettings(model="m"), endpoint=endpoint, simulated=True, dataset_hash=dataset_hash, name=name
    )


def test_a_model_is_found_by_what_it_was_trained_on(registry: Registry, tmp_path: Path) -> None:
    one, other = job(registry, tmp_path, "one", "h1"), job(registry, tmp_path, "other", "h2")
    assert trained_on(registry, ["h1", "h9"]) == [one]
    assert trained_on(registry, [other.dataset_hash or ""]) == [other]


def test_a_model_is_found_by_the_file_that_it_was_trained_on(registry: Registry, tmp_path: Path) -> None:
    """A person who names a file names no dataset."""
    one, other = job(registry, tmp_path, "one", None), job(registry, tmp_path, "other", None)
    assert trained_on(registry, []) == []
    assert trained_on(registry, [], [one.training_path]) == [one]
    assert trained_on(registry, [], [other.training_sha256]) == [other]
    assert [found.name for found in purge_models(registry, [], [one.training_path], delete=True)] == ["one"]
    assert [event.type for event in registry.events(one)] == ["purged"] and not registry.events(other)
    assert not Path(one.training_path).exists() and Path(other.training_path).exists()


def test_it_is_marked_once(registry: Registry, tmp_path: Path) -> None:
    here = job(registry, tmp_path, "here", "h1", LOCAL)
    model = tmp_path / "here" / "model"
    model.mkdir()
    here = registry.record(here, model_output_name=str(model))
    there = job(registry, tmp_path, "there", "h1")
    for _ in range(2):
        found = {one.name: one for one in purge_models(registry, ["h1"])}
        assert found["here"] == PurgedModel(
            job_key=here.job_key, attempt=1, name="here", state="planned", model=str(model), local=True
        )
        assert not found["there"].deleted
    assert (
        [event.type for event in registry.events(here)]
        == [event.type for event in registry.events(there)]
        == ["purged"]
    )
    assert (
        (model / PURGED).exists()
        and (tmp_path / "here" / PURGED).exists()
        and not (tmp_path / "there" / PURGED).exists()
    )


def test_it_is_deleted_where_that_is_wanted(registry: Registry, tmp_path: Path) -> None:
    job(registry, tmp_path, "here", "h1", LOCAL)
    job(registry, tmp_path, "there", "h1")
    job(registry, tmp_path, "kept", "h2", LOCAL)
    with FileLock(tmp_path / "here" / LOCK), pytest.raises(InputError, match="is being trained"):
        purge_models(registry, ["h1"], delete=True)
    assert (tmp_path / "there" / "plan.json").exists()
    assert all(one.deleted for one in purge_models(registry, ["h1"], delete=True))
    assert not (tmp_path / "here").exists() and not (tmp_path / "there" / "plan.json").exists()
    assert (tmp_path / "kept" / "plan.json").exists()
    assert not any(one.deleted for one in purge_models(registry, ["h1"], delete=True))
