"""What the provider allows for a model, and what it would charge: asked before anything is submitted.

Neighbours: `settings` holds what was asked for, `hosted` submits.
"""

from __future__ import annotations

from pydantic import ValidationError
from together.types.fine_tuning_estimate_price_params import TrainingType
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.errors import ConfigurationError, TrainingError
from redraft.training.control_plane import ControlPlane, UnknownShapeError, fields
from redraft.training.settings import TrainingSettings


def model_limits(plane: ControlPlane, model: str) -> FinetuneModelLimits:
    """The provider's limits for a base model. Raises ConfigurationError where it does not train that model."""

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
    model = settings.base_model
    if not settings.lora and (limits.full_training is None or not limits.supports_full_training):
        raise ConfigurationError(f"{model} cannot be trained in full; use --lora")
    training = limits.lora_training if settings.lora else limits.full_training
    if settings.epochs > limits.max_num_epochs:
        raise ConfigurationError(f"epochs {settings.epochs}: {model} allows at most {limits.max_num_epochs}")
    if settings.checkpoints > limits.max_num_checkpoints:
        most = limits.max_num_checkpoints
        raise ConfigurationError(f"checkpoints {settings.checkpoints}: {model} allows at most {most}")
    if not limits.min_learning_rate <= settings.learning_rate <= limits.max_learning_rate:
        allowed = f"{limits.min_learning_rate:g} to {limits.max_learning_rate:g}"
        raise ConfigurationError(f"learning rate {settings.learning_rate:g}: {model} allows {allowed}")
    if settings.lora_rank is not None and settings.lora_rank > limits.lora_training.max_rank:
        most = limits.lora_training.max_rank
        raise ConfigurationError(f"LoRA rank {settings.lora_rank}: {model} allows at most {most}")
    if settings.batch_size != "max" and training is not None:
        least, most = training.min_batch_size, training.max_batch_size
        if not least <= settings.batch_size <= most:
            raise ConfigurationError(f"batch size {settings.batch_size}: {model} allows {least} to {most}, or max")


def estimated_price(
    plane: ControlPlane, settings: TrainingSettings, limits: FinetuneModelLimits, file_id: str
) -> float | None:
    """The provider's estimate in US dollars, None where it has none. The SDK would go on without the money;
    this raises ConfigurationError where the provider says that the account's limit does not allow the job."""
    answer = plane.ask_fields(
        lambda: plane.client.fine_tuning.estimate_price(
            training_file=file_id,
            model=settings.base_model,
            n_epochs=settings.epochs,
            training_type=_training_type(settings, limits),
            training_method={"method": "sft", "train_on_inputs": "auto"},
        ),
        "estimate the price",
    )
    price = answer.get("estimated_total_price")
    if answer.get("estimation_available") and answer.get("allowed_to_proceed") is False:
        limit = answer.get("user_limit")
        raise ConfigurationError(
            f"the job would cost about ${price or 0:.2f} and the account's limit is ${limit or 0:.2f}; add credit first"
        )
    return float(price) if isinstance(price, int | float) else None


def _training_type(settings: TrainingSettings, limits: FinetuneModelLimits) -> TrainingType:
    if not settings.lora:
        return {"type": "Full"}
    rank = settings.lora_rank or limits.lora_training.default_rank
    return {"type": "Lora", "lora_r": rank, "lora_alpha": settings.lora_alpha or 2 * rank}
