"""Looks at every open training job once; a cron runs it, so that somebody is always watching.

It also stops endpoints that outlived their run: those cost money by the hour, so whatever the look at the jobs comes
to, that is done.
"""

import asyncio
from typing import Any

from prefect import flow
from prefect.logging import get_run_logger

from redraft.training.announcing import announce
from redraft.training.monitoring import PASS_SECONDS, MonitorPass, MonitorRule
from redraft.training.registry import Registry, registry_address
from redraft.training.serving.orphans import Sweep
from redraft.training.stalls import StallRule
from tasks.job_artifacts import show_jobs
from tasks.open_jobs import look_at_open_jobs, stop_left_endpoints
from tasks.serving import shout
from tasks.states import ends_in_words
from tasks.training_events import tell


@flow(name="monitor-jobs", flow_run_name="monitor training jobs")
@ends_in_words
async def monitor_jobs(
    max_requests: int = 60,
    max_seconds: float = PASS_SECONDS,
    look_again: float = 60.0,
    stall_factor: float = 5.0,
    stall_minutes: float = 30.0,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Record what is new of every open training job, show it, and tell of those that ended or fell silent.

    Args:
        max_requests: What one pass may ask the provider at most; the jobs looked at longest ago come first.
        max_seconds: For how many seconds a pass asks; what is left is looked at by the next one.
        look_again: Seconds after which a job is looked at again although its state is the same.
        stall_factor: A job counts as stalled after so many times its usual gap between two events.
        stall_minutes: Minutes that a job may be silent in any case.
        credentials: Which set of credentials blocks to use.
    """
    logger = get_run_logger()
    stall = StallRule(factor=stall_factor, minutes=stall_minutes)
    rule = MonitorRule(max_requests=max_requests, max_seconds=max_seconds, look_again=look_again, stall=stall)
    with Registry(registry_address()) as registry:
        sweeping = asyncio.create_task(stop_left_endpoints(registry, credentials, max_seconds))
        try:
            found = await look_at_open_jobs(registry, credentials, rule)
            told = await asyncio.to_thread(announce, registry, tell)
            for line in (*found.lines, *told.lines):
                logger.info(line)
            for line in (*found.faults, *told.faults):
                logger.warning(line)
        finally:
            sweep = await _swept(sweeping)
        said = _said(registry, found, sweep)
        await show_jobs(registry, said)
    return {"said": said, "requests": found.requests, "waiting": found.waiting,
            "faults": [*found.faults, *told.faults]}  # fmt: skip


async def _swept(sweeping: asyncio.Task[Sweep]) -> Sweep:
    """What the sweep did, once it is through, in the log and where people look."""
    sweep = await sweeping
    for line in sweep.lines:
        get_run_logger().warning(line)
    for line in sweep.faults:
        await shout(line)
    return sweep


def _said(registry: Registry, found: MonitorPass, sweep: Sweep) -> str:
    still_open, known = len(registry.open_jobs()), len(registry.list())
    said = f"{still_open} open, {known} known, {len(found.changed)} changed, {found.requests} requests"
    if sweep.stopped:
        said += f", {len(sweep.stopped)} endpoints stopped that nobody used"
    if found.unreachable:
        said += f", {found.unreachable} could not be asked"
    if found.waiting:
        said += f", {found.waiting} left for the next pass"
    return said
