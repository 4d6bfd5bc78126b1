"""How a curriculum is trained on this machine: every parameter under a plain name, with its bounds.

The declarations are the one table: command-line options and forms can be made from them. Neighbour: `plan` holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from redraft.errors import ConfigurationError
from redraft.records import Phase
from redraft.training.setting_types import Count, Name, NotNegative, Rate, Seed, ShareBelowOne, Whole, require_kind


class CurriculumSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one curriculum; those of a phase hold for every phase. Lengths are in tokens of the model.

    Raises ConfigurationError, in one line, for a value out of its bounds and for two that contradict each other.
    """

    epochs: Annotated[Count, Meta(description="Passes over the rows of each phase.")] = 1
    learning_rate: Annotated[Rate, Meta(description="Peak learning rate of each phase.")] = 3e-4
    batch_size: Annotated[Count, Meta(description="Rows a step and process.")] = 8
    gradient_accumulation: Annotated[Count, Meta(description="Batches whose gradients make one step.")] = 1
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        Meta(description="Numbers that are computed with; auto: bf16 on a GPU that has it, else fp32. T5 in fp16 may "
                         "overflow."),
    ] = "auto"  # fmt: skip
    max_input_tokens: Annotated[
        Count, Meta(description="Tokens that an input may have; a longer one is cut around its answer.")
    ] = 512
    max_output_tokens: Annotated[
        Count, Meta(description="Tokens that an answer may have; a longer row is refused.")
    ] = 128
    extraction_prefix: Annotated[str, Meta(description="What stands before inputs that ask for a bare span.")] = (
        "extract: "
    )
    answer_prefix: Annotated[str, Meta(description="What stands before all others, and before what is served.")] = (
        "answer: "
    )
    replay_fraction: Annotated[
        ShareBelowOne,
        Meta(description="Rows of earlier phases that a later one rehearses, as a share of its own; 0: strict order."),
    ] = 0.0
    early_stopping_patience: Annotated[
        Whole,
        Meta(description="End a phase when its held-out loss has not fallen for so many checkpoints; 0: never."),
    ] = 0
    early_stopping_share: Annotated[
        ShareBelowOne,
        Meta(description="Share of a phase's rows, by article, that early stopping holds out of it."),
    ] = 0.05
    warmup_ratio: Annotated[ShareBelowOne, Meta(description="Share of a phase's steps that lead up to the peak.")] = 0.0
    weight_decay: Annotated[NotNegative, Meta(description="Weight decay.")] = 0.0
    seed: Annotated[Seed, Meta(description="Seed of shuffling, dropout and replay.")] = 0
    checkpoint_steps: Annotated[
        Annotated[int, Meta(ge=1, le=5000)],
        Meta(description="Steps between checkpoints: what a kill can cost."),
    ] = 200
    logging_steps: Annotated[Count, Meta(description="Steps between points of the loss curve.")] = 10
    generation_batch: Annotated[Count, Meta(description="Held-out rows that are answered at once.")] = 32
    evaluation_rows: Annotated[
        Count | None, Meta(description="Rows that each evaluation asks at most, drawn by seed; default: all.")
    ] = None
    device: Annotated[Literal["auto", "cpu"], Meta(description="Where it is trained; auto: a GPU if there is one.")] = (
        "auto"
    )
    processes: Annotated[
        Count, Meta(description="Processes that train together; start them with torchrun --nproc_per_node.")
    ] = 1
    allow_memory: Annotated[bool, Meta(description="Train although more memory may be needed than is free.")] = False
    wandb_project: Annotated[
        Name | None, Meta(description="Report to this project of Weights & Biases; its key is WANDB_API_KEY.")
    ] = None

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            require_kind(name, getattr(self, name), kind)
        if self.precision == "fp16" and self.device == "cpu":
            raise ConfigurationError("precision fp16 needs a GPU; take fp32 or bf16 on the CPU")
        if self.early_stopping_patience and not self.early_stopping_share:
            raise ConfigurationError(
                "early stopping needs rows that are held out: give an early stopping share above 0"
            )

    @property
    def always_in_key(self) -> frozenset[str]:
        """The settings that are in a job's key at their defaults too."""
        return frozenset({"epochs", "learning_rate", "batch_size", "replay_fraction", "seed"})

    @property
    def prefixes(self) -> dict[Phase, str]:
        """What stands before the inputs of each phase. Conversation and refusal share theirs: when a question is asked,
        nobody knows yet whether the context has the answer."""
        return {
            "extraction": self.extraction_prefix,
            "conversation": self.answer_prefix,
            "refusal": self.answer_prefix,
        }


KINDS: Mapping[str, Any] = get_type_hints(CurriculumSettings, include_extras=True)
DEFAULTS: Mapping[str, Any] = {one.name: one.default for one in msgspec.structs.fields(CurriculumSettings)}
