"""The job that a person means by a few letters: its id, suffix or key, or how they begin, its model's name, or the name
of what it was trained on.

Neighbours: the `jobs` commands and the flow `evaluate-trained` find their job with this.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.errors import InputError
from redraft.training.registry import Registry, TrainingJob, attempt_tag

_SHOWN = 5
# Fewer letters say too little of what begins with them.
_FEWEST = 4


class NoSuchJobError(InputError):
    pass


def job_named(registry: Registry, name: str) -> TrainingJob:
    """The attempt with this name; of several attempts at one job the latest.

    Raises NoSuchJobError for none, InputError for several.
    """
    jobs = registry.list()
    wanted = name.strip().removeprefix("together:")
    for fits in (_exactly, _by_tag, _by_own_suffix, _by_start, _by_dataset):
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


def _by_own_suffix(job: TrainingJob, name: str) -> bool:
    """By the suffix as it was asked for, without the digits behind it."""
    return name == job.parameters.get("suffix")


def _by_start(job: TrainingJob, name: str) -> bool:
    starts = (job.job_key, job.job_id or "", job.suffix)
    return len(name) >= _FEWEST and any(one.startswith(name) for one in starts)


def _by_dataset(job: TrainingJob, name: str) -> bool:
    return name == job.name


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
