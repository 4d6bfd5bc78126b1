"""`redraft finetune` through the whole stack: it asks before it spends, options arrive, keys are written nowhere."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.registry import Registry

KEY = "wandb-recognisable-77e1"
CTRL_C = "\x03"


def test_a_person_agrees_to_the_price_before_a_job_is_made(
    project: Any, forking: Any, terminal: Callable[..., Any], rewritten: Path, sandbox: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    words = ("finetune", "-i", "rewritten", "--ask-above", "0", "--no-monitor", "--method", "dpo", "--dpo-beta", "0.2",
             "--lora-rank", "16", "--max-grad-norm", "0.5", "--wandb-project", "mine")  # fmt: skip
    alone = forking.run(project, *words, status=2, WANDB_API_KEY=KEY)
    line = next(line for line in alone.stderr.splitlines() if line.startswith("redraft: "))
    assert "by the provider's estimate" in line and "by ours" in line and "--yes" in line

    for keys, said in (("n\n", "nothing was submitted"), (CTRL_C, "stopped; the same command continues")):
        refused = terminal(*words, WANDB_API_KEY=KEY)
        refused.read("submit it all the same? [y/N]")
        refused.type(keys)
        assert refused.status() == 1 and said in refused.said, refused.said
    assert sandbox.stats()["jobs"] == {}

    agreed = terminal(*words, WANDB_API_KEY=KEY)
    agreed.read("submit it all the same? [y/N]")
    agreed.type("y\n")
    assert agreed.status() == 0, agreed.said
    assert re.search(r"price of \S+: \$\S+ by the provider's estimate, \$\S+ by ours \(about", agreed.said), (
        "before it is submitted"
    )
    assert re.search(r"price: \$\S+ by the provider's estimate, \$\S+ by ours\s*$", agreed.said, re.MULTILINE), (
        "and after"
    )
    assert "which tokens are trained is not proven" in agreed.said, "pairs have no preview"
    assert list(sandbox.stats()["jobs"].values()) == [1] and sandbox.stats()["uploads"] == 1
    (job_id,) = re.findall(r"job (ft-\S+): ", agreed.said)
    asked = urllib.request.Request(f"{sandbox.url}/v1/fine-tunes/{job_id}", headers={"authorization": "Bearer k"})
    with urllib.request.urlopen(asked) as answer:
        job = json.load(answer)
    assert job["training_method"]["method"] == "dpo" and job["training_method"]["dpo_beta"] == 0.2
    assert job["training_type"]["lora_r"] == 16 and job["max_grad_norm"] == 0.5
    assert (project.folder / "rewritten_preferences.jsonl").exists()
    written = [path for path in tmp_path_factory.getbasetemp().rglob("*") if path.is_file()]
    assert any(path.name.startswith("prefect.db") for path in written)
    assert [path for path in written if KEY.encode() in path.read_bytes()] == []


def test_a_training_file_of_ones_own_is_checked_and_trained_on_as_it_stands(
    project: Any, forking: Any, sandbox: SandboxProcess
) -> None:
    turns = [("user", "Which is the largest planet?"), ("assistant", "Jupiter is.")]
    own = project.folder / "own.jsonl"
    rows = [[{"role": role, "content": f"{content} {number}"} for role, content in turns] for number in range(20)]
    own.write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    words = ("finetune", "-s", "mine", "--check-interval", 0.2, "--train-on-inputs", "yes")
    said = forking.run(project, *words, "-i", "own.jsonl", "--budget", 5)
    (suffix,) = sandbox.stats()["jobs"]
    assert suffix.startswith("mine-") and "training file: " + str(own) in said.stdout
    (model,) = re.findall(r"model: (\S+)", said.stdout)
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        [job] = registry.list()
    assert (job.dataset_path, job.training_sha256) == (None, hashlib.sha256(own.read_bytes()).hexdigest())
    assert job.parameters["train_on_inputs"] is True
    # The same conversations, to be tested on: the model was trained on them.
    tested = [{"conversation_id": str(number), "conversation": [*row, {"role": "user", "content": "No."}]}
              for number, row in enumerate(rows)]  # fmt: skip
    (project.folder / "tested.json").write_text(json.dumps(tested))
    refused = forking.run(project, "evaluate", "-c", "tested.json", "-m1", "base", "-m2", model, "--no-serve", status=2)
    assert "was trained on 20 of the 20 test contexts" in refused.stderr and str(own) in refused.stderr

    rows[3][1]["weight"] = rows[5][1]["weight"] = 1.0
    own.write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    faulty = forking.run(project, *words, "-i", "own.jsonl", "--yes", status=2)
    assert "own.jsonl: line 4: messages[1].weight: is 1.0; must be the integer 0 or 1; and 1 more" in faulty.stderr
    assert "redraft check own.jsonl shows them all" in faulty.stderr
    assert list(sandbox.stats()["jobs"]) == [suffix] and sandbox.stats()["uploads"] == 1


def test_several_datasets_are_trained_on_as_one(
    project: Any, forking: Any, rewritten: Path, sandbox: SandboxProcess
) -> None:
    with DatasetWriter(project.folder / "refused", "examples") as writer:
        for number in range(10):
            asked, refusal = Message("user", f"riddle {number}"), Message("assistant", f"Sorry, not that {number}.")
            writer.add(Example(conversation_id=f"r{number}", messages=(asked, refusal), category="", improved=True,
                               generation_method=None, original_response="", improvement_timestamp=None))  # fmt: skip
        writer.finish()
    words = ("finetune", "-i", "rewritten", "-i", "refused", "-s", "both", "--yes", "--no-monitor")
    said = forking.run(project, *words)
    assert "Train on rewritten and refused: " in said.stderr
    assert "training file: " in said.stdout and "rewritten-refused_training.jsonl" in said.stdout
    lines = (project.folder / "rewritten-refused_training.jsonl").read_text().splitlines()
    assert (len(lines), sum("riddle" in line for line in lines[:15])) == (30, 5)
    joined = Dataset.open(project.folder / "rewritten-refused")
    assert [Path(one["path"]).name for one in joined.manifest["parents"]] == ["rewritten", "refused"]
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        [job] = registry.list()
    assert (job.dataset_path, job.dataset_hash) == (str(joined.path), joined.content_hash)
    # The same command attaches to that job.
    forking.run(project, *words)
    assert list(sandbox.stats()["jobs"].values()) == [1]

    twice = forking.run(project, "finetune", "-i", "rewritten", "-i", "rewritten", "--yes", status=2)
    assert "rewritten: is given twice; give each dataset once" in twice.stderr
    (project.folder / "own.jsonl").write_text("{}")
    mixed = forking.run(project, "finetune", "-i", "rewritten", "-i", "own.jsonl", "--yes", status=2)
    assert "own.jsonl: a file; several can only be trained on together where all are datasets" in mixed.stderr
