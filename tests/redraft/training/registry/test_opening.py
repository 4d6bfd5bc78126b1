"""A registry opens on what an earlier redraft left, after a death too, and says in one line where it cannot."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from redraft.errors import ConfigurationError, RedraftError, StorageError
from redraft.training.registry import Registry, TrainingJob, registry_address
from redraft.training.registry.tables import metadata
from redraft.training.states import JobState

Start = Callable[..., Any]
Plan = Callable[..., TrainingJob]

OLD = """
CREATE TABLE IF NOT EXISTS jobs (
    job_key NOT NULL, attempt NOT NULL, endpoint, simulated, name, suffix, state NOT NULL, base_model, training_path,
    training_sha256, dataset_path, dataset_hash, parameters, counts, created_at, updated_at, file_id, job_id,
    model_output_name, provider_status, price, progress, submitting_since, record_path, last_error,
    PRIMARY KEY (job_key, attempt)
)"""
DONE = (
    "k1", 2, "together", 1, "arm", "study-00000000", "completed", "meta/llama", "arm_training.jsonl", "s1",
    "arm.parquet", "d1", '{"epochs":3,"model":"meta/llama"}', '{"rows":3}', "2026-11-02T00:00:00.000+00:00",
    "2026-11-02T01:00:00.000+00:00", "file-1", "ft-1", "me/llama-study-1", "completed", 4, 1, None,
    "models/arm.json", None,
)  # fmt: skip
RUNNING = (
    "k1", 1, "together", 0, "arm", "study-k1", "running", "meta/llama", "arm_training.jsonl", "s1", None, None,
    "{}", "{}", "2026-11-01T00:00:00.000+00:00", "2026-11-01T01:00:00.000+00:00", None, "ft-0", None, "running", None,
    0.25, None, None,
    "é",
)  # fmt: skip


def write_old(path: Path, more: int = 0) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(OLD)
        rows = [DONE, RUNNING, *((f"m{number}", *RUNNING[1:]) for number in range(more))]
        database.executemany(f"INSERT INTO jobs VALUES ({', '.join('?' * len(DONE))})", rows)  # noqa: S608


def refusal(address: str | Path, error: type[RedraftError] = StorageError) -> str:
    with pytest.raises(error) as caught:
        Registry(address)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_old_registry_keeps_its_jobs(tmp_path: Path, plan: Plan) -> None:
    path = tmp_path / "registry.sqlite"
    write_old(path)
    with Registry(path) as registry:
        done, running = registry.list()
        assert done == TrainingJob(
            job_key="k1", attempt=2, endpoint="together", simulated=True, name="arm", suffix="study-00000000",
            state=JobState.COMPLETED, base_model="meta/llama", training_path="arm_training.jsonl", training_sha256="s1",
            dataset_path="arm.parquet", dataset_hash="d1", parameters={"epochs": 3, "model": "meta/llama"},
            counts={"rows": 3}, created_at="2026-11-02T00:00:00.000+00:00", updated_at="2026-11-02T01:00:00.000+00:00",
            file_id="file-1", job_id="ft-1", model_output_name="me/llama-study-1", provider_status="completed",
            price=4.0, progress=1.0, record_path="models/arm.json",
        )  # fmt: skip
        assert (running.state, running.progress, running.last_error, running.simulated) == ("running", 0.25, "é", False)
        assert registry.open_jobs() == [running]
        assert registry.unannounced() == [], "what ended long ago is no news"
        moved, mine = registry.moved(running, JobState.ERROR)
        assert mine and registry.unannounced() == [moved]
        plan(registry)
    with closing(sqlite3.connect(path)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"jobs", "job_events", "registry_version"} <= tables and not any("before" in name for name in tables)


def test_a_still_older_one_lacks_some_columns(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    write_old(path)
    with closing(sqlite3.connect(path)) as database:
        for column in ("price", "simulated", "counts", "created_at"):
            database.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
    with Registry(path) as registry:
        job = registry.by_model("me/llama-study-1")
        assert job and (job.price, job.simulated, job.counts, job.created_at) == (None, False, {}, "")


@pytest.mark.parametrize("word", ["INSERT INTO jobs", "DROP TABLE", "COMMIT"])
def test_a_death_while_jobs_are_taken_over_loses_none(tmp_path: Path, word: str, start: Start) -> None:
    path = tmp_path / "registry.sqlite"
    write_old(path, more=500)
    assert start("die_while_opening", path, word).wait() == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("jobs",)]
    with Registry(path) as registry:
        assert len(registry.list()) == 502


def test_several_processes_may_be_the_first(address: str, start: Start) -> None:
    for process in [start("open_and_close", address) for _ in range(3)]:
        out, errors = process.communicate()
        assert (process.returncode, out, errors) == (0, "open\n", "")


def test_the_migrations_make_the_tables_that_the_code_knows(registry: Registry) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": "registry_version"})
        return list(compare_metadata(context, metadata))

    assert registry.database.read(differences) == []


def test_what_is_no_registry_of_ours_is_left_alone(tmp_path: Path) -> None:
    noise, other, newer = (tmp_path / name for name in ("noise.sqlite", "other.sqlite", "newer.sqlite"))
    noise.write_bytes(b"not a database at all" * 100)
    assert str(noise) in refusal(noise) and "not a database" in refusal(noise)
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE jobs (title TEXT)")
    assert "another program's database, with a table jobs" in refusal(other)
    with closing(sqlite3.connect(other)) as database:
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    Registry(newer).close()
    with closing(sqlite3.connect(newer)) as database, database:
        database.execute("UPDATE registry_version SET version_num = '9999'")
    assert "newer redraft: schema 9999" in refusal(newer)


def test_a_damaged_row_is_one_line(tmp_path: Path, plan: Plan) -> None:
    path = tmp_path / "registry.sqlite"
    with Registry(path) as registry:
        plan(registry)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE jobs SET parameters = '{'")
        with pytest.raises(StorageError, match="cannot be used") as caught:
            registry.list()
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/x", "cannot be used"),
        ("postgresql://me:hunter2@127.0.0.1:1/x?ssl=require", "cannot be used"),
        ("postgresql://me:hunter2@127.0.0.1:1/x?colour=red", "cannot be used"),
        ("postgresql://127.0.0.1:1/x?user=me&password=hunter2", "cannot be used"),
        ("postgresql://me:it@hunter2@127.0.0.1:1/x", "two @"),
        ("postgresql://me:it@hunter2/it@127.0.0.1:1/x", "two @"),
        ("postgresql://me:hunter2@127.0.0.1:port/x", "no URL"),
        ("mysql://me:hunter2@127.0.0.1/x", "mysql is not known"),
        ("sqlite://", "names no file"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line_without_its_password(address: str, word: str) -> None:
    said = refusal(address, StorageError if word == "cannot be used" else ConfigurationError)
    assert word in said and "hunter2" not in said


def test_a_refused_password_is_not_said(postgres_url: str) -> None:
    said = refusal(postgres_url.replace("redraft@", "nobody:hunter2@"))
    assert "nobody" in said and "hunter2" not in said


def test_the_address_comes_from_the_environment(tmp_path: Path) -> None:
    assert registry_address({"REDRAFT_HOME": str(tmp_path)}) == tmp_path / "registry.sqlite"
    assert registry_address({"REDRAFT_REGISTRY_URL": "postgresql://h/d", "REDRAFT_HOME": "x"}) == "postgresql://h/d"


def test_a_server_that_comes_back_is_waited_for(postgres_url: str, postgres_database: str, plan: Plan) -> None:
    """Its connections ended, and for a second it takes none: as in a restart."""
    name = postgres_database.rpartition("/")[2]
    with Registry(postgres_database) as registry, psycopg.connect(postgres_url, autocommit=True) as server:
        job = plan(registry)
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        back = threading.Timer(1, lambda: server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        back.start()
        began = time.monotonic()
        assert registry.record(job, state=JobState.RUNNING).moves == 1
        assert time.monotonic() - began > 0.9
        back.join()
