"""Commands of redraft as processes of their own, but for their start-up: what they import is imported once, here.

Reads one order a line (JSON) and answers with the process's number, then with its exit status; with `beside` the status
is only told when a later order is to `wait_for` that number. Started by `conftest`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import sys
import threading
from typing import Any, NoReturn

from redraft.cli import main
from redraft.cli.running import quieten_prefect

quieten_prefect()

# What a run imports only when it comes to it.
LATER = """
aiosqlite alembic.command anyio._backends._asyncio encodings.unicode_escape evalica fastapi.encoders
genai_prices.data genai_prices.data_units genai_prices.decompose mako.template prefect.flow_engine
prefect.task_engine pyarrow.pandas_compat rich._emoji_codes scipy.stats sqlalchemy.ext.compiler together.resources

flows.build_answerer flows.build_imitator flows.build_layers flows.build_persona flows.evaluate_newest
flows.evaluate_trained flows.monitor_jobs flows.rank_models flows.rewrite_answers flows.run_study flows.score_traits
flows.sweep_training flows.train_curriculum redraft.cli.jobs_acting redraft.cli.jobs_dashboard redraft.cli.jobs_listing
redraft.cli.jobs_local
"""
for name in LATER.split():
    importlib.import_module(name)

from prefect.context import refresh_global_settings_context  # noqa: E402


def carry_out(order: dict[str, Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs the tests with & has it ignored
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    quieten_prefect()
    refresh_global_settings_context()
    for number, path in enumerate((order["stdin"], order["stdout"], order["stderr"])):
        # The first terminal that the leader of a session opens is its own: Ctrl-C reaches it.
        descriptor = os.open(path, os.O_RDWR)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    sys.argv = ["redraft", *order["words"]]  # a command repeats itself as it was typed
    if order["code"] is not None:
        exec(order["code"], {})  # noqa: S102  a test's own
        sys.exit(0)
    try:
        main(order["words"], prog_name="redraft")
    except SystemExit as end:
        leave(int(end.code or 0))


def leave(status: int) -> NoReturn:
    """Ends as the interpreter does, but for taking apart every module, which is a third of a short command's time."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def answer(number: int) -> None:
    sys.__stdout__.write(f"{number}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    # What is here already is no child's garbage: looking through it would copy it all for each, at a second of CPU.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        child = order.get("wait_for") or os.fork()
        if child == 0:
            carry_out(order)
        if "wait_for" not in order:
            answer(child)
        if not order.get("beside"):
            answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
