"""Processes without their start-up: what sandboxes and the tests' own programs import is imported once, by a process
that forks them.

Run as a program this file is that process. An order is a JSON object on its standard input, a socket, with the three
standard streams beside it; the answer is the number of the new process, or the exit status of one that ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any

# The greatest order: an environment is far smaller.
_MOST = 200_000


class Forker:
    """Called as `subprocess.Popen` is, with the words of a Python program; its process starts with the first one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(self, words: Any, **how: Any) -> Forked:
        return Forked(self, words, **how)

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


class Forked(subprocess.Popen[Any]):
    """A process that another one forked: only how it begins and how its end is known differ from any other."""

    def __init__(self, forker: Forker, words: Any, **how: Any) -> None:
        self._forker = forker
        self._end = -1
        super().__init__(words, **how)

    def _execute_child(
        self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any, env: Any,
        startupinfo: Any, creationflags: Any, shell: Any, p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int,
        errread: int, errwrite: int, restore_signals: Any, gid: Any, gids: Any, uid: Any, umask: Any,
        start_new_session: bool, *rest: Any,
    ) -> None:  # fmt: skip
        words = [str(word) for word in args]
        assert words[0] == sys.executable and not (preexec_fn or pass_fds or shell)
        order: dict[str, Any] = {
            "words": words[1:], "folder": str(cwd or Path.cwd()), "new_session": start_new_session,
            "environment": {str(name): str(value) for name, value in (os.environ if env is None else env).items()},
        }  # fmt: skip
        theirs = (p2cread, c2pwrite, errwrite)
        self.pid = self._forker.ask(order, [own if one == -1 else one for own, one in enumerate(theirs)])
        self._child_created = True
        self._end = os.pidfd_open(self.pid)
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        return self._ended(0)

    def _wait(self, timeout: float | None = None) -> int:
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], seconds)[0]:
            os.close(self._end)
            self.returncode = self._forker.ask({"ended": self.pid})
        return self.returncode


def _become(order: dict[str, Any], streams: list[int]) -> None:
    """Runs the program to its end, as `python` with these words does."""
    if order["new_session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    status: object = 0
    try:
        _run(order["words"])
    except SystemExit as end:
        status = end.code or 0
        if not isinstance(status, int):
            status, _ = 1, sys.stderr.write(f"{status}\n")
    except BaseException:  # noqa: BLE001  as the interpreter does
        status = 1
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(status))


def _run(words: list[str]) -> None:
    if words[0] == "-W":
        warnings.simplefilter(words[1])  # type: ignore[arg-type]
        words = words[2:]
    if words[0] == "-m":
        sys.argv, sys.path[0] = words[1:], str(Path.cwd())
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv, sys.path[0] = ["-c", *words[2:]], ""
        exec(words[1], {"__name__": "__main__"})  # noqa: S102  a test's own
    else:
        sys.argv, sys.path[0] = words, str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")


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
    # In every process of the tests: nothing but loopback is reached.
    runpy.run_path(str(Path(__file__).parent / "loopback" / "sitecustomize.py"))

    import redraft.calling.engine
    import redraft.calling.ledger
    import redraft.sandbox.command
    import redraft.sandbox.serving
    import redraft.training.hosted  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who ordered; they close the socket
    gc.collect()
    gc.freeze()  # else each looks through all of it
    _fork_as_ordered(socket.socket(fileno=0))
