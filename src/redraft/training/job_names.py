"""The job that a person means by a few letters: its id, suffix, the beginning of its key, or its model's name.

Neighbours: the `jobs` commands and the flow `evaluate-trained` find their job with this.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.errors import InputError
from redraft.training.registry import Registry, TrainingJob, attempt_tag

_SHOWN = 5


class NoSuchJobError(InputError):
    pass


def job_named(registry: Registry, name: str) -> TrainingJob:
    """The attempt with this name; of several attempts at one job the latest.

    Raises NoSuchJobError for none, InputError for several.
    """
    jobs = registry.list()
    wanted = name.strip().removeprefix("together:")
    for fits in (_exactly, _by_tag, _by_start):
        found = [job for job in jobs if wanted and fits(job, wanted)]
        latest = {job.job_key: job for job in sorted(found, key=lambda job: job.attempt)}
        if len(latest) == 1:
            return next(iter(latest.values()))
        if latest:
            names = _listed([job.job_id or job.suffix for job in latest.values()])
            raise InputError(f"{name!r} may be {names}; name one of them")
    known = f"; known are {_listed([job.job_id or job.suffix for job in jobs])}" if jobs else ""
    raise NoSuchJobError(f"there is no training job {name!r} in {registry.shown}{known}")


def _exactly(job: TrainingJob, name: str) -> bool:
    return name in {job.job_id, job.suffix, job.model_output_name, job.job_key}


def _by_tag(job: TrainingJob, name: str) -> bool:
    return name == attempt_tag(job.job_key, job.attempt)


def _by_start(job: TrainingJob, name: str) -> bool:
    return len(name) >= 4 and (job.job_key.startswith(name) or (job.job_id or "").startswith(name))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
