"""Reward models, trained by real processes: what they learn, how they are judged, killed and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.training.local.reading import state_in

STEPS, ADAPTER = 12, "model/adapter_model.safetensors"
Tiny = Callable[[Any], Path]


def outcome(runs: Any, folder: Path) -> tuple[Any, ...]:
    curves = [(line["step"], line["name"], line["value"]) for line in runs.lines(folder / "metrics.jsonl")]
    return runs.checksum(folder / ADAPTER), (folder / "model/reward.json").read_text(), sorted(curves)


def test_it_learns_what_is_preferred_and_is_judged_on_other_prompts(preferring: Any, trained: Any) -> None:
    folder = trained("reward")
    state = state_in(folder)
    assert state is not None and (state.state, state.done, state.step) == ("completed", ("reward",), state.total_steps)
    about = json.loads((folder / "model/reward.json").read_text())
    found = about["quality"]
    # Four of 24 prompts, with both their pairs.
    assert (found["pairs"], found["prompts"], about["trained_pairs"]) == (8, 4, 40)
    assert found["accuracy"] == 1 and found["low"] > 0.5 and found["brier"] < 0.25
    accuracy = preferring.curve(folder, "eval/accuracy")
    assert len(accuracy) == 2 and max(accuracy) == state.total_steps
    assert preferring.curve(folder, "train/loss")[1] > preferring.curve(folder, "train/loss")[state.total_steps]
    assert not list(folder.glob("phases/reward"))
    assert "held-out pairs" in preferring.events(folder, "measured")[0]


def test_saved_it_gives_the_rewards_that_it_was_judged_by(trained: Any, home: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.calibration import quality
    from redraft.training.adapting.pairs import Pair, split_by_group
    from redraft.training.adapting.reward import read_reward_notes
    from redraft.training.adapting.scoring import open_scorer

    folder = trained("reward")
    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    _, held_out = split_by_group([Pair(**row) for row in rows], 0.15, 0)
    prompts = [pair.prompt for pair in held_out]
    scorer = open_scorer(folder / "model", home / "work", "cpu", batch_size=3)
    chosen = scorer.scores(prompts, [pair.chosen for pair in held_out])
    rejected = scorer.scores(prompts, [pair.rejected for pair in held_out])
    told = read_reward_notes(folder / "model").quality
    again = quality([one or 0.0 for one in chosen], [one or 0.0 for one in rejected], prompts)
    assert (again.pairs, again.accuracy) == (told.pairs, told.accuracy)
    assert again.log_loss == pytest.approx(told.log_loss, abs=1e-5)
    # In another batch, filled up otherwise, they are the same.
    assert scorer.scores(prompts[:1], [held_out[0].chosen]) == pytest.approx(chosen[:1], abs=1e-5)


def test_killed_it_goes_on_to_the_same_model(preferring: Any, trained: Any, tiny: Tiny) -> None:
    folder = preferring.reward("killed", tiny("gemma"))
    preferring.killed(folder, 3)
    torn = folder / "phases/reward/checkpoint-99"
    torn.mkdir(exist_ok=True)
    (torn / "adapter_model.safetensors").write_bytes(b"half")
    preferring.run(folder)
    assert outcome(preferring, folder) == outcome(preferring, trained("reward"))
    preferring.assert_gone_on(folder)


def test_the_loss_is_as_it_is_defined() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.reward import reward_loss

    chosen, rejected = torch.tensor([1.0, -2.0, 0.3]), torch.tensor([0.5, 1.0, 0.3])
    preference = -torch.log(torch.sigmoid(chosen - rejected)).mean()
    assert reward_loss(chosen, rejected, 0.0).item() == pytest.approx(preference.item())
    centred = preference + 0.01 * torch.mean((chosen + rejected) ** 2)
    assert reward_loss(chosen, rejected, 0.01).item() == pytest.approx(centred.item())


def test_it_begins_with_the_model_that_an_adapter_belongs_to(preferring: Any, trained: Any) -> None:
    folder = preferring.run(preferring.reward("from an adapter", trained("lora") / "model", epochs=1))
    state = state_in(folder)
    assert state is not None and state.base == "an adapter to tiny-gemma (random weights)"
    assert len(preferring.curve(folder, "eval/accuracy")) == 1
    ours, its = (json.loads((one / "model/redraft.json").read_text()) for one in (folder, trained("lora")))
    assert ours["prepared_sha256"] == its["prepared_sha256"] and ours["plan_sha256"] != its["plan_sha256"]


def test_pairs_of_one_prompt_are_refused_before_anything_is_trained(preferring: Any, tiny: Tiny) -> None:
    some = [{"prompt": "<USR_A> hi<SEP><SYS>", "chosen": f" a{number}<SEP>", "rejected": " b"} for number in range(9)]
    folder = preferring.run(preferring.reward("one prompt", tiny("gemma"), some), status=2)
    state = state_in(folder)
    assert state is not None and state.refused and "none can be held out" in str(state.error)
