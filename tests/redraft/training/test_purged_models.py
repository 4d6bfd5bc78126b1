"""Models that learnt from somebody who has left: found, marked once, deleted where that is wanted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from redraft.errors import InputError
from redraft.home import Home
from redraft.training.formats import TrainingFile
from redraft.training.job_record import write_job_record
from redraft.training.local.reading import LOCK, RUN
from redraft.training.moved_runs import RunFolders
from redraft.training.purged_models import PURGED, WORDS, PurgedModel, lost_of, purge_models, texts_of, trained_on
from redraft.training.registry import LOCAL, Registry, TrainingJob
from redraft.training.settings import TrainingSettings


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.sqlite")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def job(
    registry: Registry, folder: Path, name: str, dataset_hash: str | None, endpoint: str = "e", **plan: object
) -> TrainingJob:
    path = folder / name / "plan.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(plan) if plan else name)
    file = TrainingFile(path=path, sha256=name * 8, rows=1, rejections={})
    return registry.plan(
        file, TrainingSettings(model="m"), endpoint=endpoint, simulated=True, dataset_hash=dataset_hash, name=name
    )


def test_a_model_is_found_by_what_it_was_trained_on(registry: Registry, tmp_path: Path) -> None:
    one, other = job(registry, tmp_path, "one", "h1"), job(registry, tmp_path, "other", "h2")
    assert trained_on(registry, ["h1", "h9"]) == [one]
    assert trained_on(registry, [other.dataset_hash or ""]) == [other]


def test_a_model_is_found_by_the_file_that_it_was_trained_on(registry: Registry, home: Home, tmp_path: Path) -> None:
    """A person who names a file names no dataset."""
    one, other = job(registry, tmp_path, "one", None), job(registry, tmp_path, "other", None)
    assert trained_on(registry, []) == []
    assert trained_on(registry, [], [one.training_path]) == [one]
    assert trained_on(registry, [], [other.training_sha256]) == [other]
    rows = job(registry, tmp_path, "rows", "sum")
    assert trained_on(registry, [], ["sum"]) == [rows], "what is no dataset goes by the sum of its bytes"
    again = registry.record(rows, dataset_path=str(tmp_path / "preferences"))
    assert trained_on(registry, [], [str(tmp_path / "preferences")]) == [again], "or by the place of one"
    assert [found.name for found in purge_models(registry, [], [one.training_path], home=home, delete=True)] == ["one"]
    assert [event.type for event in registry.events(one)] == ["purged"] and not registry.events(other)
    assert not Path(one.training_path).exists() and Path(other.training_path).exists()


def test_it_is_marked_once(registry: Registry, home: Home, tmp_path: Path) -> None:
    here = job(registry, tmp_path, "here", "h1", LOCAL)
    model = tmp_path / "here" / "model"
    model.mkdir()
    here = registry.record(here, model_output_name=str(model))
    there = job(registry, tmp_path, "there", "h1")
    for _ in range(2):
        found = {one.name: one for one in purge_models(registry, ["h1"], home=home)}
        assert found["here"] == PurgedModel(
            job_key=here.job_key, attempt=1, name="here", state="planned", model=str(model), local=True,
            suffix=here.suffix,
        )  # fmt: skip
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


def test_it_is_deleted_where_that_is_wanted(registry: Registry, home: Home, tmp_path: Path) -> None:
    job(registry, tmp_path, "here", "h1", LOCAL)
    job(registry, tmp_path, "there", "h1")
    job(registry, tmp_path, "kept", "h2", LOCAL)
    for delete in (True, False):
        with FileLock(tmp_path / "here" / LOCK), pytest.raises(InputError, match="is being trained"):
            purge_models(registry, ["h1"], home=home, delete=delete)
    assert (tmp_path / "there" / "plan.json").exists() and not (tmp_path / "here" / PURGED).exists()
    assert all(one.deleted for one in purge_models(registry, ["h1"], home=home, delete=True))
    assert not (tmp_path / "here").exists() and not (tmp_path / "there" / "plan.json").exists()
    assert (tmp_path / "kept" / "plan.json").exists()
    assert not any(one.deleted for one in purge_models(registry, ["h1"], home=home, delete=True))


def test_what_began_with_such_a_model_or_was_rewarded_by_it_learnt_from_them_too(
    registry: Registry, tmp_path: Path
) -> None:
    lora = job(registry, tmp_path, "lora", "h1", LOCAL, model="tiny")
    model = str(tmp_path / "lora" / "model")
    reward = job(registry, tmp_path, "reward", "h2", LOCAL, model=model)
    rl = job(registry, tmp_path, "rl", "h3", LOCAL, model="tiny", reward=str(tmp_path / "reward" / "model"))
    job(registry, tmp_path, "lora-2", "h4", LOCAL, model=str(tmp_path / "lora-2x" / "model"))
    job(registry, tmp_path, "hosted", "h5", model=model)
    assert trained_on(registry, ["h1"]) == [lora, reward, rl]
    assert trained_on(registry, ["h3"]) == [rl]


def test_of_a_marked_training_no_text_stays(registry: Registry, home: Home, tmp_path: Path) -> None:
    here = job(registry, tmp_path, "here", "h1", LOCAL, model="tiny")
    folder = tmp_path / "here"
    texts = ["data/rows.jsonl", "prompts.jsonl", "judging/asked-5.json", "judging/state", "process.log", "first.json",
             "phases/rl/outputs.jsonl", "samples.json", "predictions/1/rows.jsonl", "whatever"]  # fmt: skip
    kept = ["metrics.jsonl", "events.jsonl", "state.json", "lock", "keeper.lock", "process.json", "run.json",
            "phases/rl/checkpoint-5/adapter_model.safetensors", "phases/a/model/tokenizer.json", "scores.json",
            "model/vocab.json", "merged/vocab.json"]  # fmt: skip
    for name in (*texts, *kept):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    assert {str(path.relative_to(folder)) for path in texts_of([here])} == set(texts)
    assert [one.removed for one in purge_models(registry, ["h1"], home=home)] == [len(texts)]
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {*kept, "plan.json", PURGED, f"model/{PURGED}", f"merged/{PURGED}"}
    assert [one.removed for one in purge_models(registry, ["h1"], home=home)] == [0]


@pytest.mark.parametrize("delete", [False, True], ids=["marked", "deleted"])
def test_a_tiny_model_that_was_built_of_words_of_its_rows_goes(
    registry: Registry, home: Home, tmp_path: Path, delete: bool
) -> None:
    """Not those of others, nor a model that was fetched, or is a folder of one's own."""
    job(registry, tmp_path, "tiny", "h1", LOCAL, model="tiny")
    job(registry, tmp_path, "large", "h1", LOCAL, model="org/large")
    for run, revision in (("tiny", "sha256:1"), ("large", "sha256:2")):
        (tmp_path / run / "state.json").write_text(json.dumps({"state": "completed", "revision": revision}))
    (tmp_path / "tiny" / "tiny").mkdir()
    (tmp_path / "tiny" / "tiny" / "tokenizer.json").write_text("words")
    bases = home.work / "bases"
    for name, revision, built in (("one", "sha256:1", True), ("own", "sha256:1", False), ("other", "sha256:2", True)):
        (bases / name).mkdir(parents=True)
        (bases / name / "redraft.json").write_text(json.dumps({"revision": revision}))
        if built:
            (bases / name / "built.json").write_text("{}")
    (bases / "torn").mkdir()
    (bases / "torn" / "redraft.json").write_text("{")
    for _ in range(2):
        purge_models(registry, ["h1"], home=home, delete=delete)
        assert sorted(path.name for path in bases.iterdir()) == ["other", "own", "torn"]
    assert not list(tmp_path.rglob("tokenizer.json"))


