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
    good = [*turns[:1], {"role": "assistant", "content": "only"}]
    rows = [{"messages": good}, {"messages": turns}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_whose_last_answer_is_not_trained_is_refused(project: Any) -> None:
    words = ("check", write(project.folder / "rows.jsonl", 0), "--model", MODEL, "--show-mask", 2)
    project.environment["PREFECT_API_URL"] = "http://127.0.0.1:1/api"  # it is not asked: the environment has a key
    done = project.run(*words, status=2)
    assert "rows.jsonl:2: messages[3].weight: is 0 on the assistant's last message" in done.stdout
    assert "1 fault in 1 row: 1 untrained" in done.stdout
    # Where one message has a weight, the others without are trained, too; the provider shows it.
    assert done.stdout.count("«q<|eot_id|>»") == 1 and "«only<|eot_id|>»" in done.stdout
    assert "«first<|eot_id|>»" in done.stdout and "no row is longer than the limit of " in done.stdout
    assert "sandbox" not in done.stdout and "Traceback" not in done.stderr
