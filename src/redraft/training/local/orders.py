"""A local run that somebody wants: attached to where an equal one is there, gone on with where it stopped, else begun.

It is in the registry before its process is started. Neighbours: `starting` has the process, `watching` looks at it;
`redraft.training.hosted` does the same with a provider.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from redraft.calling.notices import tell
from redraft.errors import ConfigurationError, RedraftError, TrainingError
from redraft.training.formats import TrainingFile
from redraft.training.local.machine import machine_id, of_this_machine, this_machine
from redraft.training.local.places import claim, make_room
from redraft.training.local.plan import PLAN
from redraft.training.local.reading import MODEL, SAID, is_alive, last_words, run_in
from redraft.training.local.starting import begin
from redraft.training.local.watching import TIME_TO_BEGIN, folder_of, look, refusal
from redraft.training.policies import ATTACH, JobPolicy
from redraft.training.purged_models import is_marked
from redraft.training.registry import LOCAL, Registry, TrainingJob, job_key
from redraft.training.states import JobState

_PAUSE = 0.1


class TrainingSettings(Protocol):
    """A struct of settings, each with a default, that names those which are in a job's key at their defaults too."""

    @property
    def always_in_key(self) -> frozenset[str]: ...


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a local run another one, beside the rows: the model by its name and `revision`, the settings, the name
    that the user gave it (`suffix`), and `more`, such as the kind of what is trained, under names of no setting."""

    base_model: str
    revision: str
    suffix: str
    settings: TrainingSettings
    more: dict[str, str] = {}

    def parameters(self) -> dict[str, Any]:
        """What the model depends on. A setting that is not `always_in_key` is in it only where it is not at its
        default, so that one that is added later changes no key."""
        given: dict[str, Any] = msgspec.to_builtins(self.settings)
        fields: Any = type(self.settings)
        # One without a default is never at it.
        defaults = {field.name: msgspec.to_builtins(_default(field)) for field in msgspec.structs.fields(fields)}
        always = self.settings.always_in_key
        kept = {name: value for name, value in given.items() if name in always or value != defaults[name]}
        # A folder is what is in it, wherever it lies.
        model = Path(self.base_model).name if self.revision.startswith("sha256:") else self.base_model
        return {"model": model, "revision": self.revision, "suffix": self.suffix, **self.more, **kept}


class LocalOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be trained in `folder` (absolute), on what, and what to do about an equal run that is there already.

    `content_sha256` is over the rows as they were given, `rows` how many are trained on, `counts` by phase. `launcher`
    stands in front of the command that trains. `dataset_path` and `dataset_hash` name what the rows were made from,
    `name` says for people what is trained on; without it that is the run's own name.
    """

    folder: Path
    content_sha256: str
    rows: int
    settings: LocalSettings
    counts: dict[str, int] = {}
    launcher: tuple[str, ...] = ()
    policy: JobPolicy = ATTACH
    simulated: bool = False
    dataset_path: Path | None = None
    dataset_hash: str | None = None
    run: str | None = None
    name: str | None = None

    @property
    def key(self) -> str:
        return job_key(self.content_sha256, self.settings, LOCAL)


