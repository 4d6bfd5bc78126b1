"""The process of a local run: begun in a session of its own, asked to end, waited for.

It outlives whoever began it, so that hours of training do not end with a terminal or a server. Neighbours: `orders`
decides that one is begun, `reading` says whether it lives.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import ConfigurationError, StorageError
from redraft.training.local.plan import program_of
from redraft.training.local.reading import SAID, is_alive, state_in

# Who was begun; beside the lock, which says whether it lives.
PROCESS = "process.json"
# Held by the flow that sees to the run: when that is stopped, so is the run.
KEEPER = "keeper.lock"
# Between being asked to end and having written a checkpoint of a large model.
TIME_TO_END = 120.0
_PAUSE = 0.2
# What was begun here and may live on: nobody waits for it, and it is no fault where it outlives this process.
_CHILDREN: list[subprocess.Popen[bytes]] = []


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """The process that was begun, the first of its session: `command` is what it was, `at` an ISO 8601 time, `machine`
    where it was begun, whatever that is called."""

    pid: int
    at: str
    command: tuple[str, ...]
    machine: str = ""


def command_of(folder: Path, launcher: Sequence[str] = ()) -> list[str]:
    """What trains in this folder. `launcher` stands in front of `-m` and the program of the
    folder's plan; without one it is this Python.
    So may `torchrun --nproc_per_node 2`, `accelerate launch` or a container's `docker run … python`."""
    return [*(launcher or (sys.executable,)), "-m", program_of(folder), str(folder)]


def launcher_of(folder: Path) -> tuple[str, ...]:
    """What the run in this folder was begun with, in front of the command; empty where it was this Python, or nobody
    knows."""
    begun = begun_in(folder)
    launcher = () if begun is None else begun.command[: -len(command_of(folder)) + 1]
    return () if launcher == (sys.executable,) else launcher


def begin(folder: Path, launcher: Sequence[str], at: str, machine: str = "") -> subprocess.Popen[bytes]:
    """Begins the process on this `machine`, whose words go to a file in the folder. Raises ConfigurationError for a
    launcher that is no command, StorageError."""
    words = command_of(folder, launcher)
    # A file of the user's in this folder, named like a module, is not to be imported.
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    with storage_faults(folder), (folder / SAID).open("ab") as said:
        try:
            process = subprocess.Popen(  # noqa: S603  the user's own launcher
                words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, start_new_session=True
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError) as fault:
            raise ConfigurationError(f"launcher {words[0]!r}: {fault.strerror}; name a command that is there") from None
    _CHILDREN.append(process)
    begun = Begun(pid=process.pid, at=at, command=tuple(words), machine=machine)
    write_whole(folder / PROCESS, msgspec.json.format(msgspec.json.encode(begun)) + b"\n")
    return process


def ask_to_end(folder: Path) -> bool:
    """Sends SIGTERM to the run's processes, which write a checkpoint and end; whether there were any."""
    if not is_alive(folder):
        return False
    for pid in _here(folder):
        with suppress(ProcessLookupError):
            group = os.getpgid(pid)
            # One that was begun by hand may be in our own group, or in its shell's.
            os.killpg(group, signal.SIGTERM) if group == pid else os.kill(pid, signal.SIGTERM)
            return True
    return False


def process_here(folder: Path) -> bool:
    """Whether a process of the run is on this machine."""
    return any(True for _ in _here(folder))


def wait_for_end(folder: Path, seconds: float = TIME_TO_END, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether the run's process has ended within so many seconds."""
    until = time.monotonic() + seconds
    while is_alive(folder):
        reap()
        if time.monotonic() >= until:
            return False
        sleep(_PAUSE)
    return True


def reap() -> None:
    """Takes note of processes that were begun here and have ended, so that nothing is left of them."""
    _CHILDREN[:] = [process for process in _CHILDREN if process.poll() is None]


# Runs that this process sees to, by their folders: when it is stopped, it waits for them to end.
KEPT: set[Path] = set()


@contextmanager
def kept(folder: Path) -> Generator[bool]:
    """Whether it is this caller who sees to the run inside the block: one at a time; who is killed does so no more."""
    lock = FileLock(folder / KEEPER)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as fault:
        raise StorageError(f"{folder / KEEPER}: {fault.strerror or fault}") from fault
    KEPT.add(folder)
    try:
        yield True
    finally:
        KEPT.discard(folder)
        lock.release()


def begun_in(folder: Path) -> Begun | None:
    """What was last begun in the folder; None where nobody knows."""
    try:
        return msgspec.json.decode((folder / PROCESS).read_bytes(), type=Begun)
    except (OSError, msgspec.DecodeError):
        return None


def _here(folder: Path) -> Iterator[int]:
    """The run's processes that are on this machine."""
    begun, state = begun_in(folder), state_in(folder)
    for pid in (begun.pid if begun is not None else 0, state.pid if state is not None else 0):
        if pid > 0 and _trains_in(pid, folder):
            yield pid


def _trains_in(pid: int, folder: Path) -> bool:
    """Whether this process was begun for this folder: numbers are given anew. Where nobody can tell it is believed."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except OSError:
        return False
    return os.fsencode(folder) in words
