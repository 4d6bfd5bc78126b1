"""How a model is adapted and how it then writes: every parameter under a plain name, with its bounds.

The declarations are the one table: command-line options and forms can be made from them. Neighbour: `plans` holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from redraft.errors import ConfigurationError
from redraft.training.setting_types import (
    Count,
    Modules,
    Name,
    NotNegative,
    Positive,
    Rate,
    Seed,
    ShareBelowOne,
    Whole,
    require_kind,
)

Precision = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    Meta(description="Numbers that are computed with; auto: bf16 on a GPU that has it, else fp32."),
]
Device = Annotated[Literal["auto", "cpu"], Meta(description="auto: the GPU where there is one; cpu: never.")]
AllowMemory = Annotated[bool, Meta(description="Begin although more memory may be needed than is free.")]


class LoraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one low-rank adapter (LoRA). Lengths are in tokens of the model.

    Raises ConfigurationError, in one line, for a value out of its bounds and for two that contradict each other.
    """

    epochs: Annotated[Count, Meta(description="Passes over the rows.")] = 3
    learning_rate: Annotated[Rate, Meta(description="Peak learning rate.")] = 2e-4
    batch_size: Annotated[Count, Meta(description="Rows a step and process.")] = 8
    gradient_accumulation: Annotated[Count, Meta(description="Batches whose gradients make one step.")] = 1
    precision: Precision = "auto"
    max_tokens: Annotated[
        Count,
        Meta(description="Tokens of prompt and completion; of a longer row the prompt's oldest messages are left out."),
    ] = 1024
    rank: Annotated[Count, Meta(description="Rank of the adapter's matrices.")] = 16
    alpha: Annotated[Positive, Meta(description="Scale of the adapter; it counts alpha / rank times.")] = 32.0
    dropout: Annotated[ShareBelowOne, Meta(description="Dropout before the adapter's matrices.")] = 0.05
    target_modules: Annotated[
        Modules, Meta(description="Modules that get an adapter, with commas; all-linear: all but the last layer.")
    ] = "all-linear"
    train_new_tokens: Annotated[
        bool, Meta(description="Train the embeddings of the tokens that were added; no others ever are.")
    ] = True
    warmup_ratio: Annotated[ShareBelowOne, Meta(description="Share of the steps that lead up to the peak.")] = 0.03
    weight_decay: Annotated[NotNegative, Meta(description="Weight decay.")] = 0.0
    early_stopping_patience: Annotated[
        Whole,
        Meta(description="End when the held-out loss has not fallen for so many epochs, and keep the best; 0: never."),
    ] = 0
    seed: Annotated[Seed, Meta(description="Seed of shuffling, dropout and the adapter's first weights.")] = 0
    checkpoint_steps: Annotated[
        Annotated[int, Meta(ge=1, le=5000)],
        Meta(description="Steps between checkpoints: what a kill can cost. One is written after each epoch too."),
    ] = 200
    logging_steps: Annotated[Count, Meta(description="Steps between points of the curves.")] = 10
    device: Device = "auto"
    processes: Annotated[Count, Meta(description="Processes that train together, as torchrun starts them.")] = 1
    allow_memory: AllowMemory = False
    wandb_project: Annotated[
        Name | None, Meta(description="Report to this project of Weights & Biases; its key is WANDB_API_KEY.")
    ] = None
    merge: Annotated[bool, Meta(description="Also save the model with the adapter merged into it, in merged/.")] = False

    def __post_init__(self) -> None:
        for name, kind in LORA_KINDS.items():
            require_kind(name, getattr(self, name), kind)
        if self.precision == "fp16" and self.device == "cpu":
            raise ConfigurationError("precision fp16 needs a GPU; take fp32 or bf16 on the CPU")

    @property
    def always_in_key(self) -> frozenset[str]:
        """The settings that are in a job's key at their defaults too."""
        return frozenset({"epochs", "learning_rate", "batch_size", "rank", "alpha", "target_modules", "seed"})


class GenerationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How outputs to prompts are written. Raises ConfigurationError for a value out of its bounds."""

    outputs: Annotated[Count, Meta(description="Outputs to each prompt.")] = 3
    temperature: Annotated[NotNegative, Meta(description="Temperature of sampling; 0: always the likeliest token.")] = (
        1.0
    )
    top_p: Annotated[
        Annotated[float, Meta(gt=0, le=1)],
        Meta(description="Sample among the likeliest tokens whose probabilities add up to this."),
    ] = 0.95
    max_new_tokens: Annotated[Count, Meta(description="Tokens that an output may have.")] = 128
    max_tokens: Annotated[
        Count, Meta(description="Tokens of prompt and output; of a longer prompt the oldest messages are left out.")
    ] = 1024
    batch_size: Annotated[Count, Meta(description="Outputs that are written at once.")] = 16
    seed: Annotated[Seed, Meta(description="Seed of sampling; each output has its own, made of it.")] = 0
    precision: Precision = "auto"
    device: Device = "auto"

    def __post_init__(self) -> None:
        for name, kind in GENERATION_KINDS.items():
            require_kind(name, getattr(self, name), kind)
        if self.max_new_tokens >= self.max_tokens:
            raise ConfigurationError(
                f"max new tokens {self.max_new_tokens}: leaves no room for a prompt in {self.max_tokens} tokens; "
                "lower it or raise max_tokens"
            )


LORA_KINDS: Mapping[str, Any] = get_type_hints(LoraSettings, include_extras=True)
GENERATION_KINDS: Mapping[str, Any] = get_type_hints(GenerationSettings, include_extras=True)
LORA_DEFAULTS: Mapping[str, Any] = {one.name: one.default for one in msgspec.structs.fields(LoraSettings)}
GENERATION_DEFAULTS: Mapping[str, Any] = {one.name: one.default for one in msgspec.structs.fields(GenerationSettings)}
