"""Sandboxes without their start-up: what they import is imported once, by a process that forks them.

Run as a program this file is that process. An order is a JSON object on its standard input, a socket, with the three
standard streams beside it; the answer is the number of the sandbox's process, or the exit status of one that ended.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

# The greatest order: an environment is far smaller.
_MOST = 200_000


class Forker:
    """Called as `subprocess.Popen` is by `SandboxProcess`; its process starts with the first sandbox."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(
        self, words: list[str], *, stdin: int, stdout: int, stderr: IO[bytes], start_new_session: bool
    ) -> ForkedSandbox:
        assert words[:3] == [sys.executable, "-m", "redraft.sandbox"] and stdin == stdout == subprocess.PIPE
        return ForkedSandbox(self, words[3:], stderr, start_new_session)

    def ask(self, order: dict[str, Any], streams: list[int] = []) -> int:  # noqa: B006  nobody changes it
        with self._lock:
            if self._process is None:
                self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    self._process = subprocess.Popen(
                        [sys.executable, __file__], stdin=theirs, stdout=subprocess.DEVNULL
                    )
            socket.send_fds(self._socket, [json.dumps(order).encode()], streams)
            return int(self._socket.recv(64))

    def stop(self) -> None:
        if self._process is not None:
            self._socket.close()
            self._process.wait()


class ForkedSandbox:
    """What `SandboxProcess` and tests use of a `subprocess.Popen`."""

    def __init__(self, forker: Forker, words: list[str], stderr: IO[bytes], start_new_session: bool) -> None:
        self._forker, self.args = forker, words
        self.returncode: int | None = None
        (its_input, ours), (our_output, its_output) = os.pipe(), os.pipe()
        self.stdin, self.stdout = os.fdopen(ours, "wb", 0), os.fdopen(our_output, "rb", 0)
        order: dict[str, Any] = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ)}
        order["new_session"] = start_new_session
        self.pid = forker.ask(order, [its_input, its_output, stderr.fileno()])
        os.close(its_input)
        os.close(its_output)
        self._end = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], seconds)[0]:
            os.close(self._end)
            self.returncode = self._forker.ask({"ended": self.pid})
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become(order: dict[str, Any], streams: list[int]) -> None:
    from redraft.sandbox.command import sandbox_command

    if order["new_session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    try:
        sandbox_command(order["words"], prog_name="python -m redraft.sandbox")
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))


def _fork_as_ordered(orders: socket.socket) -> None:
    while True:
        said, streams, _, _ = socket.recv_fds(orders, _MOST, 3)
        if not said:
            return
        order = json.loads(said)
        if "ended" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["ended"], 0)[1])
        elif (answer := os.fork()) == 0:
            try:
                _become(order, streams)
            finally:
                os._exit(1)
        for stream in streams:
            os.close(stream)
        orders.send(str(answer).encode())


if __name__ == "__main__":
    import gc

    import redraft.sandbox.command
    import redraft.sandbox.serving  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who ordered; they close the socket
    gc.collect()
    gc.freeze()  # else each looks through all of it
    _fork_as_ordered(socket.socket(fileno=0))
