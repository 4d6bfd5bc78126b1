"""Reinforcement learning with a reward model, by real processes: what rises, when it ends by itself, killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redraft.errors import ConfigurationError
from redraft.training.local.reading import state_in
from tests.redraft.training.adapting.preferences.conftest import ADAPTER, STEPS


def test_the_reward_rises_and_every_value_is_told(preferring: Any, learned: Path, trained: Any) -> None:
    state = state_in(learned)
    assert state is not None and (state.state, state.done, state.step) == ("completed", ("rl",), STEPS)
    for name in ("reward", "judge", "kl", "loss", "output_tokens", "ended", "alike"):
        assert list(preferring.curve(learned, f"train/{name}")) == list(range(1, STEPS + 1)), name
    reward, moved = (list(preferring.curve(learned, f"train/{name}").values()) for name in ("reward", "kl"))
    assert sum(reward[-4:]) / 4 > sum(reward[:4]) / 4 + 0.5
    assert list(preferring.curve(learned, "train/judge").values())[-1] > 0.7
    # Before the first step it is what it was.
    assert moved[0] == pytest.approx(0, abs=1e-4) and moved[-1] > 0.01
    assert preferring.checksum(learned / ADAPTER) != preferring.checksum(trained("speaker") / ADAPTER)


def test_moved_too_far_it_ends_with_what_it_was_before(preferring: Any, trained: Any) -> None:
    some = {"max_kl": 0.3, "window": 3, "checkpoint_steps": 1}
    folder = preferring.run(preferring.rl("far", trained, **some))
    state = state_in(folder)
    assert state is not None and state.state == "completed" and 3 <= state.step < STEPS
    words = preferring.events(folder, "moved_too_far")[0]
    moved = preferring.curve(folder, "train/kl")
    assert max(moved) == state.step and sum(list(moved.values())[-3:]) / 3 > 0.3
    if "what it began with" in words:
        assert preferring.checksum(folder / ADAPTER) == preferring.checksum(trained("speaker") / ADAPTER)
    else:
        assert f"was at step {state.step - 3}" in words


def test_without_being_held_to_what_it_was_nothing_is_planned() -> None:
    from redraft.training.adapting.preference_settings import RlSettings

    with pytest.raises(TypeError, match="beta"):
        RlSettings()  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match=r"beta 0\.0: must be a number, above 0"):
        RlSettings(beta=0.0)
    with pytest.raises(ConfigurationError, match="leaves no room for a prompt"):
        RlSettings(beta=0.05, max_tokens=64, max_new_tokens=64)


def test_an_output_is_compared_with_the_others_to_its_prompt() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.rollouts import advantages

    found = advantages(torch.tensor([1.0, 2.0, 6.0, 5.0, 5.0, 5.0]), 3)
    assert found.tolist() == [1 - 4, 2 - 3.5, 6 - 1.5, 0, 0, 0]
