"""What was paid is there: after a kill, beside another writer, on a full disk, and word for word."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.calling.ledger import Ledger
from redraft.errors import StorageError
from redraft.records import Completion, Failure, Outcome

TEXT = st.text(max_size=40)
COUNTS = st.integers(0, 10**9)
MONEY = st.none() | st.floats(0, 1e6)
COMPLETIONS = st.builds(
    Completion,
    request_key=TEXT, text=st.text(), model=TEXT, answered_model=TEXT, provider=TEXT, finish_reason=TEXT,
    input_tokens=COUNTS, output_tokens=COUNTS, cost=MONEY, latency=st.floats(0, 1e6), attempts=COUNTS,
    created_at=TEXT, simulated=st.booleans(), reused=st.just(False),
)  # fmt: skip
FAILURES = st.builds(
    Failure,
    request_key=TEXT, model=TEXT, reason=TEXT, detail=TEXT, attempts=COUNTS, input_tokens=COUNTS,
    output_tokens=COUNTS, cost=MONEY, simulated=st.booleans(), reused=st.just(False),
)  # fmt: skip


# A program that writes rows and says each key once its row is recorded.
WRITER = """
import sys
from pathlib import Path
from redraft.calling.ledger import Ledger
from redraft.records import Completion

def row(key):
    return Completion(request_key=key, text="x" * 2000, model="m", answered_model="m", provider="together",
        finish_reason="stop", input_tokens=1, output_tokens=1, cost=0.1, latency=0.1, attempts=1,
        created_at="2026-11-11T00:00:00+00:00", simulated=False)

def write(path, name, count):
    with Ledger(Path(path)) as ledger:
        for i in range(count):
            ledger.put(row(f"{name}-{i}"))
            print(f"{name}-{i}", flush=True)
"""


def writer(more: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER + more, *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(outcomes=st.lists(COMPLETIONS | FAILURES, max_size=8))
def test_what_is_put_comes_back(tmp_path: Path, outcomes: list[Outcome]) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        for outcome in outcomes:
            ledger.put(outcome)
    with Ledger(path) as ledger:
        for key, last in {outcome.request_key: outcome for outcome in outcomes}.items():
            assert ledger.get(key) == msgspec.structs.replace(last, reused=True)
        assert ledger.get("never asked") is None


def test_a_killed_writer_loses_nothing_that_it_recorded(tmp_path: Path) -> None:
    path = tmp_path / "home" / "ledger.sqlite"
    with writer("write(sys.argv[1], 'row', 10**6)", path) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(300)]
        process.send_signal(signal.SIGKILL)
        said += [line.strip() for line in process.stdout if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    with Ledger(path) as ledger:
        assert all(ledger.get(key) is not None for key in said)
        assert len(said) <= len(ledger) <= len(said) + 1
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    with writer("write(sys.argv[1], 'row', 1)", path) as process:
        assert process.wait() == 0, "and it goes on"


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    writers = [writer("write(sys.argv[1], sys.argv[2], 400); write(sys.argv[1], 'both', 50)", path, n) for n in "ab"]
    for process in writers:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    with Ledger(path) as ledger:
        assert len(ledger) == 850


FULL = """
import resource, signal
from redraft.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write(sys.argv[1], "row", 10000)
except StorageError as error:
    print(error, file=sys.stderr)
    raise SystemExit(error.exit_status)
"""


@pytest.mark.parametrize("room", [0, 1000, 400_000])
def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path, room: int) -> None:
    path = tmp_path / "ledger.sqlite"
    with writer(FULL, path, room) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert errors.count("\n") == 1 and str(path) in errors and "free space" in errors
    said = out.split()
    assert len(said) > 20 if room > 1000 else said == []
    with Ledger(path) as ledger:
        assert all(ledger.get(key) is not None for key in said)


def test_what_is_no_ledger_is_one_line(tmp_path: Path) -> None:
    noise, folder = tmp_path / "noise.sqlite", tmp_path / "folder"
    noise.write_bytes(b"not a database at all" * 100)
    folder.mkdir()
    for path in (noise, folder, noise / "below.sqlite"):
        with pytest.raises(StorageError, match="cannot be opened") as caught:
            Ledger(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert noise.read_bytes().startswith(b"not a database")


def test_a_damaged_row_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path):
        pass
    database = sqlite3.connect(path)
    with database:
        database.execute("INSERT INTO calls VALUES ('k', 'completion', 'm', X'7B')")
    database.close()
    with Ledger(path) as ledger, pytest.raises(StorageError, match="cannot be read"):
        ledger.get("k")
