"""20,000 requests whose process is killed 50 times at random moments: nothing is lost, what was paid is paid once.

Only what was in flight at a kill may be paid again: on the wire, or answered and not yet on the disk.
Run: python -m benchmarks.kills [--kills 50] [--rows 20000]
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from benchmarks.stub import ROOT, Stub, load, require_bench
from redraft.sandbox.process import SandboxProcess

IN_FLIGHT = 256


class Moment:
    """When to kill: once the provider was paid for `paid` calls or, where that is 0, at once; then `after` seconds."""

    def __init__(self, paid: int, after: float) -> None:
        self.paid, self.after = paid, after


def random_moments(count: int, rows: int, seed: int) -> list[Moment]:
    """Most spread over the run, a few while a process starts."""
    chance = random.Random(seed)  # noqa: S311
    at = sorted(chance.randrange(1, int(rows * 0.97)) for _ in range(count - count // 6))
    moments = [Moment(paid, chance.uniform(0, 0.05)) for paid in at]
    for _ in range(count // 6):
        moments.insert(chance.randrange(len(moments) + 1), Moment(0, chance.uniform(0, 1.5)))
    return moments


def recorded(ledger: Path) -> int:
    """Requests with an answer in the ledger."""
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'answers'").fetchone():
            return 0
        return int(database.execute("SELECT count(DISTINCT request_key) FROM answers").fetchone()[0])


class Kills:
    """Kills and restarts one command. `paid` tells how many calls the provider was paid for so far."""

    def __init__(self, words: Sequence[object], ledger: Path, paid: Callable[[], int]) -> None:
        self._words = [sys.executable, "-m", "benchmarks.asking", *map(str, words), "--ledger", str(ledger)]
        self._ledger, self._paid = ledger, paid
        self.lost: list[int] = []  # calls of each kill that were paid and whose answer is not in the ledger

    def at(self, moment: Moment) -> bool:
        """Runs the command up to a moment and kills it; False where it had ended before."""
        with self._started() as process:
            while process.poll() is None and self._paid() < moment.paid:
                time.sleep(0.002)
            time.sleep(moment.after)
            killed = process.poll() is None
            process.kill()
        if not killed and process.returncode:
            raise RuntimeError(f"the command failed by itself: status {process.returncode}")
        # A call that is paid though it is recorded raises what was paid and not what is recorded, as a lost one does.
        self.lost.append(self._settled() - recorded(self._ledger) - sum(self.lost))
        return killed

    def finish(self) -> dict[str, Any]:
        """Runs the command to its end; what it said."""
        with self._started() as process:
            said, _ = process.communicate(timeout=600)
        if process.returncode:
            raise RuntimeError(f"the last run failed: status {process.returncode}")
        return json.loads(said)

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._words, cwd=ROOT, stdout=subprocess.PIPE)

    def _settled(self) -> int:
        """What was paid, once what was on its way to the dead process has been answered and counted too."""
        before, since = self._paid(), time.monotonic()
        while time.monotonic() - since < 0.3:
            time.sleep(0.02)
            if (now := self._paid()) != before:
                before, since = now, time.monotonic()
        return before


def by_calls(folder: Path, kills: int, rows: int, seed: int) -> dict[str, object]:
    ledger = folder / "ledger.sqlite"
    with Stub(folder, latency_ms=100, jitter_ms=80) as stub:
        killing = Kills(
            ["--url", stub.url, "--rows", rows, "--in-flight", IN_FLIGHT], ledger, lambda: stub.stats()["ok"]
        )
        killed = sum(killing.at(moment) for moment in random_moments(kills, rows, seed))
        said = killing.finish()
        stats = stub.stats()
    return {
        "mode": "realtime", "rows": rows, "kills": killed, "answered_at_last": said["counts"]["completion"],
        "recorded": recorded(ledger), "rows_paid": stats["rows_paid"], "paid_again": stats["paid_twice"],
        "lost_by_kills": sum(killing.lost), "most_lost_by_one_kill": max(killing.lost), "in_flight": IN_FLIGHT,
        "paid_again_without_a_kill": stats["ok"] - recorded(ledger) - sum(killing.lost), "load": load(),
    }  # fmt: skip


def by_batches(folder: Path, kills: int, rows: int, seed: int) -> dict[str, object]:
    """Batches are never paid twice, whenever the process dies: cutting, uploading, submitting, waiting, collecting.

    A batch goes on while nobody is there, so a run ends before it was killed 50 times: then another one begins.
    """
    chance = random.Random(seed)  # noqa: S311
    killed = runs = answered = known = paid_calls = twice = 0
    while killed < kills:
        runs += 1
        with SandboxProcess.start({"seed": seed + runs, "batch_seconds": chance.uniform(1, 12)}) as sandbox:
            words = ["--url", sandbox.url, "--rows", rows, "--batch", "--model", "together:meta-llama/Llama-3.3-70B"]
            ledger = folder / f"batches-{runs}.sqlite"

            def paid(sandbox: SandboxProcess = sandbox) -> int:
                return int(str(sandbox.stats()["paid_calls"]))

            killing = Kills(words, ledger, paid)
            while killed < kills and killing.at(Moment(0, chance.uniform(0.3, 5))):
                killed += 1
            said, stats = killing.finish(), sandbox.stats()
            answered += said["counts"]["completion"]
            known += recorded(ledger)
            paid_calls += int(str(stats["paid_calls"]))
            twice += int(str(stats["repeated"]))
    return {
        "mode": "batch", "rows": rows, "runs": runs, "kills": killed, "answered_at_last": answered,
        "recorded": known, "paid": paid_calls, "answered_twice": twice, "load": load(),
    }  # fmt: skip


@click.command()
@click.option("--kills", default=50, show_default=True)
@click.option("--rows", default=20_000, show_default=True)
@click.option("--batch-kills", default=50, show_default=True)
@click.option("--batch-rows", default=20_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(kills: int, rows: int, batch_kills: int, batch_rows: int, seed: int) -> None:
    """Prints one JSON line a mode."""
    require_bench()
    with tempfile.TemporaryDirectory() as name:
        if kills:
            print(json.dumps(by_calls(Path(name), kills, rows, seed)), flush=True)
        if batch_kills:
            print(json.dumps(by_batches(Path(name), batch_kills, batch_rows, seed)), flush=True)


if __name__ == "__main__":
    main()
