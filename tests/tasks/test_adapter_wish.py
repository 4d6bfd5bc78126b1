"""What is wanted of an adapter: whatever changes what is learned makes it another job, and nothing else does."""

from __future__ import annotations

from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flows.train_imitator import train_imitator
from redraft.chat_records import ChatExample, ChatTurn
from redraft.cli import chat_train
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import ConfigurationError, InputError
from redraft.imitating.tokens import TOKENS
from redraft.training.adapting.bases import AdapterNotes, write_notes
from redraft.training.adapting.plans import LoraPlan, Tokens, read_plan
from redraft.training.adapting.preference_plans import RlPlan
from redraft.training.adapting.preference_settings import DpoSettings, RewardSettings, RlSettings
from redraft.training.adapting.settings import LORA_DEFAULTS, LoraSettings
from tasks import adapter_wish as wishes
from tasks.adapter_wish import adapter_wish
from tasks.training_form import LORA_IN_FRONT, MoreLoraSettings

SETTINGS: dict[str, Any] = {
    "lora": LoraSettings(), "dpo": DpoSettings(), "reward": RewardSettings(), "rl": RlSettings(beta=0.05),
}  # fmt: skip


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("peft") is None:
        monkeypatch.setattr(wishes, "require_extra", lambda _: None)


@pytest.fixture
def examples(tmp_path: Path) -> Dataset:
    with DatasetWriter(tmp_path / "window", "chat_examples") as writer:
        for side in ("train", "preference", "test"):
            writer.add(
                ChatExample(
                    example_id=side, chat="chat1", side=side, context=(ChatTurn("A", "hi"),), reply=f"hi {side}",
                    time="2026-01-01T10:00:00+00:00", strategy="window",
                )
            )  # fmt: skip
        return writer.finish()


def adapter(folder: Path, tokens: Tokens = TOKENS, weights: bytes = b"w") -> Path:
    """What is asked of an adapter's folder before anything is trained on it."""
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "reward.json").write_text("{}")
    write_notes(
        folder,
        AdapterNotes(
            base_model="b", revision="r", found="f", prepared="p", prepared_sha256="s", tokens=tokens, max_tokens=9,
            plan_sha256="d", simulated=False,
        ),
    )  # fmt: skip
    return folder


