"""A phase gives a sign after every batch, however many of them make a step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from redraft.training.local import phases, telling
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller, read_state


def test_it_gives_a_sign_between_steps_and_while_it_measures_its_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    monkeypatch.setattr(telling, "_BEAT", 0.0)
    monkeypatch.setattr(telling, "_stamp", lambda: next(times))
    times = iter(["1", "2", "3"])
    teller = Teller(tmp_path)
    teller.now(state="running", step=7)
    run: Any = SimpleNamespace(offset=0)
    watch: Any = phases._watch(run, SimpleNamespace(any=bool), teller, Stop())
    for event in (watch.on_substep_end, watch.on_prediction_step):
        event(None, None, None)
    state = read_state(tmp_path)
    assert state is not None and (state.updated_at, state.step) == ("3", 7)
