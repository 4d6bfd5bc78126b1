"""What the Prefect UI shows of training jobs: an overview, and of each job its progress, its facts, its loss curve.

Each is made once and then changed in place, by whichever run sees something new; its key names the job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from prefect.artifacts import Artifact, ImageArtifact, ProgressArtifact, TableArtifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from prefect.client.schemas.objects import ArtifactCollection

from redraft.training.curves import as_address, loss_curve
from redraft.training.job_facts import fact_rows, overview_row, progress_words
from redraft.training.registry import Registry, TrainingJob, attempt_tag
from tasks.showing import best_effort

OVERVIEW = "training-jobs"
# In the overview; `redraft jobs list` has all.
_NEWEST = 200
# Of the jobs that ended and are not shown so yet, so many are in one pass; the rest comes with the next ones.
_ENDED = 50
_PAGE = 100


class _Shown(NamedTuple):
    """An artifact as it should be; `make` and `data` are the same thing for the first and for every later time."""

    key: str
    description: str
    make: type[Artifact]
    field: str
    data: Any


async def show_jobs(registry: Registry, said: str) -> None:
    """The overview, and what is new of each job, whoever saw it. A server that is slow or gone is logged, no more."""
    await best_effort(_show_jobs(registry, said))


async def _show_jobs(registry: Registry, said: str) -> None:
    jobs = [job for job in registry.list() if job.job_id is not None]
    async with get_client() as client:
        # However old a job is: it may have ended just now, or while more had news than one pass shows.
        said_of = await _latest(client, [artifact_keys(job)["progress"] for job in jobs])
        stale = _stale(jobs, {key: one.description or "" for key, one in said_of.items()})
        there = await _latest(client, [OVERVIEW, *(key for job in stale for key in artifact_keys(job).values())])
        for one in (_overview(registry, said), *(part for job in stale for part in _of_job(registry, job))):
            made = there.get(one.key)
            await _keep(client, one, None if made is None else made.latest_id)


def artifact_keys(job: TrainingJob) -> dict[str, str]:
    """The keys of a job's artifacts, by what they show."""
    name = f"training-{attempt_tag(job.job_key, job.attempt)}"
    return {"facts": name, "progress": f"{name}-progress", "loss": f"{name}-loss"}


def _stale(jobs: Iterable[TrainingJob], said: Mapping[str, str]) -> list[TrainingJob]:
    """The jobs whose last news are not shown: first the latest ends, which no later news would bring again.

    `said` are the descriptions of the artifacts that say how far a job is, by key.
    """
    stale = [job for job in jobs if _as_of(job) not in said.get(artifact_keys(job)["progress"], "")]
    ended = sorted((job for job in stale if job.state.terminal), key=lambda job: job.updated_at, reverse=True)
    return [*ended[:_ENDED], *(job for job in stale if not job.state.terminal)]


def _overview(registry: Registry, said: str) -> _Shown:
    now = registry.clock()
    rows = [overview_row(job, registry.events(job), now) for job in registry.list()[:_NEWEST]]
    return _Shown(OVERVIEW, said, TableArtifact, "table", rows)


def _of_job(registry: Registry, job: TrainingJob) -> Iterable[_Shown]:
    keys, events, metrics = artifact_keys(job), registry.events(job), registry.metrics(job)
    now, name = registry.clock(), f"{job.job_id or job.suffix} ({job.name})"
    words = progress_words(job, events, now)
    # The last of them says that all are up to date, so it comes last.
    yield _Shown(keys["facts"], f"{name}: {words}", TableArtifact, "table", fact_rows(job, events, metrics, now))
    marked = f"{name}{' (simulated)' if job.simulated else ''}"
    if curve := loss_curve(metrics, marked):
        yield _Shown(keys["loss"], f"Loss of {marked}", ImageArtifact, "image_url", as_address(curve))
    described = f"{name}: {words} ({_as_of(job)})"
    yield _Shown(keys["progress"], described, ProgressArtifact, "progress", round(100.0 * (job.progress or 0.0), 1))


def _as_of(job: TrainingJob) -> str:
    """Which news of the job an artifact shows; a clock of ours, so that it can be compared."""
    return f"as of {job.updated_at[:23].replace('T', ' ')} UTC"


async def _latest(client: PrefectClient, keys: Sequence[str]) -> dict[str, ArtifactCollection]:
    found: list[ArtifactCollection] = []
    for start in range(0, len(keys), _PAGE):
        page = ArtifactCollectionFilterKey(any_=list(keys[start : start + _PAGE]))
        found += await client.read_latest_artifacts(artifact_filter=ArtifactCollectionFilter(key=page), limit=_PAGE)
    return {one.key: one for one in found}


async def _keep(client: PrefectClient, one: _Shown, made: UUID | None) -> None:
    artifact = one.make(key=one.key, description=one.description, **{one.field: one.data})
    if made is None:
        await artifact.acreate(client)
    else:
        update = ArtifactUpdate(data=await artifact.aformat(), description=one.description)
        await client.update_artifact(made, update)
