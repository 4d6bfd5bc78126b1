"""Every command as its user runs it: what it prints, what it leaves, what status it ends with."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from redraft.datasets.storage import Dataset
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"


def one_line(done: Any) -> str:
    """The last line on standard error, which must be the only one after what the command said it would do."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len([line for line in lines if line.startswith("redraft: ")]) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert lines[-1].startswith("redraft: ")
    return lines[-1]


def explained(project: Any) -> str:
    """The status of the latest run that called models, as `redraft explain` says it."""
    return project.run("explain").stdout.splitlines()[1].partition(",")[0]


def left(project: Any) -> set[str]:
    """What a command left beside the state folders."""
    return {path.name for path in project.folder.iterdir()} - {"prefect", ".redraft"}


def test_from_file_to_verdict_command_by_command(project: Any, sandbox: SandboxProcess) -> None:
    filtered = project.run("filter", "-i", SAMPLE, "-o", "filtered", "--hold-out-last", 70)
    assert "label UR2:" in filtered.stdout and "rejected, no_category:" in filtered.stdout
    assert "dataset: filtered" in filtered.stdout
    project.run("export", "--rejections", "filtered", "rejected.json")
    rejected = json.loads((project.folder / "rejected.json").read_text())
    assert rejected and all(row["reason"] and " row " in row["place"] for row in rejected)

    rewritten = project.run("rewrite", "-i", "filtered", "-o", "rewritten", "--method", "both", "-n", 30)
    assert "(simulated)" in rewritten.stdout
    for method, generation in (("feedback", "feedback_based"), ("alternative", "alternative_generation")):
        dataset = Dataset.open(project.folder / "rewritten" / method)
        assert dataset.count + dataset.manifest["rejected"] == 30
        assert dataset.manifest["simulated"] and dataset.manifest["parents"]
        improved = [row for row in dataset.rows() if row.improved]
        assert {row.generation_method for row in improved} == {generation}
        assert all(row.messages[-1].role == "assistant" and row.improvement_timestamp for row in improved)
        kept = [row for row in dataset.rows() if not row.improved]
        assert kept and all(row.messages[-1].content == row.original_response for row in kept)

    exported = project.run("export", "rewritten/feedback", "feedback.jsonl")
    rows = [json.loads(line) for line in (project.folder / "feedback.jsonl").read_text().splitlines()]
    assert f"{len(rows)} rows" in exported.stdout
    for column in (
        "conversation_id", "improved", "generation_method", "original_assistant_response", "conversation_context",
        "improvement_timestamp", "request_hash", "source", "label", "language", "feedback_turn",
    ):  # fmt: skip
        assert all(column in row for row in rows), column

    words = ("finetune", "-i", "rewritten/feedback", "-s", "mine", "-e", 2, "-lr", "2e-5", "-b", 8)
    unwatched = project.run(*words, "--no-monitor")
    assert "(simulated)" in unwatched.stdout
    trained = project.run(*words, "--check-interval", 0.3)
    assert "completed" in trained.stdout
    model = next(line for line in trained.stdout.splitlines() if line.startswith("model: ")).removeprefix("model: ")
    stats: dict[str, Any] = sandbox.stats()
    assert sum(stats["jobs"].values()) == 1, "the second command attached to the first one's job"
    lines = (project.folder / "rewritten" / "feedback_training.jsonl").read_text().splitlines()
    for row in map(json.loads, lines):
        weights = [message["weight"] for message in row["messages"]]
        assert weights == [0] * (len(weights) - 1) + [1] and all(type(weight) is int for weight in weights)
    record = json.loads(next((project.folder / "models").glob("feedback_finetune_*.json")).read_text())
    assert record["model_output_name"] == model and record["parameters"]["epochs"] == 2 and record["simulated"]

    listed = project.run("jobs", "list").stdout
    assert model in listed and "completed (simulated)" in listed and "100%" in listed

    base = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
    words = ("evaluate", "-m1", model, "-m2", base, "-j", "judge/model", "-c", SAMPLE)
    project.run(*words, "-n", 45, "-o", "out")
    verdict = project.run(*words, "-n", 70, "-o", "out")
    assert "it was looked at after 45 contexts before it had 70" in " ".join(verdict.stdout.split()).replace(
        "It was", "it was"
    )
    assert "according to judge/model (simulated)" in verdict.stdout and "report: out/report.html" in verdict.stdout
    results = json.loads((project.folder / "out" / "results.json").read_text())
    assert len(results["judgments"]) == 2 * len(results["comparisons"]) > 100
    assert [look["contexts"] for look in results["summary"]["pairs"][0]["earlier"]] == [45]
    assert "Simulated" in (project.folder / "out" / "report.html").read_text()

    seen = project.run(*words, "-n", 200, "-o", "leaky", status=2)
    assert "was trained on" in one_line(seen) and "_t" in one_line(seen)
    assert not (project.folder / "leaky").exists()


