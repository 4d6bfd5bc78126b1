"""A command without a Prefect server of the user's has one of its own, and leaves none behind, however it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from redraft.cli import temporary_server
from redraft.cli.temporary_server import TemporaryServer

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample_conversations.json"
# Starts the server, says where it is, asks it what it was told to do and goes to sleep.
PROGRAM = """
import asyncio, time
from redraft.cli.temporary_server import start_unless_configured

server = start_unless_configured()
if server is None:
    print("none", flush=True)
else:
    server.wait(120)
    from prefect import flow, get_client

    @flow
    def work():
        return 7

    async def runs():
        async with get_client() as client:
            return len(await client.read_flow_runs())

    assert work() == 7 and asyncio.run(runs()) == 1
    print(server.api_url, flush=True)
time.sleep(120)
"""


DEAD_PROXY = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}


def environment(home: Path, **more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**ours, "PREFECT_HOME": str(home), "REDRAFT_HOME": str(home), **more}


def test_beside_a_proxy_it_works_and_ends_when_its_command_is_killed(
    tmp_path: Path, prefect_home: Callable[[Path], Path]
) -> None:
    prefect_home(tmp_path)
    given = environment(tmp_path, **DEAD_PROXY)
    command = subprocess.Popen([sys.executable, "-c", PROGRAM], env=given, stdout=subprocess.PIPE)
    assert command.stdout is not None
    url = command.stdout.readline().decode().strip()
    assert url.startswith("http://127.0.0.1:")
    command.kill()
    command.wait()  # not for the end of its output: the server holds that, too
    command.stdout.close()
    until = time.monotonic() + 20
    while listens(url):
        assert time.monotonic() < until
        time.sleep(0.1)


def listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) == 0


def test_a_configured_server_is_the_one_that_is_asked(tmp_path: Path) -> None:
    given = environment(tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api")
    command = subprocess.Popen([sys.executable, "-c", PROGRAM], env=given, stdout=subprocess.PIPE)
    assert command.stdout is not None and command.stdout.readline() == b"none\n"
    command.kill()
    command.communicate()


def test_it_says_why_it_ended(tmp_path: Path) -> None:
    given = environment(tmp_path, PREFECT_API_DATABASE_CONNECTION_URL="sqlite+aiosqlite:////nonexistent/prefect.db")
    server = TemporaryServer(given)
    try:
        with pytest.raises(RuntimeError, match=r"ended with status 3: .*unable to open database file"):
            server.wait(120)
    finally:
        server.stop()


def test_it_says_how_long_it_was_waited_for_only_where_that_was_it(
    tmp_path: Path, prefect_home: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefect_home(tmp_path)
    monkeypatch.setattr(temporary_server, "_SECONDS_TO_DIE", 0.1)
    server = TemporaryServer(environment(tmp_path))
    try:
        with pytest.raises(RuntimeError, match=r"did not answer within 0.01 s"):
            server.wait(0.01)
        server.api_url = "http://127.0.0.1:9"
        with pytest.raises(RuntimeError, match=r"cannot be asked \(.*refused"):
            server.wait(120)
    finally:
        server.stop()


def test_a_command_runs_with_it_and_stops_it(tmp_path: Path) -> None:
    """A first start, which makes the database."""
    words = [sys.executable, "-m", "redraft", "filter", "-i", str(SAMPLE), "-o", str(tmp_path / "filtered")]
    done = subprocess.run(words, env=environment(tmp_path), capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "prefect" / "prefect.db").exists() or (tmp_path / "prefect.db").exists()
    assert "temporary_server" not in running_below(tmp_path)


def running_below(home: Path) -> str:
    """The command lines of the processes whose Prefect home this is."""
    lines: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"PREFECT_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return "\n".join(lines)
