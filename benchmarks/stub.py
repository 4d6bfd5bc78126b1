"""The stub of ../shared/bench, built and started; its input rows; and commands measured as whole processes.

Neighbours: every program here that measures speed.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT.parent / "shared" / "bench"


def require_bench() -> None:
    """Ends the process with one line where the stub cannot be built."""
    if not (BENCH / "stub.c").is_file():
        sys.exit("shared/bench does not lie beside the checkout: nothing to measure against")
    if shutil.which("gcc") is None:
        sys.exit("gcc is needed to build the stub")


class Stub:
    """A model API in one C process on a free port of loopback. Use as a context manager; built inside `folder`."""

    def __init__(self, folder: Path, **settings: float) -> None:
        self._folder, self._settings = folder, settings

    def __enter__(self) -> Self:
        program = self._folder / "stub"
        if not program.exists():
            subprocess.run(["gcc", "-O2", "-w", "-o", program, BENCH / "stub.c", "-lm"], check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._process = subprocess.Popen([program, str(port)], stdout=subprocess.PIPE)
        if self._process.stdout is None or not self._process.stdout.readline():
            raise RuntimeError("the stub did not start")
        self._origin = f"http://127.0.0.1:{port}"
        self.url = f"{self._origin}/v1"
        self.set(**self._settings)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def set(self, **settings: float) -> None:
        """Changes settings while it runs, such as latency_ms=100, rpm=600; reset=1 counts from zero."""
        if settings:
            self._get("/control?" + "&".join(f"{name}={value}" for name, value in settings.items()))

    def stats(self) -> dict[str, Any]:
        return self._get("/stats")

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self._origin + path, timeout=30) as answer:
            return json.loads(answer.read())


def input_rows(folder: Path, count: int) -> Path:
    """The JSONL file of 500, 5,000 or 20,000 rows that shared/bench makes, made inside `folder`."""
    made = folder / "data" / f"rows_{count}.jsonl"
    if not made.exists():
        shutil.copy(BENCH / "make_data.py", folder)
        subprocess.run([sys.executable, folder / "make_data.py"], check=True)
    return made


class Spent(NamedTuple):
    """Of one process: seconds of the clock and of the processor from start to end, peak MiB, what it printed."""

    wall: float
    cpu: float
    peak_mib: float
    said: str


def measured(
    words: Sequence[object],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    python: str = sys.executable,
) -> Spent:
    """Runs a Python command, such as ["-m", "benchmarks.asking", ...], alone. Ends this process where it fails."""
    began = time.monotonic()
    process = subprocess.Popen(
        [python, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
    )
    said = process.stdout.read().decode() if process.stdout is not None else ""
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout is not None:
        process.stdout.close()
    if process.returncode:
        sys.exit(f"{' '.join(map(str, words))} ended with status {process.returncode}\n{said}")
    return Spent(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


def raw_aiohttp(folder: Path, url: str, rows: Path, in_flight: int) -> Spent:
    """The floor: aiohttp with a pool of workers and one file, nothing else."""
    out = folder / "raw"
    shutil.rmtree(out, ignore_errors=True)
    words = [BENCH / "raw_aiohttp.py", "--input", rows, "--out", out, "--url", url, "--concurrency", in_flight]
    return measured(words)


# Curator counts tokens with a file from the network; where there is none, words will do: it counts them to no end here.
_CURATOR = """
import re, runpy, sys, tiktoken

class Words:
    name = "words"

    def encode(self, text, **_):
        return re.findall(r"\\S+", text)

    encode_ordinary = encode

tiktoken.get_encoding = tiktoken.encoding_for_model = lambda _: Words()
sys.path.insert(0, sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def curator(folder: Path, url: str, rows: Path, in_flight: int, python: str) -> Spent:
    """bespokelabs-curator with the driver of shared/bench; `python` has it installed."""
    out = folder / "curator"
    shutil.rmtree(out, ignore_errors=True)
    words = ["-c", _CURATOR, BENCH, BENCH / "curator_driver.py", "--input", rows, "--out", out, "--url", url]
    quiet = {"HF_HUB_OFFLINE": "1", "TELEMETRY_ENABLED": "false"}
    spent = measured([*words, "--concurrency", in_flight], environment=quiet, python=python)
    given, written = rows.read_bytes().count(b"\n"), (out / "out.jsonl").read_bytes().count(b"\n")
    if written != given:
        sys.exit(f"curator wrote {written} of {given} rows")
    return spent


def load() -> float:
    """The machine's load of the last minute, to judge figures by."""
    return round(os.getloadavg()[0], 2)
