"""What is asked for of a method, looked through before anything is done; and what is told of it afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from redraft.chat.rendering import completion_of, prompt_of
from redraft.chat_records import ChatExample, ChatPreference, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import ConfigurationError, InputError
from redraft.judging.judges import make_judge
from redraft.judging.protocol import judge_requests
from redraft.training.adapting.preference_methods import METHODS, defaults_of, kinds_of, settings_of
from redraft.training.local.telling import Teller
from tasks import aligned, aligning
from tasks.align_form import AlignSettings
from tasks.aligning import Wanted, rows_for, steps_ahead, unseen_ahead

PAIRS = 24


def wanted(method: Any, **given: Any) -> Wanted:
    settings = settings_of(method, given.pop("settings", {}))
    nothing = {"preferences": "", "examples": "", "reward": "", "adapter": "lora", "output": "out"}
    return Wanted(method=method, settings=settings, **{**nothing, **given})


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("dpo", {}, "dpo learns from preferences"),
        ("reward", {"preferences": "p", "reward": "r"}, "reward has no use for a reward model"),
        ("rl", {"examples": "e"}, "rl learns from prompts and rewards"),
        ("rl", {"examples": "e", "reward": "r", "preferences": "p"}, "rl learns from rewards"),
    ],
)
def test_what_a_method_lacks_or_has_no_use_for_is_refused(method: str, given: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        wanted(method, **given)


def test_the_form_has_every_setting_with_its_bounds_and_each_may_be_left_empty() -> None:
    assert set(AlignSettings.model_fields) == {name for method in METHODS for name in kinds_of(method)}
    assert not [value for value in AlignSettings().model_dump().values() if value is not None]
    for method in METHODS:
        assert AlignSettings(**defaults_of(method)).model_dump(exclude_none=True) == defaults_of(method)
    for wrong in ({"beta": 0}, {"epochs": 0}, {"held_out_share": 1}, {"speed": 1}, {"precision": "fp8"}):
        with pytest.raises(ValidationError):
            AlignSettings(**wrong)
    said = AlignSettings.model_fields["beta"].description
    assert said is not None and said.endswith("Default: 0.1 for dpo, 0.05 for rl.")


def example(number: int) -> ChatExample:
    return ChatExample(
        example_id=f"e{number}", chat="chat1", side="preference", reply=f"ja {number}", strategy="window",
        context=(ChatTurn("A", f"asks {number}"),), time=f"2026-01-01T10:{number:02}:00+00:00",
    )  # fmt: skip


@pytest.fixture
def preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    with DatasetWriter(tmp_path / "preferences", "chat_preferences") as writer:
        for number in range(PAIRS):
            one = example(number // 2)
            writer.add(
                ChatPreference(
                    preference_id=str(number), example_id=one.example_id, prompt=prompt_of(one.context), judge="j",
                    chosen=completion_of(f"a {number}"), rejected=completion_of(f"b {number}"), chosen_sample=1,
                    rejected_sample=2,
                )
            )  # fmt: skip
        return writer.finish({"simulated": True})


def test_a_dataset_and_a_file_of_pairs_are_the_same_rows(preferences: Dataset, tmp_path: Path) -> None:
    with rows_for(wanted("dpo", preferences=str(preferences.path))) as rows:
        own = tmp_path / "own.jsonl"
        own.write_bytes(rows.path.read_bytes())
        assert rows.simulated and rows.dataset.content_hash == preferences.content_hash
        many = {"batch_size": 4, "epochs": 2}
        ahead = steps_ahead(wanted("dpo", preferences=str(preferences.path), settings=many), rows)
    assert not rows.path.exists()
    # One of twelve prompts is held out, with both of its pairs.
    assert ahead == (2 * 6, ["dpo: 22 pairs to train on, 2 held out, 12 steps"])
    with rows_for(wanted("reward", preferences=str(own))) as rows:
        assert (rows.path, rows.simulated) == (own, False)
    with rows_for(wanted("reward", preferences=str(own), examples=str(preferences.path))) as rows:
        assert rows.dataset.content_hash == preferences.content_hash
    with pytest.raises(ConfigurationError, match="says itself what it was made from"):
        wanted("dpo", preferences=str(preferences.path), examples="e")
    neither = pytest.raises(ConfigurationError, match=r"neither a dataset of preferences nor a \.jsonl")
    with neither, rows_for(wanted("dpo", preferences=str(tmp_path / "own.csv"))):
        pass
    with pytest.raises(InputError), rows_for(wanted("rl", examples=str(preferences.path), reward="r")):
        pass


def test_as_many_comparisons_are_estimated_as_the_judge_will_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    with DatasetWriter(tmp_path / "examples", "chat_examples") as writer:
        for number in range(3):
            writer.add(example(number))
        writer.finish()
    of = wanted("rl", examples=str(tmp_path / "examples"), reward="r", settings={"steps": 11, "batch_size": 2})
    with rows_for(of) as rows:
        steps, lines = steps_ahead(of, rows)
        found = list(aligning._to_be_judged(of, rows, voice=0))
    assert (steps, lines) == (11, ["rl: 11 steps, each of 2 prompts of 3, 4 outputs to each"])
    judge = make_judge("x/judge")
    keys = {request.key_messages for one in found for _, request in judge_requests(one, judge)}
    # With so few prompts par is not known well enough, and the dry run says so.
    assert "3 prompts are too few" in (unseen_ahead(of, rows) or "")
    # At steps 1, 3, 5, 7, 9 and 11.
    assert len(found) == 6 * 2 and len(keys) == 24


def test_what_became_less_likely_is_told(tmp_path: Path) -> None:
    teller = Teller(tmp_path)
    teller.metrics(1, {"eval/accuracy": 0.5, "eval/margin": 0.1, "eval/chosen": 0.2, "train/loss": 1.0})
    teller.metrics(2, {"eval/accuracy": 0.75, "eval/margin": 0.4, "eval/chosen": -0.2})
    found = aligned._of_dpo(tmp_path)
    assert found["held_out"] == {"accuracy": 0.75, "margin": 0.4, "chosen": -0.2}
    assert "became less likely" in found["remarks"][0] and len(found["table"]) == 3
    assert json.loads(msgspec.json.encode(found)) == found


@pytest.mark.parametrize(
    ("values", "ends"), [([1.0], (1.0, 1.0)), ([1, 3, 5], (1, 5)), ([0.0] * 12 + [1.0] * 12, (0.0, 1.0))]
)
def test_beginning_and_end_share_no_step(values: list[float], ends: tuple[float, float]) -> None:
    assert aligned._ends(values) == ends
