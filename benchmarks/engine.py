"""The engine against raw aiohttp, its memory at 150,000 requests, and how long a rerun of them takes.

Run: python -m benchmarks.engine [--runs 5] [--rows 20000] [--many 150000]
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median

import click

from benchmarks.stub import Spent, Stub, input_rows, load, measured, raw_aiohttp, require_bench


def engine(url: str, rows: object, ledger: Path, in_flight: int = 256) -> Spent:
    """One process that asks all rows; a ledger that is not there yet is made."""
    words = ["-m", "benchmarks.asking", "--url", url, "--rows", rows, "--ledger", ledger, "--in-flight", in_flight]
    return measured(words)


def forget(ledger: Path) -> None:
    for file in ledger.parent.glob(f"{ledger.name}*"):
        if file.is_file():
            file.unlink()


def against_raw(folder: Path, runs: int, count: int, in_flight: int) -> dict[str, object]:
    """Both in turn against one stub with 100 ms of latency; medians."""
    rows, ledger = input_rows(folder, count), folder / "ledger.sqlite"
    ours: list[Spent] = []
    raw: list[Spent] = []
    with Stub(folder, latency_ms=100) as stub:
        for _ in range(runs):
            raw.append(raw_aiohttp(folder, stub.url, rows, in_flight))
            forget(ledger)
            stub.set(reset=1)
            ours.append(engine(stub.url, rows, ledger, in_flight))
            if (received := stub.stats()["received"]) != count:
                raise SystemExit(f"{received} requests were sent for {count} rows")
    wall, floor = median(one.wall for one in ours), median(one.wall for one in raw)
    summary = json.loads(ours[-1].said)["summary"]
    return {
        "rows": count,
        "in_flight": in_flight,
        "runs": runs,
        "seconds": round(wall, 2),
        "raw_seconds": round(floor, 2),
        "ratio": round(wall / floor, 3),
        "ratios": [round(one.wall / other.wall, 3) for one, other in zip(ours, raw, strict=True)],
        "cpu_seconds_per_1000": round(median(one.cpu for one in ours) / count * 1000, 3),
        "raw_cpu_seconds_per_1000": round(median(one.cpu for one in raw) / count * 1000, 3),
        "peak_mib": round(max(one.peak_mib for one in ours), 1),
        "ours_p99_ms": round(summary["ours"]["p99"] * 1000, 1),
        "load": load(),
    }


def many(folder: Path, few: int, count: int) -> dict[str, object]:
    """Memory at zero latency for few and many requests, and the rerun of the many."""
    with Stub(folder, latency_ms=0) as stub:
        small = engine(stub.url, few, folder / "few.sqlite")
        large = engine(stub.url, count, folder / "many.sqlite")
        stub.set(reset=1)
        again = engine(stub.url, count, folder / "many.sqlite")
        sent = stub.stats()["received"]
    reused = json.loads(again.said)["counts"]["reused"]
    return {
        "rows": [few, count],
        "seconds": [round(small.wall, 1), round(large.wall, 1)],
        "cpu_seconds_per_1000": round(large.cpu / count * 1000, 3),
        "peak_mib": [round(small.peak_mib, 1), round(large.peak_mib, 1)],
        "peak_ratio": round(large.peak_mib / small.peak_mib, 3),
        "rerun": {
            "seconds": round(again.wall, 1), "peak_mib": round(again.peak_mib, 1), "calls": sent, "reused": reused,
        },
        "load": load(),
    }  # fmt: skip


@click.command()
@click.option("--runs", default=5, show_default=True, help="Runs of each; the medians count.")
@click.option("--rows", default=20_000, show_default=True, help="500, 5,000 or 20,000.")
@click.option("--in-flight", default=256, show_default=True)
@click.option(
    "--many", "much", default=150_000, show_default=True, help="Requests of the memory test; 0 leaves it out."
)
def main(runs: int, rows: int, in_flight: int, much: int) -> None:
    """Prints one JSON line a question."""
    require_bench()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if runs:
            print(json.dumps(against_raw(folder, runs, rows, in_flight)), flush=True)
        if much:
            print(json.dumps(many(folder, much // 10, much)), flush=True)


if __name__ == "__main__":
    main()
