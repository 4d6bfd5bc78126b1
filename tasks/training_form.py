"""The training settings as parameters of flows: those in front, one by one, the others as one nested form.

Made from the declarations in `redraft.training.settings`, so that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, create_model

from redraft.training.adapting.settings import LORA_DEFAULTS, LORA_KINDS
from redraft.training.local import settings as local
from redraft.training.setting_types import alternatives, bounds, description, label, limits, optional
from redraft.training.settings import DEFAULTS, KINDS

# What the flow asks for in the first place, and what is computed.
IN_FRONT = (
    "model", "method", "epochs", "learning_rate", "batch_size", "lora", "lora_rank", "validation_file", "evals", "seed",
    "suffix",
)  # fmt: skip
MORE = tuple(name for name in KINDS if name not in (*IN_FRONT, "validation_sha256"))


# Of a curriculum on one's own machine, what its flow asks for in the first place.
LOCAL_IN_FRONT = (
    "epochs", "learning_rate", "batch_size", "replay_fraction", "max_input_tokens", "max_output_tokens", "seed",
)  # fmt: skip
LOCAL_MORE = tuple(name for name in local.KINDS if name not in LOCAL_IN_FRONT)

# Of a low-rank adapter, likewise.
LORA_IN_FRONT = (
    "epochs", "learning_rate", "batch_size", "gradient_accumulation", "max_tokens", "rank", "alpha", "dropout",
    "target_modules", "merge", "seed",
)  # fmt: skip
LORA_MORE = tuple(name for name in LORA_KINDS if name not in LORA_IN_FRONT)


def kind_of(name: str, kinds: Mapping[str, Any] = KINDS) -> Any:
    """The setting's kind as a form has it, without None: its limits are in the schema, so that Prefect refuses what is
    beyond them before there is a run."""
    return Union[tuple(_kind(kind) for kind in alternatives(kinds[name]))]  # noqa: UP007  made of what is declared


def _kind(kind: Any) -> Any:
    plain, _ = bounds(kind)
    if plain is int:
        return Annotated[int, Field(**limits(kind))]
    return Annotated[float, Field(allow_inf_nan=False, **limits(kind))] if plain is float else plain


def _field(name: str, kinds: Mapping[str, Any] = KINDS, defaults: Mapping[str, Any] = DEFAULTS) -> tuple[Any, Any]:
    kind, words = kinds[name], label(name)
    title = words[:1].upper() + words[1:]
    wanted = kind_of(name, kinds)
    return wanted | None if optional(kind) else wanted, Field(
        default=defaults[name], title=title, description=description(kind)
    )


if TYPE_CHECKING:
    MoreSettings = MoreLocalSettings = MoreLoraSettings = BaseModel
    Epochs = Evals = Rank = Seed = int
    LocalCount = LocalSeed = int
    LearningRate = LocalReplay = LoraScale = LoraDropout = float
    BatchSize = int | Literal["max"]
else:
    MoreSettings = create_model(
        "MoreSettings",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="Settings with good defaults; docs/guide/training.md explains them.",
        **{name: _field(name) for name in MORE},
    )
    MoreLocalSettings = create_model(
        "MoreLocalSettings",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="Settings with good defaults; docs/guide/answers-training.md explains them.",
        **{name: _field(name, local.KINDS, local.DEFAULTS) for name in LOCAL_MORE},
    )
    MoreLoraSettings = create_model(
        "MoreLoraSettings",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="Settings with good defaults; docs/guide/chat.md explains them.",
        **{name: _field(name, LORA_KINDS, LORA_DEFAULTS) for name in LORA_MORE},
    )
    LoraScale, LoraDropout = (kind_of(name, LORA_KINDS) for name in ("alpha", "dropout"))
    Epochs, Evals, Rank, Seed = (kind_of(name) for name in ("epochs", "evals", "lora_rank", "seed"))
    LearningRate, BatchSize = kind_of("learning_rate"), kind_of("batch_size")
    LocalCount, LocalReplay, LocalSeed = (kind_of(name, local.KINDS) for name in ("epochs", "replay_fraction", "seed"))
