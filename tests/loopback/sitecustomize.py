"""In the tests and in each process that they start: no connection leaves this machine, and a disk can be full."""

import gc
import ipaddress
import os
import resource
import signal
import sys


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not _loopback(str(address[0])):
            raise PermissionError(f"tests stay on this machine; refused {address[0]}")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


sys.addaudithook(_refuse)

# What a process imports is no garbage: looking through it after every 700 objects is a seventh of its start.
gc.set_threshold(10_000)

if limit := os.environ.get("REDRAFT_TEST_FILE_LIMIT"):
    # No file may grow beyond so many bytes: writing fails as on a full disk, with an error and not a signal.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
