"""The training settings as parameters of flows: those in front, one by one, the others as one nested form.

Made from the declarations in `redraft.training.settings`, so that nothing is written twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, create_model

from redraft.training.setting_types import alternatives, bounds, description, label, limits, optional
from redraft.training.settings import DEFAULTS, KINDS

# What the flow asks for in the first place, and what is computed.
IN_FRONT = (
    "model", "method", "epochs", "learning_rate", "batch_size", "lora", "lora_rank", "validation_file", "evals", "seed",
    "suffix",
)  # fmt: skip
MORE = tuple(name for name in KINDS if name not in (*IN_FRONT, "validation_sha256"))


def kind_of(name: str) -> Any:
    """The setting's kind as a form has it, without None: its limits are in the schema, so that Prefect refuses what is
    beyond them before there is a run."""
    return Union[tuple(_kind(kind) for kind in alternatives(KINDS[name]))]  # noqa: UP007  made of what is declared


def _kind(kind: Any) -> Any:
    plain, _ = bounds(kind)
    if plain is int:
        return Annotated[int, Field(**limits(kind))]
    return Annotated[float, Field(allow_inf_nan=False, **limits(kind))] if plain is float else plain


def _field(name: str) -> tuple[Any, Any]:
    kind, words = KINDS[name], label(name)
    title = words[:1].upper() + words[1:]
    wanted = kind_of(name)
    return wanted | None if optional(kind) else wanted, Field(
        default=DEFAULTS[name], title=title, description=description(kind)
    )


if TYPE_CHECKING:
    MoreSettings = BaseModel
    Epochs = Evals = Rank = Seed = int
    LearningRate = float
    BatchSize = int | Literal["max"]
else:
    MoreSettings = create_model(
        "MoreSettings",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="Settings with good defaults; docs/guide/training.md explains them.",
        **{name: _field(name) for name in MORE},
    )
    Epochs, Evals, Rank, Seed = (kind_of(name) for name in ("epochs", "evals", "lora_rank", "seed"))
    LearningRate, BatchSize = kind_of("learning_rate"), kind_of("batch_size")