def test_a_study_stops_after_training_where_the_models_are_not_served(
    project: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, job_seconds=0.5)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    refusal = {"error": {"message": "not serverless", "type": "invalid_request_error", "code": "model_not_available"}}
    sandbox.post(
        "/sandbox/script",
        [{"match": "sandbox/.*Say hello", "times": 1, "do": {"status": 400, "body": refusal}}],
    )  # fmt: skip
    words = ("study", "-i", SAMPLE, "-o", "out", "--test-share", 0.35, "--check-interval", 0.2)
    stopped = project.run(*words, status=3)
    assert "training is done" in one_line(stopped) and "cannot be asked yet" in one_line(stopped)
    assert explained(project) == "partial"
    assert not (project.folder / "out" / "report.html").exists()
    done = project.run(*words)
    assert "report: out/report.html" in done.stdout
    assert "our estimate ($)" in (project.folder / "out" / "report.html").read_text(), "beside the provider's"
    assert sum(sandbox.stats()["jobs"].values()) == 2
    assert explained(project) == "complete"


def test_faults_end_as_rejections_with_a_reason_and_a_rerun_asks_only_for_those(
    project: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, refusal_rate=0.3)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("rewrite", "-i", SAMPLE, "-o", "rewritten", "--max-rejected")
    partial = project.run(*words, 0.05, status=3)
    assert "rerun" in one_line(partial)
    assert explained(project) == "partial"
    dataset = Dataset.open(project.folder / "rewritten")
    filtered = next((project.folder / ".redraft" / "work").glob("filtered-*"))
    assert dataset.manifest["reasons"] and dataset.count + dataset.manifest["rejected"] == Dataset.open(filtered).count
    paid = sandbox.stats()["paid_calls"]
    project.run(*words, 0.9)
    assert sandbox.stats()["paid_calls"] == paid
    assert explained(project) == "complete"
    project.run("retry", "rewritten", "--max-rejected", 0.0, status=3)
    assert explained(project) == "partial"
    words = ("evaluate", "-m1", "a/b", "-m2", "c/d", "-c", SAMPLE, "-n", 20, "-o", "compared", "--max-missing", 0)
    assert "have no verdict" in one_line(project.run(*words, status=3))
    assert explained(project) == "partial"


