"""A study with several training runs of each method, within a budget for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"


def test_a_study_trains_each_method_with_every_seed_and_judges_the_runs_together(
    project: Any, sandbox: SandboxProcess
) -> None:
    words = ("study", "-i", SAMPLE, "-o", "out", "-n", 30, "--test-share", 0.2, "--seeds", 2, "--check-interval", 0.2,
             "--max-rejected", 1)  # fmt: skip
    dear = project.run(*words, "--training-budget", 0, status=3)
    assert "these 4 trainings would cost $" in dear.stderr and sandbox.stats()["jobs"] == {}
    paid = sandbox.stats()["paid_calls"]

    said = project.run(*words, "--training-budget", 5).stdout.splitlines()
    assert sandbox.stats()["paid_calls"] > paid and set(sandbox.stats()["jobs"].values()) == {1}
    assert [suffix.rpartition("-")[0] for suffix in sorted(sandbox.stats()["jobs"])] == ["alternative"] * 2 + [
        "feedback"
    ] * 2
    pooled = [line for line in said if "the mean of 2 training runs (simulated)" in line]
    assert [line.split(" won ")[0] for line in pooled] == ["feedback", "alternative", "feedback"]
    results = json.loads((project.folder / "out" / "results.json").read_text())
    judged = {(one["model_a"], one["model_b"]) for one in results["summary"]["pairs"]}
    named = {
        name: results["parameters"][name]
        for name in ("base", "feedback-1", "feedback-2", "alternative-1", "alternative-2")
    }
    assert judged == {
        pair
        for seed in (1, 2)
        for feedback, alternative in [(named[f"feedback-{seed}"], named[f"alternative-{seed}"])]
        for pair in [(feedback, named["base"]), (alternative, named["base"]), (feedback, alternative)]
    }
    report = (project.folder / "out" / "report.html").read_text()
    assert "All training runs of an arm together" in report
