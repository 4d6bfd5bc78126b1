"""A Python that has imported torch already: a script in the place of `sys.executable`, whose every run is a process
forked from one that imported what models need, once. Several runs cost little more than one.

`python warm_python.py SOCKET SCRIPT` listens at the socket, once the script is there; the script runs `main` below.
"""

from __future__ import annotations

import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

_PRELOADED = ("torch", "transformers.trainer", "accelerate", "peft", "redraft.training.adapting.process")
_LONGEST = 1 << 20


def main(address: str) -> NoReturn:
    """Has the words of this process run in a fork, with its streams, folder and environment; ends as that does."""
    import json

    order = {"words": sys.argv[1:], "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(address)
        socket.send_fds(one, [json.dumps(order).encode()], [0, 1, 2])
        child = int(one.recv(32))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: os.kill(child, number))
        status = one.recv(32)
    os._exit(int(status) if status else 1)


def serve(address: str, script: Path) -> None:
    """Answers such processes until its input ends."""
    import importlib
    import threading

    for name in _PRELOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        here = Path(__file__)
        script.write_text(
            f"#!{sys.executable} -SE\nimport sys\nsys.path.insert(0, {str(here.parent)!r})\n"
            f"import {here.stem}\n{here.stem}.main({address!r})\n"
        )
        script.chmod(0o700)
        threading.Thread(target=_leave_with_input, daemon=True).start()
        while True:
            asked, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _attend(asked)
            asked.close()


def _leave_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def _attend(asked: socket.socket) -> NoReturn:
    """Forks the process that works, and tells how it ended: a killed one cannot."""
    import json

    message, streams, _, _ = socket.recv_fds(asked, _LONGEST, 3)
    child = os.fork()
    if child == 0:
        asked.close()
        _work(json.loads(message), streams)
    for stream in streams:
        os.close(stream)
    asked.send(str(child).encode())
    # Who is killed takes along what works for it.
    if select.select([asked, os.pidfd_open(child)], [], [])[0][0] is asked:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(BrokenPipeError):
        asked.send(str(status if status >= 0 else 128 - status).encode())
    os._exit(0)


def _work(order: dict[str, Any], streams: list[int]) -> NoReturn:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    words: list[str] = [word for word in order["words"] if word != "-P"]
    assert words[0] == "-m"
    sys.argv = words[1:]
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    status = 0
    try:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
