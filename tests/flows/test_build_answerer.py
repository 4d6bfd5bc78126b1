"""`redraft answers study` before anything is paid: what it tells, and what it refuses. `test_up` runs all of it."""

from __future__ import annotations

import json
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.training.local.tiny import save_tokenizer, train_tokenizer

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_squad.json"


def test_a_look_ahead_costs_nothing(project: Any) -> None:
    if find_spec("torch") is None:
        pytest.skip("needs the extra local: pip install 'redraft[local]'")
    model = project.folder / "base"
    model.mkdir()
    paragraphs = [one["context"] for article in json.loads(SAMPLE.read_text())["data"] for one in article["paragraphs"]]
    save_tokenizer(train_tokenizer(paragraphs, 1200), model)

    words = ("answers", "study", "--squad", SAMPLE, "-n", 40, "--max-input-tokens", 200)
    told = project.run(*words, "--model", "base", "-o", "out", "--dry-run").stdout
    layers = Dataset.open(project.folder / "out" / "layers").manifest
    assert layers["tokenizer"]["exact"] and layers["tokenizer"]["max_tokens"] == 200
    assert layers["gate"]["violations"] == 0
    trained = sum(layers["counts"]["train"][name] for name in ("extraction", "domain", "negatives"))
    assert trained == 20 + 10 and f"{trained} questions to train on" in told
    calls = [line.split() for line in told.splitlines() if "Meta-Llama" in line]
    assert [("20" in line, "10" in line) for line in calls] == [(True, False), (False, True)], told
    assert {path.name for path in (project.folder / "out").iterdir()} == {"layers"}
    with urllib.request.urlopen(f"{project.environment['TOGETHER_BASE_URL']}/sandbox/stats", timeout=30) as answer:
        assert json.load(answer)["paid_calls"] == 0

    failed = project.run("answers", "study", "-o", "out", status=2)
    assert "no file is named" in failed.stderr.strip().splitlines()[-1]