@pytest.mark.parametrize(
    ("rows", "words", "named"),
    [
        ("", ["filter", "-i", "bad.json", "-o", "out"], "empty"),
        ('[{"conversation_id": "a"', ["filter", "-i", "bad.json", "-o", "out"], "bad.json"),
        ('{"data": [{"conversation_id": "a"}]}', ["filter", "-i", "bad.json", "-o", "out"], "data"),
        ('[{"conversation_id": "a", "text": "b"}]', ["filter", "-i", "bad.json", "-o", "out"], "no_messages"),
        (None, ["filter", "-i", "missing.json", "-o", "out"], "missing.json"),
        (None, ["evaluate", "-m1", "a", "-m2", "a", "-c", SAMPLE, "-o", "out"], "two different models"),
        (None, ["rewrite", "-i", SAMPLE, "-o", "out", "-m", "anthropic:"], "provider:model"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_left(
    project: Any, rows: str | None, words: list[object], named: str
) -> None:
    if rows is not None:
        (project.folder / "bad.json").write_text(rows)
    before = left(project)
    done = project.run(*words, status=2)
    assert "bad input" in one_line(done) and named in one_line(done)
    assert left(project) == before


def test_labels_of_another_numbering_are_refused(project: Any, shared: Path) -> None:
    rows = json.loads((shared / "data" / "feedback" / "petrak2023_labelled.json").read_text())
    for row in rows:
        row["category"] = row["category_petrak2023"]
    (project.folder / "petrak.json").write_text(json.dumps(rows))
    refused = project.run("filter", "-i", "petrak.json", "-o", "out", status=2)
    assert "--taxonomy petrak" in one_line(refused)
    assert left(project) == {"petrak.json"}
    project.run("filter", "-i", "petrak.json", "-o", "out", "--taxonomy", "petrak")
    assert {row.category for row in Dataset.open(project.folder / "out").rows()} == {"UR2", "UR3"}


def test_processed_conversations_are_no_test_set(project: Any) -> None:
    project.run("rewrite", "-i", SAMPLE, "-o", "rewritten", "-n", 5)
    project.run("export", "rewritten", "rewritten.json")
    for conversations in ("rewritten", "rewritten.json"):
        done = project.run("evaluate", "-m1", "a/b", "-m2", "c/d", "-c", conversations, "-o", "out", status=2)
        assert "already rewritten" in one_line(done)


def test_a_missing_key_a_wrong_key_and_a_dead_provider(project: Any) -> None:
    project.run("filter", "-i", SAMPLE, "-o", "filtered")
    words = ("rewrite", "-i", "filtered", "-o", "out")
    missing = project.run(*words, status=2, TOGETHER_API_KEY="")
    assert "TOGETHER_API_KEY" in one_line(missing)
    wrong = project.run(*words, status=2, TOGETHER_API_KEY="wrong")
    assert "key" in one_line(wrong) and "401" in one_line(wrong)
    dead = project.run(*words, status=1, TOGETHER_BASE_URL="http://127.0.0.1:9")
    assert "http://127.0.0.1:9" in one_line(dead)
    assert not (project.folder / "out").exists()


def test_a_full_disk_is_one_line_and_leaves_what_stood_there(project: Any) -> None:
    project.run("filter", "-i", SAMPLE, "-o", "filtered", "-n", 50)
    before = Dataset.open(project.folder / "filtered").content_hash
    full = project.run_anew("filter", "-i", SAMPLE, "-o", "filtered", status=1, REDRAFT_TEST_FILE_LIMIT="20000")
    assert "failed" in one_line(full)
    assert Dataset.open(project.folder / "filtered").content_hash == before
    assert not list(project.folder.glob(".filtered*"))


def test_shards_are_parquet_that_anyone_can_read(project: Any) -> None:
    project.run("filter", "-i", SAMPLE, "-o", "filtered")
    shards = sorted((project.folder / "filtered").glob("rows-*.parquet"))
    table = pq.read_table(shards[0])
    assert {"conversation_id", "conversation_context", "category", "label", "extra"} <= set(table.column_names)


def test_ctrl_c_stops_soon_and_the_next_run_continues(
    project: Any, start_sandbox: Callable[..., SandboxProcess], prefect_home: Callable[[Path], Path]
) -> None:
    prefect_home(project.folder / "prefect")
    sandbox = start_sandbox(seed=1, latency_ms=600)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("rewrite", "-i", SAMPLE, "-o", "out", "--in-flight", 16)
    # A temporary Prefect server, as most users have it.
    process = project.start(*words, PREFECT_API_URL="")
    wait_for_calls(sandbox, 20)
    asked = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and b"the same command continues" in err, err.decode()
    assert time.monotonic() - asked < 30, "it may wait for answers, and for nothing else"
    assert out == b"" and b"Traceback" not in err
    stats = sandbox.stats()
    assert stats["lost"] == 0, "what was on the wire is waited for"
    project.run(*words)
    assert_paid_once(sandbox, more_than=stats["paid_calls"])


def test_sigterm_waits_for_the_calls_under_way_and_a_second_ctrl_c_for_nothing(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, latency_ms=700)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("traits", "-m", "x/a", "-m", "x/b", "-c", SAMPLE, "-n", 12, "--in-flight", 8, "-o", "out")

    def stopped(after: int, *signals: signal.Signals) -> None:
        running = forking.beside(project, *words)
        wait_for_calls(sandbox, after)
        for number in signals:
            os.kill(running.pid, number)
            time.sleep(0.1)
        said = running.ended(status=1)
        assert "the same command continues" in said and "Traceback" not in said, said

    def not_recorded() -> int:
        """Calls that were paid, and are not in the ledger."""
        kept = project.run("ledger", "show").stdout
        return sandbox.stats()["paid_calls"] - int(kept.partition("answers: ")[2].partition(",")[0])

    stopped(6, signal.SIGTERM)  # while models answer
    stopped(30, signal.SIGTERM, signal.SIGTERM)  # while the judge scores
    assert not_recorded() == 0 == sandbox.stats()["lost"]
    stopped(40, signal.SIGINT, signal.SIGINT)
    assert not_recorded() > 0
    project.run(*words)


def wait_for_calls(sandbox: SandboxProcess, calls: int) -> None:
    until = time.monotonic() + 90
    while sandbox.stats()["paid_calls"] < calls:
        assert time.monotonic() < until, "it sends nothing"
        time.sleep(0.02)


def assert_paid_once(sandbox: SandboxProcess, more_than: int) -> None:
    stats = sandbox.stats()
    assert stats["paid_calls"] == stats["distinct_contents"] > more_than


def test_nothing_is_paid_for_what_cannot_end_well(project: Any, sandbox: SandboxProcess) -> None:
    (project.folder / "file").write_text("")
    project.run("filter", "-i", SAMPLE, "-o", "filtered")
    refused = [
        (2, "study", "-i", SAMPLE, "-e", 0),
        (2, "study", "-i", SAMPLE, "-m", "anthropic:claude"),
        (2, "rewrite", "-i", "filtered", "-n", 0),
        (2, "rewrite", "-i", "filtered", "-o", "filtered"),
        (2, "rewrite", "-i", "filtered", "-o", "file/out"),
        (2, "evaluate", "-m1", "a/b", "-m2", "c/d", "-c", SAMPLE, "-o", "file/out"),
        (2, "evaluate", "-m1", "a/b", "-m2", "together:a/b", "-c", SAMPLE),
        (2, "evaluate", "-m1", "a/b", "-m2", "unknown/model", "-c", SAMPLE, "-n", 5),
    ]
    for status, *words in refused:
        project.run(*words, status=status)
    assert sandbox.stats()["paid_calls"] <= 1, "at most the one word that tells that a model is served"
    assert Dataset.open(project.folder / "filtered").kind == "conversations"


def test_a_stage_that_fails_leaves_what_others_paid(project: Any, start_sandbox: Callable[..., SandboxProcess]) -> None:
    sandbox = start_sandbox(seed=1, latency_ms=1500)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    spent = {"status": 402, "body": {"error": {"message": "no credit", "type": "billing"}}, "delay_ms": 300}
    sandbox.post("/sandbox/script", [{"match": "who reads the feedback|feedback", "times": 1, "do": spent}])
    project.run("rewrite", "-i", SAMPLE, "-o", "out", "--method", "both", status=1)
    paid = sandbox.stats()["paid_calls"]
    project.run("rewrite", "-i", SAMPLE, "-o", "out", "--method", "both")
    stats = sandbox.stats()
    assert stats["paid_calls"] == stats["distinct_contents"] > paid > 0


def test_two_equal_commands_at_once_pay_once(project: Any, start_sandbox: Callable[..., SandboxProcess]) -> None:
    sandbox = start_sandbox(seed=1, latency_ms=1500)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("rewrite", "-i", SAMPLE, "-o", "out", "-n", 40)
    both = [project.start(*words), project.start(*words)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    stats = sandbox.stats()
    assert stats["paid_calls"] == stats["distinct_contents"] > 0


def test_a_study_with_too_many_rejections_is_partial(
    project: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, refusal_rate=0.4)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    partial = project.run("study", "-i", SAMPLE, "-o", "out", "--max-rejected", 0.05, status=3)
    assert "rejected" in one_line(partial)
    assert not sandbox.stats()["jobs"]
    assert explained(project) == "partial"
    words = ("study", "-i", SAMPLE, "-o", "other", "--test-share", 0.35, "--check-interval", 0.2)
    partial = project.run(*words, "--max-rejected", 1, "--max-missing", 0, status=3)
    assert "have no verdict" in one_line(partial)
    assert explained(project) == "partial"
