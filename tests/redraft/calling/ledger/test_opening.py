"""A ledger opens on what an earlier redraft left, after a death at any point, and says in one line where it cannot."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from redraft.calling.ledger import Entry, Ledger, ledger_address
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.tables import metadata
from redraft.calling.ledger.transactions import Transaction
from redraft.errors import ConfigurationError, RedraftError, StorageError
from redraft.records import Completion, Failure

Start = Callable[..., subprocess.Popen[str]]
Answer = Callable[..., Entry]

OLD = """
CREATE TABLE IF NOT EXISTS calls (
    request_key TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('completion', 'failure')),
    model       TEXT NOT NULL,
    outcome     BLOB NOT NULL
) WITHOUT ROWID
"""
OLD_COMPLETION = (
    b'{"request_key":"paid","text":"Because \\u00e9.","model":"together:m","answered_model":"m-1",'
    b'"provider":"together","finish_reason":"stop","input_tokens":3,"output_tokens":2,"cost":0.25,"latency":0.5,"attempts":1,'
    b'"created_at":"2026-11-11T00:00:00+00:00","simulated":true,"reused":false}'
)
OLD_FAILURE = b'{"request_key":"no","model":"together:m","reason":"refused","detail":"no","attempts":2,"cost":null}'


def write_old(path: Path, more: int = 0) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(OLD)
        rows = [("paid", "completion", OLD_COMPLETION), ("no", "failure", OLD_FAILURE), ("damaged", "completion", b"{")]
        rows += [(f"k{number}", "completion", OLD_COMPLETION) for number in range(more)]
        database.executemany("INSERT INTO calls VALUES (?, ?, 'together:m', ?)", rows)


def opened(address: str | Path) -> None:
    async def run() -> None:
        async with Ledger(address):
            pass

    asyncio.run(run())


def refusal(address: str | Path, error: type[RedraftError] = StorageError) -> str:
    with pytest.raises(error) as caught:
        opened(address)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_old_ledger_keeps_its_answers(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    write_old(path)

    async def run() -> None:
        async with Ledger(path) as ledger:
            found = await ledger.find(["paid", "no", "never"])
            paid = msgspec.json.decode(OLD_COMPLETION, type=Completion)
            refused = msgspec.json.decode(OLD_FAILURE, type=Failure)
            assert found == {
                "paid": msgspec.structs.replace(paid, reused=True),
                "no": msgspec.structs.replace(refused, reused=True),
            }
            with pytest.raises(StorageError, match="damaged"):
                await ledger.find(["damaged"])
            rows = await ledger.database.read(
                lambda transaction: transaction.rows(
                    "SELECT provider, answered_model, input_tokens, cost, simulated, created_at, reason "
                    "FROM answers WHERE request_key IN ('paid', 'no') ORDER BY request_key DESC"
                )
            )
            assert [tuple(row) for row in rows] == [
                ("together", "m-1", 3, 0.25, 1, 1794355200.0, None),
                ("", "", 0, None, 0, 0.0, "refused"),
            ]

    asyncio.run(run())
    with closing(sqlite3.connect(path)) as database:
        assert not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchall()


@pytest.mark.parametrize("word", ["TABLE answers", "FROM calls", "DROP TABLE", "COMMIT"])
def test_a_death_while_the_tables_are_made_leaves_all_as_it_was(tmp_path: Path, word: str, start: Start) -> None:
    path = tmp_path / "ledger.sqlite"
    write_old(path, more=2000)
    process = start("die_while_opening", path, word)
    assert process.wait() == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as database:
        assert [name for (name,) in database.execute("SELECT name FROM sqlite_master")] == ["calls"]
        assert database.execute("SELECT count(*) FROM calls").fetchone() == (2003,)

    async def found() -> int:
        async with Ledger(path) as ledger:
            return len(await ledger.find([f"k{number}" for number in range(2000)]))

    assert asyncio.run(found()) == 2000


def test_a_ledger_of_the_schema_before_is_brought_up_beside_processes_that_use_it(address: str) -> None:
    """Their statements name the columns that they know."""

    def age(transaction: Transaction) -> None:
        for column in ("model", "run", "may_cost", "sent_at"):
            transaction.change(f"ALTER TABLE claims DROP COLUMN {column}")
        transaction.change("UPDATE ledger_version SET version_num = '0001'")

    def claim(transaction: Transaction, key: str) -> None:
        transaction.change(
            "INSERT INTO claims (request_key, owner, scope, set_aside, claimed_at) VALUES (?, ?, ?, ?, ?)",
            key, "older", "s", 1, 0.0,
        )  # fmt: skip

    async def run() -> None:
        async with Ledger(address) as older:
            await older.database.write(age)
            await older.database.write(lambda transaction: claim(transaction, "before"))
            async with Database(address) as newer:
                await older.database.write(lambda transaction: claim(transaction, "after"))
                rows = await newer.read(
                    lambda transaction: transaction.rows(
                        "SELECT request_key, set_aside, model, run, may_cost, sent_at FROM claims ORDER BY request_key"
                    )
                )
                assert [tuple(row) for row in rows] == [(key, 1, "", "", None, None) for key in ("after", "before")]

    asyncio.run(run())


def test_a_death_while_the_tables_are_made_on_a_server(postgres_database: str, start: Start) -> None:
    assert start("die_while_opening", postgres_database, "TABLE runs").wait() == -signal.SIGKILL
    opened(postgres_database)


def test_several_processes_may_be_the_first(address: str, start: Start) -> None:
    for process in [start("open_and_close", address) for _ in range(4)]:
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, out, errors) == (0, "open\n", "")


def test_what_is_no_ledger_is_one_line(tmp_path: Path) -> None:
    noise, folder = tmp_path / "noise.sqlite", tmp_path / "folder"
    noise.write_bytes(b"not a database at all" * 100)
    folder.mkdir()
    for path in (noise, folder, noise / "below.sqlite"):
        said = refusal(path)
        assert str(path) in said and "cannot be opened" in said
    assert noise.read_bytes() == b"not a database at all" * 100


def test_a_torn_file_is_one_line(tmp_path: Path, answer: Answer) -> None:
    path = tmp_path / "ledger.sqlite"

    async def fill() -> None:
        async with Ledger(path) as ledger:
            await asyncio.gather(*(ledger.keep(answer(f"k{number}")) for number in range(400)))

    async def look() -> None:
        async with Ledger(path) as ledger:
            await ledger.find([f"k{number}" for number in range(400)])

    asyncio.run(fill())
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        asyncio.run(look())
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE songs (title TEXT)")
    assert "another program's database, with a table songs" in refusal(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_ledger_of_a_newer_redraft_is_left_alone(address: str) -> None:
    async def age(version: str) -> None:
        async with Ledger(address) as ledger:
            await ledger.database.write(
                lambda transaction: transaction.change("UPDATE ledger_version SET version_num = ?", version)
            )

    asyncio.run(age("9999"))
    assert "newer redraft: schema 9999" in refusal(address)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    opened(folder / "ledger.sqlite")
    folder.chmod(0o555)
    (folder / "ledger.sqlite").chmod(0o444)
    words = [sys.executable, Path(__file__).with_name("asking.py"), "open_and_close"]
    if os.geteuid() == 0:  # nothing is read-only for root, unless it does without that right
        words[:0] = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    for path in (folder / "ledger.sqlite", folder / "new.sqlite"):
        done = subprocess.run([*words, path], capture_output=True, text=True)
        assert done.returncode == 1, done.stderr
        assert str(path) in done.stderr and "cannot be opened" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("room", [0, 1000, 600_000])
def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path, room: int, start: Start) -> None:
    path = tmp_path / "ledger.sqlite"
    process = start("keep", path, 10000, room)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert errors.count("\n") == 1 and str(path) in errors and "free space" in errors
    kept = [f"row-{line.split()[1]}" for line in out.splitlines() if line.startswith("kept")]
    assert len(kept) > 20 if room > 1000 else kept == []
    assert ("a paid answer cannot be written (" in errors) is (room > 1000)

    async def found() -> int:
        async with Ledger(path) as ledger:
            return len(await ledger.find(kept))

    assert asyncio.run(found()) == len(kept)


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/x", "cannot be opened"),
        ("postgresql://me:hunter2@127.0.0.1:1/x?sslmode=require", "cannot be opened"),
        ("postgresql://me:hunter2@127.0.0.1:1/x?colour=red", "cannot be opened"),
        ("postgresql://me:hunter2@127.0.0.1:port/x", "no URL"),
        ("mysql://me:hunter2@127.0.0.1/x", "mysql is not known"),
        ("sqlite://", "names no file"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line_without_its_password(address: str, word: str) -> None:
    said = refusal(address, StorageError if word == "cannot be opened" else ConfigurationError)
    assert word in said and "hunter2" not in said


def test_a_refused_password_is_not_said(postgres_url: str) -> None:
    said = refusal(postgres_url.replace("redraft@", "nobody:hunter2@"))
    assert "nobody" in said and "hunter2" not in said


def test_the_address_comes_from_the_environment(tmp_path: Path) -> None:
    assert ledger_address({"REDRAFT_HOME": str(tmp_path)}) == tmp_path / "ledger.sqlite"
    assert ledger_address({"REDRAFT_LEDGER_URL": "postgresql://h/d", "REDRAFT_HOME": "x"}) == "postgresql://h/d"


def test_the_migrations_make_the_tables_that_the_code_knows(address: str) -> None:
    def differences(transaction: Transaction) -> list[object]:
        context = MigrationContext.configure(transaction.connection, opts={"version_table": "ledger_version"})
        return list(compare_metadata(context, metadata))

    async def run() -> None:
        async with Ledger(address) as ledger:
            assert await ledger.database.read(differences) == []

    asyncio.run(run())
