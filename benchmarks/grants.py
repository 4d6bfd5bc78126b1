"""Does the engine use what a provider grants, without asking for more? One process, several, and a grant that changes.

Run: python -m benchmarks.grants [--seconds 40]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import click

from benchmarks.stub import ROOT, Stub, load, require_bench

# Learning what is granted is over by then.
WARM_UP = 10.0
LOOK_SECONDS = 0.25
# Seconds that a grant stays as it is, once it has changed.
SETTLE_SECONDS = 12.0


class Seen(NamedTuple):
    """What the stub had counted at a moment."""

    at: float
    ok: int
    refused: int


def started(url: str, rows: object, ledger: Path) -> subprocess.Popen[bytes]:
    words = ["-m", "benchmarks.asking", "--url", url, "--rows", str(rows), "--ledger", str(ledger)]
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE)


def looked(stub: Stub, seconds: float) -> Iterator[Seen]:
    """What was counted, four times a second, from the first answer on."""
    while not stub.stats()["ok"]:
        time.sleep(0.05)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        counted = stub.stats()
        yield Seen(time.monotonic(), counted["ok"], counted["r429"])
        time.sleep(LOOK_SECONDS)


def used(seen: list[Seen], rpm: float, after: float) -> float:
    """Share of a grant that was answered from `after` seconds on."""
    steady = [one for one in seen if one.at >= seen[0].at + after]
    return (steady[-1].ok - steady[0].ok) / (steady[-1].at - steady[0].at) / (rpm / 60)


def back_after(seen: list[Seen], rpm: float) -> float | None:
    """Seconds after which the rate, over two seconds each, stays within 5% of the grant; None: never."""
    span = round(2 / LOOK_SECONDS)
    rates = [(seen[i].at, used(seen[i : i + span + 1], rpm, 0)) for i in range(len(seen) - span)]
    outside = [at for at, rate in rates if abs(rate - 1) > 0.05]
    if outside and outside[-1] == rates[-1][0]:
        return None
    return round(outside[-1] - seen[0].at + LOOK_SECONDS, 1) if outside else 0.0


def small_grant(folder: Path) -> dict[str, object]:
    """600 a minute, every twentieth answer an error: the seconds of 500 rows against the ideal."""
    with Stub(folder, rpm=600, p500=0.05, latency_ms=100, seed=1) as stub:
        out, _ = started(stub.url, 500, folder / "small.sqlite").communicate()
        counted, counts = stub.stats(), json.loads(out)["counts"]
    ideal = (counted["ok"] + counted["r500"]) / 10
    return {
        "grant_rpm": 600,
        "wall_s": round(counted["span_s"], 1),
        "of_ideal": round(counted["span_s"] / ideal, 3),
        "refused_share": round(counted["r429"] / counted["received"], 4),
        "rows_lost": 500 - counts["completion"],
        "load": load(),
    }


def large_grant(folder: Path, processes: int, seconds: float) -> dict[str, object]:
    """3,000 a minute, then half of it, then all of it again, for processes with rows of their own and one ledger."""
    rpm = 3000
    with ExitStack() as stack:
        stub = stack.enter_context(Stub(folder, rpm=rpm, latency_ms=100, seed=1))
        for number in range(processes):
            running = started(stub.url, rows_of(folder, number), folder / f"large{processes}.sqlite")
            stack.callback(ended(running))
        steady = list(looked(stub, seconds))
        before = stub.stats()
        stub.set(rpm=rpm / 2)
        halved = list(looked(stub, SETTLE_SECONDS))
        stub.set(rpm=rpm)
        doubled = list(looked(stub, SETTLE_SECONDS))
        after = stub.stats()
    return {
        "grant_rpm": rpm,
        "processes": processes,
        "grant_used": round(used(steady, rpm, WARM_UP), 4),
        "refused_share": round(before["r429"] / before["received"], 5),
        "halved_back_after_s": back_after(halved, rpm / 2),
        "doubled_back_after_s": back_after(doubled, rpm),
        "refused_share_with_changes": round(after["r429"] / after["received"], 5),
        "load": load(),
    }


def rows_of(folder: Path, number: int) -> Path:
    """More rows than one process can ask in this time; no two processes have one in common."""
    path = folder / f"rows{number}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in range(number * 10_000, number * 10_000 + 8000):
            file.write(
                json.dumps({"id": f"r{row}", "prompt": f"[row {row}] Why does water boil earlier up there?"}) + "\n"
            )
    return path


def ended(running: subprocess.Popen[bytes]) -> Callable[[], Any]:
    def end() -> None:
        running.kill()
        running.communicate()

    return end


@click.command()
@click.option("--seconds", default=40.0, show_default=True, help="How long the large grant stays as it is.")
def main(seconds: float) -> None:
    """Prints four JSON lines: a small grant with errors, a large one for one process, for two, and for four."""
    require_bench()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(json.dumps(small_grant(folder)), flush=True)
        for processes in (1, 2, 4):
            print(json.dumps(large_grant(folder, processes, seconds)), flush=True)


if __name__ == "__main__":
    main()
