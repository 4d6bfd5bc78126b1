"""What the model or the account does not allow is said before a job exists."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from redraft.errors import ConfigurationError
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.settings import TrainingSettings

SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TrainingSettings(model="unknown/model"), "404"),
        (TrainingSettings(model="meta/llama-8b", epochs=1000), "epochs 1000"),
        (TrainingSettings(model="meta/llama-8b", learning_rate=0.5), "learning rate 0.5"),
        (TrainingSettings(model="meta/llama-8b", batch_size=4096), "batch size 4096"),
        (TrainingSettings(model="meta/llama-8b", lora_rank=4096), "LoRA rank 4096"),
    ],
)
def test_what_the_model_does_not_allow_is_one_line(
    hosted: HostedTraining, sandbox, make_file: MakeFile, settings: TrainingSettings, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        hosted.start_or_attach(make_file(), settings)
    assert "\n" not in str(caught.value)
    assert sandbox.jobs() == {}


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