def test_whatever_changes_what_is_learned_makes_another_job(examples: Dataset, tmp_path: Path) -> None:
    pairs, others = tmp_path / "pairs.jsonl", tmp_path / "others.jsonl"
    for number, path in enumerate((pairs, others)):
        path.write_text(f'{{"prompt": "p{number}", "chosen": "a", "rejected": "b"}}\n')
    first, reward = adapter(tmp_path / "first"), adapter(tmp_path / "reward", weights=b"r")
    other, rewarding = adapter(tmp_path / "other", weights=b"o"), adapter(tmp_path / "rewarding", weights=b"q")

    def key(kind: str = "dpo", **given: Any) -> str:
        base: dict[str, Any] = {
            "kind": kind, "model": str(first), "rows": pairs, "output": str(tmp_path / "out"),
            "settings": SETTINGS[kind], "dataset": examples, "reward": str(reward) if kind == "rl" else "",
        }  # fmt: skip
        return adapter_wish(**{**base, **given}).order().key

    keys = [
        key(), key("reward"), key("rl"), key("rl", judged=True), key("rl", reward=str(rewarding)),
        key("rl", settings=RlSettings(beta=0.06)), key(rows=others), key(held_out=others), key(model=str(other)),
        key("lora", rows=examples.path), key("lora", rows=examples.path, held_out=examples.path),
        key(output=str(tmp_path / "elsewhere")), key(settings=DpoSettings(sft_weight=2.0)),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    wish = adapter_wish(
        kind="dpo", model=str(first), rows=pairs, output=str(tmp_path / "out"), settings=DpoSettings(), dataset=examples
    )
    tokens = Tokens(special=TOKENS.special, separator="<SEP>", stop=("<SEP>",))
    retold = msgspec.structs.replace(wish, plan=msgspec.structs.replace(wish.plan, tokens=tokens))
    assert retold.order().key != wish.order().key == keys[0]
    # It is what it is, wherever it lies.
    (tmp_path / "moved").mkdir()
    assert key(model=str(first.rename(tmp_path / "moved/first"))) == keys[0]


def test_a_wish_writes_the_rows_and_the_plan_that_it_was_made_of(examples: Dataset, tmp_path: Path) -> None:
    wish = adapter_wish(
        kind="lora", model="tiny", rows=examples.path, held_out=examples.path, output=str(tmp_path / "out"),
        settings=LoraSettings(), dataset=examples, simulated=True,
    )  # fmt: skip
    assert (wish.order().dataset_hash, wish.order().counts) == (examples.content_hash, {"lora": 1, "held out": 1})
    wish.prepare(tmp_path / "out", lambda: None, print)
    plan = read_plan(tmp_path / "out")
    assert plan == wish.plan and isinstance(plan, LoraPlan) and plan.simulated and plan.tokens == TOKENS
    assert b"hi train" in (tmp_path / "out" / plan.rows.file).read_bytes()
    assert plan.held_out and b"hi preference" in (tmp_path / "out" / plan.held_out.file).read_bytes()
    assert not any(b"hi test" in path.read_bytes() for path in (tmp_path / "out/data").iterdir())


def test_what_no_adapter_can_learn_from_is_refused(examples: Dataset, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "p", "chosen": "a", "rejected": "b"}\n')
    good = adapter(tmp_path / "good")

    def wish(kind: Any = "dpo", **given: Any) -> Any:
        base: dict[str, Any] = {
            "kind": kind, "model": str(good), "rows": rows, "output": str(tmp_path / "out"),
            "settings": SETTINGS[kind], "dataset": examples,
        }  # fmt: skip
        return adapter_wish(**{**base, **given})

    strange = adapter(tmp_path / "strange", Tokens(special=("<X>",)))
    with pytest.raises(InputError, match="other special tokens than chats have"):
        wish(model=str(strange))
    with pytest.raises(ConfigurationError, match="no adapter; give model/ of a run that trained one"):
        wish(model="tiny")
    with pytest.raises(ConfigurationError, match="no reward model is named"):
        wish("rl")
    with pytest.raises(InputError, match="no reward model; give model/ of a run"):
        wish("rl", reward=str(tmp_path))
    with pytest.raises(InputError, match="no such file of rows"):
        wish(rows=tmp_path / "gone.jsonl")
    with pytest.raises(ConfigurationError, match="a folder has no revision"):
        wish(revision="main")
    (adapter(tmp_path / "marked") / "PURGED").touch()
    for given in ({"model": str(tmp_path / "marked")}, {"kind": "rl", "reward": str(tmp_path / "marked")}):
        with pytest.raises(InputError, match="marked: PURGED: a person was removed from what"):
            wish(**given)
    judged = wish("rl", reward=str(good), judged=True).plan
    assert isinstance(judged, RlPlan) and judged.judged and judged.reward == str(good)


def test_flow_and_command_begin_with_the_settings_own_defaults() -> None:
    parameters = signature(train_imitator.fn).parameters
    assert {name: parameters[name].default for name in LORA_IN_FRONT} == {
        name: LORA_DEFAULTS[name] for name in LORA_IN_FRONT
    }
    assert LoraSettings(**MoreLoraSettings().model_dump()) == LoraSettings()
    options = {one.name: one.default for one in chat_train.train_command.params}
    assert options.items() >= LORA_DEFAULTS.items()
    assert {name: options[name] for name in ("input", "model", "output", "policy")} == {
        name: parameters[name].default for name in ("input", "model", "output", "policy")
    }
