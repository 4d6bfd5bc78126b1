"""The process that does what a plan says: who does which kind, and how the run begins and ends.

Neighbours: `plans` names the kinds, `redraft.training.local.holding` holds the run's folder, `lora`, `generating` and
`preferences` do the work.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from redraft.home import Home
from redraft.training.adapting.generating import GENERATIONS, generate
from redraft.training.adapting.lora import train_lora
from redraft.training.adapting.models import require_adapting
from redraft.training.adapting.plans import GeneratePlan, LoraPlan, Plan, read_plan
from redraft.training.adapting.preferences import PreferencePlan, learn
from redraft.training.adapting.running import Run
from redraft.training.local.holding import alone, is_finished, is_first, told
from redraft.training.local.program import run_program
from redraft.training.local.reading import MODEL
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller, TrainingState

Kind = Plan | PreferencePlan
_USAGE = "usage: python -m redraft.training.adapting FOLDER (with the plan.json of a run)"


def main(words: Sequence[str]) -> int:
    """The program; its exit status is that of the project: 0 complete, 1 failed, 2 bad input, 3 stopped in order."""
    return run_program(words, _USAGE, lambda folder, stop: adapt(folder, stop, Home.of()))


def adapt(folder: Path, stop: Stop, home: Home) -> TrainingState:
    """Does what plan.json in `folder` plans, or goes on with it; a finished run is left as it is.

    Raises ConfigurationError and InputError before anything is done, StoppedError where it ended as asked; the state in
    the folder says so too.
    """
    plan: Kind = read_plan(folder, Kind)
    # As in `redraft.training.local.training`: threads that wait for each other sleep. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with alone(folder):
        teller = Teller(folder, silent=not is_first())
        product = GENERATIONS if isinstance(plan, GeneratePlan) else MODEL
        if is_finished(teller.state, folder, plan.digest, product):
            return teller.state
        with told(teller):
            teller.now(state="running", stage="loading", error=None, refused=False, plan_sha256=plan.digest)
            require_adapting()
            run = Run(folder, teller, stop, home.work)
            if isinstance(plan, LoraPlan):
                train_lora(run, plan)
            elif isinstance(plan, GeneratePlan):
                generate(run, plan)
            else:
                learn(run, plan)
            teller.event("completed", f"its product is there: {product}", step=teller.state.step)
            teller.now(state="completed")
        return teller.state
