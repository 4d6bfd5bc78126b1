"""A running server: its port is taken before models are loaded, and it ends in order on Ctrl-C.

Neighbours: `app` is what it serves, `redraft.cli.serve_command` starts it.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import uvicorn

from redraft.errors import ConfigurationError
from redraft.serving.answering import LocalModel
from redraft.serving.app import make_app
from redraft.serving.batches import Batches

# For answers that are made while the server ends; a batch is told to break off.
SECONDS_TO_END = 5


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not yet listening; 0 is any free port.

    Raises ConfigurationError where it is taken, or not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as fault:
        raise ConfigurationError(f"--host {host}: no address of this machine ({fault.strerror or fault})") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as fault:
        bound.close()
        raise _taken(host, port, fault) from None
    return bound


def is_loopback(bound: socket.socket) -> bool:
    host: str = bound.getsockname()[0]
    return host == "::1" or host.startswith("127.")


async def serve(models: Sequence[LocalModel], bound: socket.socket, batch: int, ready: Callable[[], None]) -> None:
    """Answers until SIGINT or SIGTERM. `ready` is called once calls are taken; `batch` calls are answered together.

    Raises ConfigurationError where another server took the port meanwhile.
    """
    named = {model.folder.name: model for model in models}
    batches = Batches(named, batch)
    app = make_app(named, batches, loopback=is_loopback(bound))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )  # fmt: skip
    server = _Server(config, ready)
    loop = asyncio.get_running_loop()

    def end() -> None:
        batches.halt()
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        bound.listen()
    except OSError as fault:
        host, port, *_ = bound.getsockname()
        raise _taken(host, port, fault) from None
    async with batches:
        await server.serve([bound])


class _Server(uvicorn.Server):
    """Says when it takes calls, and leaves signals to `serve`: uvicorn would raise them again at its end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _taken(host: str, port: int, fault: OSError) -> ConfigurationError:
    return ConfigurationError(f"cannot listen on {host}:{port} ({fault.strerror or fault}); choose another --port")
