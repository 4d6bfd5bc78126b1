"""What a fine-tune is asked to do, checked before anything is paid; and the same as arguments of the SDK.

Neighbours: `hosted` submits with these, `registry` derives the job key from them.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import msgspec

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import split_model

# The provider takes 40 characters; a hyphen and eight digits of the job key follow the user's own.
PROVIDER_SUFFIX = 40
OWN_SUFFIX = PROVIDER_SUFFIX - 9


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one supervised fine-tune. `model` is the base model, `together:NAME` or a bare name.

    `learning_rate` is the peak of a cosine schedule, `warmup_ratio` the share of steps that lead up to it.
    `batch_size` counts sequences; "max" lets the provider choose. `lora_rank` None takes the model's default, and
    `lora_alpha` None twice the rank. `seed` None takes the provider's fixed default. `suffix` ends the new
    model's name, before eight digits of the job key.
    """

    model: str
    epochs: int = 3
    learning_rate: float = 1e-5
    lora: bool = True
    lora_rank: int | None = None
    lora_alpha: int | None = None
    batch_size: int | Literal["max"] = "max"
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    checkpoints: int = 1
    seed: int | None = None
    suffix: str = ""

    def __post_init__(self) -> None:
        provider, _ = split_model(self.model)
        if provider != "together":
            raise ConfigurationError(f"model {self.model!r}: hosted training is at Together only, not at {provider}")
        _require_int("epochs", self.epochs)
        _require_int("checkpoints", self.checkpoints)
        if self.batch_size != "max":
            _require_int("batch size", self.batch_size, hint='at least 1, or "max"')
        if not (_is_number(self.learning_rate) and 0 < self.learning_rate <= 1):
            raise ConfigurationError(f"learning rate {self.learning_rate!r}: must be above 0 and at most 1")
        if not (_is_number(self.warmup_ratio) and 0 <= self.warmup_ratio <= 1):
            raise ConfigurationError(f"warmup ratio {self.warmup_ratio!r}: must be between 0 and 1")
        if not (_is_number(self.weight_decay) and self.weight_decay >= 0):
            raise ConfigurationError(f"weight decay {self.weight_decay!r}: must be 0 or more")
        for name, value in (("LoRA rank", self.lora_rank), ("LoRA alpha", self.lora_alpha)):
            if value is not None:
                _require_int(name, value)
                if not self.lora:
                    raise ConfigurationError(f"{name} {value}: has no meaning in full training; drop it or use LoRA")
        if self.seed is not None:
            _require_int("seed", self.seed, least=0, hint="0 or more")
        if len(self.suffix) > OWN_SUFFIX or not re.fullmatch(r"[A-Za-z0-9._-]*", self.suffix):
            raise ConfigurationError(
                f"suffix {self.suffix!r}: at most {OWN_SUFFIX} letters, digits, dots, hyphens and underscores"
            )

    @property
    def base_model(self) -> str:
        """The provider's own name of the model."""
        return split_model(self.model)[1]

    def parameters(self) -> dict[str, Any]:
        """Every setting under its own name, for the registry, the record and the job key."""
        return {**msgspec.to_builtins(self), "model": self.base_model}

    def sdk_arguments(self) -> dict[str, Any]:
        """Arguments of the SDK's `fine_tuning.create`, without the file, the limits and the suffix.

        `lora` is always said: left out, the synchronous SDK drops every LoRA argument without a word.
        """
        arguments: dict[str, Any] = {
            "model": self.base_model,
            "n_epochs": self.epochs,
            "n_checkpoints": self.checkpoints,
            "learning_rate": self.learning_rate,
            "lr_scheduler_type": "cosine",
            "batch_size": self.batch_size,
            "warmup_ratio": self.warmup_ratio,
            "weight_decay": self.weight_decay,
            "random_seed": self.seed,
            "lora": self.lora,
            "training_method": "sft",
            "train_on_inputs": "auto",
        }
        if self.lora:
            arguments |= {"lora_r": self.lora_rank, "lora_alpha": self.lora_alpha}
        return arguments


def provider_suffix(suffix: str, tag: str) -> str:
    """The suffix sent to the provider: the user's own, a hyphen, and eight digits that name the job."""
    return f"{suffix}-{tag}".lstrip("-")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require_int(name: str, value: object, least: int = 1, hint: str = "at least 1") -> None:
    if type(value) is not int or value < least:
        raise ConfigurationError(f"{name} {value!r}: must be a whole number, {hint}")
