"""Asks about every open training job once; a cron runs it, so that somebody is always watching."""

from typing import Any

from prefect import flow

from redraft.home import Home
from redraft.training.registry import Registry
from tasks.open_jobs import refresh_open_jobs
from tasks.showing import show_table
from tasks.states import ends_in_words


@flow(name="check-jobs", flow_run_name="check open jobs")
@ends_in_words
async def check_jobs(credentials: str | None = None) -> dict[str, Any]:
    """Record the state of every open training job.

    Args:
        credentials: Which set of credentials blocks to use.
    """
    registry = Registry(Home.of().registry)
    faults: list[str] = []
    if any(job.job_id and not job.state.terminal for job in registry.list()):
        faults = await refresh_open_jobs(registry, credentials)
    jobs = registry.list()
    rows = [
        {
            "job": job.job_id or job.suffix,
            "state": str(job.state),
            "progress": f"{job.progress:.0%}" if job.progress is not None else "",
            "model": job.model_output_name,
            "simulated": job.simulated,
        }
        for job in jobs
    ]
    await show_table("training-jobs", rows, "; ".join(faults) or "Training jobs known here")
    still_open = sum(1 for job in jobs if job.job_id and not job.state.terminal)
    return {"said": f"{still_open} open, {len(jobs)} known", "faults": faults}
