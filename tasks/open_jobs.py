"""Looks at training jobs that are due, at the provider and on this machine; stops endpoints that nobody uses."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx

from blocks.credentials import endpoint_of
from redraft.errors import RedraftError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import opened
from redraft.training.due import due, note_sought
from redraft.training.local.watching import local_pass
from redraft.training.monitoring import PASS_SECONDS, REQUEST_SECONDS, MonitorPass, MonitorRule, monitor_pass
from redraft.training.registry import Registry
from redraft.training.serving.orphans import Sweep, may_have_orphans, stop_orphans
from tasks.session import credentials_name
from tasks.training_job import MODELS

# A request that fails is sent once more; after that the next pass asks.
TRIES = 2
# A person who asks how the jobs stand means the lost ones, too.
ASKED = MonitorRule(seek_again=0)


async def together(credentials: str | None) -> Endpoint:
    """Together's endpoint, as the credentials name it. Raises ConfigurationError, ProviderError; RedraftError where
    Prefect's server, which has the blocks, cannot be reached."""
    try:
        endpoint = await endpoint_of("together", credentials_name(credentials))
    except httpx.TransportError as fault:
        raise RedraftError(
            f"Prefect's server cannot be reached to look for credentials ({fault}); start it or unset PREFECT_API_URL"
        ) from fault
    async with ChatClient() as client:
        return await client.identify(endpoint)


async def look_at_open_jobs(
    registry: Registry, credentials: str | None, rule: MonitorRule | None = None
) -> MonitorPass:
    """One pass over the jobs that are due, without a `rule` as a person wants it; nobody is asked where none is at a
    provider. That they could not be asked about is told in it, and noted in the registry."""
    rule = rule or ASKED
    here = await asyncio.to_thread(local_pass, registry, rule.stall, MODELS)
    return here.and_of(await _look_at_hosted(registry, credentials, rule))


async def _look_at_hosted(registry: Registry, credentials: str | None, rule: MonitorRule) -> MonitorPass:
    jobs = await asyncio.to_thread(due, registry, timedelta(seconds=rule.seek_again))
    if not jobs.hosted:
        return MonitorPass()
    try:
        endpoint = await together(credentials)
    except RedraftError as fault:
        await asyncio.to_thread(registry.unreachable, jobs.open_jobs)
        await asyncio.to_thread(note_sought, registry, jobs.sought)
        count = len(jobs.open_jobs)
        line = f"training jobs could not be asked about: {fault}"
        return MonitorPass(watched=count, unreachable=count, faults=(line,))
    return await asyncio.to_thread(_pass, registry, endpoint, rule)


async def stop_left_endpoints(registry: Registry, credentials: str | None, max_seconds: float = PASS_SECONDS) -> Sweep:
    """Stops the endpoints that outlived their run: they cost money by the hour. Asks nobody where none is open, and
    nobody later than `max_seconds` from now; what is left then is told as a fault, and the next pass stops it."""
    if not await asyncio.to_thread(may_have_orphans, registry):
        return Sweep()
    try:
        endpoint = await together(credentials)
    except RedraftError as fault:
        return Sweep(faults=(f"endpoints may still run, and cannot be looked at: {fault}",))
    return await asyncio.to_thread(_sweep, registry, endpoint, max_seconds)


def _sweep(registry: Registry, endpoint: Endpoint, max_seconds: float) -> Sweep:
    with opened(endpoint, TRIES) as plane, plane.within(max_seconds, REQUEST_SECONDS):
        return stop_orphans(plane, registry)


def _pass(registry: Registry, endpoint: Endpoint, rule: MonitorRule) -> MonitorPass:
    with opened(endpoint, TRIES) as plane:
        return monitor_pass(plane, registry, rule, models=MODELS)
