"""Answers that take 50 ms to 30 s, heavy-tailed: does the window fill what is granted, and does anything wait on us?

Run: python -m benchmarks.latency [--seconds 90]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from benchmarks.stub import ROOT, load, measured

# The window opens within the first seconds, the slowest answers end within the last.
WARM_UP = 10
IN_FLIGHT = 512


@contextmanager
def provider(rpm: float) -> Generator[str]:
    words = [sys.executable, "-m", "benchmarks.slow", "--rpm", str(rpm)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        if process.stdout is None or not (url := process.stdout.readline().decode().strip()):
            raise RuntimeError("the slow provider did not start")
        yield url
    finally:
        process.kill()
        process.communicate()


def asked(rows: int, rpm: float, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the engine says of so many rows, and what the provider counted."""
    with provider(rpm) as url:
        words = ["--url", f"{url}/v1", "--rows", rows, "--ledger", folder / f"{rpm}.sqlite", "--in-flight", IN_FLIGHT]
        said = json.loads(measured(["-m", "benchmarks.asking", *words]).said)
        with urllib.request.urlopen(f"{url}/stats", timeout=30) as answer:
            return said, json.loads(answer.read())


def waits(said: dict[str, Any]) -> dict[str, object]:
    summary = said["summary"]
    return {
        "completions": said["counts"]["completion"],
        "provider_p50_s": round(summary["provider"]["p50"], 2),
        "provider_p99_s": round(summary["provider"]["p99"], 2),
        "ours_p50_ms": round(summary["ours"]["p50"] * 1000, 2),
        "ours_p99_ms": round(summary["ours"]["p99"] * 1000, 2),
        "load": load(),
    }


@click.command()
@click.option("--seconds", default=90, show_default=True, help="How long each of the two should take.")
@click.option("--rpm", default=3000.0, show_default=True, help="What the provider of the first one grants a minute.")
def main(seconds: int, rpm: float) -> None:
    """Prints two JSON lines: under a grant, told by headers, and with the window alone as the limit."""
    with tempfile.TemporaryDirectory() as name:
        said, counted = asked(round(seconds * rpm / 60), rpm, Path(name))
        # The last second with starts is a part of one.
        steady = counted["started"][WARM_UP:-1]
        used = sum(steady) / (len(steady) * rpm / 60) if steady else None
        refused = counted["refused"] / sum(counted["started"])
        grant = {"grant_rpm": rpm, "grant_used": used and round(used, 4), "refused_share": round(refused, 5)}
        print(json.dumps(grant | {"most_in_flight": max(counted["in_flight"]), **waits(said)}), flush=True)
        # With 512 at a time and 1.4 s each about 365 a second are answered.
        said, counted = asked(seconds * 250, 0, Path(name))
        steady = counted["in_flight"][WARM_UP : round(len(counted["in_flight"]) * 0.6)]
        filled = sum(steady) / len(steady) / IN_FLIGHT if steady else None
        print(json.dumps({"window": IN_FLIGHT, "window_filled": filled and round(filled, 4), **waits(said)}))


if __name__ == "__main__":
    main()
