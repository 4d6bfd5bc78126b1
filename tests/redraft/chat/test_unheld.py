"""Answers that nothing holds any more: whose runs are looked through, and what counts as held."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling.ledger import Entry, Ledger, retention
from redraft.chat.unheld import held_keys, purge_unheld, runs_for
from redraft.datasets.storage import DatasetWriter
from redraft.records import Completion, Response

KEYS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(6)]
folders = st.lists(st.sampled_from("abc"), max_size=3).map(lambda parts: "/".join(("/data", *parts)))


@given(st.dictionaries(st.sampled_from(["r1", "r2", "r3"]), folders), st.lists(folders), st.lists(folders))
def test_a_run_about_chats_is_that_of_all_below_its_folder(
    works: dict[str, str], places: list[str], datasets: list[str]
) -> None:
    found = runs_for({run: f"imitator:{folder}" for run, folder in works.items()}, places, datasets)
    below = {run for run, folder in works.items() if any(f"{one}/".startswith(f"{folder}/") for one in places)}
    assert found == {run: Path(works[run]) for run in below}
    others = runs_for({run: f"leaderboard:{folder}" for run, folder in works.items()}, places, datasets)
    named = {run for run, folder in works.items() if any(folder in (one, str(Path(one).parent)) for one in datasets)}
    assert set(others) == named, "of other runs only those that made a dataset of them"
    assert runs_for({"r1": "", "r2": "imitator:", "r3": "/data/a"}, ["/", "/data/a", "a"], datasets) == {}


def test_what_tables_and_files_name_is_held_but_for_what_goes(tmp_path: Path) -> None:
    for number, name in enumerate(("there/kept", "there/goes", "there/.kept.new-1-0a1b2c")):
        with DatasetWriter(tmp_path / name, "responses") as writer:
            writer.add(Response(context_id="m1", model="m", text="hi", request_key=KEYS[number]))
            writer.finish()
    for number, name in ((3, "said.json"), (4, "gone.json"), (5, "said.txt")):
        (tmp_path / "there" / name).write_text(json.dumps([KEYS[number]]))
    (tmp_path / "there" / "torn.parquet").write_bytes(b"PAR1")
    goes = {tmp_path / "there" / "goes", tmp_path / "there" / "gone.json"}
    held = held_keys(["known"], [tmp_path / "there", tmp_path / "none"], goes)
    assert [key in held for key in KEYS] == [True, False, False, True, False, False] and "known" in held


def test_whatever_a_run_paid_for_and_nothing_holds_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is read by pages, and where an answer came twice."""
    monkeypatch.setattr(retention, "_AT_ONCE", 2)

    async def run() -> None:
        async with Ledger(tmp_path / "ledger.sqlite") as ledger:
            for number, key in enumerate([*KEYS, KEYS[0]]):
                said = Completion(
                    request_key=key, text="hi", model="m", answered_model="m", provider="p", finish_reason="stop",
                    input_tokens=1, output_tokens=1, cost=None, latency=0.1, attempts=1, created_at="", simulated=True,
                )  # fmt: skip
                await ledger.keep(Entry(outcome=said, provider="p", endpoint="e", run="r2" if number == 1 else "r1"))
            held = held_keys([KEYS[3]], [], frozenset())
            found = []
            for delete in (False, True, True):
                removal = retention.Removal(ledger.database, delete=delete)
                found.append((await purge_unheld(ledger.database, removal, ["r1"], held)).answers)
            assert found == [5, 5, 0]
            assert set(await ledger.find(KEYS)) == {KEYS[1], KEYS[3]}

    asyncio.run(run())
