"""The settings of a training job: each model's limits, and what is refused before a job is made.

Neighbours: `fine_tunes` shows the limits and creates the jobs, `schedule` reads what the settings come to.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from redraft.sandbox.dialects import Denied

MODULES = ("k_proj", "up_proj", "o_proj", "q_proj", "down_proj", "v_proj", "gate_proj")
# The large mixture-of-experts models: a low rank, LoRA only, and no merged output.
LORA_ONLY = ("*Kimi-K2*", "*GLM-5*", "*gpt-oss-120b*", "deepseek-ai/DeepSeek-[RV]*")


class FullLimits(msgspec.Struct, frozen=True):
    min_batch_size: int = 8
    max_batch_size: int = 64
    max_batch_size_dpo: int = 32


class LoraLimits(FullLimits, frozen=True):
    default_rank: int = 64
    max_rank: int = 64
    target_modules: tuple[str, ...] = MODULES


class Limits(msgspec.Struct, frozen=True):
    """The answer of GET /v1/fine-tunes/models/limits; `full_training` is left out where there is none."""

    model_name: str
    max_num_epochs: int = 20
    max_num_evals: int = 100
    max_num_checkpoints: int = 50
    min_learning_rate: float = 1e-8
    max_learning_rate: float = 0.01
    min_max_seq_length: int = 512
    max_seq_length_sft: int = 24_576
    max_seq_length_dpo: int = 8_192
    default_gradient_accumulation_steps: int = 1
    merge_output_lora: bool = True
    supports_full_training: bool = True
    supports_reasoning: bool = False
    supports_tools: bool = True
    supports_vision: bool = False
    lora_training: LoraLimits = LoraLimits()
    full_training: FullLimits | msgspec.UnsetType = FullLimits()


def limits_of(model: str) -> Limits:
    """The limits of a base model, told by its name."""
    if not any(fnmatchcase(model, pattern) for pattern in LORA_ONLY):
        return Limits(model)
    lora = LoraLimits(default_rank=16, max_rank=16)
    return Limits(
        model,
        merge_output_lora=False,
        supports_full_training=False,
        lora_training=lora,
        full_training=msgspec.UNSET,
    )


class Kind(msgspec.Struct):
    type: str = "Lora"
    lora_r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float = 0.0
    lora_trainable_modules: str | None = None


class Method(msgspec.Struct):
    method: str = "sft"
    train_on_inputs: bool | Literal["auto"] | None = None
    dpo_beta: float | None = None
    dpo_normalize_logratios_by_length: bool = False
    dpo_reference_free: bool = False
    rpo_alpha: float | None = None
    simpo_gamma: float | None = None


class Curve(msgspec.Struct):
    min_lr_ratio: float | None = None
    num_cycles: float | None = None


class Scheduler(msgspec.Struct):
    lr_scheduler_type: str = "linear"
    lr_scheduler_args: Curve | None = None


class Vision(msgspec.Struct):
    train_vision: bool = False


class Settings(msgspec.Struct):
    """The fields of POST /v1/fine-tunes; None and 0 mean the provider's default where it documents one."""

    training_file: str
    model: str | None = None
    from_checkpoint: str | None = None
    from_hf_model: str | None = None
    hf_model_revision: str | None = None
    hf_output_repo_name: str | None = None
    validation_file: str | None = None
    suffix: str | None = None
    packing: bool | None = None
    max_seq_length: int | None = None
    n_epochs: int = 1
    n_evals: int | None = None
    n_checkpoints: int | None = None
    batch_size: int | str | None = None
    gradient_accumulation_steps: int | None = None
    learning_rate: float | None = None
    lr_scheduler: Scheduler | None = None
    warmup_ratio: float | None = None
    max_grad_norm: float | None = None
    weight_decay: float | None = None
    random_seed: int | None = None
    training_type: Kind | None = None
    training_method: Method | None = None
    train_on_inputs: bool | Literal["auto"] | None = None
    multimodal_params: Vision | None = None
    early_stopping_enabled: bool = False
    early_stopping_patience: int | None = None
    early_stopping_min_delta: float | None = None
    early_stopping_warmup_evals: int | None = None
    wandb_project_name: str | None = None
    wandb_name: str | None = None
    wandb_entity: str | None = None
    wandb_base_url: str | None = None

    @property
    def method(self) -> Method:
        return self.training_method or Method()

    @property
    def dpo(self) -> bool:
        return self.method.method == "dpo"

    @property
    def lora(self) -> bool:
        return self.training_type is None or self.training_type.type == "Lora"

    @property
    def patience(self) -> int:
        return 2 if self.early_stopping_patience is None else self.early_stopping_patience

    @property
    def warmup_evals(self) -> int:
        return 1 if self.early_stopping_warmup_evals is None else self.early_stopping_warmup_evals


def read_settings(body: dict[str, object]) -> Settings:
    """Raises Denied (400) for a field of another type than documented."""
    try:
        return msgspec.convert(body, Settings)
    except msgspec.ValidationError as error:
        raise Denied(400, "invalid_request", f"Invalid request: {error}") from None


def check_settings(asked: Settings, model: str) -> None:
    """Raises Denied (400) for anything that the limits of the model `model` do not allow."""
    checks: tuple[Callable[[Settings, Limits], list[tuple[bool, str]]], ...] = (
        _sources,
        _lengths,
        _optimiser,
        _kind,
        _method,
        _early_stopping,
    )
    limits = limits_of(model)
    for check in checks:
        for wrong, message in check(asked, limits):
            if wrong:
                raise Denied(400, "invalid_request", message)


