"""Adapters, trained by real processes: killed, stopped in order, ended early, refused before they begin."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from redraft.training.local.reading import is_alive, state_in
from redraft.training.local.reporting import run_id

STEPS, EPOCH = 12, 6
ADAPTER = "model/adapter_model.safetensors"
Tiny = Callable[[Any], Path]


def outcome(runs: Any, folder: Path) -> tuple[Any, ...]:
    """The adapter, the merged model and the curves."""
    curves = [(line["step"], line["name"], line["value"]) for line in runs.lines(folder / "metrics.jsonl")]
    return runs.checksum(folder / ADAPTER), runs.checksum(folder / "merged/model.safetensors"), sorted(curves)


def weights(folder: Path) -> dict[str, Any]:
    tensors = pytest.importorskip("safetensors.torch")
    return tensors.load_file(str(folder / "model.safetensors"))


def test_a_run_leaves_what_others_read(unbroken: Path, runs: Any, home: Path) -> None:
    state = state_in(unbroken)
    assert state is not None and not is_alive(unbroken)
    assert (state.state, state.phase, state.done, state.base) == (
        "completed",
        "lora",
        ("lora",),
        "tiny-gemma (random weights)",
    )
    assert (state.step, state.total_steps, state.world_size) == (STEPS, STEPS, 1)
    assert list(runs.curve(unbroken, "train/loss")) == list(range(1, STEPS + 1))
    # After each epoch, and it learns.
    held_out = runs.curve(unbroken, "eval/loss")
    assert (
        list(held_out) == [EPOCH, STEPS] and held_out[STEPS] < held_out[EPOCH] < runs.curve(unbroken, "train/loss")[1]
    )
    about = json.loads((unbroken / "model/redraft.json").read_text())
    assert (about["simulated"], about["base_model"]) == (True, "tiny-gemma (random weights)")
    assert Path(about["prepared"]).parent == home / "work/bases" and about["prepared_sha256"].startswith("sha256:")
    assert (unbroken / "model/tokenizer.json").is_file()
    assert not list(unbroken.glob("phases/*/checkpoint-*"))


def test_the_loss_is_on_the_completion_alone(unbroken: Path, runs: Any) -> None:
    """The held-out loss that the trainer told is the mean over all that comes after the cue, computed apart."""
    torch = pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.models import causal_tokenizer, load_causal

    model, tokenizer = load_causal(unbroken / "merged").eval(), causal_tokenizer(unbroken / "merged")
    told = list[Any]()
    for row in runs.rows(8, 48):
        prompt = tokenizer(row["prompt"])["input_ids"]
        completion = tokenizer(row["completion"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        assert tokenizer.convert_ids_to_tokens(prompt)[0] == "<bos>"
        assert tokenizer.convert_ids_to_tokens(prompt)[-1] == "<SYS>"
        with torch.inference_mode():
            likely = model(input_ids=torch.tensor([prompt + completion])).logits[0].log_softmax(-1)
        told += [-likely[len(prompt) + place - 1, one].item() for place, one in enumerate(completion)]
    assert sum(told) / len(told) == pytest.approx(runs.curve(unbroken, "eval/loss")[STEPS], abs=1e-4)


def test_a_finished_run_is_left_as_it_is(unbroken: Path, runs: Any) -> None:
    before = {path: path.stat().st_mtime_ns for path in unbroken.rglob("*") if path.is_file() and path.name != "lock"}
    runs.run(unbroken)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_killed_it_goes_on_to_the_same_adapter(unbroken: Path, runs: Any, tiny: Tiny) -> None:
    folder = runs.lora("killed", tiny("gemma"), merge=True)
    for step in (3, EPOCH + 3):
        process = runs.start(folder)
        runs.until(folder, process, lambda step=step: max(runs.curve(folder, "train/loss"), default=0) >= step)
        process.kill()
        process.join()
        assert not is_alive(folder)
        # What a kill while a checkpoint is written leaves.
        torn = folder / "phases/lora/checkpoint-99"
        torn.mkdir(exist_ok=True)
        (torn / "adapter_model.safetensors").write_bytes(b"half")
    runs.run(folder)
    assert outcome(runs, folder) == outcome(runs, unbroken)
    again = [int(message.split("step ")[1]) for message in runs.events(folder, "phase_resumed")]
    assert len(again) == 2 and all(step % 2 == 0 and step > 0 for step in again)


def test_asked_to_end_it_writes_a_checkpoint_and_goes_on(unbroken: Path, runs: Any, tiny: Tiny) -> None:
    folder = runs.lora("stopped", tiny("gemma"), merge=True, checkpoint_steps=100)
    process = runs.start(folder)
    runs.until(folder, process, lambda: max(runs.curve(folder, "train/loss"), default=0) >= 2)
    os.kill(process.pid, signal.SIGTERM)
    process.join(60)
    state = state_in(folder)
    assert process.exitcode == 3 and state is not None and state.state == "stopped"
    assert "run it again to go on" in runs.events(folder, "stopped")[0]
    runs.run(folder)
    assert outcome(runs, folder)[:2] == outcome(runs, unbroken)[:2]
    again = runs.events(folder, "phase_resumed")
    assert len(again) == 1 and int(again[0].split("step ")[1]) >= 2
    # The epoch that was cut short is no epoch.
    assert runs.curve(folder, "eval/loss") == runs.curve(unbroken, "eval/loss")


def _dies_when_it_saves() -> None:
    from redraft.training.adapting import lora

    lora.save_adapter = lambda *_: os._exit(9)


def test_ended_early_the_best_epoch_is_kept_also_after_a_kill(runs: Any, tiny: Tiny) -> None:
    early = {"epochs": 8, "learning_rate": 1.0, "early_stopping_patience": 1}
    folder = runs.run(runs.lora("early", tiny("gemma"), **early))
    held_out = runs.curve(folder, "eval/loss")
    best = min(held_out, key=lambda step: held_out[step])
    assert max(held_out) == best + EPOCH < 8 * EPOCH
    # So many epochs alone leave the same adapter at the same rate: that of the best one, not of the last.
    killed = runs.lora("early and killed", tiny("gemma"), **early)
    runs.run(killed, status=9, before=_dies_when_it_saves)
    at_best = runs.checksum(killed / f"phases/lora/checkpoint-{best}/adapter_model.safetensors")
    runs.run(killed)
    assert runs.checksum(killed / ADAPTER) == runs.checksum(folder / ADAPTER) == at_best
    assert runs.curve(killed, "eval/loss") == held_out


def _dies_when_it_merges() -> None:
    from redraft.training.adapting import lora

    lora.merge = lambda *_: os._exit(9)


def test_killed_before_it_is_merged_nothing_is_trained_again(unbroken: Path, runs: Any, tiny: Tiny) -> None:
    folder = runs.lora("unmerged", tiny("gemma"), merge=True)
    runs.run(folder, status=9, before=_dies_when_it_merges)
    assert (folder / ADAPTER).is_file() and not (folder / "merged").exists()
    runs.run(folder)
    assert outcome(runs, folder) == outcome(runs, unbroken)
    assert len(runs.events(folder, "phase_started")) == 1 and not runs.events(folder, "phase_resumed")


@pytest.mark.parametrize("family", ["gemma", "llama"])
def test_of_the_embeddings_those_of_new_tokens_alone_are_trained(
    runs: Any, tiny: Tiny, unbroken: Path, family: str
) -> None:
    """Where embeddings and last layer are two matrices, in both."""
    folder = unbroken if family == "gemma" else runs.run(runs.lora("llama", tiny(family), merge=True))
    about = json.loads((folder / "model/redraft.json").read_text())
    base, merged = weights(Path(about["prepared"])), weights(folder / "merged")
    assert base.keys() == merged.keys()
    new = json.loads((Path(about["prepared"]) / "redraft.json").read_text())["new"]
    names = [name for name in base if "embed_tokens" in name or "lm_head" in name]
    assert len(names) == (1 if family == "gemma" else 2)
    for name in names:
        changed = (base[name] != merged[name]).any(-1).nonzero().flatten().tolist()
        assert changed == new and len(new) == 4
    assert any((base[name] != merged[name]).any() for name in base if name not in names)
    assert "merged/ computes what the adapter does" in runs.events(folder, "merged")[0]


def test_without_new_tokens_no_embedding_is_trained(runs: Any, tiny: Tiny) -> None:
    folder = runs.run(
        runs.lora("plain", tiny("gemma"), train_new_tokens=False, epochs=1, target_modules="q_proj,v_proj")
    )
    tensors = pytest.importorskip("safetensors.torch").load_file(str(folder / ADAPTER))
    assert tensors and all("q_proj" in name or "v_proj" in name for name in tensors)


def test_long_prompts_are_cut_and_told(runs: Any, tiny: Tiny) -> None:
    long = {"prompt": "<USR_A> " + "hello " * 80 + "<SEP><SYS>", "completion": " lol<SEP>"}
    many = {"prompt": "<USR_A> hello 1<SEP>" * 30 + "<SYS>", "completion": " lol<SEP>"}
    folder = runs.run(runs.lora("long", tiny("gemma"), [*runs.rows(8), long, many], epochs=1))
    told = runs.events(folder, "shortened")
    assert told == [
        "trained rows: 1 lost their oldest messages, and 1 are left out, as their newest message alone is too long; "
        "raise max_tokens to keep them; 9 are used"
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_tokens": 4}, "rows.jsonl row 1: completion of "),
        ({"max_tokens": 4000}, "max tokens 4,000: this model reads 2,048 at most"),
        ({"processes": 2}, "-m redraft.training.adapting FOLDER, or plan 1"),
        ({"wandb_project": "p"}, "W&B needs"),
        ({"target_modules": "nothing"}, "nothing"),
    ],
)
def test_what_would_end_badly_does_not_begin(runs: Any, tiny: Tiny, settings: dict[str, Any], says: str) -> None:
    folder = runs.run(runs.lora("refused", tiny("gemma"), **settings), status=2)
    state = state_in(folder)
    assert state is not None and (state.state, state.refused) == ("error", True) and says in str(state.error)
    assert not (folder / "phases").exists() and not (folder / "model").exists()


# A client of W&B that only writes down what it is told to do.
WANDB = """
import json, pathlib
run = None
class Config(dict):
    def update(self, *_, **more): ...
