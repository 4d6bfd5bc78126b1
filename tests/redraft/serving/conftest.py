"""One server for all tests of a file: `redraft serve` in a process of its own, with models whose answers are known."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

# For the modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))
from handmade import make_llama, make_t5


class Served(NamedTuple):
    url: str
    folder: Path
    process: subprocess.Popen[str]


def start(words: list[str], said: list[str]) -> subprocess.Popen[str]:
    """`redraft serve` with the words; what it says on standard error goes to `said`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "redraft", "serve", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": "/nonexistent"},
    )  # fmt: skip
    assert process.stderr is not None
    threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True).start()
    return process


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`colours`, a T5; the same with a redraft.json as `prefixed` and `brief`; and the chat model `chat`."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            pytest.skip("needs the extra local: pip install 'redraft[local]'")
    folder = tmp_path_factory.mktemp("models")
    make_t5(folder / "colours")
    make_t5(folder / "prefixed", format=1, serve_prefix="blue: ", max_input_tokens=12, simulated=True)
    make_t5(folder / "brief", format=1, max_output_tokens=2)
    make_llama(folder / "llama")
    said: list[str] = []
    words = [*(str(folder / name) for name in ("colours", "prefixed", "brief")), f"chat={folder / 'llama'}"]
    process = start([*words, "--port", "0", "--device", "cpu"], said)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("serve local:colours at http://127.0.0.1:"), [line, *said]
        yield Served(line.split()[-1], folder, process)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.wait(30) == 0 and time.monotonic() - began < 10, said
        assert not any("Traceback" in line or "Error" in line for line in said), said
        rest = process.stdout.read()
        assert "local:prefixed" in rest and "its answers are marked simulated" in rest
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        if process.stderr is not None:
            process.stderr.close()
