"""Money as a user meets it: estimates, a pilot, a budget, another model where one fails, the rejections once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.feedback.filtering import filter_conversations
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
PRICED = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"


@pytest.fixture
def filtered(project: Any) -> Any:
    filter_conversations(SAMPLE, project.folder / "filtered")
    return project


def paid(sandbox: SandboxProcess) -> int:
    return sandbox.stats()["paid_calls"]


def asks_again_nothing(sandbox: SandboxProcess) -> None:
    stats = sandbox.stats()
    assert stats["paid_calls"] == stats["distinct_contents"] > 0


def spent(sandbox: SandboxProcess) -> float:
    """US dollars at the model's price, as the provider counts."""
    tokens: dict[str, int] = sandbox.stats()["tokens"]
    return 0.18e-6 * (tokens["input"] + tokens["output"])


def test_a_dry_run_sends_nothing_and_needs_no_key(filtered: Any, sandbox: SandboxProcess) -> None:
    project = filtered
    keyless = {"TOGETHER_API_KEY": ""}
    complaints = sum(row.category != "UR5" for row in Dataset.open(project.folder / "filtered").rows())
    said = project.run("rewrite", "-i", "filtered", "-o", "out", "--method", "both", "--dry-run", **keyless).stdout
    rows = [line.split() for line in said.splitlines() if line.startswith(" rewrite (")]
    assert [(row[1], row[2], row[3], row[4]) for row in rows] == [
        (f"({method})", PRICED, str(complaints), "0") for method in ("feedback", "alternative")
    ]
    assert "at worst: $" in said and "assumed, since there are no such answers yet: latency, output tokens" in said
    words = ("evaluate", "-m1", PRICED, "-m2", "vllm:mine", "-c", SAMPLE, "-n", 20, "-o", "ev", "--dry-run")
    compared = project.run(*words, "--rpm", 30, **keyless).stdout
    assert "length of the answers" in compared and "time of judge: --rpm 30" in compared
    stats = sandbox.stats()
    assert stats["calls"] == 0 and not stats["requests"]
    assert not any((project.folder / name).exists() for name in ("out", "ev"))


def test_a_pilot_shows_quality_and_cost_and_is_not_paid_again(filtered: Any, sandbox: SandboxProcess) -> None:
    said = filtered.run("rewrite", "-i", "filtered", "-o", "out", "--pilot", 20, "--yes").stdout
    pilot, whole = (Dataset.open(filtered.folder / name).manifest for name in ("out.pilot", "out"))
    assert "feedback: 20 rows, " in said and f"  {pilot['calls']} answers of " in said and "(simulated)" in said
    assert "assumed" not in said, "what the pilot told needs no assumption"
    assert "dataset: out" in said.splitlines()
    asks_again_nothing(sandbox)
    estimated = next(line.split() for line in said.splitlines() if line.startswith(" rewrite (feedback)"))
    assert (int(estimated[3]), int(estimated[4])) == (paid(sandbox) - pilot["calls"], pilot["calls"])
    left = whole["cost"] - pilot["cost"]
    assert left == pytest.approx(float(estimated[7].lstrip("$")), rel=0.3), "the pilot told the price of the rest"


def test_a_budget_stops_the_run_and_a_larger_one_goes_on(filtered: Any, sandbox: SandboxProcess) -> None:
    words = ("rewrite", "-i", "filtered", "-o", "out", "--budget")
    stopped = filtered.run(*words, 0.0015, status=3)
    assert "redraft: partial: budget " in stopped.stderr and "larger --budget" in stopped.stderr
    assert 0 < spent(sandbox) <= 0.0015
    assert not (filtered.folder / "out").exists()
    filtered.run(*words, 1)
    asks_again_nothing(sandbox)
    assert Dataset.open(filtered.folder / "out").manifest["cost"] == pytest.approx(spent(sandbox), rel=1e-3)


