"""Commands without their start-up, also at a terminal, for tests that need many of them."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from fcntl import ioctl
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from redraft.datasets.storage import DatasetWriter
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess

FORKING = Path(__file__).with_name("forking.py")
LOOPBACK = Path(__file__).resolve().parents[1] / "loopback"
WARM_PYTHON = Path(__file__).resolve().parents[1] / "warm_python.py"
LONGEST = 180.0  # seconds of a command


class Forking:
    """Starts commands in a project's folder, one at a time."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process, self._folder = process, folder

    def begin(
        self, project: Any, words: tuple[object, ...], files: list[Path], more: dict[str, str], beside: bool = False
    ) -> int:
        """The number of the process; `code` among `more` is run in place of a command."""
        code, environment = more.pop("code", None), {**project.environment, **more}
        if files[0] != Path(os.devnull):
            del environment["COLUMNS"]  # a terminal has its own
        order = {
            "words": [str(word) for word in words], "code": code, "folder": str(project.folder),
            "environment": environment,
            **dict(zip(("stdin", "stdout", "stderr"), map(str, files), strict=True)),
        }  # fmt: skip
        return self._ordered({**order, "beside": beside})

    def beside(self, project: Any, *words: object, **more: str) -> Beside:
        """A command that runs while others are started."""
        files = [self._folder / f"{name}-{uuid4()}" for name in ("stdout", "stderr")]
        for file in files:
            file.touch()
        return Beside(self, self.begin(project, words, [Path(os.devnull), *files], more, beside=True), files)

    def wait_for(self, number: int) -> int:
        """The exit status of one that ran beside others."""
        return self._ordered({"wait_for": number})

    def _ordered(self, order: dict[str, Any]) -> int:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return self.answer()

    def answer(self) -> int:
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], LONGEST)[0]:
            self._process.kill()
            pytest.fail(f"a command did not end within {LONGEST} s")
        return int(self._process.stdout.readline())

    def run(self, project: Any, *words: object, status: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """What the command said; the test fails where its exit status is another."""
        files = [self._folder / name for name in ("stdout", "stderr")]
        for file in files:
            file.write_bytes(b"")
        self.begin(project, words, [Path(os.devnull), *files], more)
        done = subprocess.CompletedProcess(words, self.answer(), *(file.read_text() for file in files))
        assert done.returncode == status, f"{words}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


class Beside:
    """A command under way; `pid` is its process."""

    def __init__(self, forking: Forking, pid: int, files: list[Path]) -> None:
        self._forking, self.pid, self._files = forking, pid, files

    def ended(self, status: int | None = None) -> str:
        """All that it said, once it has ended; the test fails where its exit status is another."""
        ended, said = self._forking.wait_for(self.pid), "\n".join(file.read_text() for file in self._files)
        assert status is None or ended == status, f"{ended}: {said}"
        return said


class Terminal:
    """A command of the project in a terminal of 80 columns; `number` is its process."""

    def __init__(self, forking: Forking, project: Any, *words: object, **more: str) -> None:
        self._forking = forking
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        files = [Path(os.ttyname(slave))] * 3
        self.number = forking.begin(project, words, files, {"TERM": "xterm-256color", **more})
        self._slave = slave
        self.said = ""

    def read(self, until: str, seconds: float = 60) -> str:
        """What it says up to `until`."""
        os.set_blocking(self._master, False)
        deadline = time.monotonic() + seconds
        while until not in self.said:
            assert time.monotonic() < deadline, f"it never said {until!r}: {self.said}"
            self._piece()
        return self.said

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def status(self) -> int:
        """Its exit status, once it has ended and all that it said is read."""
        os.set_blocking(self._master, False)
        ended = False
        while not ended:
            ended = not Path(f"/proc/{self.number}").exists()
            self._piece()
        os.close(self._slave)
        os.close(self._master)
        return self._forking.answer()

    def _piece(self) -> None:
        try:
            self.said += os.read(self._master, 65536).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.02)


@pytest.fixture(scope="session")
def forking(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    folder = tmp_path_factory.mktemp("forking")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(LOOPBACK), os.environ.get("PYTHONPATH", "")])),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": prefect_url,
    }
    command = [sys.executable, str(FORKING)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0, env=environment) as process:
        yield Forking(process, folder)
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def project(project: Any, forking: Forking) -> Any:
    """A project whose commands need no start-up; `run_anew` starts one as a user does."""
    project.run_anew, project.run = project.run, partial(forking.run, project)
    return project


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Python that has imported what models need: for `sys.executable` of a command that begins such processes."""
    if find_spec("peft") is None:  # importing it would take as long as a training
        pytest.skip("needs the extra local: pip install 'redraft[local]'")
    folder = tmp_path_factory.mktemp("warm")
    words = [sys.executable, str(WARM_PYTHON), str(folder / "socket"), str(folder / "python")]
    # One thread: threads that wait for each other take all there is of a busy machine, and a fork has none of them.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environment) as process:
        deadline = time.monotonic() + LONGEST
        while not os.access(folder / "python", os.X_OK):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        yield str(folder / "python")
        assert process.stdin
        process.stdin.close()


def _beside(name: str) -> ModuleType:
    """A module that lies beside this one: tests are no package."""
    found = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


@pytest.fixture
def proxy(start_sandbox: Callable[..., SandboxProcess]) -> Iterator[Any]:
    """A proxy before a sandbox, `sandbox`, that keeps every request."""
    sandbox = start_sandbox(seed=4)
    with _beside("recording_proxy").RecordingProxy(sandbox.url) as recording:
        recording.sandbox = sandbox
        yield recording


@pytest.fixture(scope="session")
def private_words() -> ModuleType:
    """Finds words of a chat's people where they should not stand."""
    return _beside("private_words")


@pytest.fixture
def terminal(project: Any, forking: Forking) -> Callable[..., Terminal]:
    return lambda *words, **more: Terminal(forking, project, *words, **more)


@pytest.fixture
def rewritten(project: Any) -> Path:
    """A rewritten dataset of 20 examples, as short as they come."""
    with DatasetWriter(project.folder / "rewritten", "examples") as writer:
        for number in range(20):
            writer.add(
                Example(
                    conversation_id=f"c{number}",
                    messages=(Message("user", f"question {number}"), Message("assistant", f"better answer {number}")),
                    category="UR2",
                    improved=True,
                    generation_method="feedback_based",
                    original_response=f"answer {number}",
                    improvement_timestamp=None,
                )
            )
        return writer.finish().path
