"""Whatever is wrong around a command, it ends with one line and a status, never with a traceback."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest

from redraft.calling.progress import WATCHERS, Progress
from redraft.cli import running, services
from redraft.errors import RedraftError
from redraft.training.formats import TrainingFile
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings

ROOT = Path(__file__).resolve().parents[3]
LOOPBACK = ROOT / "tests" / "loopback"
# Nobody listens on the port of `discard` here, and no answer takes long to fail.
DEAD = "http://127.0.0.1:9"


def redraft(folder: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "REDRAFT_")) and not name.endswith(("_API_KEY", "_BASE_URL"))
    }
    own = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(LOOPBACK), os.environ.get("PYTHONPATH", "")])),
        "PREFECT_HOME": str(folder / "prefect"),
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "redraft", *map(str, words)],
        cwd=folder, env={**keep, **own, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line about the fault."""
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("redraft: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def open_job(home: Path) -> None:
    """A job that the provider was asked for and that has not ended."""
    registry = Registry(home / "registry.sqlite")
    settings = TrainingSettings(model="base", suffix="mine")
    file = TrainingFile(path=home / "training.jsonl", sha256="0" * 64, rows=1)
    job = registry.plan(file, settings, endpoint=DEAD, simulated=True)
    registry.record(job, job_id="ft-1", state="running")


def test_listing_jobs_while_prefects_server_is_gone(tmp_path: Path) -> None:
    open_job(tmp_path / ".redraft")
    done = redraft(tmp_path, "jobs", "list", PREFECT_API_URL=f"{DEAD}/api")
    assert done.returncode == 0 and "ft-1" in done.stdout, "what is known here is shown all the same"
    assert "server cannot be reached" in one_line(done)
    assert "ft-1" in redraft(tmp_path, "jobs", "list", "--no-refresh", PREFECT_API_URL=f"{DEAD}/api").stdout


def test_a_demo_with_a_damaged_sandbox_says_how_to_begin_anew(tmp_path: Path) -> None:
    state = tmp_path / ".redraft" / "demo" / "sandbox.sqlite"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"this is no database " * 100)
    done = redraft(tmp_path, "demo")
    line = one_line(done)
    assert done.returncode == 1
    assert "sandbox.sqlite" in line and "not a database" in line and "--fresh" in line


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_file_where_the_state_folder_belongs_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / ".redraft").write_text("not a folder")
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = ("--port", one.getsockname()[1], "--reports-port", other.getsockname()[1])
    done = redraft(tmp_path, command, *(ports if command == "up" else ()))
    assert done.returncode == 1
    assert ".redraft" in one_line(done) and "Not a directory" in one_line(done)
    assert (tmp_path / ".redraft").read_text() == "not a folder"


@pytest.mark.parametrize(
    "words",
    [
        ("finetune", "--check-interval", "0"),
        ("study", "--check-interval", "0.05"),
        ("finetune", "--epochs", "0"),
        ("finetune", "--learning-rate", "0"),
        ("finetune", "-n", "0"),
        ("filter", "-n", "0"),
        ("filter", "--hold-out-last", "-1"),
        ("rewrite", "--rpm", "0"),
        ("rewrite", "--delay", "-1"),
        ("rewrite", "--tpm", "0"),
        ("rewrite", "--in-flight", "0"),
        ("rewrite", "--budget", "-1"),
        ("rewrite", "--pilot", "0"),
        ("retry", "dataset", "--move-on", "always"),
        ("study", "--mode", "fast"),
        ("evaluate", "-m1", "a", "-m2", "b", "--test-size", "0"),
        ("up", "--port", "70000"),
    ],
)
def test_a_number_out_of_range_is_bad_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = redraft(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: Invalid value for")
    assert not list(tmp_path.iterdir())


def test_a_demo_knows_nothing_of_the_users_prefect(tmp_path: Path) -> None:
    script = (
        "import os\nfrom redraft.cli.environment_commands import _point_at\n_point_at('http://127.0.0.1:1')\n"
        "from redraft.cli.running import quieten_prefect\nquieten_prefect()\n"
        "print(*sorted(name for name in os.environ if name.startswith('PREFECT_')), os.environ['PREFECT_HOME'])"
    )
    theirs = {
        "PREFECT_API_URL": DEAD, "PREFECT_API_DATABASE_CONNECTION_URL": "sqlite:///theirs.db",
        "PREFECT_PROFILES_PATH": "theirs.toml", "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, **theirs}, capture_output=True, text=True
    )
    assert done.stdout.endswith(f"{tmp_path / '.redraft' / 'demo' / 'prefect'}\n"), done.stderr
    assert not [name for name in theirs if name in done.stdout]


def test_a_bar_keeps_its_stage() -> None:
    """A stage that is gone would leave its id, and its bar, to the next one."""
    with running._bars():
        stage = Progress("rewrite", 10)
        for watcher in WATCHERS.get():
            watcher(stage)
        alive = weakref.ref(stage)
        del stage
        gc.collect()
        assert alive() is not None


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> services.Services:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "state"))
    return services.Services(tmp_path, 1, 2, None)


def test_a_part_of_up_that_hangs_ends_in_words(up: services.Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SECONDS_TO_START", 0.5)
    with pytest.raises(RedraftError, match="work pool could not be set up within"):
        up._run("work pool", [sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ))


def test_the_parts_of_up_share_its_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDRAFT_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    started_here = services.Services(ROOT, 1, 2, None)
    assert started_here._environment()["REDRAFT_HOME"] == str(tmp_path / ".redraft")


def test_up_notices_that_its_sandbox_is_gone_and_ctrl_c_does_not_reach_it(up: services.Services) -> None:
    sandbox = up._sandbox = services.start_sandbox({"port": 0})
    try:
        assert os.getsid(sandbox.process.pid) == sandbox.process.pid
        up._require_running()
        os.kill(sandbox.process.pid, signal.SIGKILL)
        until = time.monotonic() + 10
        while sandbox.process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        with pytest.raises(RedraftError, match="the sandbox ended with status -9"):
            up.wait()
    finally:
        sandbox.stop()


def test_a_sandbox_on_a_taken_port_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RedraftError, match="cannot listen") as fault:
            services.start_sandbox({"port": taken.getsockname()[1]})
    assert "\n" not in str(fault.value)
