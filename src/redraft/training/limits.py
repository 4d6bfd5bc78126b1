"""What the provider allows for a model, held against the settings before anything is uploaded.

Neighbours: `settings` holds what was asked for, `pricing` what it will cost, `hosted` submits.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.errors import ConfigurationError, TrainingError
from redraft.training.contradictions import ALL_MODULES
from redraft.training.control_plane import ControlPlane, UnknownShapeError, fields
from redraft.training.setting_types import label, number
from redraft.training.settings import TrainingSettings


def model_limits(plane: ControlPlane, model: str) -> FinetuneModelLimits:
    """The provider's limits for a base model, or for the job or model that a training goes on from.

    Raises ConfigurationError where the provider does not train that model.
    """

    def call() -> FinetuneModelLimits:
        try:
            return FinetuneModelLimits.model_validate(fields(plane.client.fine_tuning.model_limits(model_name=model)))
        except ValidationError as error:
            raise UnknownShapeError from error

    try:
        return plane.ask(call, f"look up the limits of {model}")
    except TrainingError as error:
        raise ConfigurationError(f"{error}; see whether this model can be trained") from error


def check_limits(settings: TrainingSettings, limits: FinetuneModelLimits) -> None:
    """ConfigurationError with the first setting that the model does not allow, and the range that it does."""
    for line in _findings(settings, limits):
        raise ConfigurationError(line)


def longest_sequence(settings: TrainingSettings, limits: FinetuneModelLimits) -> int:
    """Tokens after which a row is cut off."""
    return settings.max_sequence_length or most_tokens(settings, limits)


def most_tokens(settings: TrainingSettings, limits: FinetuneModelLimits) -> int:
    """Tokens that a row may have at most."""
    return limits.max_seq_length_dpo if settings.method == "dpo" else limits.max_seq_length_sft


def _findings(settings: TrainingSettings, limits: FinetuneModelLimits) -> Iterator[str]:
    model = settings.start
    # A model without full training reports its limits as zeros, or leaves them out.
    if settings.adapters is False and (limits.full_training is None or not limits.supports_full_training):
        yield f"{model} cannot be trained in full; use --lora"
        return
    if settings.train_vision and not limits.supports_vision:
        yield f"train vision: {model} has no vision encoder; drop it"
    for name, value, least, most in _ranges(settings, limits):
        if value is not None and not least <= value <= most:
            allowed = f"{number(least)} to {number(most)}" if least else f"at most {number(most)}"
            yield f"{label(name)} {number(value)}: {model} allows {allowed}{_hint(name)}"
    yield from _modules(settings, limits)


def _ranges(
    settings: TrainingSettings, limits: FinetuneModelLimits
) -> Iterator[tuple[str, int | float | None, float, float]]:
    """(name, what was asked for, least, most); a least of 0 is none."""
    yield "epochs", settings.epochs, 0, limits.max_num_epochs
    yield "evals", settings.evals, 0, limits.max_num_evals
    yield "checkpoints", settings.checkpoints, 0, limits.max_num_checkpoints
    yield "learning_rate", settings.learning_rate, limits.min_learning_rate, limits.max_learning_rate
    longest = most_tokens(settings, limits)
    yield "max_sequence_length", settings.max_sequence_length, limits.min_max_seq_length, longest
    if settings.adapters is not False:
        yield "lora_rank", settings.lora_rank, 0, limits.lora_training.max_rank
    training = limits.full_training if settings.adapters is False else limits.lora_training
    if training is not None and settings.batch_size != "max":
        most = training.max_batch_size_dpo if settings.method == "dpo" else training.max_batch_size
        yield "batch_size", settings.batch_size, training.min_batch_size, most


def _modules(settings: TrainingSettings, limits: FinetuneModelLimits) -> Iterator[str]:
    if settings.adapters is False or settings.lora_trainable_modules == ALL_MODULES:
        return
    known = limits.lora_training.target_modules
    for module in settings.lora_trainable_modules.split(","):
        if module not in known:
            yield f"LoRA trainable modules {module}: {settings.start} has {', '.join(known)}, or {ALL_MODULES}"


def _hint(name: str) -> str:
    return ", or max" if name == "batch_size" else ""
