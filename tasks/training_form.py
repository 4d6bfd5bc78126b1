"""The training settings that few people change, as one nested form of the flow's parameters.

Made from the declarations in `redraft.training.settings`, so that nothing is written twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from redraft.training.setting_types import description, label
from redraft.training.settings import DEFAULTS, KINDS

# What the flow asks for in the first place, and what is computed.
IN_FRONT = (
    "model", "method", "epochs", "learning_rate", "batch_size", "lora", "lora_rank", "validation_file", "evals", "seed",
    "suffix",
)  # fmt: skip
MORE = tuple(name for name in KINDS if name not in (*IN_FRONT, "validation_sha256"))


def _field(name: str) -> tuple[Any, Any]:
    words = label(name)
    title = words[:1].upper() + words[1:]
    return KINDS[name], Field(default=DEFAULTS[name], title=title, description=description(KINDS[name]))


if TYPE_CHECKING:
    MoreSettings = BaseModel
else:
    MoreSettings = create_model(
        "MoreSettings",
        __config__=ConfigDict(extra="forbid", frozen=True),
        __doc__="Settings with good defaults; docs/guide/training.md explains them.",
        **{name: _field(name) for name in MORE},
    )
