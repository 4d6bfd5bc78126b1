"""The provider of trainings, for commands that speak to it themselves and start no flow.

Some stop what costs money, so they need as little as possible: with the key in the environment, no Prefect.
Neighbours: `check_command`, `download_command` and `endpoints_commands`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redraft.cli.running import SECONDS_TO_START, quieten_prefect
from redraft.cli.temporary_server import start_unless_configured

if TYPE_CHECKING:
    from redraft.providers.endpoints import Endpoint
    from redraft.training.control_plane import ControlPlane


@contextmanager
def control_plane(credentials: str | None) -> Generator[ControlPlane]:
    """Together as this command's credentials reach it. Raises RedraftError."""
    from redraft.training.control_plane import opened

    with opened(_endpoint(credentials)) as plane:
        yield plane


def _endpoint(credentials: str | None) -> Endpoint:
    """Together as the environment describes it; from a credentials block where the environment has no key, or a set is
    asked for by name. Looking for blocks imports Prefect and may start its server."""
    from redraft.providers.chat import ChatClient
    from redraft.providers.environment import credentials_name, endpoint_from, key_in

    if credentials is None and credentials_name(None, os.environ) == "default" and key_in(os.environ, "together"):

        async def identified() -> Endpoint:
            async with ChatClient() as client:
                return await client.identify(endpoint_from(os.environ, "together"))

        return asyncio.run(identified())
    from tasks.open_jobs import together

    quieten_prefect()
    server = start_unless_configured()
    if server is not None:
        server.wait(SECONDS_TO_START)
    return asyncio.run(together(credentials))
