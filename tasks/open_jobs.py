"""Asks the provider about every training job that is still open."""

from __future__ import annotations

import asyncio

from blocks.credentials import endpoint_of
from redraft.errors import RedraftError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.watching import poll
from tasks.session import credentials_name
from tasks.training_job import MODELS


async def refresh_open_jobs(registry: Registry, credentials: str | None) -> list[str]:
    """Records what the provider says; a line for each job that could not be asked about."""
    try:
        endpoint = await endpoint_of("together", credentials_name(credentials))
        async with ChatClient() as client:
            endpoint = await client.identify(endpoint)
    except RedraftError as fault:
        return [f"open jobs could not be asked about: {fault}"]
    return await asyncio.to_thread(_poll, registry, endpoint)


def _poll(registry: Registry, endpoint: Endpoint) -> list[str]:
    lines: list[str] = []
    with HostedTraining(endpoint, registry, models=MODELS, tries=2) as training:
        for job in registry.list():
            if job.job_id is None or job.state.terminal:
                continue
            if job.endpoint != training.endpoint_name:
                lines.append(f"{job.job_id} is at {job.endpoint}, not asked")
                continue
            view = poll(training, job)
            if view.fault:
                lines.append(f"{job.job_id}: {view.fault}")
    return lines
