"""How models learn from preferences: every parameter under a plain name, with its bounds.

The declarations are the one table, as in `settings`. Neighbour: `preference_plans` holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from redraft.errors import ConfigurationError
from redraft.training.adapting.settings import AllowMemory, Device, LoraSettings, Precision
from redraft.training.setting_types import (
    Count,
    Modules,
    NotNegative,
    Positive,
    Rate,
    Seed,
    ShareBelowOne,
    require_kind,
)

Epochs = Annotated[Count, Meta(description="Passes over the pairs.")]
LearningRate = Annotated[Rate, Meta(description="Peak learning rate.")]
BatchSize = Annotated[Count, Meta(description="Pairs a step; each is two rows.")]
Accumulation = Annotated[Count, Meta(description="Batches whose gradients make one step.")]
MaxTokens = Annotated[
    Count,
    Meta(description="Tokens of a prompt with the longer output; of a longer one the oldest messages are left out."),
]
Warmup = Annotated[ShareBelowOne, Meta(description="Share of the steps that lead up to the peak.")]
Decay = Annotated[NotNegative, Meta(description="Weight decay.")]
HeldOut = Annotated[
    Annotated[float, Meta(gt=0, lt=1)],
    Meta(description="Share of the prompts, in whole sessions, that is held out where the plan names no such rows."),
]
Seeded = Annotated[Seed, Meta(description="Seed of shuffling, dropout and what is held out.")]
CheckpointSteps = Annotated[
    Annotated[int, Meta(ge=1, le=5000)],
    Meta(description="Steps between checkpoints: what a kill can cost. One is written after each epoch too."),
]
LoggingSteps = Annotated[Count, Meta(description="Steps between points of the curves.")]


class RewardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a reward model. Raises ConfigurationError, in one line, for a value out of its bounds."""

    epochs: Epochs = 3
    learning_rate: LearningRate = 2e-4
    batch_size: BatchSize = 8
    gradient_accumulation: Accumulation = 1
    precision: Precision = "auto"
    max_tokens: MaxTokens = 1024
    rank: Annotated[Count, Meta(description="Rank of the adapter's matrices.")] = 16
    alpha: Annotated[Positive, Meta(description="Scale of the adapter; it counts alpha / rank times.")] = 32.0
    dropout: Annotated[ShareBelowOne, Meta(description="Dropout before the adapter's matrices.")] = 0.0
    target_modules: Annotated[
        Modules, Meta(description="Modules that get an adapter, with commas; all-linear: all but the last layer.")
    ] = "all-linear"
    center: Annotated[
        NotNegative, Meta(description="Weight of the rewards' square, which keeps them around 0; 0: they may drift.")
    ] = 0.01
    held_out_share: HeldOut = 0.15
    warmup_ratio: Warmup = 0.03
    weight_decay: Decay = 0.0
    seed: Seeded = 0
    checkpoint_steps: CheckpointSteps = 200
    logging_steps: LoggingSteps = 10
    device: Device = "auto"
    allow_memory: AllowMemory = False

    def __post_init__(self) -> None:
        _require(self, REWARD_KINDS)

    @property
    def always_in_key(self) -> frozenset[str]:
        """The settings that are in a job's key at their defaults too."""
        return frozenset({"epochs", "learning_rate", "batch_size", "rank", "alpha", "target_modules", "center", "seed"})


class DpoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of direct preference optimization (DPO; Rafailov et al. 2023) of an adapter, whose rank and modules
    stay. Raises ConfigurationError, in one line, for a value out of its bounds."""

    epochs: Epochs = 1
    learning_rate: LearningRate = 1e-4
    batch_size: BatchSize = 8
    gradient_accumulation: Accumulation = 1
    precision: Precision = "auto"
    max_tokens: MaxTokens = 1024
    beta: Annotated[Positive, Meta(description="How strongly the model is held to the one that it begins as.")] = 0.1
    preference_weight: Annotated[Positive, Meta(description="Weight of the preference in the loss.")] = 1.0
    sft_weight: Annotated[
        NotNegative,
        Meta(description="Weight of the preferred outputs' own loss; without it they become less likely too."),
    ] = 1.0
    held_out_share: HeldOut = 0.1
    warmup_ratio: Warmup = 0.03
    weight_decay: Decay = 0.0
    seed: Seeded = 0
    checkpoint_steps: CheckpointSteps = 200
    logging_steps: LoggingSteps = 10
    device: Device = "auto"
    allow_memory: AllowMemory = False

    def __post_init__(self) -> None:
        _require(self, DPO_KINDS)

    @property
    def always_in_key(self) -> frozenset[str]:
        """The settings that are in a job's key at their defaults too."""
        return frozenset({"epochs", "learning_rate", "batch_size", "beta", "preference_weight", "sft_weight", "seed"})


class RlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of reinforcement learning of an adapter with a reward model (RLOO; Ahmadian et al. 2024). Raises
    ConfigurationError, in one line, for a value out of its bounds.

    `beta` has no default: with 0 a model learns what the reward model is wrong about.
    """

    beta: Annotated[Positive, Meta(description="How strongly the model is held to the one that it begins as.")]
    steps: Annotated[Count, Meta(description="Steps, each with outputs of its own.")] = 200
    learning_rate: LearningRate = 1e-4
    batch_size: Annotated[Count, Meta(description="Prompts a step.")] = 8
    outputs: Annotated[
        Annotated[int, Meta(ge=2)],
        Meta(description="Outputs to each prompt; an output is compared with the others to its prompt."),
    ] = 4
    max_tokens: Annotated[
        Count, Meta(description="Tokens of prompt and output; of a longer prompt the oldest messages are left out.")
    ] = 1024
    max_new_tokens: Annotated[Count, Meta(description="Tokens that an output may have.")] = 128
    unended_penalty: Annotated[
        NotNegative, Meta(description="Taken off the reward of an output that did not end in time.")
    ] = 1.0
    max_kl: Annotated[
        Positive, Meta(description="End when the model has moved further than this; nats an output, mean of a window.")
    ] = 10.0
    window: Annotated[
        Annotated[int, Meta(ge=2)],
        Meta(description="Askings of the judge that are compared with as many before; steps that max_kl is a mean of."),
    ] = 5
    judge_steps: Annotated[Count, Meta(description="Steps from one asking of the judge to the next.")] = 2
    judge_patience_s: Annotated[
        Positive, Meta(description="Seconds that are waited for the judge; then it goes on without, and says so.")
    ] = 1800.0
    precision: Precision = "auto"
    gradient_accumulation: Literal[1] = 1
    warmup_ratio: Warmup = 0.03
    weight_decay: Decay = 0.0
    seed: Seeded = 0
    checkpoint_steps: CheckpointSteps = 10
    logging_steps: LoggingSteps = 1
    device: Device = "auto"
    allow_memory: AllowMemory = False

    def __post_init__(self) -> None:
        _require(self, RL_KINDS)
        if self.max_new_tokens >= self.max_tokens:
            raise ConfigurationError(
                f"max new tokens {self.max_new_tokens}: leaves no room for a prompt in {self.max_tokens} tokens; "
                "lower it or raise max_tokens"
            )

    @property
    def always_in_key(self) -> frozenset[str]:
        """The settings that are in a job's key at their defaults too."""
        return frozenset({"beta", "steps", "learning_rate", "batch_size", "outputs", "window", "judge_steps", "seed"})


PairSettings = RewardSettings | DpoSettings
PreferenceSettings = PairSettings | RlSettings
RL_KINDS: Mapping[str, Any] = get_type_hints(RlSettings, include_extras=True)
REWARD_KINDS: Mapping[str, Any] = get_type_hints(RewardSettings, include_extras=True)
DPO_KINDS: Mapping[str, Any] = get_type_hints(DpoSettings, include_extras=True)


def as_lora(settings: PreferenceSettings, rank: int, alpha: float, target_modules: str) -> LoraSettings:
    """What a low-rank training of as many rows a step would be given, for what is asked of one: both rows of a pair, or
    all outputs to a prompt, are in a batch."""
    each = settings.outputs if isinstance(settings, RlSettings) else 2
    return LoraSettings(
        batch_size=each * settings.batch_size,
        max_tokens=settings.max_tokens,
        precision=settings.precision,
        rank=rank,
        alpha=alpha,
        target_modules=target_modules,
        device=settings.device,
        allow_memory=settings.allow_memory,
    )


def _require(settings: Any, kinds: Mapping[str, Any]) -> None:
    for name, kind in kinds.items():
        require_kind(name, getattr(settings, name), kind)
    if settings.precision == "fp16" and settings.device == "cpu":
        raise ConfigurationError("precision fp16 needs a GPU; take fp32 or bf16 on the CPU")