class Run:
    def __init__(self, id): self.id, self.name, self.config, self.summary, self._label = id, id, Config(), {}, dict
    def watch(self, *_, **more): ...
config = Config()
def said(**line):
    with (pathlib.Path(__file__).parent / "said.jsonl").open("a") as file: file.write(json.dumps(line) + "\\n")
def init(**given):
    global run
    run = Run(given.get("id"))
    said(did="init", **given)
    return run
def define_metric(*_, **more): ...
def log(values): said(did="log", id=run.id, step=values["train/global_step"])
def finish():
    global run
    said(did="finish", id=run.id)
    run = None
"""


def _with_wandb(folder: str) -> None:
    sys.path.insert(0, folder)
    os.environ["WANDB_MODE"] = "offline"


def test_what_is_logged_goes_to_a_run_of_its_own_at_wandb(runs: Any, tiny: Tiny, tmp_path: Path) -> None:
    package = tmp_path / "beside/wandb"
    (package / "sdk/lib").mkdir(parents=True)
    (package / "__init__.py").write_text(WANDB)
    (package / "sdk/lib/config_util.py").write_text("class ConfigError(Exception): ...")
    folder = runs.lora("told", tiny("gemma"), runs.rows(16), epochs=1, wandb_project="imitating")
    runs.run(folder, before=partial(_with_wandb, str(package.parent)))
    said, state = runs.lines(package / "said.jsonl"), state_in(folder)
    assert state is not None and state.begun_at
    own = run_id("told-lora", state.begun_at)
    assert said[0] == {"did": "init", "project": "imitating", "name": "told-lora", "id": own, "resume": "allow"}
    assert said[-1] == {"did": "finish", "id": own}
    assert {line["step"] for line in said if line["did"] == "log"} == {1, 2} and len(said) > 3


def test_one_process_works_in_a_folder(runs: Any, tiny: Tiny) -> None:
    folder = runs.lora("two", tiny("gemma"))
    with FileLock(folder / "lock"):
        runs.run(folder, status=2)
    assert state_in(folder) is None and not (folder / "phases").exists()


def test_another_plan_in_a_begun_folder_is_refused(unbroken: Path, runs: Any, tiny: Tiny) -> None:
    folder = runs.lora("changed", tiny("gemma"), seed=2)
    (folder / "state.json").write_bytes((unbroken / "state.json").read_bytes())
    runs.run(folder, status=2)
    assert (folder / "state.json").read_bytes() == (unbroken / "state.json").read_bytes()


def test_a_tiny_model_is_built_where_that_is_planned(runs: Any) -> None:
    folder = runs.run(runs.lora("tiny", "tiny", runs.rows(16), epochs=1))
    state = state_in(folder)
    assert state is not None and state.base == "tiny-gemma (random weights)"
