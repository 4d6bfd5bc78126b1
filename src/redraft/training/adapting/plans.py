"""What a run here does: the model, the rows, the tokens that structure them, the settings; a tagged union by `kind`.

`plan.json` in the folder of a run holds it, and never changes: a run goes on with the plan that it was begun with. To
add a kind, extend `ModelPlan`, and say in `process` who does it. Neighbours: `rows` reads the files, `preference_plans`
has more kinds.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import ConfigurationError, InputError
from redraft.training.adapting.settings import GenerationSettings, LoraSettings
from redraft.training.local.plan import PLAN


class PlannedRows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON Lines file of rows: its path (absolute, or from the run's folder) and the sha256 (hex) of its bytes."""

    file: str
    sha256: str


class Tokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tokens that structure a row's text. Raises ConfigurationError for empty and doubled ones.

    `special` are one token each, and added to the model where it does not know them; `separator` ends a message (""
    where nothing does: then no prompt can be shortened); at `stop`, and at the model's own end, an output ends.
    """

    special: tuple[str, ...] = ()
    separator: str = ""
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(not token.strip() or token != token.strip() for token in (*self.special, *self.stop)):
            raise ConfigurationError("special and stop tokens: one is empty or has blanks at its ends; give words")
        if doubled := [token for token in self.special if self.special.count(token) > 1]:
            raise ConfigurationError(f"special tokens: {doubled[0]} is there more than once; give each once")


class ModelPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What plans of all kinds say. `model` is a folder, an id at the Hugging Face Hub with its `revision` (commit, tag
    or branch; None: main), or "tiny": one built on the spot with random weights. `simulated`: a sandbox wrote rows."""

    model: str
    rows: PlannedRows
    tokens: Tokens = Tokens()
    revision: str | None = None
    simulated: bool = False
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigurationError("no model is named; give a folder, or an id such as google/gemma-3-270m")

    @property
    def digest(self) -> str:
        """sha256 (hex) of everything that is planned."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class LoraPlan(ModelPlan, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lora"):
    """A low-rank adapter is trained on rows `{"prompt", "completion"}`; `held_out` are such rows for its loss."""

    held_out: PlannedRows | None = None
    settings: LoraSettings = LoraSettings()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.settings.early_stopping_patience and self.held_out is None:
            raise ConfigurationError("early stopping needs held-out rows, and the plan names none; give some")


class GeneratePlan(ModelPlan, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="generate"):
    """Outputs are written to rows `{"prompt"}`; what else a row has is left. `model` may also be the folder of an
    adapter, `model/` of a run; then `tokens` are those that it was trained with."""

    settings: GenerationSettings = GenerationSettings()


Plan = LoraPlan | GeneratePlan


def write_plan(folder: Path, plan: ModelPlan) -> None:
    """plan.json of a run's folder. Raises InputError where another plan lies there: that run goes on as it began."""
    path = folder / PLAN
    with storage_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if not _is(path, plan):
                raise InputError(f"{path}: another plan was begun here; give another folder, or the same settings")
            return
        write_whole(path, msgspec.json.format(msgspec.json.encode(plan)) + b"\n")


def read_plan(folder: Path, kinds: Any = Plan) -> Any:
    """The plan in a run's folder, which is one of the `kinds`, a union. Raises InputError where there is none, or none
    that can be read."""
    path = folder / PLAN
    if not path.is_file():
        raise InputError(f"{path}: no such file; a run's folder holds the plan of its training")
    try:
        with storage_faults(path):
            return msgspec.json.decode(path.read_bytes(), type=kinds)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def _is(path: Path, plan: ModelPlan) -> bool:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type(plan)).digest == plan.digest
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