def test_fingerprints_go_and_the_record_says_so(registry: Registry, home: Home, tmp_path: Path) -> None:
    here, other = job(registry, tmp_path, "here", "h1"), job(registry, tmp_path, "other", "h2")
    for one in (here, other):
        write_job_record(one, tmp_path / "models", registry)
        noted = home.trained_on(one.training_sha256)
        noted.parent.mkdir(parents=True, exist_ok=True)
        noted.write_text("0123\n")
    purge_models(registry, ["h1"], home=home)
    assert home.trained_on(here.training_sha256).read_text() == f"# {WORDS}\n"
    assert home.trained_on(other.training_sha256).read_text() == "0123\n"
    records = {one["suffix"]: one for one in (json.loads(path.read_bytes()) for path in tmp_path.glob("models/*.json"))}
    assert records[here.suffix]["purged"] == WORDS and records[here.suffix]["job_key"] == here.job_key
    assert "purged" not in records[other.suffix]
    (record := next(tmp_path.glob(f"models/*{here.name}_*.json"))).write_text("not ours any more")
    purge_models(registry, ["h1"], home=home)
    assert record.read_text() == "not ours any more"


@pytest.mark.parametrize("delete", [False, True], ids=["marked", "deleted"])
def test_a_run_that_lies_elsewhere_is_known_by_its_key(
    registry: Registry, home: Home, tmp_path: Path, delete: bool
) -> None:
    """Below the folders looked through, or at the place that what was beside it is at. A copy counts, others do not."""
    one, other = (job(registry, tmp_path / "was", name, "h1", LOCAL) for name in ("one", "other"))
    for each, aside in ((one, "aside"), (other, "aside-2")):
        (tmp_path / "now" / aside).mkdir(parents=True)
        (tmp_path / "now" / aside / "rows.jsonl").write_text("hi")
        (tmp_path / "now" / aside / RUN).write_text(json.dumps({"job_key": each.job_key}))
    (tmp_path / "was" / "one").rename(tmp_path / "away")
    (tmp_path / "was" / "other").rename(tmp_path / "away-2")
    shutil.copytree(tmp_path / "now" / "aside", tmp_path / "there" / "one")
    (tmp_path / "there" / "other").mkdir()
    (tmp_path / "there" / "other" / RUN).write_text(json.dumps({"job_key": "another"}))
    (tmp_path / "now" / "torn").mkdir()
    (tmp_path / "now" / "torn" / RUN).write_text("{")
    (tmp_path / "now" / "aside-2").rename(tmp_path / "beyond")

    def places(path: Path) -> list[Path]:
        return [path, tmp_path / "there" / path.name]

    where = RunFolders([tmp_path / "now"], places)
    assert {str(path) for path in texts_of([one], where)} == {
        str(tmp_path / "now" / "aside" / "rows.jsonl"), str(tmp_path / "there" / "one" / "rows.jsonl")
    }  # fmt: skip
    assert lost_of(registry, [one, other], where) == [other]
    with FileLock(tmp_path / "there" / "one" / LOCK), pytest.raises(InputError, match="is being trained"):
        purge_models(registry, ["h1"], home=home, where=where)
    done = {found.name: found for found in purge_models(registry, ["h1"], home=home, delete=delete, where=where)}
    assert done["other"].lost and not done["one"].lost and not done["other"].deleted
    assert done["one"].deleted == delete and done["one"].removed == (0 if delete else 2)
    for folder in (tmp_path / "now" / "aside", tmp_path / "there" / "one"):
        assert (
            folder.exists() != delete and (folder / PURGED).exists() != delete and not (folder / "rows.jsonl").exists()
        )
    assert lost_of(registry, [one, other], RunFolders([], places)) == [other], "what a purge deleted is not missed"


def test_what_was_learned_from_a_run_is_known_when_both_lie_elsewhere(registry: Registry, tmp_path: Path) -> None:
    one = job(registry, tmp_path / "was", "one", "h1", LOCAL, model="tiny")
    two = job(registry, tmp_path / "was", "two", "h2", LOCAL, model=str(tmp_path / "was" / "one" / "model"))
    job(registry, tmp_path / "was", "three", "h3", LOCAL, model="tiny")
    for each in (one, two):
        (tmp_path / "was" / each.name / RUN).write_text(json.dumps({"job_key": each.job_key}))
    (tmp_path / "was").rename(tmp_path / "now")
    assert trained_on(registry, ["h1"], where=RunFolders([tmp_path / "now"], lambda path: [path])) == [one, two]