def test_another_model_answers_where_one_refuses_and_only_rejections_are_retried(
    filtered: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, refusal_rate=0.25)
    filtered.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("rewrite", "-i", "filtered", "-o", "out", "--max-rejected", 1)
    filtered.run(*words)
    before = Dataset.open(filtered.folder / "out")
    rejected = {rejection.row_id for rejection in before.rejections()}
    asked = paid(sandbox)
    assert rejected and before.manifest["reasons"] == {"filtered": len(rejected)}

    filtered.run(*words[:3], "-o", "chained", "--max-rejected", 1, "--fallback", "Qwen/Qwen3.5-9B")
    chained = Dataset.open(filtered.folder / "chained")
    helped = {row.conversation_id: row for row in chained.rows() if "fallback" in row.flags}
    assert paid(sandbox) == asked + len(rejected), "the fallback was asked for the refused rows alone"
    assert helped and {row.model for row in helped.values()} == {"Qwen/Qwen3.5-9B"}
    still = {rejection.row_id: rejection.detail for rejection in chained.rejections()}
    assert helped.keys() | still.keys() == rejected
    assert all(f"{PRICED}: filtered (" in detail and "; Qwen/Qwen3.5-9B: " in detail for detail in still.values())
    asked = paid(sandbox)
    old = {row.conversation_id: row for row in before.rows()}
    said = filtered.run("retry", "out", "--model", "Qwen/Qwen3.5-9B", "--max-rejected", 1).stdout
    after = Dataset.open(filtered.folder / "out")
    assert paid(sandbox) - asked == len(still), "the chain's answers are reused, recorded refusals asked again"
    new = {row.conversation_id: row for row in after.rows()}
    assert f"{len(rejected)} asked again, {len(new) - len(old)} of them answered now" in said
    assert new.keys() - old.keys() <= rejected and all(new[name] == row for name, row in old.items())
    order = [row.conversation_id for row in Dataset.open(filtered.folder / "filtered").rows()]
    assert list(new) == [name for name in order if name in new]
    assert after.manifest["models"] == [PRICED, "Qwen/Qwen3.5-9B"] and after.manifest["retries"] == 1
    assert after.manifest["replaced"]["calls"] == len(rejected)
    assert after.manifest["calls"] == before.manifest["calls"] + len(rejected), "what was replaced was paid, too"
    asked = paid(sandbox)
    filtered.run(*words)
    again = Dataset.open(filtered.folder / "out")
    assert again.content_hash == after.content_hash, "rewriting again undoes nothing"
    for name in ("calls", "cost", "input_tokens", "replaced"):
        assert again.manifest[name] == after.manifest[name]
    assert paid(sandbox) == asked


def test_batches_cost_half_and_nothing_is_asked_in_real_time(
    filtered: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, batch_seconds=0.5)
    model = "anthropic:claude-haiku-5-5"
    environment = {"ANTHROPIC_BASE_URL": sandbox.url, "ANTHROPIC_API_KEY": "sandbox"}
    words = ("rewrite", "-i", "filtered", "-m", model, "--check-interval", 0.2, "--mode", "batch")
    filtered.run(*words, "-o", "out", **environment)
    stats: dict[str, Any] = sandbox.stats()
    assert "POST /v1/messages" not in stats["requests"] and stats["requests"]["POST /v1/messages/batches"] == {"200": 1}
    manifest = Dataset.open(filtered.folder / "out").manifest
    expected = (stats["tokens"]["input"] * 0.05 + stats["tokens"]["output"] * 0.25) / 1e6
    assert manifest["cost"] == pytest.approx(expected, rel=1e-3)


def test_a_studys_pilot_is_its_rewriting(project: Any, sandbox: SandboxProcess) -> None:
    names = ["*-feedback-*", "*-alternative-*", "*-Reference", "*/*-Turbo"]
    (project.folder / ".redraft").mkdir()
    prices = "\n".join(f'["{name}"]\ninput = 0.18\noutput = 0.18' for name in names)
    (project.folder / ".redraft" / "prices.toml").write_text(prices)
    pilot = project.run("study", "-i", SAMPLE, "-o", "out", "--test-share", 0.35, "--budget", 0.5, "--pilot", 10).stdout
    assert "feedback: 10 rows" in pilot and "alternative: 10 rows" in pilot
    assert "\n train " in pilot and "each of the models that the trainings make (feedback, alternative)" in pilot
    assert "go on with: redraft study " in pilot and "unknown" not in pilot
    assert not sandbox.stats()["jobs"] and 0 < spent(sandbox) < 0.02
    assert not (project.folder / "out" / "rewritten").exists()
