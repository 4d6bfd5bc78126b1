"""Programs that use a registry as processes of their own: `moving.py PROGRAM ADDRESS WORDS...`. Not a test."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

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
        while not job.state.terminal:
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


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
