"""The chat study's data as a user meets it: an export is read, contexts are chosen, and nothing real leaves."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_chat.txt"


def test_nothing_real_leaves_and_nothing_is_paid_twice(
    project: Any, prefect_url: str, proxy: Any, private_words: Any
) -> None:
    project.environment["TOGETHER_BASE_URL"] = proxy.url
    read = ["chat", "read", SAMPLE, "--person", "Jonas Weber", "--title", "Kitchen Table", "-o", "own/chat"]
    assert "person: Person1" in project.run(*read).stdout
    assert not proxy.requests

    examples = ["chat", "examples", "-i", "own/chat", "-o", "out", "-s", "window", "-s", "llm", "--pause-hours", 30,
                "--preference-share", 0.25]  # fmt: skip
    # Nor to a fallback, where the sandbox itself may be sent everything; and by its name no place is this machine.
    project.environment |= {"OPENAI_BASE_URL": "http://127.0.0.1.example/v1", "OPENAI_API_KEY": "k"}
    refused = project.run(*examples, "--fallback", "openai:m", status=2)
    assert "to openai:m: say --allow-sending, or leave" in refused.stderr and not proxy.posted()
    assert not (project.folder / "out").exists()
    ahead = project.run(*examples, "--dry-run").stdout
    assert "nothing was sent" in ahead and not proxy.posted()
    done = project.run(*examples)
    assert "llm (simulated)" in done.stdout
    assert len(proxy.posted()) > 100
    paid = proxy.sandbox.stats()["paid_calls"]

    sent = b"\n".join(proxy.requests).decode()
    assert "Person2" in sent and "[LINK]" in sent and private_words.REAL.search(sent) is None
    assert private_words.REAL.search(done.stdout + done.stderr) is None
    private = {"chat-names.json", "chat-review.jsonl"}
    for file, words in private_words.words_of(project.folder):
        if file.name not in private:
            found = private_words.REAL.search(words)
            assert found is None, f"{file}: {found and found[0]}"
    kept = json.loads((project.folder / "own" / "chat-names.json").read_bytes())
    assert "Okafor" in json.dumps(kept)
    for name in private:
        assert (project.folder / "own" / name).stat().st_mode & 0o077 == 0
    for told in ("logs", "artifacts", "flow_runs", "task_runs"):
        assert private_words.TOLD.search(private_words.told_by(prefect_url, told)) is None

    made = Dataset.open(project.folder / "out" / "llm")
    rows = list(made.rows())
    assert {row.strategy for row in rows} == {"llm"} and all(row.simulated and row.request_key for row in rows)
    assert made.manifest["parents"][0]["content_hash"] == Dataset.open(project.folder / "own" / "chat").content_hash
    window = {row.example_id: row for row in Dataset.open(project.folder / "out" / "window").rows()}
    assert {row.example_id for row in rows} == set(window)
    for row in rows:
        assert row.context_ids == tuple(one for turn in row.context for one in turn.ids)
        assert row.context[-1].text == window[row.example_id].context[-1].text
    for side in ("train", "preference", "test"):
        lines = (project.folder / "out" / f"llm-{side}.markers.jsonl").read_text().splitlines()
        assert len(lines) == sum(row.side == side for row in rows) > 0

    project.run(*examples, "--allow-sending")
    assert proxy.sandbox.stats()["paid_calls"] == paid


def test_a_person_is_removed_from_all_that_was_made(
    project: Any, start_sandbox: Callable[..., SandboxProcess], private_words: Any
) -> None:
    """Also from what was made of an earlier reading, and in folders that nobody names."""
    sandbox = start_sandbox(seed=4)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    read = ["chat", "read", SAMPLE, "--person", "Jonas Weber", "-o", "data/chat"]
    project.run(*read)
    project.run("chat", "examples", "-o", "far/ex", "-s", "window", "-s", "llm")
    project.run(*read, "--keep", "okay", "--also", "Thekla", "--also", "Sunday")
    before = answers(project)
    files = {path: path.read_text() for path in (project.folder / "far").glob("ex/*.jsonl")}
    assert any("Person2" in text for text in files.values())

    said = project.run("chat", "purge", "data/chat", "--person", "Mara Lindqvist", "-y").stdout
    assert "Person2 is in:" in said and "looked through" in said
    for file, words in private_words.words_of(project.folder):
        if file.name != "chat-names.json":
            assert "Person2" not in words, file
        assert "Lindqvist" not in words, file
    assert not list((project.folder / ".redraft" / "work").glob("chat-candidates-*"))
    assert 0 < answers(project) < before
    left = Dataset.open(project.folder / "far" / "ex" / "window")
    assert (
        left.count
        and left.manifest["parents"][0]["content_hash"] == Dataset.open(project.folder / "data" / "chat").content_hash
    )
    again = project.run("chat", "purge", "data/chat", "--person", "Mara Lindqvist", "-y").stdout
    assert "rows go" not in again and "removed Person2: 0 answers" in again


def test_faults_are_one_line(project: Any) -> None:
    (project.folder / "letter.txt").write_text("Dear all,\nthis is no export.\n")
    failed = project.run("chat", "read", "letter.txt", "--person", "X", status=2)
    assert "letter.txt" in failed.stderr.strip().splitlines()[-1]
    failed = project.run("chat", "read", SAMPLE, "--person", "Jonas Webber", status=2)
    assert "Jonas Weber" in failed.stderr.strip().splitlines()[-1]
    assert not (project.folder / "data").exists()
    failed = project.run("chat", "examples", "-i", "nothing", "-p", "Jonas Weber", status=2)
    assert "give a pseudonym" in failed.stderr and "Weber" not in failed.stderr
    failed = project.run("chat", "examples", "-i", "nothing", status=2)
    assert "nothing" in failed.stderr.strip().splitlines()[-1]


def answers(project: Any) -> int:
    with closing(sqlite3.connect(project.folder / ".redraft" / "ledger.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])
