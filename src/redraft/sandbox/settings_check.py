"""The settings of a training job: the model's limits, and what is refused before a job is made.

Neighbours: `fine_tunes` shows the limits and creates the jobs.
"""

from __future__ import annotations

import msgspec

from redraft.sandbox.dialects import Denied

LIMITS: dict[str, object] = {
    "max_num_epochs": 20,
    "max_num_evals": 100,
    "max_num_checkpoints": 50,
    "min_learning_rate": 1e-8,
    "max_learning_rate": 0.01,
    "min_max_seq_length": 512,
    "max_seq_length_sft": 24_576,
    "max_seq_length_dpo": 8_192,
    "default_gradient_accumulation_steps": 1,
    "merge_output_lora": True,
    "supports_full_training": True,
    "supports_reasoning": False,
    "supports_tools": True,
    "supports_vision": False,
    "lora_training": {
        "default_rank": 64,
        "max_rank": 64,
        "min_batch_size": 8,
        "max_batch_size": 64,
        "max_batch_size_dpo": 32,
        "target_modules": ["k_proj", "up_proj", "o_proj", "q_proj", "down_proj", "v_proj", "gate_proj"],
    },
    "full_training": {"min_batch_size": 8, "max_batch_size": 64, "max_batch_size_dpo": 32},
}


class Kind(msgspec.Struct):
    type: str
    lora_r: int | None = None
    lora_alpha: int | None = None


class Settings(msgspec.Struct):
    """The fields of POST /v1/fine-tunes that are looked at; all others travel along unseen."""

    training_file: str
    model: str | None = None
    from_checkpoint: str | None = None
    validation_file: str | None = None
    suffix: str | None = None
    n_epochs: int = 1
    n_evals: int | None = None
    n_checkpoints: int | None = None
    learning_rate: float | None = None
    batch_size: int | str | None = None
    training_type: Kind | None = None


def check_settings(body: dict[str, object]) -> Settings:
    """Raises Denied (400) for anything the limits do not allow."""
    try:
        asked = msgspec.convert(body, Settings)
    except msgspec.ValidationError as error:
        raise Denied(400, "invalid_request", f"Invalid request: {error}") from None
    for wrong, message in _findings(asked):
        if wrong:
            raise Denied(400, "invalid_request", message)
    return asked


def _findings(asked: Settings) -> list[tuple[bool, str]]:
    rate = asked.learning_rate
    kind = asked.training_type
    lora = kind is not None and kind.type == "Lora"
    batch = asked.batch_size if isinstance(asked.batch_size, int) else 64
    return [
        (bool(asked.model) == bool(asked.from_checkpoint), "Give either model or from_checkpoint"),
        (not 1 <= asked.n_epochs <= 20, "n_epochs must be between 1 and 20"),
        (not 0 <= (asked.n_evals or 0) <= 100, "n_evals must be between 0 and 100"),
        (bool(asked.n_evals) and not asked.validation_file, "n_evals needs a validation_file"),
        (not 0 <= (asked.n_checkpoints or 0) <= 50, "n_checkpoints must be between 0 and 50"),
        (rate is not None and not 1e-8 <= rate <= 0.01, "learning_rate must be between 1e-08 and 0.01"),
        (isinstance(asked.batch_size, str) and asked.batch_size != "max", "batch_size must be an integer or max"),
        (not 8 <= batch <= 64, "batch_size must be between 8 and 64"),
        (len(asked.suffix or "") > 40, "suffix must be at most 40 characters"),
        (kind is not None and kind.type not in {"Full", "Lora"}, "training_type.type must be Full or Lora"),
        (lora and kind is not None and not 1 <= (kind.lora_r or 0) <= 64, "lora_r must be between 1 and 64"),
    ]
