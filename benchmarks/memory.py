"""Filters and rewrites 100,000 conversations against a sandbox without latency and reports peak memory and time.

The bundled sample is repeated with new ids. Run: python -m benchmarks.memory [--rows 100000]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click

from redraft.sandbox.process import SandboxProcess

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample_conversations.json"


def write_rows(path: Path, rows: int) -> None:
    """The sample again and again as JSONL, each row with an id of its own and a first message of its own."""
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            row = json.loads(json.dumps(sample[number % len(sample)]))
            row["conversation_id"] = f"{row['conversation_id']}-{number}"
            first = row["conversation_context"][0]
            first["content"] = f"{first['content']} ({number})"
            file.write(json.dumps(row) + "\n")


def resident(process: int) -> int:
    """Resident memory of a process in KiB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)


def measured(words: list[str], folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Seconds and peak resident MiB of one command, with the resident MiB at a quarter, half and the end."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "redraft", *words], cwd=folder, env=environment)
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            seen.append(resident(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    done.set()
    watcher.join()
    if status:
        sys.exit(f"{' '.join(words)} ended with status {status}")
    alive = [size for size in seen if size]
    return {
        "seconds": round(time.monotonic() - started, 1),
        "peak_mib": round(max(alive) / 1024, 1),
        "quarter_mib": round(alive[len(alive) // 4] / 1024, 1),
        "half_mib": round(alive[len(alive) // 2] / 1024, 1),
        "end_mib": round(alive[-3] / 1024, 1),
    }


@click.command()
@click.option("--rows", multiple=True, type=int, default=(25_000, 100_000), show_default=True)
def main(rows: tuple[int, ...]) -> None:
    """Prints one JSON line a size and command."""
    for count in rows:
        with tempfile.TemporaryDirectory() as name, SandboxProcess.start({"seed": 1}) as sandbox:
            folder = Path(name)
            write_rows(folder / "rows.jsonl", count)
            environment = {**os.environ, "TOGETHER_BASE_URL": sandbox.url, "TOGETHER_API_KEY": "sandbox"}
            for words in (
                ["filter", "-i", "rows.jsonl", "-o", "filtered"],
                ["rewrite", "-i", "filtered", "-o", "rewritten", "--method", "feedback"],
            ):
                result = measured(words, folder, environment)
                print(json.dumps({"rows": count, "command": words[0], **result}), flush=True)


if __name__ == "__main__":
    main()
