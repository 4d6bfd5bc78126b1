"""What the model or the account does not allow is said before anything is uploaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.errors import ConfigurationError
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.limits import check_limits
from redraft.training.settings import TrainingSettings

SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]

BATCHES = {"min_batch_size": 8, "max_batch_size": 64, "max_batch_size_dpo": 32}
PLAIN: dict[str, Any] = {
    "model_name": "m", "max_num_epochs": 20, "max_num_evals": 100, "max_num_checkpoints": 50,
    "min_learning_rate": 1e-6, "max_learning_rate": 0.01, "min_max_seq_length": 512, "max_seq_length_sft": 24_576,
    "max_seq_length_dpo": 8_192, "default_gradient_accumulation_steps": 1, "merge_output_lora": True,
    "supports_full_training": True, "supports_reasoning": False, "supports_tools": True, "supports_vision": False,
    "lora_training": {"default_rank": 16, "max_rank": 32, "target_modules": ["q_proj", "v_proj"], **BATCHES},
    "full_training": {**BATCHES, "max_batch_size": 16},
}  # fmt: skip
EVALUATED = {"validation_file": "v.jsonl"}
# (setting, beside it, least, most) as the limits above say; a least of 1 is only the settings' own
RANGES: list[tuple[str, dict[str, Any], int, int]] = [
    ("epochs", {}, 1, 20),
    ("evals", EVALUATED, 1, 100),
    ("checkpoints", {}, 1, 50),
    ("lora_rank", {}, 1, 32),
    ("batch_size", {}, 8, 64),
    ("batch_size", {"method": "dpo"}, 8, 32),
    ("batch_size", {"lora": False}, 8, 16),
    ("max_sequence_length", {}, 512, 24_576),
    ("max_sequence_length", {"method": "dpo"}, 512, 8_192),
]


def limits(**changes: Any) -> FinetuneModelLimits:
    return FinetuneModelLimits.model_validate(PLAIN | changes)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_number_is_allowed_from_the_least_to_the_most(data: st.DataObject) -> None:
    name, beside, least, most = data.draw(st.sampled_from(RANGES))
    value = data.draw(st.one_of(st.integers(1, 2 * most), st.sampled_from([least, least - 1, most, most + 1])))
    if value == 0:
        return
    one = TrainingSettings(**{"model": "m", **beside, name: value})
    if least <= value <= most:
        check_limits(one, limits())
        return
    with pytest.raises(ConfigurationError, match=f" {value:,}: m allows .*{most:,}") as caught:
        check_limits(one, limits())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "allowed", "said"),
    [
        ({"learning_rate": 1e-7}, {}, "learning rate 1e-07: m allows 1e-06 to 0.01"),
        ({"learning_rate": 0.5}, {}, "learning rate 0.5"),
        ({"max_sequence_length": 10**8}, {}, "length 100,000,000: m allows 512 to 24,576"),
        ({"lora_trainable_modules": "q_proj,w_up"}, {}, "modules w_up: m has q_proj, v_proj, or all-linear"),
        ({"lora": False}, {"full_training": None}, "--lora"),
        ({"lora": False}, {"supports_full_training": False}, "--lora"),
        ({"train_vision": True}, {}, "no vision encoder"),
        ({"from_checkpoint": "ft-7:2", "epochs": 30}, {}, "epochs 30: ft-7 allows at most 20"),
    ],
)
def test_what_the_model_lacks_is_named(given: dict[str, Any], allowed: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_limits(TrainingSettings(**{"model": "m", **given}), limits(**allowed))


def test_what_the_model_has_is_allowed() -> None:
    check_limits(TrainingSettings(model="m", lora_trainable_modules="q_proj,v_proj"), limits())
    check_limits(TrainingSettings(model="m", lora=False), limits())
    check_limits(TrainingSettings(model="m", train_vision=True), limits(supports_vision=True))


def test_a_model_that_is_not_trained_and_a_limit_are_said_before_anything_is_uploaded(
    hosted: HostedTraining, sandbox, make_file: MakeFile
) -> None:
    for wrong, said in ({"model": "unknown/model"}, "404"), ({"lora_rank": 4096}, "LoRA rank 4,096"):
        with pytest.raises(ConfigurationError, match=said) as caught:
            hosted.start_or_attach(make_file(), msgspec.structs.replace(SETTINGS, **wrong))
        assert "\n" not in str(caught.value)
    assert sandbox.jobs() == {}
    assert hosted.plane.client.files.list().data == []


def test_an_account_without_credit_is_told_before_the_job_exists(
    hosted: HostedTraining, sandbox, make_file: MakeFile
) -> None:
    estimate = {
        "estimation_available": True,
        "allowed_to_proceed": False,
        "estimated_total_price": 12.5,
        "user_limit": 5,
    }
    sandbox.script("estimate-price", status=200, body=estimate)
    with pytest.raises(ConfigurationError, match=r"\$12\.50.*\$5\.00"):
        hosted.start_or_attach(make_file(), SETTINGS)
    assert sandbox.jobs() == {}
