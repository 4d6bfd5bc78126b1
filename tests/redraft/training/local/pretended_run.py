"""A process that tells of a training as the real one does, and trains nothing: a launcher for tests.

It is started as `python pretended_run.py STEPS END -m redraft.curriculum FOLDER`: so many steps of a tenth of a second,
then END: `completed`, `error`, or `silence` for ever; `refused` comes before the first step. SIGTERM ends it in order.
It begins where it stopped.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from filelock import FileLock

from redraft.training.local.telling import Teller, read_state


def main() -> int:
    steps, end, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[-1])
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    if end == "nothing":
        sys.stderr.write("there is no model here\n")
        return 2
    if end == "refused" and steps == 0:
        _refused(Teller(folder))  # before anybody can see that it is there
        return 2
    with FileLock(folder / "lock").acquire(timeout=10):
        before = read_state(folder)
        teller = Teller(folder)
        first = before.step if before is not None else 0
        if end == "refused":
            time.sleep(steps / 10)
            _refused(teller)
            return 2
        teller.now(state="running", phase="extraction", stage="training", step=first, total_steps=steps, error=None)
        teller.event("training_start" if first == 0 else "job_restarted", f"begins at step {first}")
        for step in range(first + 1, steps + 1):
            time.sleep(0.1)
            teller.metrics(step, {"train/loss": 1.0 / step})
            teller.event("checkpoint", f"checkpoint at step {step}", step=step)
            teller.now(step=step)
            (folder / "phases" / "1-extraction" / f"checkpoint-{step}").mkdir(parents=True, exist_ok=True)
            if asked:
                teller.now(state="stopped")
                teller.event("stopped", f"ended in order at step {step}")
                return 3
        while end == "silence" and not asked:
            time.sleep(0.05)
        if end == "error":
            teller.event("error", "the rows are no rows", level="error")
            teller.now(state="error", error="the rows are no rows")
            return 2
        (folder / "model").mkdir()
        teller.now(state="completed")
    return 0


def _refused(teller: Teller) -> None:
    teller.now(state="error", stage="loading", error="torch cannot be imported", refused=True)


if __name__ == "__main__":
    sys.exit(main())
