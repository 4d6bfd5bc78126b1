"""What the chat study says before it begins, also where its model cannot be had, and what it recommends at its end."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from redraft.chat_records import ChatExample, ChatSide, ChatTurn
from redraft.cli.chat_study import preferred
from redraft.datasets.storage import DatasetWriter
from redraft.errors import ConfigurationError, InputError
from redraft.judging.judges import Judge
from tasks import imitator_study as studying
from tasks.align_form import AlignSettings
from tasks.imitator_study import (
    STUDIED,
    Ahead,
    StudyPlaces,
    model_to_adapt,
    require_sides,
    training_ahead,
)
from tasks.judge_panel import panel_of

LOOKED = {"said": "looked ahead", "lines": ["looked"]}


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Judging for real, where the Hub does not answer."""

    def unreachable(model: str, revision: str | None) -> None:
        raise ConfigurationError(f"{model}: no model could be fetched; give a folder on this machine")

    async def no(*_: object) -> bool:
        return False

    monkeypatch.setattr(studying, "find_base", unreachable)
    monkeypatch.setattr(studying, "is_rehearsed", no)
    monkeypatch.setattr(studying, "require_extra", lambda _: None)
    return panel_of("together:judge", "imitation@1", "imitating@1")[0]


def ahead(judge: Judge, model: str, *, named: bool) -> Ahead:
    async def training(**given: Any) -> dict[str, Any]:
        assert given == {"input": "out/examples/window", "output": "out/lora", "dry_run": True}
        return LOOKED

    return Ahead(
        output="out", strategy="window", outputs=3, rank_most=None, test_most=None, voice=0, seed=0, writing={},
        rl=AlignSettings(), judge=judge, model=model, revision=None, named=named, examples=training, training=training,
    )  # fmt: skip


def test_a_look_ahead_does_without_the_model_that_nobody_named(judge: Judge) -> None:
    places = StudyPlaces("out", "window")
    assert asyncio.run(model_to_adapt("", None, judge, None, dry_run=True)) == STUDIED
    said = asyncio.run(training_ahead(ahead(judge, STUDIED, named=False), places))
    told = f"the training could not be looked at: {STUDIED}: no model could be fetched; give a folder on this machine"
    assert said == {"said": told, "lines": [told]}
    assert asyncio.run(training_ahead(ahead(judge, "tiny", named=False), places)) == LOOKED
    assert asyncio.run(training_ahead(ahead(judge, "org/mine", named=True), places)) == LOOKED


@pytest.mark.parametrize(("model", "dry_run"), [("", False), ("org/mine", True), ("org/mine", False)])
def test_a_model_that_is_to_be_trained_or_was_named_is_wanted_first(judge: Judge, model: str, dry_run: bool) -> None:
    with pytest.raises(ConfigurationError, match=f"{model or STUDIED}: no model could be fetched"):
        asyncio.run(model_to_adapt(model, None, judge, None, dry_run=dry_run))


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        (("train", "preference", "test"), "1 of the side preference, and a study needs 2: raise --preference-share"),
        (("train", "preference", "preference"), "0 of the side test, and a study needs 1: raise --test-share"),
        (("train", "preference", "preference", "test"), ""),
    ],
)
def test_what_cannot_be_ranked_or_compared_is_told_before_it_is_paid(
    sides: tuple[ChatSide, ...], said: str, tmp_path: Path
) -> None:
    counts: dict[str, int] = {"train": 0, "preference": 0, "test": 0}
    with DatasetWriter(tmp_path / "examples", "chat_examples") as writer:
        for number, side in enumerate(sides):
            counts[side] += 1
            one = ChatExample(
                example_id=f"e{number}", chat="chat1", side=side, context=(ChatTurn("A", "hi"),), reply="hello",
                time="2026-01-01T10:00:00+00:00", strategy="window",
            )  # fmt: skip
            writer.add(one)
        writer.finish({"sides": counts})
    with pytest.raises(InputError, match=said) if said else nullcontext():
        asyncio.run(require_sides(str(tmp_path / "examples")))


@pytest.mark.parametrize(
    ("arms", "named"),
    [
        ({"dpo": (1, 0.6), "rl": (1, 0.7), "best-of-3": (1, 0.9), "person": (1, 0.95)}, "rl"),
        ({"dpo": (0, 0.6), "rl": (-1, 0.2)}, "lora"),
        ({"dpo": (1, 0.55), "rl": (0, 0.8)}, "dpo"),
    ],
)
def test_one_is_told_to_talk_with_what_is_shown_to_be_better(arms: dict[str, tuple[int, float]], named: str) -> None:
    rows = [{"name": name, "won": won, "rate": rate} for name, (won, rate) in arms.items()]
    assert preferred({"arms": rows}) == named
