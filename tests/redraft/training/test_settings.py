from __future__ import annotations

import inspect
from typing import Any

import pytest
from together.resources.fine_tuning import AsyncFineTuningResource, FineTuningResource

from redraft.errors import ConfigurationError
from redraft.training.registry import attempt_tag, job_key
from redraft.training.settings import OWN_SUFFIX, TrainingSettings, provider_suffix


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
        {"lora": False, "lora_rank": 8},
        {"lora_rank": 0},
        {"seed": -1},
        {"suffix": "x" * (OWN_SUFFIX + 1)},
        {"suffix": "two words"},
    ],
)
def test_a_wrong_setting_is_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainingSettings(**{"model": "meta/llama", **wrong})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("client", [FineTuningResource, AsyncFineTuningResource])
def test_the_arguments_are_the_sdks_own_and_always_say_lora(client: type) -> None:
    known = inspect.signature(client.create).parameters
    for settings in (TrainingSettings(model="together:m"), TrainingSettings(model="m", lora=False)):
        arguments = settings.sdk_arguments()
        assert arguments.keys() <= known.keys()
        assert arguments["lora"] is settings.lora
        assert arguments["model"] == "m"


def test_equal_work_has_an_equal_key_and_each_difference_another() -> None:
    settings = TrainingSettings(model="m")
    key = job_key("aa", settings, "https://api")
    assert key == job_key("aa", TrainingSettings(model="together:m"), "https://api")
    others = {
        job_key("ab", settings, "https://api"),
        job_key("aa", settings, "http://127.0.0.1"),
        job_key("aa", TrainingSettings(model="m", epochs=4), "https://api"),
        job_key("aa", TrainingSettings(model="m", suffix="x"), "https://api"),
    }
    assert len(others | {key}) == 5


def test_the_suffix_fits_and_no_attempt_shares_it() -> None:
    key = job_key("aa", TrainingSettings(model="m"), "e")
    suffixes = {provider_suffix("s" * OWN_SUFFIX, attempt_tag(key, attempt)) for attempt in (1, 2, 3)}
    assert len(suffixes) == 3
    assert {len(suffix) for suffix in suffixes} == {40}
    assert provider_suffix("", attempt_tag(key, 1)) == key[:8]
