"""What the world is told of training jobs: completed, failed, stalled, and an evaluation that failed; each thing once
over all monitors and restarts.

A claim in the registry says who tells; it is settled only once the telling has succeeded, and lapses where the teller
dies. Neighbours: `stalls` has the words, `evaluations` what follows a completed job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from redraft.training import evaluations
from redraft.training.looking import current
from redraft.training.registry import Registry, TrainingJob, attempt_tag
from redraft.training.stalls import Standing, moment, standing
from redraft.training.states import JobState

What = Literal[
    "completed", "failed", "stalled", "evaluation failed", "evaluation completed", "evaluation regression"
]  # fmt: skip

# An end that nobody wanted to hear of for so long, such as in an older registry, is no news any more.
STALE = timedelta(days=7)
# Told in one pass at most; the next one goes on.
AT_ONCE = 100


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell. `id` is the same for the same thing, whoever tells it; `resource` and `labels` name the job or
    its model, `payload` says what a reader wants to know of it."""

    id: UUID
    what: What
    resource: str
    labels: dict[str, str]
    payload: dict[str, Any]

    @property
    def name(self) -> str:
        about, _, what = self.what.rpartition(" ")
        return f"redraft.{about or 'training'}.{what}"


Tell = Callable[[Announcement], None]


class NotToldError(Exception):
    """The telling did not succeed; its message is one line. Told again in the next round."""


class Told(msgspec.Struct, frozen=True):
    """What one round told, and what could not be done: a line each."""

    lines: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def announce(registry: Registry, tell: Tell) -> Told:
    """Tell of every end, stall, and overdue or failed evaluation that nobody has told of; `tell` raises NotToldError
    where it did not succeed. Raises StorageError."""
    return _Round(registry, tell).run()


def resource_of(job: TrainingJob) -> str:
    """The job's name in events: `redraft.training-job.` and the eight digits that its suffix ends with."""
    return f"redraft.training-job.{attempt_tag(job.job_key, job.attempt)}"


class _Round:
    def __init__(self, registry: Registry, tell: Tell) -> None:
        self._registry, self._tell = registry, tell
        self._lines: list[str] = []
        self._faults: list[str] = []

    def run(self) -> Told:
        try:
            for job in self._registry.unannounced()[:AT_ONCE]:
                self._ended(job)
            for job in self._registry.open_jobs():
                if job.stalled_since is not None:
                    self._silent(job)
            for job in evaluations.not_begun(self._registry)[:AT_ONCE]:
                self._once_more(job)
            for job in evaluations.failed_untold(self._registry)[:AT_ONCE]:
                self._evaluation_failed(job)
        except NotToldError as fault:  # the others would fare no better
            self._faults.append(f"{fault}; what there is to tell of training jobs is told by the next pass")
        return Told(tuple(self._lines), tuple(self._faults))

    def _silent(self, job: TrainingJob) -> None:
        self._told(job, "stalled", f"stalled-{job.stalled_since}")
        after = current(self._registry, job)
        if after.state.terminal:  # meanwhile: what was just told must not count as its end
            self._ended(after)

    def _ended(self, job: TrainingJob) -> None:
        ended = moment(job.updated_at)
        if job.evaluation is None and ended is not None and self._registry.clock() - ended > STALE:
            self._registry.announce(job, "stale")
        elif job.state is JobState.COMPLETED:
            if job.evaluation is not None and not job.model_output_name:
                job = evaluations.note_failed(self._registry, job, "failed", "the provider names no model")
            self._told(job, "completed", "completed")
        else:
            self._told(job, "failed", "failed")

    def _once_more(self, job: TrainingJob) -> None:
        number = evaluations.standing_of(job).announced + 1
        if number > evaluations.MOST_ANNOUNCEMENTS:
            by_hand = f"prefect deployment run evaluate-trained/local --param job={job.suffix}"
            said = f"it was asked for {number} times and came to no end; start it by hand: {by_hand}"
            evaluations.note_failed(self._registry, job, "failed", said)
        else:
            self._told(job, "completed", f"completed-{number + 1}", number)

    def _evaluation_failed(self, job: TrainingJob) -> None:
        stands = evaluations.standing_of(job)
        words = f"is trained, its evaluation is not done ({stands.word or 'failed'}): {stands.said}"
        with self._registry.announcing(job, f"evaluation-failed-{stands.at}") as mine:
            if mine:
                about = Standing("evaluation_failed", words)
                self._tell(_announcement(job, "evaluation failed", f"evaluation-failed-{stands.at}", about))
        if mine:
            after = current(self._registry, job)
            if evaluations.standing_of(after).at == stands.at:  # nobody has begun it anew
                evaluations.note(self._registry, after, failure_told=True)
            self._lines.append(f"{job.job_id or job.suffix} ({job.name}) {words}: told as redraft.evaluation.failed")

    def _told(self, job: TrainingJob, what: What, claim: str, number: int = 0) -> None:
        """Tell it, unless another has. One that dies between telling and noting that it did is followed by another
        that tells the same again, under the same id."""
        registry, before = self._registry, evaluations.standing_of(job)
        stands = standing(job, registry.events(job))
        with registry.announcing(job, claim) as mine:
            if not mine:
                return
            follows = what == "completed" and _to_evaluate(job)
            if follows:  # before the telling: what begins by it writes there too
                evaluations.note(registry, job, announced=number, announced_at=registry.stamp())
            try:
                self._tell(_announcement(job, what, claim, stands))
            except NotToldError:
                if follows:
                    evaluations.note(registry, job, announced=before.announced, announced_at=before.announced_at)
                raise
        self._lines.append(f"{job.job_id or job.suffix} ({job.name}) {stands.words}: told as redraft.training.{what}")


def _to_evaluate(job: TrainingJob) -> bool:
    return job.evaluation is not None and bool(job.model_output_name)


def _announcement(job: TrainingJob, what: What, claim: str, stands: Standing) -> Announcement:
    resource = resource_of(job)
    return Announcement(
        id=uuid5(NAMESPACE_URL, f"{resource}/{job.job_key}/{claim}"),
        what=what,
        resource=resource,
        labels={
            "prefect.resource.name": job.suffix,
            "redraft.evaluation": "named" if _to_evaluate(job) else "none",
            "redraft.simulated": str(job.simulated).lower(),
        },
        payload={
            "job": job.suffix,
            "job_id": job.job_id,
            "job_key": job.job_key,
            "attempt": job.attempt,
            "kind": stands.kind,
            "words": stands.words,
            "state": str(job.state),
            "base_model": job.base_model,
            "model": job.model_output_name,
            "dataset": job.dataset_path,
            "evaluation": evaluations.judge_parameters(job) if what == "completed" and _to_evaluate(job) else None,
            "simulated": job.simulated,
        },
    )
