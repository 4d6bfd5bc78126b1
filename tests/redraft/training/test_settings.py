"""Every parameter of the provider has a plain name; what is wrong or does not go together is one line, before anything
is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import ConfigurationError
from redraft.training.settings import OWN_SUFFIX, TrainingSettings, settings_of


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"model": "anthropic:claude-haiku-5-5"},
        {"epochs": 0},
        {"epochs": True},
        {"epochs": 2.0},
        {"learning_rate": 0},  # the SDK would quietly take 1e-5 instead
        {"learning_rate": float("nan")},
        {"learning_rate": 2},
        {"batch_size": 0},
        {"batch_size": "many"},
        {"warmup_ratio": 1.5},
        {"weight_decay": -0.1},
        {"max_grad_norm": float("inf")},
        {"lora_rank": 0},
        {"lora_dropout": 1.0},
        {"lora_trainable_modules": "q_proj, v_proj"},
        {"lora_trainable_modules": ""},
        {"method": "rl"},
        {"schedule": "constant"},
        {"train_on_inputs": "no"},
        {"packing": 1},
        {"seed": -1},
        {"seed": 2**32},
        {"lora_trainable_modules": "all-linear,q_proj"},
        {"schedule": "linear", "schedule_cycles": 0.5},
        {"suffix": "x" * (OWN_SUFFIX + 1)},
        {"suffix": "two words"},
        {"from_checkpoint": "ft-1:last"},
        {"wandb_project": ""},
    ],
)
def test_a_wrong_setting_is_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainingSettings(**{"model": "meta/llama", **wrong})
    assert "\n" not in str(caught.value)


def test_an_address_that_holds_a_password_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="W&B base url") as caught:
        TrainingSettings(model="m", wandb_project="p", wandb_base_url="https://me:hunter2@wandb.example")
    assert "hunter2" not in str(caught.value)


def test_numbers_are_said_as_people_write_them() -> None:
    with pytest.raises(ConfigurationError, match=r"seed 4294967296: must be .* at most 4,294,967,295"):
        TrainingSettings(model="m", seed=2**32)
    with pytest.raises(ConfigurationError, match=r"all-linear,q_proj: all-linear stands alone"):
        TrainingSettings(model="m", lora_trainable_modules="all-linear,q_proj")


def test_an_unknown_setting_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigurationError, match=r"'epoch'.*epochs"):
        settings_of({"model": "m", "epoch": 3})
    assert settings_of({"model": "m", "epochs": 4}) == TrainingSettings(model="m", epochs=4)


shares, positive = st.floats(0.001, 0.99), st.floats(0.001, 100)
words = st.from_regex(r"\A[a-z][a-z0-9_/-]{0,20}\Z")
EVALUATED = {"validation_file": "v.jsonl", "evals": 10}
# (setting, its values, what it contradicts, what it goes together with)
CLASHES: list[tuple[str, st.SearchStrategy[Any], dict[str, Any], dict[str, Any]]] = [
    ("lora_rank", st.integers(1, 64), {"lora": False}, {}),
    ("lora_alpha", st.integers(1, 64), {"lora": False}, {}),
    ("lora_dropout", shares, {"lora": False}, {}),
    ("lora_trainable_modules", st.sampled_from(["q_proj", "q_proj,v_proj"]), {"lora": False}, {}),
    ("dpo_beta", positive, {"method": "sft"}, {"method": "dpo"}),
    ("dpo_normalize_logratios_by_length", st.just(True), {}, {"method": "dpo"}),
    ("rpo_alpha", positive, {}, {"method": "dpo"}),
    ("simpo_gamma", positive, {}, {"method": "dpo"}),
    ("train_on_inputs", st.booleans(), {"method": "dpo"}, {"method": "sft"}),
    ("schedule_cycles", st.floats(1, 10), {"schedule": "linear"}, {"schedule": "cosine"}),
    ("evals", st.integers(1, 50), {}, {"validation_file": "v.jsonl"}),
    ("validation_file", words, {}, {"evals": 1}),
    ("validation_file", words, {"evals": 0}, {"evals": 1}),
    ("early_stopping", st.just(True), {}, EVALUATED),
    ("early_stopping", st.just(True), EVALUATED | {"evals": 3}, EVALUATED | {"evals": 4}),
    ("early_stopping_patience", st.integers(1, 5), EVALUATED, EVALUATED | {"early_stopping": True}),
    ("early_stopping_patience", st.integers(7, 9), EVALUATED | {"early_stopping": True, "evals": 8},
     EVALUATED | {"early_stopping": True, "evals": 11}),
    ("early_stopping_min_delta", positive, EVALUATED, EVALUATED | {"early_stopping": True}),
    ("early_stopping_warmup_evals", st.integers(0, 5), EVALUATED, EVALUATED | {"early_stopping": True}),
    ("wandb_name", words, {}, {"wandb_project": "p"}),
    ("wandb_entity", words, {}, {"wandb_project": "p"}),
    ("wandb_base_url", st.just("https://wandb.example"), {}, {"wandb_project": "p"}),
    ("hf_model_revision", words, {}, {"from_hf_model": "me/mine"}),
    ("from_hf_model", words, {"from_checkpoint": "ft-1:3"}, {}),
]  # fmt: skip


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_what_does_not_go_together_is_refused_and_what_does_is_not(data: st.DataObject) -> None:
    name, values, against, beside = data.draw(st.sampled_from(CLASHES))
    value = data.draw(values)
    with pytest.raises(ConfigurationError) as caught:
        TrainingSettings(**{"model": "m", **against, name: value})
    assert "\n" not in str(caught.value)
    TrainingSettings(**{"model": "m", **beside, name: value})
