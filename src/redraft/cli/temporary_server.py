"""Prefect's server for one command, where the user configured none: as Prefect's own, but sooner and tied to us.

Sooner: it starts while the flows are imported, and this process need not import the server to start it. Tied: it ends
when this process does, by whatever end, and Ctrl-C reaches it only through us. Neighbour: `running`.
Run as a program, this file is the server itself; it then imports nothing of redraft.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
import urllib.request

# What Prefect sets for a server of its own making: no UI, no scheduler, one app in the process.
_ENVIRONMENT = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
_SECONDS_TO_STOP = 5.0


class TemporaryServer:
    """A Prefect server on a free port of loopback, starting from the moment this is made."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            self._origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
            # Its standard input is a pipe that only we hold: it ends when we do, even by kill -9.
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-P", __file__, str(listening.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[listening.fileno()],
                env={**environment, **_ENVIRONMENT},
                start_new_session=True,
            )
        self.api_url = f"{self._origin}/api"

    def wait(self, seconds: float) -> None:
        """Returns when it answers. Raises RuntimeError where it ends or `seconds` pass before."""
        try:
            # The port listens already: the request lies there until the server is ready, or gone.
            with urllib.request.urlopen(f"{self.api_url}/health", timeout=seconds):  # noqa: S310  our own
                return
        except OSError as fault:
            ended = self._process.poll()
            how = f"ended with status {ended}" if ended is not None else f"did not answer within {seconds:.0f} s"
            raise RuntimeError(f"Prefect's temporary server {how}") from fault

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_unless_configured() -> TemporaryServer | None:
    """The server, starting; None where an API is configured, or Prefect's settings forbid a temporary one.

    From here on this process and its children ask that server. It stops at exit, after what Prefect has to say then.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    if settings.api.url or not settings.server.ephemeral.enabled:
        return None
    server = TemporaryServer({**os.environ, **settings.to_environment_variables(exclude_unset=True)})
    atexit.register(server.stop)
    os.environ["PREFECT_API_URL"] = server.api_url
    refresh_global_settings_context()
    return server


def _serve(listening: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn

    config = uvicorn.Config("prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


def _end_with_parent() -> None:
    import signal
    import time

    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_STOP)
    os._exit(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
