"""Serves a local page until the command is interrupted; that is how a person ends it.

Neighbour: `redraft.local_pages`.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from redraft.local_pages import PageServer


async def serve_until_ended(server: PageServer, intent: str, ending: str) -> None:
    """Says `intent` with the address on standard output, and `ending` for people on the other."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with server:
        click.echo(f"{intent} on this page, which this machine alone can open: {server.address}")
        click.echo(f"Ctrl-C ends it; {ending}", err=True)
        await ended.wait()
