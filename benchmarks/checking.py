"""Checks a generated training file and reports speed and peak memory: one process, one core, estimated lengths.

Run: python -m benchmarks.checking [--megabytes 1000]
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

# Answers from a line to a page, one to four turns a row: rows of about 2.7 kB.
_SHORTEST, _LONGEST, _MOST_TURNS = 5, 150, 4
_TEXTS = 2000
# One letter in forty is not ASCII, so that nearly every text holds some.
_LETTERS = "abcdefghijklmnopqrstuvwxyz" * 6 + "äöüß"


def write_rows(path: Path, megabytes: int) -> int:
    """Conversations with weights until the file has so many megabytes; how many rows that took."""
    draw = random.Random(1)  # noqa: S311
    words = ["".join(draw.choices(_LETTERS, k=draw.randint(2, 9))) for _ in range(2000)]
    texts = [" ".join(draw.choices(words, k=draw.randint(_SHORTEST, _LONGEST))) for _ in range(_TEXTS)]
    written = rows = 0
    with path.open("wb", buffering=2**20) as file:
        while written < megabytes * 1_000_000:
            turns = draw.randint(1, _MOST_TURNS)
            messages: list[dict[str, object]] = []
            for turn in range(turns):
                messages.append({"role": "user", "content": draw.choice(texts), "weight": 0})
                messages.append({"role": "assistant", "content": draw.choice(texts), "weight": int(turn == turns - 1)})
            written += file.write(json.dumps({"messages": messages}, ensure_ascii=False).encode() + b"\n")
            rows += 1
    return rows


def measure(path: Path, doing: str) -> dict[str, float]:
    """What a process of its own says of checking the file."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.checking", "--of", str(path), doing],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def check(path: Path, doing: str) -> dict[str, float]:
    """Megabytes a second of wall and of processor time, and the peak in MiB with and without what imports take."""
    from redraft.training.checking.files import check_file
    from redraft.training.validator import require_valid

    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.monotonic()
    if doing == "feedback":
        require_valid(path)
    else:
        # A limit in the middle of the lengths: half of the rows are looked at for what it would cut.
        report = check_file(path, max_length=1000 if doing == "cut" else None)
        assert report.good
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    size = path.stat().st_size / 1_000_000
    return {
        "mb_per_second": round(size / seconds, 1),
        "mb_per_cpu_second": round(size / (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime), 1),
        "peak_mib": round(after.ru_maxrss / 1024, 1),
        "grown_mib": round((after.ru_maxrss - before.ru_maxrss) / 1024, 1),
    }


@click.command()
@click.option("--megabytes", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--of", nargs=2, hidden=True)
def main(megabytes: int, of: tuple[str, str] | None) -> None:
    """Prints one JSON line for each way to check the file."""
    if of:
        print(json.dumps(check(Path(of[0]), of[1])))
        return
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.jsonl"
        rows = write_rows(path, megabytes)
        for doing in ("any", "cut", "feedback"):
            print(
                json.dumps({"megabytes": megabytes, "rows": rows, "check": doing, **measure(path, doing)}), flush=True
            )


if __name__ == "__main__":
    main()