def _sources(asked: Settings, limits: Limits) -> list[tuple[bool, str]]:
    vision = asked.multimodal_params is not None and asked.multimodal_params.train_vision
    return [
        (bool(asked.model) == bool(asked.from_checkpoint), "Give either model or from_checkpoint"),
        (bool(asked.from_hf_model and asked.from_checkpoint), "Give either from_hf_model or from_checkpoint"),
        (bool(asked.hf_model_revision) and not asked.from_hf_model, "hf_model_revision needs from_hf_model"),
        (len(asked.suffix or "") > 40, "suffix must be at most 40 characters"),
        (vision, f"{limits.model_name} has no vision encoder to train"),
    ]


def _lengths(asked: Settings, limits: Limits) -> list[tuple[bool, str]]:
    least, most = limits.min_max_seq_length, limits.max_seq_length_dpo if asked.dpo else limits.max_seq_length_sft
    length = least if asked.max_seq_length is None else asked.max_seq_length
    evals, checkpoints = limits.max_num_evals, limits.max_num_checkpoints
    return [
        (not 1 <= asked.n_epochs <= limits.max_num_epochs, f"n_epochs must be between 1 and {limits.max_num_epochs}"),
        (not 0 <= (asked.n_evals or 0) <= evals, f"n_evals must be between 0 and {evals}"),
        (bool(asked.n_evals) and not asked.validation_file, "n_evals needs a validation_file"),
        (not 0 <= (asked.n_checkpoints or 0) <= checkpoints, f"n_checkpoints must be between 0 and {checkpoints}"),
        (not least <= length <= most, f"max_seq_length must be between {least} and {most}"),
    ]


def _optimiser(asked: Settings, limits: Limits) -> list[tuple[bool, str]]:
    rate, scheduler = asked.learning_rate, asked.lr_scheduler or Scheduler()
    curve = scheduler.lr_scheduler_args or Curve()
    least, most = limits.min_learning_rate, limits.max_learning_rate
    return [
        (rate is not None and not least <= rate <= most, f"learning_rate must be between {least:g} and {most:g}"),
        (scheduler.lr_scheduler_type not in {"linear", "cosine"}, "lr_scheduler_type must be linear or cosine"),
        (not 0 <= (curve.min_lr_ratio or 0) <= 1, "min_lr_ratio must be between 0 and 1"),
        (curve.num_cycles is not None and curve.num_cycles <= 0, "num_cycles must be greater than 0"),
        (not 0 <= (asked.warmup_ratio or 0) <= 1, "warmup_ratio must be between 0 and 1"),
        ((asked.max_grad_norm or 0) < 0, "max_grad_norm must not be negative"),
        ((asked.weight_decay or 0) < 0, "weight_decay must not be negative"),
        ((asked.gradient_accumulation_steps or 0) < 0, "gradient_accumulation_steps must not be negative"),
    ]


def _kind(asked: Settings, limits: Limits) -> list[tuple[bool, str]]:
    kind, lora = asked.training_type or Kind(lora_r=1), limits.lora_training
    modules = set((kind.lora_trainable_modules or "all-linear").split(",")) - {"all-linear"}
    known = set(lora.target_modules)
    most, batch = lora.max_batch_size_dpo if asked.dpo else lora.max_batch_size, asked.batch_size or "max"
    rank = 1 if kind.type == "Full" else kind.lora_r or 0
    return [
        (kind.type not in {"Full", "Lora"}, "training_type.type must be Full or Lora"),
        (kind.type == "Full" and not limits.supports_full_training, "The model can be trained with LoRA only"),
        (not 1 <= rank <= lora.max_rank, f"lora_r must be between 1 and {lora.max_rank}"),
        (kind.lora_alpha is not None and kind.lora_alpha < 1, "lora_alpha must be at least 1"),
        (not 0 <= kind.lora_dropout < 1, "lora_dropout must be at least 0 and below 1"),
        (not modules <= known, f"lora_trainable_modules must be all-linear or out of {', '.join(sorted(known))}"),
        (isinstance(batch, str) and batch != "max", "batch_size must be an integer or max"),
        (
            isinstance(batch, int) and not lora.min_batch_size <= batch <= most,
            f"batch_size must be between {lora.min_batch_size} and {most}",
        ),
    ]


def _method(asked: Settings, limits: Limits) -> list[tuple[bool, str]]:
    how = asked.method
    preferring = (how.dpo_beta, how.rpo_alpha, how.simpo_gamma) != (None, None, None)
    preferring |= how.dpo_normalize_logratios_by_length or how.dpo_reference_free
    return [
        (how.method not in {"sft", "dpo"}, "training_method.method must be sft or dpo"),
        (how.method == "sft" and preferring, "The dpo_, rpo_ and simpo_ parameters need the method dpo"),
        (asked.dpo and how.train_on_inputs is not None, "train_on_inputs needs the method sft"),
        ((how.dpo_beta or 0) < 0, "dpo_beta must not be negative"),
        ((how.rpo_alpha or 0) < 0, "rpo_alpha must not be negative"),
        ((how.simpo_gamma or 0) < 0, "simpo_gamma must not be negative"),
    ]


def _early_stopping(asked: Settings, limits: Limits) -> list[tuple[bool, str]]:
    if not asked.early_stopping_enabled:
        return []
    needed = asked.patience + asked.warmup_evals + 1
    return [
        (asked.patience < 1, "early_stopping_patience must be at least 1"),
        (asked.warmup_evals < 0, "early_stopping_warmup_evals must not be negative"),
        ((asked.early_stopping_min_delta or 0) < 0, "early_stopping_min_delta must not be negative"),
        (not asked.validation_file, "Early stopping requires a validation_file"),
        ((asked.n_evals or 0) < needed, f"Early stopping requires n_evals of at least {needed}"),
    ]