class LocalTraining:
    """Runs on this machine, kept in one registry; `models` is the folder of their training records."""

    def __init__(
        self, registry: Registry, models: Path | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.registry, self.models, self._sleep = registry, models, sleep

    def start(
        self, order: LocalOrder, prepare: Callable[[Path], None]
    ) -> tuple[TrainingJob, subprocess.Popen[bytes] | None]:
        """The run of this order, and its process where it was begun here: as recorded if completed, attached to if it
        goes on, else begun, or begun again where it stopped.

        `prepare` puts the plan and its rows into the folder that it is given; it is called only where they are not
        there. Another run's folder is put aside. Raises InputError where one goes on there, or the folder holds other
        things; TrainingError where the run ended without a model and is not allowed again, or does not begin;
        ProviderError where it is on another machine; and what `prepare` does.
        """
        with self.registry.locked(f"job-{order.key[:16]}"):
            job = self._attempt(order)
            folder = folder_of(job)
            if job.state is JobState.COMPLETED or is_alive(folder):
                return job, None
            claim(self.registry, folder, order.key)
            if not (folder / PLAN).is_file():
                self._prepared(job, folder, prepare)
            return self.begun(job, order.launcher)

    def begun(self, job: TrainingJob, launcher: tuple[str, ...] = ()) -> tuple[TrainingJob, subprocess.Popen[bytes]]:
        """The run whose folder is ready, with its process, once that trains. Raises TrainingError where it ends before
        that, ConfigurationError for a launcher that is none, and where the process says that it cannot train so."""
        folder, since = folder_of(job), self.registry.stamp()
        # One that was lost stays so until it is seen to go on.
        before, lost = job.state, job.state is JobState.LOST
        state = before if lost else JobState.SUBMITTING
        job = self.registry.record(job, state=state, submitting_since=since, account=this_machine())
        try:
            process = begin(folder, launcher, since, machine_id())
        except RedraftError as fault:
            self.registry.record(job, state=before, last_error=str(fault))
            raise
        until = time.monotonic() + TIME_TO_BEGIN.total_seconds()
        while not is_alive(folder) and not _over(process) and time.monotonic() < until:
            self._sleep(_PAUSE)
        job = look(self.registry, job, self.models).job
        if job.state.submitted and job.state is not JobState.LOST:
            return job, process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        if why := refusal(job):
            raise ConfigurationError(f"{why}; nothing was trained, and the same command tries again")
        said = last_words(folder) or "it said nothing"
        self.registry.moved(job, JobState.LOST, last_error=f"its process ended before it began ({said})")
        raise TrainingError(f"the training did not begin: {said}; all that it said is in {folder / SAID}")

    def _attempt(self, order: LocalOrder) -> TrainingJob:
        """The attempt to go on with, as it stands now."""
        job = self.registry.get(order.key)
        if job is None:
            return self._planned(order, 1)
        if not job.state.terminal:
            job = of_this_machine(self.registry, job)
        job = self._placed(order, self._seen(job))
        if order.policy.wants_new(job):
            make_room(self.registry, folder_of(job))
            return self._planned(order, job.attempt + 1)
        if is_marked(folder_of(job) / MODEL):
            make_room(self.registry, folder_of(job))
            tell(f"{job.suffix} learnt from somebody who has left since; it is trained again")
            return self._planned(order, job.attempt + 1)
        if job.state is JobState.COMPLETED and not (folder_of(job) / MODEL).is_dir():
            tell(f"the model that {job.suffix} made is gone from {folder_of(job)}; it is trained again")
            return self._planned(order, job.attempt + 1)
        if job.state.failed and job.state is not JobState.LOST:
            order.policy.require(job, rehearsal=False)
            return self._planned(order, job.attempt + 1, folder_of(job))
        return job

    def _seen(self, job: TrainingJob) -> TrainingJob:
        """As its folder says; one that was never begun has said nothing yet."""
        begun = job.state.submitted or job.state is JobState.SUBMITTING
        over = job.state.terminal and job.state is not JobState.LOST
        return look(self.registry, job, self.models).job if begun and not over else job

    def _placed(self, order: LocalOrder, job: TrainingJob) -> TrainingJob:
        """With the folder of the order, where nothing of it lies in its own."""
        folder = folder_of(job)
        if folder == order.folder:
            return job
        if run_in(folder) == order.key:
            tell(f"an equal run is in {folder}, which is gone on with; another name for the output starts another")
            return job
        if job.state.terminal and job.state is not JobState.LOST:
            return job
        return self.registry.record(job, training_path=str(order.folder / PLAN))

    def _planned(self, order: LocalOrder, attempt: int, folder: Path | None = None) -> TrainingJob:
        folder = folder or order.folder
        claim(self.registry, folder, order.key)
        file = TrainingFile(
            path=folder / PLAN,
            rows=order.rows,
            sha256=order.content_sha256,
            simulated=order.simulated,
        )
        job = self.registry.plan(
            file, order.settings, endpoint=LOCAL, simulated=order.simulated, dataset_path=order.dataset_path,
            dataset_hash=order.dataset_hash, attempt=attempt, run=order.run, name=order.name or order.settings.suffix,
        )  # fmt: skip
        return self.registry.record(job, counts={**job.counts, **order.counts}) if order.counts else job

    def _prepared(self, job: TrainingJob, folder: Path, prepare: Callable[[Path], None]) -> None:
        try:
            prepare(folder)
        except RedraftError as fault:
            self.registry.record(job, last_error=str(fault))
            raise


def _default(field: msgspec.structs.FieldInfo) -> Any:
    made = field.default_factory
    return made() if made is not msgspec.NODEFAULT else None if field.default is msgspec.NODEFAULT else field.default


def _over(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has failed; one that handed its work on ends well, and at once."""
    return process.poll() not in (None, 0)
