"""Starts and stops a sandbox in a process of its own, for the demo, `redraft up` and tests.

Neighbours: `command` is what runs in that process.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, ClassVar, Self, cast

PREFIX = "sandbox: "

# What follows the sandbox's address in each provider's base URL; the SDKs of the first two add the rest themselves.
BASE_PATHS = {
    "together": "",
    "anthropic": "",
    "openrouter": "/openrouter/api/v1",
    "gemini": "/gemini/v1beta/openai",
    "openai": "/openai/v1",
    "vllm": "/vllm/v1",
    "ollama": "/ollama/v1",
}


class SandboxProcess:
    """A running sandbox. `url` is Together's and Anthropic's base URL; it ends with this process at the latest."""

    # What starts its process; tests, which start hundreds, have one that imports everything once.
    launch: ClassVar[Callable[..., subprocess.Popen[bytes]]] = subprocess.Popen

    def __init__(self, process: subprocess.Popen[bytes], url: str, errors: IO[bytes]) -> None:
        self.process, self.url, self._errors = process, url, errors

    @classmethod
    def start(
        cls, options: Mapping[str, object] | Sequence[str] = (), *, timeout: float = 30.0, new_session: bool = False
    ) -> Self:
        """Starts one and waits until it listens.

        `options` are command-line words, or a mapping such as {"seed": 1, "job_seconds": 2,
        "strength": ["*base*=0.1"], "access_log": True}. Raises RuntimeError with what it said where it does not
        listen within `timeout` seconds. With `new_session` a terminal's Ctrl-C does not reach it.
        """
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        words = list(options) if not isinstance(options, Mapping) else command_words(options)
        process = cls.launch(
            [sys.executable, "-m", "redraft.sandbox", "--exit-with-parent", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=new_session,
        )
        line = _first_line(process, time.monotonic() + timeout)
        if not line.startswith(PREFIX):
            process.kill()
            _end(process)
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            errors.close()
            raise RuntimeError(f"the sandbox did not start: {line}{said}".strip())
        return cls(process, line.removeprefix(PREFIX).strip(), errors)

    def get(self, path: str) -> object:
        """The JSON answer of `GET path`, such as /sandbox/stats."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310 - our own server
            return json.loads(answer.read())

    def stats(self) -> dict[str, object]:
        return cast("dict[str, object]", self.get("/sandbox/stats"))

    def calls(self, query: str = "") -> list[dict[str, object]]:
        """Every model call so far, oldest first; `query` may be `repeated=1` or `since=N`."""
        with urllib.request.urlopen(f"{self.url}/sandbox/calls?{query}", timeout=60) as answer:  # noqa: S310
            return [cast("dict[str, object]", json.loads(line)) for line in answer]

    def post(self, path: str, body: object = None) -> object:
        """The JSON answer of `POST path`, such as /sandbox/script or /sandbox/reset."""
        data = b"" if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data=data, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())

    def stop(self) -> None:
        """Ends it, and kills it if it has not ended after five seconds. May be called twice."""
        if self.process.poll() is None:
            self.process.terminate()
        _end(self.process)
        self._errors.close()

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.process.kill()
        _end(self.process)
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def command_words(options: Mapping[str, object]) -> list[str]:
    """{"job_seconds": 2, "access_log": True} as ["--job-seconds", "2", "--access-log"]; lists repeat the option."""
    words: list[str] = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            words.append(option)
            continue
        values = cast("Sequence[object]", value) if isinstance(value, list | tuple) else (value,)
        for one in values:
            words += [option, str(one)]
    return words


def _first_line(process: subprocess.Popen[bytes], deadline: float) -> str:
    """What it says first, or what there was of it at the deadline."""
    if process.stdout is None:
        raise RuntimeError("the sandbox has no standard output")
    said = b""
    while not said.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            break
        piece = os.read(process.stdout.fileno(), 4096)
        if not piece:
            break
        said += piece
    return said.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Waits for the end and closes the pipes."""
    if process.stdin and not process.stdin.closed:
        process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout and not process.stdout.closed:
        process.stdout.close()
