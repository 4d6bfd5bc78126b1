"""Adapters trained on from preferences, by real processes: what moves, what they are held to, killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.training.local.reading import state_in

ADAPTER = "model/adapter_model.safetensors"
Tiny = Callable[[Any], Path]


def outcome(runs: Any, folder: Path) -> tuple[Any, ...]:
    curves = [(line["step"], line["name"], line["value"]) for line in runs.lines(folder / "metrics.jsonl")]
    return runs.checksum(folder / ADAPTER), sorted(curves)


def test_the_preferred_gains_on_held_out_prompts_and_is_not_lost(preferring: Any, trained: Any) -> None:
    before = preferring.checksum(trained("lora") / ADAPTER)
    folder = trained("dpo")
    state = state_in(folder)
    assert state is not None and (state.state, state.done) == ("completed", ("dpo",))
    assert state.base == "an adapter to tiny-gemma (random weights)"
    last = {name: preferring.curve(folder, f"eval/{name}")[state.total_steps] for name in ("accuracy", "margin")}
    assert last["accuracy"] == 1 and last["margin"] > 0
    assert preferring.curve(folder, "eval/chosen")[state.total_steps] > 0
    # Before the first step nothing has moved from what it is held to.
    assert preferring.curve(folder, "train/margin")[1] == pytest.approx(0, abs=1e-5)
    assert preferring.checksum(trained("lora") / ADAPTER) == before


def test_killed_it_goes_on_to_the_same_adapter(preferring: Any, trained: Any) -> None:
    folder = preferring.dpo("killed", trained("lora") / "model")
    preferring.killed(folder, 3)
    preferring.run(folder)
    assert outcome(preferring, folder) == outcome(preferring, trained("dpo"))
    preferring.assert_gone_on(folder)


def test_asked_to_end_it_writes_a_checkpoint_and_goes_on(preferring: Any, trained: Any) -> None:
    folder = preferring.dpo("stopped", trained("lora") / "model", checkpoint_steps=100)
    process = preferring.start(folder)
    preferring.until(folder, process, lambda: max(preferring.curve(folder, "train/loss"), default=0) >= 2)
    os.kill(process.pid, signal.SIGTERM)
    process.join(60)
    state = state_in(folder)
    assert process.exitcode == 3 and state is not None and state.state == "stopped"
    preferring.run(folder)
    assert preferring.checksum(folder / ADAPTER) == preferring.checksum(trained("dpo") / ADAPTER)


def test_what_is_no_adapter_is_refused(preferring: Any, tiny: Tiny) -> None:
    folder = preferring.run(preferring.dpo("base", tiny("gemma")), status=2)
    state = state_in(folder)
    assert state is not None and state.refused and "no adapter; give model/ of a run" in str(state.error)


def test_it_is_an_adapter_as_any_other(preferring: Any, trained: Any, runs: Any) -> None:
    """It writes, and it is merged, as the one that it began with."""
    about = json.loads((trained("dpo") / "model/redraft.json").read_text())
    began = json.loads((trained("lora") / "model/redraft.json").read_text())
    assert about["prepared_sha256"] == began["prepared_sha256"] and about["plan_sha256"] != began["plan_sha256"]
    written = runs.generation("written", trained("dpo") / "model", [{"prompt": "<USR_A> hello 1<SEP><SYS>"}])
    lines = preferring.lines(preferring._runs.run(written) / "generations.jsonl")
    assert len(lines) == 1 and len(lines[0]["outputs"]) == 2


def test_likelihoods_are_those_of_each_token(trained: Any, home: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.bases import notes_in, prepared_of
    from redraft.training.adapting.dpo import likelihoods, likely
    from redraft.training.adapting.models import load_adapter, load_causal
    from redraft.training.adapting.pairs import EncodedPair, batch_of

    folder = trained("lora") / "model"
    base = load_causal(prepared_of(folder, notes_in(folder), home / "work").path, torch.float32)
    model = load_adapter(base, folder).eval()
    pairs = [EncodedPair(0, [2, 7, 9], [11, 12, 1], [13, 1]), EncodedPair(1, [2, 8], [5, 1], [6, 7, 8, 1])]
    with torch.inference_mode():
        sums, lengths = likelihoods(model, batch_of(pairs, 0))
        for place, (prompt, output) in enumerate(
            [(one.prompt, one.chosen) for one in pairs] + [(one.prompt, one.rejected) for one in pairs]
        ):
            told = model(input_ids=torch.tensor([prompt + output])).logits[0].log_softmax(-1)
            plain = sum(told[len(prompt) + at - 1, one].item() for at, one in enumerate(output))
            assert sums[place].item() == pytest.approx(plain, abs=1e-4)
    assert lengths.tolist() == [3, 2, 2, 4]
    assert likely(model, pairs, 0, 1) == [pytest.approx(one, abs=1e-4) for one in likely(model, pairs, 0, 2)]


def test_the_loss_is_as_it_is_defined() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.dpo import dpo_loss
    from redraft.training.adapting.preference_settings import DpoSettings

    now, before = torch.tensor([-2.0, -3.0, -4.0, -1.0]), torch.tensor([-3.0, -3.0, -3.0, -3.0])
    lengths = torch.tensor([2, 3, 1, 1])
    settings = DpoSettings(beta=0.5, preference_weight=2.0, sft_weight=3.0)
    loss, values = dpo_loss(now, before, lengths, settings)
    margins = torch.tensor([0.5 * (1 + 1), 0.5 * (0 - 2)])
    own = (2.0 + 3.0) / 5
    plain = 2 * -torch.log(torch.sigmoid(margins)).mean().item() + 3 * own
    assert loss.item() == pytest.approx(plain)
    assert {name: value.item() for name, value in values.items()} == {
        "accuracy": 0.5, "margin": pytest.approx(margins.mean().item()), "chosen": 0.5, "sft": pytest.approx(own),
    }  # fmt: skip
