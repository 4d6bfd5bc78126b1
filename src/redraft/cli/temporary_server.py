"""Prefect's server for one command, where the user configured none: as Prefect's own, but sooner and tied to us.

Sooner: it starts while the flows are imported, and this process need not import the server to start it. Tied: it ends
when this process does, by whatever end, and Ctrl-C reaches it only through us. Neighbour: `running`.
Run as a program, this file is the server itself; it then imports nothing of redraft.
"""

from __future__ import annotations

import atexit
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import deque
from http.client import HTTPException
from typing import IO

# What Prefect sets for a server of its own making: no UI, no scheduler, one app in the process. What it says of errors
# goes to us and not to the terminal.
_ENVIRONMENT = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR",
}
_SECONDS_TO_STOP = 5.0
# The connection of a process that dies is gone before the process is.
_SECONDS_TO_DIE = 5.0
_LAST_LINES = 100
_NEVER_STARTED = 3
# The end of a traceback, in the last lines of a process: `sqlite3.OperationalError: unable to open database file`.
_RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception): .")
_HERE = "127.0.0.1"
# Loopback is never asked for through a proxy.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class TemporaryServer:
    """A Prefect server on a free port of loopback, starting from the moment this is made."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server((_HERE, 0), backlog=128) as listening:
            self._origin = f"http://{_HERE}:{listening.getsockname()[1]}"
            # Its standard input is a pipe that only we hold: it ends when we do, even by kill -9.
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-P", __file__, str(listening.fileno())],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[listening.fileno()],
                env={**environment, **_ENVIRONMENT},
                start_new_session=True,
            )
        self.api_url = f"{self._origin}/api"
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        # As it comes: a pipe that nobody reads would stop the server once it is full.
        self._listening = threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True)
        self._listening.start()

    def wait(self, seconds: float) -> None:
        """Returns when it answers. Raises RuntimeError, with the cause, where it ends or `seconds` pass before."""
        try:
            # The port listens already: the request lies there until the server is ready, or gone.
            with _DIRECTLY.open(f"{self.api_url}/health", timeout=seconds):
                return
        except (OSError, HTTPException) as fault:
            raise RuntimeError(f"Prefect's temporary server {self._trouble(fault, seconds)}") from fault

    def _trouble(self, fault: Exception, seconds: float) -> str:
        try:
            status = self._process.wait(_SECONDS_TO_DIE)
        except subprocess.TimeoutExpired:
            late = isinstance(fault, TimeoutError) or isinstance(getattr(fault, "reason", None), TimeoutError)
            how = f"did not answer within {seconds:g} s" if late else f"cannot be asked ({fault})"
        else:
            self._listening.join(_SECONDS_TO_DIE)
            how = f"ended with status {status}"
        said = self._last_error()
        return f"{how}: {said}" if said else how

    def _listen(self, errors: IO[bytes]) -> None:
        with errors:
            for line in errors:
                self._said.append(line.decode(errors="replace").strip())

    def _last_error(self) -> str:
        """What was raised last, or else the last line that says anything."""
        said = [line for line in self._said if line]
        return next((line for line in reversed(said) if _RAISED.match(line)), said[-1] if said else "")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listening.join(_SECONDS_TO_STOP)
        if self._process.stdin is not None:
            self._process.stdin.close()


def start_unless_configured() -> TemporaryServer | None:
    """The server, starting; None where an API is configured, or Prefect's settings forbid a temporary one.

    From here on this process and its children ask that server. It stops at exit, after what Prefect has to say then.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    if settings.api.url or not settings.server.ephemeral.enabled:
        return None
    _spare_loopback_the_proxy()
    server = TemporaryServer({**os.environ, **settings.to_environment_variables(exclude_unset=True)})
    atexit.register(server.stop)
    os.environ["PREFECT_API_URL"] = server.api_url
    refresh_global_settings_context()
    return server


def _spare_loopback_the_proxy() -> None:
    """Has Prefect's client, which asks proxies as the environment names them, reach the server directly."""
    if not urllib.request.getproxies() or urllib.request.proxy_bypass(_HERE):
        return
    # As everybody reads them: the one in lower case counts where there are both.
    spared = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, (spared, _HERE)))


def _serve(listening: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn

    config = uvicorn.Config("prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    server.run(sockets=[socket.socket(fileno=listening)])
    if not server.started:
        os._exit(_NEVER_STARTED)  # at once: whoever waits for the end would else wait for the database's threads


def _end_with_parent() -> None:
    import signal
    import time

    # Not by `sys.stdin`: whoever ends while another thread waits in it is aborted.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_STOP)
    os._exit(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
