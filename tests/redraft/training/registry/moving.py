"""Programs that use a registry as processes of their own, but for their start-up: `conftest` starts this once. No test.

Reads an order a line (JSON): to begin a program, answered with the number of its process, or to wait for the end of
one, answered with its exit status.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from redraft.training.registry import JobEvent, Registry
from redraft.training.states import JobState


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def watch(address: str, life: str, seed: str) -> None:
    """Asks again and again how far the job has come, which is in the file `life`, a state a line; is slow to write the
    answer down, and says what it was first to see.
    """
    chance = random.Random(seed)  # noqa: S311
    with Registry(address) as registry:
        job = registry.list()[0]
        say("watching")
        states = [""]
        while not (job.state.terminal and states[-1] == job.state):  # others may have been first to see the end
            states = Path(life).read_text().split()
            log = [
                JobEvent(created_at=f"{number:02}", type=state, message="m", step=number)
                for number, state in enumerate(states)
            ]
            chance.shuffle(log)
            time.sleep(chance.choice([0, 0, 0.02, 0.2]))
            job, mine = registry.moved(job, JobState(states[-1]))
            if mine:
                say("moved", job.moves)
            for one in registry.add_events(job, log):
                say("event", one.created_at)
        with registry.announcing(job, "completed") as mine:
            if mine:
                say("announced")


def count(address: str) -> None:
    """Records numbers until it is killed, and says each once it is recorded."""
    with Registry(address) as registry:
        job = registry.list()[0]
        for number in range(1_000_000):
            registry.record(job, progress=float(number))
            say(number)


def hold(address: str, name: str) -> None:
    """Holds a lock until it is killed."""
    with Registry(address) as registry, registry.locked(name):
        say("held")
        time.sleep(600)


def open_and_close(address: str) -> None:
    with Registry(address):
        say("open")


def die_while_opening(address: str, word: str) -> None:
    """Ends by SIGKILL before the first statement with `word` in it."""

    def look(_: object, __: object, statement: str, *more: object) -> None:
        if word in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", look)
    open_and_close(address)


def begin(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    for number, path in ((1, order["stdout"]), (2, order["stderr"])):
        descriptor = os.open(path, os.O_WRONLY)
        os.dup2(descriptor, number)
        os.close(descriptor)
    status = 1
    try:
        globals()[order["program"]](*order["words"])
        status = 0
    except BaseException:  # noqa: BLE001  whatever it is: the test reads it
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        order = json.loads(line)
        say(ended(order["wait"]) if "wait" in order else begin(order))
