"""`redraft check` with a model: its limit and its preview come from the provider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"


def write(path: Path, last: int) -> Path:
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "first", "weight": 1},
        {"role": "user", "content": "r"},
        {"role": "assistant", "content": "second", "weight": last},
    ]
    path.write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    return path


def test_a_file_whose_last_answer_is_not_trained_is_refused(project: Any) -> None:
    words = ("check", write(project.folder / "rows.jsonl", 0), "--model", MODEL, "--show-mask", 2)
    done = project.run(*words, status=2)
    assert "rows.jsonl:1: messages[3]: is not trained" in done.stdout
    assert "«first<|eot_id|>»" in done.stdout and "no row is longer than the limit of " in done.stdout
    assert "sandbox" not in done.stdout and "Traceback" not in done.stderr
