"""What all tests share: no network beyond loopback, no skips where CI has everything, one real Prefect server."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import certifi
import pytest
import trustme
from filelock import FileLock
from hypothesis import settings

from redraft.sandbox.process import SandboxProcess

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

gc.disable()  # until all is collected: a quarter of the time of that is looking for garbage among it
# Else each process that a test starts compiles all of redraft for itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = Path(__file__).parent / "loopback"
# What a Prefect server does with its database before anything else.
MIGRATION = """
import asyncio
from prefect.server.database import provide_database_interface

asyncio.run(provide_database_interface().create_db())
"""


# What a server does over and over for deployments and pauses, which are tested with servers of their own.
_UNUSED = ("SCHEDULER", "LATE_RUNS", "FOREMAN", "REPOSSESSOR", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS")


def _loaded(name: str, path: Path) -> ModuleType:
    """A module beside the tests: there are no packages here to import it from."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_loaded("loopback_only", LOOPBACK / "sitecustomize.py")
# One PostgreSQL server for all tests, started by the first that wants it.
_postgres = _loaded("postgres", Path(__file__).with_name("postgres.py"))
postgres_url, postgres_database = _postgres.postgres_url, _postgres.postgres_database
toy_curriculum = _loaded("toy_curriculum", Path(__file__).with_name("toy_curriculum.py")).toy_curriculum
# Sandboxes, and the tests' own programs, are forked from one process that has imported what they need.
_forker = _loaded("sandboxes", Path(__file__).with_name("sandboxes.py")).Forker()
SandboxProcess.launch = _forker


@pytest.fixture(scope="session")
def forked() -> Callable[..., subprocess.Popen[Any]]:
    """Starts a Python program as `subprocess.Popen` does, but for its start-up."""
    return _forker


@pytest.fixture(scope="session", autouse=True)
def _sandboxes_end() -> Iterator[None]:
    yield
    _forker.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """What is collected stays to the end: nobody looks through it for garbage, here or in a forked process."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With REDRAFT_NO_SKIPS a skipped test fails: CI has everything that a test may miss elsewhere."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("REDRAFT_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where nothing may be missing: {report.longrepr}"


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder shared/ is not beside the checkout")
    return folder


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Makes a folder the home of a Prefect server that has been started before: its migrations take seven seconds of
    CPU, so all test processes copy what one of them made."""
    ours = tmp_path_factory.getbasetemp()
    made = (ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours) / "prefect-migrated"
    with FileLock(made.with_suffix(".lock")):
        if not made.exists():
            home = tmp_path_factory.mktemp("migrated")
            words = [sys.executable, "-c", MIGRATION]
            subprocess.run(words, env={**os.environ, "PREFECT_HOME": str(home)}, check=True)
            home.rename(made)

    def copied(folder: Path) -> Path:
        return Path(shutil.copytree(made, folder, dirs_exist_ok=True))

    return copied


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of certificates that is read at once. An HTTP client reads one when it is made, also where nothing is
    encrypted, and the public ones are a hundred and fifty: 30 ms each."""
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    return str(file)


@pytest.fixture(scope="session", autouse=True)
def _few_authorities(one_authority: str) -> Iterator[None]:
    """Nothing that a public authority vouches for is reached from here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", one_authority)
        patch.setattr(certifi, "where", lambda: one_authority)
        yield


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory, prefect_home: Callable[[Path], Path]) -> Iterator[str]:
    """The API URL of a Prefect server with a database of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = prefect_home(tmp_path_factory.mktemp("prefect"))
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        **{f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in _UNUSED},
    }
    words = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_for(f"{url}/health", server, home / "server.log")
        yield url
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the Prefect server did not come up: {log.read_text()[-2000:]}")


class Project:
    """An empty folder of a user who works with the sandbox: `run` starts the command line in it."""

    def __init__(self, folder: Path, prefect_url: str, sandbox_url: str, authority: str) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))},
            "PYTHONPATH": os.pathsep.join(filter(None, [str(LOOPBACK), os.environ.get("PYTHONPATH", "")])),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": prefect_url,
            "PREFECT_API_SSL_CERT_FILE": authority,
            "REDRAFT_HOME": str(folder / ".redraft"),
            "TOGETHER_BASE_URL": sandbox_url,
            "TOGETHER_API_KEY": "sandbox",
            "COLUMNS": "200",
        }

    def start(self, *words: object, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "redraft", *map(str, words)],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *words: object, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        """What the command said; the test fails where its exit status is another."""
        with self.start(*words, **environment) as process:
            try:
                out, err = process.communicate(timeout=180)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                raise
        done = subprocess.CompletedProcess(words, process.returncode, out.decode(), err.decode())
        assert done.returncode == status, f"{words}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture
def project(tmp_path: Path, prefect_url: str, sandbox: SandboxProcess, one_authority: str) -> Project:
    return Project(tmp_path, prefect_url, sandbox.url, one_authority)


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    return start_sandbox(seed=1, job_seconds=1)


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., SandboxProcess]]:
    """Starts sandboxes with options of the test's own; they end with it."""
    running: list[SandboxProcess] = []

    def start(**options: object) -> SandboxProcess:
        running.append(SandboxProcess.start(options))
        return running[-1]

    yield start
    for one in running:
        one.stop()
