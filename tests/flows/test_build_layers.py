"""`redraft answers layers` as its user runs it: what it prints and leaves, and the slips that it tells in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_squad.json"


def test_from_a_file_to_questions(project: Any) -> None:
    told = project.run("answers", "layers", "--squad", SAMPLE, "-n", 300, "--max-tokens", 160, "-o", "layers").stdout
    dataset = Dataset.open(project.folder / "layers")
    gate = dataset.manifest["gate"]
    assert dataset.kind == "questions" and gate["violations"] == 0 and gate["positives"] > 50
    assert "train: " in told and "test: " in told and "human" in told
    assert "  the plan asks for 150 with an answer, the files give " in told
    assert "contexts cut to 160 tokens (estimate; --tokenizer gives the model's own count)" in told
    assert "gate: 0 of " in told and told.splitlines()[-1] == "dataset: layers"

    before = dataset.content_hash
    for words, said in (
        (["--squad", "none.json"], "none.json: no such file"),
        (["--hotpot", SAMPLE], "HotpotQA rows read {"),
        (["--squad", SAMPLE, "--tokenizer", "./none"], "./none: no such tokenizer"),
        (["--squad", SAMPLE, "--templates", "none.toml"], "none.toml: No such file"),
        ([], "no file is named"),
    ):
        failed = project.run("answers", "layers", *words, "-o", "layers", status=2)
        line = failed.stderr.strip().splitlines()[-1]
        assert line.startswith("redraft: bad input: ") and said in line, failed.stderr
    assert Dataset.open(project.folder / "layers").content_hash == before
    assert {path.name for path in project.folder.iterdir()} <= {"layers", "prefect", ".redraft"}
