"""What is no dataset and holds what they hold: it is found, and goes."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from redraft.calling.ledger import Entry, Ledger
from redraft.calling.ledger.retention import Going, Removal
from redraft.chat.leftovers import keys_in_work, leftovers, purge_answers, purge_work, remove, strays, works_of
from redraft.chat.privacy.keeping import keep_names
from redraft.chat.privacy.names import Names
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.datasets.work import Work
from redraft.records import Completion, Response

TIME = "2024-03-04T09:00:00+00:00"


def test_a_folder_that_is_being_removed_is_a_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stage").mkdir()
    monkeypatch.setattr(shutil, "rmtree", lambda path: None)  # type: ignore[misc]
    remove(tmp_path / "stage")
    monkeypatch.setattr(os, "kill", dead)
    assert [one.name.split("-")[0] for one in leftovers([tmp_path])] == [".stage.gone"]


def dead(*_: object) -> None:
    raise ProcessLookupError


def test_a_private_file_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    (tmp_path / ".chat-names.json.999999999-0a1b2c").write_text("Zoë")
    (tmp_path / f".chat-names.json.{os.getpid()}-0a1b2c").write_text("Zoë")
    keep_names(tmp_path / "chat", Names())
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        f".chat-names.json.{os.getpid()}-0a1b2c",
        "chat-names.json",
    ]


def test_answers_leave_the_ledger(tmp_path: Path) -> None:
    def answer(key: str) -> Entry:
        said = Completion(
            request_key=key, text="3, 4", model="m:x", answered_model="x", provider="m", finish_reason="stop",
            input_tokens=1, output_tokens=1, cost=0.5, latency=0.1, attempts=1, created_at=TIME, simulated=True,
        )  # fmt: skip
        return Entry(outcome=said, provider="m", endpoint="e", scope="s")

    async def run() -> None:
        async with Ledger(tmp_path / "ledger.sqlite") as ledger:
            for key in ("k1", "k2", "k3"):
                await ledger.keep(answer(key))
            keys = ["k1", "k1", *(f"x{one}" for one in range(600)), "k3", "k1"]
            for delete in (False, True):
                gone = await purge_answers(Removal(ledger.database, delete=delete), iter(keys))
                assert gone == Going(answers=2, cost=0.0, unpriced=0, simulated=2)
                assert len(await ledger.find(["k1", "k2", "k3"])) == (1 if delete else 3)
            assert list(await ledger.find(["k1", "k2", "k3"])) == ["k2"]
            assert (await ledger.spent("s")).spent == 1.5  # what was paid was paid

    asyncio.run(run())


def test_only_shards_are_strays_and_only_these_are_swept(tmp_path: Path) -> None:
    """A file of somebody's own in the folder stays, also where the dataset is written anew."""

    def written(text: str) -> Dataset:
        with DatasetWriter(tmp_path / "made", "responses") as writer:
            writer.add(Response(context_id="e", model="m", text=text))
            return writer.finish()

    made = written("x")
    own = [made.path / name for name in ("rows-2024.parquet", "rejections-of-mine.parquet", "rows-00001-0a.parquet")]
    stray = [made.path / f"{kind}-00001-0a1b2c3d4e5f.parquet" for kind in ("rejections", "rows")]
    for path in (*own, *stray):
        path.write_text("hi")
    assert strays(made) == stray
    assert strays(written("y")) == [] and all(path.exists() for path in own) and not any(map(Path.exists, stray))


def test_unfinished_stages_of_it_go(tmp_path: Path) -> None:
    for name, key in (("a", "h1"), ("b", "h2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.json").write_text(f'{{"source_hash":"{key}","n":1}}')
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "plan.json").write_text("{")
    assert purge_work(tmp_path, ["h1", "h9"]) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b", "c"]


def test_work_is_found_by_the_place_of_a_dataset_that_is_another_now(tmp_path: Path) -> None:
    plan = {"contexts": "/data/contexts", "contexts_hash": "old", "drawing": {"models": 3}}
    work = Work.open(tmp_path, "judgments", plan)
    other = Work.open(tmp_path, "judgments", {**plan, "contexts": "/data/contexts-2"})
    keys = ("k1", "k1", "", "k2")
    work.write(0, "responses", [Response(context_id="e", model="m", text="x", request_key=key) for key in keys], [], 0)
    with DatasetWriter(tmp_path / "judgments-dataset", "responses") as writer:
        writer.finish({"parents": [{"path": "/data/contexts", "content_hash": "older"}]})
    assert works_of(tmp_path, ["/data/contexts"]) == [work.path, tmp_path / "judgments-dataset"]
    assert list(keys_in_work([work.path])) == ["k1", "k1", "k2"]
    assert purge_work(tmp_path, ["/data/contexts", "h"]) == 2 and list(tmp_path.iterdir()) == [other.path]
