"""`redraft answers study` before anything is paid: what it tells, and what it refuses. `test_up` runs all of it."""

from __future__ import annotations

import json
import shutil
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.training.local.tiny import save_tokenizer, train_tokenizer

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_squad.json"


T5 = {
    "model_type": "t5", "d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 1200,
    "is_encoder_decoder": True,
}  # fmt: skip
WORDS = ("answers", "study", "--squad", SAMPLE, "-n", 40, "--max-input-tokens", 200, "-o", "out")


@pytest.fixture
def base(project: Any) -> Path:
    """A model as far as anybody looks before a training: its shape, its tokenizer, a file of weights."""
    if find_spec("torch") is None:
        pytest.skip("needs the extra local: pip install 'redraft[local]'")
    model = project.folder / "base"
    model.mkdir()
    paragraphs = [one["context"] for article in json.loads(SAMPLE.read_text())["data"] for one in article["paragraphs"]]
    save_tokenizer(train_tokenizer(paragraphs, 1200), model)
    (model / "config.json").write_text(json.dumps(T5))
    (model / "model.safetensors").touch()
    return model


def paid(project: Any) -> int:
    with urllib.request.urlopen(f"{project.environment['TOGETHER_BASE_URL']}/sandbox/stats", timeout=30) as answer:
        return json.load(answer)["paid_calls"]


def test_a_look_ahead_costs_nothing(project: Any, base: Path) -> None:
    told = project.run(*WORDS, "--model", "base", "--dry-run").stdout
    layers = Dataset.open(project.folder / "out" / "layers").manifest
    assert layers["tokenizer"]["exact"] and layers["tokenizer"]["max_tokens"] == 200
    assert layers["gate"]["violations"] == 0
    trained = sum(layers["counts"]["train"][name] for name in ("extraction", "domain", "negatives"))
    assert trained == 20 + 10 and f"{trained} questions to train on" in told
    calls = [line.split() for line in told.splitlines() if "Meta-Llama" in line]
    assert [("20" in line, "10" in line) for line in calls] == [(True, False), (False, True)], told
    # Of the training too, by the layers' counts: 8 rows a step.
    for line in ("extraction: about 10 rows to train on, 2", "conversation: about 20 rows to train on, 3"):
        assert f"{line} steps" in told
    assert "refusal: about 10 rows to train on, 2 steps" in told
    assert "rows of 200 and 128 tokens, as long as they may be: about 0.5 GB of memory needed on the" in told
    assert "then about 7 steps of training in 3 phases" in told
    assert {path.name for path in (project.folder / "out").iterdir()} == {"layers"}
    assert paid(project) == 0

    failed = project.run("answers", "study", "-o", "out", status=2)
    assert "no file is named" in failed.stderr.strip().splitlines()[-1]


def test_a_training_that_could_not_begin_is_refused_before_anything_is_paid(project: Any, base: Path) -> None:
    chat = project.folder / "chat"
    shutil.copytree(base, chat)
    (chat / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    for words, said in (
        (("--model", "chat"), "gpt2 is no sequence-to-sequence model; give one such as T5"),
        (("--model", "base", "--batch-size", 10**7), "lower batch_size (and raise gradient_accumulation)"),
        (("--model", "base", "--processes", 2), "2 processes are planned, and nothing starts them: give --launcher"),
        (("--model", "base", "--revision", "v2"), "base: a folder has no revision; leave the revision 'v2' out"),
    ):
        refused = project.run(*WORDS, *words, status=2).stderr.strip().splitlines()
        assert said in refused[-1]
    assert not (project.folder / "out").exists()
    assert paid(project) == 0


def test_the_revision_that_is_named_is_cut_for_and_trained(project: Any, base: Path) -> None:
    """The Hub's cache as it is once a model was fetched; its main branch is another model by now."""
    build = (
        "import sys; from pathlib import Path; from redraft.training.local.tiny import build_tiny; "
        "build_tiny(['Who? Ann lives in Rome.'] * 50, Path('whole'), 1, width=32, layers=1, heads=2)"
    )
    project.run(code=build)
    cache = project.folder / "hub" / "models--me--t5"
    commits = {"v2": "a" * 40, "main": "b" * 40}
    (cache / "refs").mkdir(parents=True)
    for name, commit in commits.items():
        (cache / "refs" / name).write_text(commit)
    shutil.copytree(project.folder / "whole", cache / "snapshots" / commits["v2"])
    shutil.copytree(base, cache / "snapshots" / commits["main"])
    (cache / "snapshots" / commits["main"] / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    hub = {"HF_HUB_CACHE": str(cache.parent), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    project.run(
        "answers", "study", "--squad", SAMPLE, "-n", 20, "-o", "out", "--model", "me/t5", "--revision", "v2",
        "--max-output-tokens", 500, "--evaluation-rows", 2, "--device", "cpu", **hub,
    )  # fmt: skip
    assert Dataset.open(project.folder / "out" / "layers").manifest["tokenizer"]["name"].endswith(commits["v2"])
    plan = json.loads((project.folder / "out" / "training" / "plan.json").read_bytes())
    assert (plan["model"], plan["revision"]) == ("me/t5", commits["v2"])
    assert json.loads((project.folder / "out" / "results.json").read_bytes())["simulated"] is True
