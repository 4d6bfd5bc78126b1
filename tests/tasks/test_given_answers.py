"""Answers that exist: whoever reads the same file at the same time waits, and a killed reader blocks nobody."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from redraft.datasets.storage import Dataset
from tasks.given_answers import given_answers

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print(flush=True)
    sys.stdin.read()
"""


def test_a_file_is_read_by_one_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    file = tmp_path / "given.jsonl"
    rows = [{"id": n, "context": f"Question {n}?", "model": m, "response": "Yes."} for n in range(9) for m in "xy"]
    file.write_text("\n".join(map(json.dumps, rows)))

    async def at_once() -> list[dict[str, object]]:
        return await asyncio.gather(*(given_answers.fn([str(file)]) for _ in range(3)))

    first, *others = asyncio.run(at_once())
    assert others == [first, first] and Dataset.open(Path(str(first["contexts"]))).count == 9
    (mark,) = (tmp_path / "home").rglob("whole")

    # Another process is still reading, and is killed then.
    mark.unlink()
    lock = mark.parent.with_name(f".{mark.parent.name}.lock")
    with subprocess.Popen([sys.executable, "-c", HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout
        reader.stdout.readline()

        async def waits_until_it_is_killed() -> dict[str, object]:
            reading = asyncio.create_task(given_answers.fn([str(file)]))
            await asyncio.sleep(0.5)
            assert not reading.done() and not mark.exists()
            reader.kill()
            return await asyncio.wait_for(reading, 20)

        assert asyncio.run(waits_until_it_is_killed()) == first
    assert mark.exists()
