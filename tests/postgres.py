"""A PostgreSQL server of the tests' own, in a temporary folder, on loopback; `conftest` files offer it as a fixture."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

# Nothing of it outlives the tests: it need not wait for the disk.
_OPTIONS = "-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=100 -c shared_buffers=16MB"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a server that the tests may do anything with."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL (initdb, pg_ctl) is not installed")
    folder = Path(tempfile.mkdtemp(prefix="redraft-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)  # the server refuses to run as root
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "data", *words],
            user=user, group=user, cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    try:
        run("initdb", "--auth=trust", "--username=redraft", "--no-sync")
        run("pg_ctl", "start", "--wait", f"--log={folder / 'log'}", "-o", _OPTIONS.format(port=port, folder=folder))
        try:
            yield f"postgresql://redraft@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_database(postgres_url: str) -> str:
    """The URL of an empty database of the test's own."""
    name = f"t{uuid.uuid4().hex}"

    async def create() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return postgres_url.removesuffix("postgres") + name


def _programs() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return versions[-1].parent if versions else None
