"""Runs the application until a signal, or until the parent process is gone.

Neighbours: `app` is what runs, `command` reads the options.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable

import msgspec
from aiohttp import web

from redraft.sandbox.app import make_app
from redraft.sandbox.options import Options

PARENT_CHECK = 0.5  # seconds


async def serve(options: Options, say: Callable[[str], None]) -> int:
    """Serves until SIGTERM or SIGINT and says `sandbox: URL` once it listens; the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.access_log:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    try:
        app = make_app(options)
    except (OSError, sqlite3.Error, msgspec.DecodeError) as error:
        sys.stderr.write(f"sandbox: cannot use --state {options.state} or --script {options.script}: {error}\n")
        return 1
    access = logging.getLogger("aiohttp.access") if options.access_log else None
    runner = web.AppRunner(app, access_log=access, shutdown_timeout=0.5, keepalive_timeout=120)
    await runner.setup()
    try:
        site = web.TCPSite(runner, options.host, options.port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            sys.stderr.write(f"sandbox: cannot listen on {options.host}:{options.port}: {error.strerror}\n")
            return 1
        port = runner.addresses[0][1]
        # Before anybody knows that it listens, and may end: afterwards it would watch whoever adopts it.
        watch = asyncio.create_task(_watch_parent(stop, os.getppid())) if options.exit_with_parent else None
        say(f"sandbox: http://{options.host}:{port}")
        await stop.wait()
        if watch:
            watch.cancel()
    finally:
        await runner.cleanup()
    return 0


async def _watch_parent(stop: asyncio.Event, parent: int) -> None:
    """Sets `stop` when standard input (a pipe held by the parent) closes or the process `parent` is it no more."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop.set()

    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        loop.add_reader(0, read)
    while not stop.is_set():
        if os.getppid() != parent:
            stop.set()
        await asyncio.sleep(PARENT_CHECK)
