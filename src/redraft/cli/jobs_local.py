"""What the `jobs` commands do about local runs: no provider is asked, and nothing of Prefect is imported.

Neighbours: `jobs_commands`; `jobs_acting` does the same with a provider.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from redraft.calling.notices import LISTENERS
from redraft.errors import InputError, TrainingError
from redraft.training.local.machine import of_this_machine
from redraft.training.local.orders import LocalTraining
from redraft.training.local.plan import PLAN, program_of, setup_in
from redraft.training.local.reading import MODEL, is_alive
from redraft.training.local.starting import TIME_TO_END, ask_to_end, launcher_of, wait_for_end
from redraft.training.local.watching import asked_to_end, folder_of, local_pass, look
from redraft.training.policies import policy_named
from redraft.training.registry import Registry, TrainingJob
from redraft.training.states import JobState

# As in tasks.training_job, which takes long to import.
MODELS = Path("models")


def looked_at(registry: Registry) -> Sequence[str]:
    """Looks at the local runs, once; a line for each that could not be read."""
    with _heard():
        return local_pass(registry, models=MODELS).faults


def cancelled(registry: Registry, job: TrainingJob) -> TrainingJob:
    """The run once its process was asked to end and has ended, or has not within two minutes; one that has ended
    already stays as it is. Raises ProviderError where it is on another machine."""
    with _heard():
        job = of_this_machine(registry, job)
    job = look(registry, job, MODELS).job
    if not is_alive(folder_of(job)):
        if job.state is JobState.LOST:
            raise TrainingError(f"{job.suffix} is not running: {job.last_error}; nothing was cancelled")
        return job
    job = asked_to_end(registry, job)
    click.echo(f"redraft: {job.suffix} is writing a checkpoint and ends then", err=True)
    ask_to_end(folder_of(job))
    wait_for_end(folder_of(job), TIME_TO_END)
    return look(registry, job, MODELS).job


def resumed(registry: Registry, job: TrainingJob, policy: str) -> TrainingJob:
    """The run, attached to or begun again from its folder, with the command that it was begun with. Raises InputError
    where the folder is gone, TrainingError where it ended and is not allowed again, ConfigurationError for what it
    could not begin without: the extra `local`, W&B's client or key, a launcher of as many processes as planned."""
    from redraft.training.local.prerequisites import require_extra, require_setup

    with _heard():
        job = of_this_machine(registry, job)
    wanted, folder = policy_named(policy), folder_of(job)
    if wanted.anew:
        raise InputError("always-new trains again from the rows; the command that began it does that")
    with registry.locked(f"job-{job.job_key[:16]}"):
        job = look(registry, registry.get(job.job_key) or job, MODELS).job
        if job.state is JobState.COMPLETED or is_alive(folder):
            return job
        if not (folder / PLAN).is_file():
            raise InputError(f"{folder / PLAN}: no such file; the command that began the run does so anew")
        launcher = launcher_of(folder)
        require_extra(program_of(folder))
        require_setup(setup_in(folder), launcher)
        if job.state.failed and job.state is not JobState.LOST:
            wanted.require(job, rehearsal=False)
            job = registry.another(job)
        return LocalTraining(registry, MODELS).begun(job, launcher)[0]


def lies_there(job: TrainingJob) -> str:
    """Where the model of a completed run is. Raises TrainingError for one that made none."""
    folder = Path(job.model_output_name or folder_of(job) / MODEL)
    if job.state is not JobState.COMPLETED:
        raise TrainingError(f"{job.suffix} is {job.state}, there is no model yet")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; the model was moved or removed")
    return f"{folder}: was trained on this machine and lies there already"


@contextmanager
def _heard() -> Generator[None]:
    """What is told inside is said at the terminal, as flows have it."""
    listening = LISTENERS.set((lambda line: click.echo(f"redraft: {line}", err=True),))
    try:
        yield
    finally:
        LISTENERS.reset(listening)
