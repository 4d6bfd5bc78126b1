"""Which training settings do not go together: each said in one line before any request.

Neighbour: `settings`, whose fields these are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from redraft.training.setting_types import label

if TYPE_CHECKING:
    from redraft.training.settings import TrainingSettings

# The one word for them all.
ALL_MODULES = "all-linear"
# What the provider takes where these are not given.
DEFAULT_PATIENCE = 2
DEFAULT_WARMUP_EVALS = 1


class Belonging(msgspec.Struct, frozen=True):
    """`names` may be set only where `holds`; otherwise they are refused with `why` and the mend."""

    names: tuple[str, ...]
    holds: Callable[[TrainingSettings], bool]
    why: str


BELONGINGS = (
    Belonging(
        ("lora_rank", "lora_alpha", "lora_dropout", "lora_trainable_modules"),
        lambda s: s.lora is not False,
        "has no meaning in full training; drop it or use LoRA",
    ),
    Belonging(
        ("dpo_beta", "dpo_normalize_logratios_by_length", "rpo_alpha", "simpo_gamma"),
        lambda s: s.method == "dpo",
        "belongs to preference training; drop it or choose the method dpo",
    ),
    Belonging(
        ("train_on_inputs",),
        lambda s: s.method == "sft",
        "belongs to supervised training; drop it or choose the method sft",
    ),
    Belonging(
        ("schedule_cycles",), lambda s: s.schedule == "cosine", "belongs to the cosine schedule; drop it or choose that"
    ),
    Belonging(("evals",), lambda s: s.validation_file is not None, "needs a validation file; name one or drop it"),
    Belonging(("validation_file",), lambda s: s.evals > 0, "is not looked at without evals; say how many, or drop it"),
    Belonging(
        ("validation_sha256",), lambda s: s.validation_file is not None, "is the checksum of a file that is not named"
    ),
    Belonging(
        ("early_stopping",),
        lambda s: s.validation_file is not None,
        "needs a validation file, on which the loss is looked at; name one or drop it",
    ),
    Belonging(
        ("early_stopping_patience", "early_stopping_min_delta", "early_stopping_warmup_evals"),
        lambda s: s.early_stopping,
        "belongs to early stopping; drop it or turn that on",
    ),
    Belonging(
        ("wandb_name", "wandb_entity", "wandb_base_url"),
        lambda s: s.wandb_project is not None,
        "says nothing without a W&B project; name one or drop it",
    ),
    Belonging(
        ("hf_model_revision",),
        lambda s: s.from_hf_model is not None,
        "is the revision of weights that are not named; say from_hf_model too, or drop it",
    ),
    Belonging(
        ("from_hf_model",),
        lambda s: s.from_checkpoint is None,
        "and a checkpoint cannot both be the start; drop one of them",
    ),
)


def contradiction(settings: TrainingSettings) -> str | None:
    """The first contradiction in one line, None where everything goes together."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(settings))}
    for belonging in BELONGINGS:
        for name in belonging.names:
            value = getattr(settings, name)
            if value != defaults[name] and not belonging.holds(settings):
                shown = "" if isinstance(value, bool) else f" {value}"
                return f"{label(name)}{shown}: {belonging.why}"
    modules = settings.lora_trainable_modules.split(",")
    if ALL_MODULES in modules and len(modules) > 1:
        given = settings.lora_trainable_modules
        return f"{label('lora_trainable_modules')} {given}: {ALL_MODULES} stands alone; drop it, or all others"
    if settings.early_stopping and settings.evals < (needed := evals_needed(settings)):
        return (
            f"evals {settings.evals}: early stopping needs at least {needed}, its patience and its warm-up and one more"
        )
    return None


def evals_needed(settings: TrainingSettings) -> int:
    """How many evaluations early stopping needs before it can stop anything."""
    patience, warmup = settings.early_stopping_patience, settings.early_stopping_warmup_evals
    return (
        (DEFAULT_PATIENCE if patience is None else patience) + (DEFAULT_WARMUP_EVALS if warmup is None else warmup) + 1
    )
