"""Blocks every connection that leaves this machine, in the tests and in each process that they start."""

import ipaddress
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
