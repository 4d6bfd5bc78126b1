"""A whole curriculum in one process: evaluations and phases in their order, and in the end the model.

What is finished lies in the run's folder whole, so that the same call after a kill goes on where it was. Neighbours:
`preparing`, `phases`, `points`; `redraft.curriculum` calls it with what rows and answers mean in the answering study.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from redraft.datasets.files import storage_faults, sync_folder, write_whole
from redraft.training.local.holding import alone, is_finished, is_first, told
from redraft.training.local.models import Base, require_local
from redraft.training.local.phases import FINAL, PhaseRun, drop_checkpoints, train_phase
from redraft.training.local.plan import CurriculumPlan, read_plan
from redraft.training.local.points import BEFORE, Points, Score, numbered
from redraft.training.local.preparing import Prepared, prepare
from redraft.training.local.reading import MODEL, name_of
from redraft.training.local.reporting import reported, require_wandb
from redraft.training.local.rows import Doubt, read_rows
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller, TrainingState
from redraft.training.local.world import World


def train(folder: Path, doubt: Doubt, score: Score, stop: Stop) -> TrainingState:
    """Trains what plan.json in `folder` plans, or goes on with it; a finished run is left as it is.

    `doubt` judges rows that do not say their phase, `score` has the scores, `stop` says when to end. Raises
    ConfigurationError and InputError before anything is trained, StoppedError where it ended as asked; the state in the
    folder says so too.
    """
    plan = read_plan(folder)
    # Threads of torch that wait for each other sleep: where they spin, as they do by default, and others want the
    # processors too, a step was seen to take a hundred times as long. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Before torch is imported, which takes seconds: who watches sees at once that somebody is here.
    with alone(folder):
        teller = Teller(folder, silent=not is_first())
        if is_finished(teller.state, folder, plan.digest, MODEL):
            return teller.state
        with told(teller):
            again = teller.state.total_steps > 0
            teller.now(state="running", stage="loading", error=None, refused=False, plan_sha256=plan.digest)
            require_local()
            require_wandb(plan.settings.wandb_project)
            rows = read_rows(plan, folder, doubt)
            world = World(plan.settings.device, plan.settings.processes)
            prepared = prepare(folder, plan, rows, world, teller)
            _begin(prepared, world, teller, again=again)
            points = Points(folder, prepared, plan.settings, world, teller, stop, score)
            weights = _train(folder, plan, prepared, points, world, teller, stop)
            if world.first:
                _save(folder, weights, plan, prepared.base)
            world.wait()
            teller.event("completed", f"the model is in {MODEL}/", step=prepared.steps)
            teller.now(state="completed")
        return teller.state


def _begin(prepared: Prepared, world: World, teller: Teller, *, again: bool) -> None:
    base = prepared.base
    begun = teller.state.begun_at or teller.state.updated_at
    teller.now(
        base=base.name, revision=base.revision, total_steps=prepared.steps, world_size=world.size, begun_at=begun
    )  # fmt: skip
    what = f"{base.name} at {base.revision[:19]}, {prepared.steps:,} steps in {len(prepared.shares)} phases"
    teller.event("resumed" if again else "started", what)


def _train(
    folder: Path,
    plan: CurriculumPlan,
    prepared: Prepared,
    points: Points,
    world: World,
    teller: Teller,
    stop: Stop,
) -> Path:
    """All phases, with the evaluations between them; the folder of the last one's weights."""
    weights, offset = prepared.base.path, 0
    points.evaluate(BEFORE, weights, offset)
    for phase, share in prepared.shares.items():
        own = folder / "phases" / numbered(phase)
        if not world.agreed((own / FINAL).is_dir()):
            teller.now(phase=phase, stage="training")
            run = PhaseRun(
                phase=phase,
                folder=own,
                start=weights,
                rows=share.rows,
                held_out=share.held_out,
                tokenizer=prepared.tokenizer,
                settings=plan.settings,
                offset=offset,
                label=f"{name_of(folder)}-{numbered(phase)}",
            )
            with reported(plan.settings.wandb_project, run.label, teller.state.begun_at, first=world.first):
                train_phase(run, world, teller, stop)
        elif world.first:
            # A kill may have come before all of them were gone.
            drop_checkpoints(own)
        weights, offset = own / FINAL, offset + share.steps
        if phase not in teller.state.done:
            teller.event("phase_completed", f"{phase} is trained", step=offset)
            teller.now(phase=phase, done=(*teller.state.done, phase), step=offset)
        points.evaluate(phase, weights, offset)
    return weights


def _save(folder: Path, weights: Path, plan: CurriculumPlan, base: Base) -> None:
    """The trained model, whole or not at all, with what who serves it must know."""
    target, aside = folder / MODEL, folder / f".{MODEL}"
    settings = plan.settings
    about = {
        "format": 1,
        "prefixes": settings.prefixes,
        "serve_prefix": settings.answer_prefix,
        "max_input_tokens": settings.max_input_tokens,
        "max_output_tokens": settings.max_output_tokens,
        "base_model": base.name,
        "revision": base.revision,
        "plan_sha256": plan.digest,
        "phases": [one.name for one in plan.phases],
        "simulated": plan.simulated,
    }
    with storage_faults(target):
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(weights, aside)
        write_whole(aside / "redraft.json", msgspec.json.format(msgspec.json.encode(about)) + b"\n")
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
        sync_folder(folder)
