"""Each export loads in the tool that it is for: `datasets`, and TRL, which trains a step on exactly the response."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.training.exporting.pairs import Pair, conversation_of, pair_of
from redraft.training.exporting.writing import export_training

MISSING = [
    name for name in ("torch", "transformers", "peft", "datasets", "trl") if importlib.util.find_spec(name) is None
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} missing: pip install 'redraft[local]'")

LOOPBACK = Path(__file__).parents[3] / "loopback"
EXPORTS = {
    "sft": ("sft", False),
    "dpo": ("dpo", False),
    "openai": ("openai", False),
    "openai_pairs": ("openai", True),
    "trl": ("trl", False),
    "trl_pairs": ("trl", True),
    "sharegpt": ("sharegpt", False),
}


def rendered(messages: Any) -> str:
    return "".join(f"<|start|>{message.role}\n{message.content}<|end|>" for message in messages)


def full(value: Any) -> Any:
    """Without the columns that `datasets` fills up with None where a row or a message lacks them."""
    if isinstance(value, dict):
        return {name: full(inner) for name, inner in value.items() if inner is not None}
    return [full(inner) for inner in value] if isinstance(value, list) else value


def test_every_export_loads_and_trl_trains_the_response_alone(study: Dataset, tmp_path: Path) -> None:
    for file, (name, preference) in EXPORTS.items():
        export_training(study, tmp_path / f"{file}.jsonl", name, preference=preference)
    environment = {
        **os.environ,
        "PYTHONPATH": str(LOOPBACK),
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
    }
    words = [sys.executable, str(Path(__file__).with_name("one_step.py")), str(tmp_path)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])

    for file in EXPORTS:
        lines = (tmp_path / f"{file}.jsonl").read_text("utf-8").split("\n")[:-1]
        assert full(report["loaded"][file]) == [json.loads(line) for line in lines], file
    sharegpt = [[message["content"] for message in row["messages"]] for row in report["sharegpt"]]
    conversations = [messages for row in study.rows() if isinstance(messages := conversation_of(row), tuple)]
    assert sharegpt == [[message.content for message in messages] for messages in conversations]

    assert report["sft"]["steps"] == 1
    assert report["sft"]["trained"] == [f"{messages[-1].content}<|end|>" for messages in conversations]
    start = "<|start|>assistant\n"
    assert report["sft"]["masked"] == [rendered(messages[:-1]) + start for messages in conversations]

    pairs = [pair for row in study.rows() if isinstance(pair := pair_of(row), Pair)]
    assert report["dpo"]["steps"] == 1
    assert report["dpo"]["prompt_ids"] == [rendered(pair.context) + start for pair in pairs]
    assert report["dpo"]["chosen_ids"] == [f"{pair.preferred}<|end|>" for pair in pairs]
    assert report["dpo"]["rejected_ids"] == [f"{pair.rejected}<|end|>" for pair in pairs]
