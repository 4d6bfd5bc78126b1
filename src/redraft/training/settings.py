"""What a fine-tune is asked to do: every parameter of the provider under a plain name, checked before anything is paid.

The declarations here are the one table: command-line options and the flow's form are made from them.
Neighbours: `contradictions` says what does not go together, `limits` holds all against the model, `registry` derives
the job key from them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import split_model
from redraft.training.contradictions import contradiction
from redraft.training.setting_types import (
    Address,
    Checkpoint,
    Count,
    Modules,
    Name,
    NotNegative,
    Path,
    Positive,
    Rate,
    Seed,
    Share,
    ShareBelowOne,
    Whole,
    require_kind,
)

# The provider takes 40 characters; a hyphen and eight digits of the job key follow the user's own.
PROVIDER_SUFFIX = 40
OWN_SUFFIX = PROVIDER_SUFFIX - 9

# Fields of the first version: in every job key. A later one is in the key only where it is not at its default, so that
# jobs that were recorded before it existed are still attached to.
ALWAYS_IN_KEY = (
    "model", "epochs", "learning_rate", "lora", "lora_rank", "lora_alpha", "batch_size", "warmup_ratio", "weight_decay",
    "checkpoints", "seed", "suffix",
)  # fmt: skip

# Our name → the SDK's, where they differ.
SDK_NAMES = {
    "method": "training_method",
    "epochs": "n_epochs",
    "evals": "n_evals",
    "checkpoints": "n_checkpoints",
    "gradient_accumulation": "gradient_accumulation_steps",
    "schedule": "lr_scheduler_type",
    "schedule_cycles": "scheduler_num_cycles",
    "max_sequence_length": "max_seq_length",
    "lora_rank": "lora_r",
    "early_stopping": "early_stopping_enabled",
    "seed": "random_seed",
    "wandb_project": "wandb_project_name",
    "hf_output_repo": "hf_output_repo_name",
}
# What the provider takes where no cycles are said.
DEFAULT_CYCLES = 0.5
# Put in by whoever knows the files' ids and the whole suffix.
_NOT_SENT = frozenset({"suffix", "validation_file", "validation_sha256"})
# Sent only where they mean something: the SDK refuses some of them elsewhere even at their default.
_ONLY_LORA = frozenset({"lora_rank", "lora_alpha", "lora_dropout", "lora_trainable_modules"})
_ONLY_SFT = frozenset({"train_on_inputs"})
_ONLY_DPO = frozenset({"dpo_beta", "dpo_normalize_logratios_by_length", "rpo_alpha", "simpo_gamma"})


class JobSettings(Protocol):
    """What the registry asks of the settings of a job, wherever that is trained."""

    @property
    def base_model(self) -> str:
        """What the model is named by whoever trains it."""
        ...

    @property
    def suffix(self) -> str:
        """The user's own end of the new model's name; may be empty."""
        ...

    def parameters(self) -> dict[str, Any]:
        """All that makes it another job, as JSON has it: it is recorded, and part of the job's key."""
        ...


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one fine-tune. What is None is left to the provider, whose default its description names.

    `validation_sha256` (hex) stands for the validation file in the job key; `preparing.read_validation` sets it.
    """

    model: Annotated[str, Meta(description="The base model.")]
    method: Annotated[
        Literal["sft", "dpo"], Meta(description="Supervised fine-tuning, or direct preference optimisation on pairs.")
    ] = "sft"
    epochs: Annotated[Count, Meta(description="Passes over the data.")] = 3
    learning_rate: Annotated[Rate, Meta(description="Peak learning rate.")] = 1e-5
    lora: Annotated[
        bool | None,
        Meta(description="Low-rank adapters; off trains all weights. Default: adapters, or as what is gone on from."),
    ] = None
    lora_rank: Annotated[Count | None, Meta(description="Rank of the adapters; default: the model's own.")] = None
    lora_alpha: Annotated[Count | None, Meta(description="Scale of the adapters; default: twice the rank.")] = None
    lora_dropout: Annotated[ShareBelowOne, Meta(description="Dropout in the adapters.")] = 0.0
    lora_trainable_modules: Annotated[
        Modules, Meta(description="Which modules get adapters: names with commas between them, or all-linear.")
    ] = "all-linear"
    batch_size: Annotated[Count | Literal["max"], Meta(description="Sequences a step, or max.")] = "max"
    gradient_accumulation: Annotated[
        Count | None, Meta(description="Batches whose gradients make one step; default: the model's own.")
    ] = None
    schedule: Annotated[
        Literal["linear", "cosine"], Meta(description="How the learning rate falls after its peak.")
    ] = "cosine"
    min_lr_ratio: Annotated[Share, Meta(description="Learning rate at the end, as a share of the peak.")] = 0.0
    schedule_cycles: Annotated[
        Positive | None, Meta(description="Cosine waves over the whole training; default: 0.5, which falls once.")
    ] = None
    warmup_ratio: Annotated[Share, Meta(description="Share of the steps that lead up to the peak.")] = 0.0
    weight_decay: Annotated[NotNegative, Meta(description="Weight decay.")] = 0.0
    max_grad_norm: Annotated[NotNegative, Meta(description="Gradients are clipped to this norm; 0: never.")] = 1.0
    packing: Annotated[
        bool, Meta(description="Put several rows into one sequence; without it every row is paid at full length.")
    ] = True
    max_sequence_length: Annotated[
        Count | None, Meta(description="Tokens a row may have, what is beyond is cut off; default: the model's own.")
    ] = None
    train_on_inputs: Annotated[
        bool | Literal["auto"],
        Meta(description="Learn the user's messages too, where no weights decide; auto: only plain text, all of it."),
    ] = "auto"
    dpo_beta: Annotated[Positive | None, Meta(description="DPO: how closely the model stays to its start.")] = None
    dpo_normalize_logratios_by_length: Annotated[
        bool, Meta(description="DPO: divide log-ratios by the length of the answer.")
    ] = False
    rpo_alpha: Annotated[
        NotNegative | None, Meta(description="DPO: weight of the preferred answer's own likelihood (RPO).")
    ] = None
    simpo_gamma: Annotated[
        NotNegative | None, Meta(description="DPO: margin of SimPO; above 0 it needs no reference model.")
    ] = None
    validation_file: Annotated[
        Path | None, Meta(description="Rows to evaluate on, a file of the same format as the training file.")
    ] = None
    evals: Annotated[Whole, Meta(description="How often the validation file is evaluated.")] = 0
    checkpoints: Annotated[Count, Meta(description="How many checkpoints are kept.")] = 1
    early_stopping: Annotated[bool, Meta(description="Stop when the loss on the validation file no longer falls.")] = (
        False
    )
    early_stopping_patience: Annotated[
        Count | None, Meta(description="Evaluations without improvement that are waited for; default: 2.")
    ] = None
    early_stopping_min_delta: Annotated[
        NotNegative | None, Meta(description="What counts as an improvement of the loss; default: any.")
    ] = None
    early_stopping_warmup_evals: Annotated[
        Whole | None, Meta(description="First evaluations that are not counted; default: 1.")
    ] = None
    from_checkpoint: Annotated[
        Checkpoint | None,
        Meta(description="Go on from this job or trained model, by any of its names; :STEP names a checkpoint of it."),
    ] = None
    from_hf_model: Annotated[
        Name | None, Meta(description="Start from these weights of the Hugging Face Hub, of the base model's build.")
    ] = None
    hf_model_revision: Annotated[Name | None, Meta(description="Commit or branch of those weights.")] = None
    hf_output_repo: Annotated[
        Name | None, Meta(description="Repository of the Hugging Face Hub that the trained model goes to.")
    ] = None
    train_vision: Annotated[bool, Meta(description="Train the vision encoder too, of a model that has one.")] = False
    wandb_project: Annotated[Name | None, Meta(description="Report to this project of Weights & Biases.")] = None
    wandb_name: Annotated[Name | None, Meta(description="Name of the run there.")] = None
    wandb_entity: Annotated[Name | None, Meta(description="Team or user there.")] = None
    wandb_base_url: Annotated[Address | None, Meta(description="Address of your own W&B server.")] = None
    seed: Annotated[Seed | None, Meta(description="Seed of the training; default: the provider's own.")] = None
    suffix: Annotated[str, Meta(description="Ends the new model's name; eight digits of the job's key follow it.")] = ""
    validation_sha256: Annotated[str | None, Meta(description="Checksum of the validation file.")] = None

    def __post_init__(self) -> None:
        provider, _ = split_model(self.model)
        if provider != "together":
            raise ConfigurationError(f"model {self.model!r}: hosted training is at Together only, not at {provider}")
        for name, kind in KINDS.items():
            require_kind(name, getattr(self, name), kind)
        if len(self.suffix) > OWN_SUFFIX or not re.fullmatch(r"[A-Za-z0-9._-]*", self.suffix):
            raise ConfigurationError(
                f"suffix {self.suffix!r}: at most {OWN_SUFFIX} letters, digits, dots, hyphens and underscores"
            )
        if line := contradiction(self):
            raise ConfigurationError(line)
        if self.schedule_cycles == DEFAULT_CYCLES:  # said or not, it is the same training
            msgspec.structs.force_setattr(self, "schedule_cycles", None)

    @property
    def base_model(self) -> str:
        """The provider's own name of the model."""
        return split_model(self.model)[1]

    @property
    def start(self) -> str:
        """What the provider is asked about: the job or model that is gone on from, else the base model."""
        return (self.from_checkpoint or self.base_model).partition(":")[0]

    @property
    def adapters(self) -> bool | None:
        """Whether low-rank adapters are trained; None: whatever the checkpoint was trained as decides."""
        if self.lora is not None:
            return self.lora
        named = any(getattr(self, name) != DEFAULTS[name] for name in _ONLY_LORA)
        return True if named or self.from_checkpoint is None else None

    def parameters(self) -> dict[str, Any]:
        """The settings under their own names, for the registry, the record and the job key; later fields than those of
        `ALWAYS_IN_KEY` only where they are not at their default. The validation file is in it by its checksum."""
        if self.validation_file is not None and self.validation_sha256 is None:
            raise ValueError("the validation file was not read yet: see redraft.training.preparing")
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if name != "validation_file"}
        kept = {name: value for name, value in given.items() if name in ALWAYS_IN_KEY or value != DEFAULTS[name]}
        return {**kept, "model": self.base_model, "lora": self.adapters}

    def sdk_arguments(self) -> dict[str, Any]:
        """Arguments of the SDK's `fine_tuning.create`, without files, limits, suffix and keys.

        `lora` is said wherever it is known: left out, the synchronous SDK drops every LoRA argument without a word, and
        the provider takes what the checkpoint was trained as. `model` is left out where the training goes on from a
        checkpoint: the SDK takes one of the two.
        """
        left_out = _NOT_SENT | (_ONLY_DPO if self.method == "sft" else _ONLY_SFT)
        if not self.adapters:
            left_out |= _ONLY_LORA
        model = None if self.from_checkpoint else self.base_model
        given = {**msgspec.structs.asdict(self), "model": model, "lora": self.adapters}
        return {
            SDK_NAMES.get(name, name): value
            for name, value in given.items()
            if name not in left_out and value is not None
        }


KINDS: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(TrainingSettings)}
DEFAULTS: dict[str, Any] = {field.name: field.default for field in msgspec.structs.fields(TrainingSettings)}


def settings_of(given: Mapping[str, Any]) -> TrainingSettings:
    """Settings from names and values, as a file or a form holds them. ConfigurationError for an unknown name."""
    for name in given:
        if name not in KINDS or name == "validation_sha256":
            near = difflib.get_close_matches(name, KINDS, n=1)
            meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(KINDS)}"
            raise ConfigurationError(f"there is no training setting {name!r}; {meant}")
    return TrainingSettings(**given)


def provider_suffix(suffix: str, tag: str) -> str:
    """The suffix sent to the provider: the user's own, a hyphen, and eight digits that name the job."""
    return f"{suffix}-{tag}".lstrip("-")
