"""Where a database is, and what people may be told of it: addresses without passwords, faults without statements.

Neighbours: `sqlite` has the settings of a file, `schemas` its tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError

from redraft.errors import ConfigurationError

_LONGEST = 200


def database_url(address: str | Path, drivers: Mapping[str, str], what: str) -> URL:
    """The URL of `address`, a path (SQLite) or a URL, with our driver for its kind of database.

    `drivers` has the driver names by `sqlite` and `postgresql`; `what` says whose address it is. Raises
    ConfigurationError, which never shows the address: it may hold a password.
    """
    if isinstance(address, Path) or "://" not in address:
        return URL.create(drivers["sqlite"], database=str(address))
    try:
        url = make_url(address)
        backend = url.drivername.partition("+")[0]
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"{what} address is no URL; write postgresql://user@host/database") from None
    kind = "postgresql" if backend == "postgres" else backend
    if kind not in drivers:
        raise ConfigurationError(f"{what} address: {backend} is not known; use sqlite or postgresql")
    if kind == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigurationError(f"{what} address names no file; write sqlite:///PATH or the path alone")
    if kind != "sqlite" and address.partition("?")[0].count("@") > 1:
        # The rest of the password would be taken for a host, and shown.
        raise ConfigurationError(f"{what} address has two @; write the one in the password as %40")
    return url.set(drivername=drivers[kind])


def shown(url: URL) -> str:
    """The address as people may see it: a file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def said(fault: BaseException) -> str:
    """The driver's own words, without the statement and its parameters: those hold people's texts."""
    original = getattr(fault, "orig", None) or fault
    return " ".join(str(original).split())[:_LONGEST] or type(original).__name__


def is_gone(fault: BaseException) -> bool:
    """Whether a server cannot be reached now, or ended the connection: it may be restarting."""
    if isinstance(fault, DBAPIError):
        state = sqlstate(fault)
        return fault.connection_invalidated or state.startswith(("08", "57P"))
    return isinstance(fault, ConnectionError)


def is_unfit(fault: BaseException) -> bool:
    """Whether the values are at fault: SQLite says so by kind, PostgreSQL by its classes of errors."""
    return isinstance(fault, (DataError, IntegrityError)) or sqlstate(fault).startswith(("22", "23"))


def sqlstate(fault: BaseException) -> str:
    """PostgreSQL's code of the error, empty where there is none."""
    return str(getattr(getattr(fault, "orig", None), "sqlstate", "") or "")
