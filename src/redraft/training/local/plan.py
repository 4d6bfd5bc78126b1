"""What a curriculum trains: the model, the files of its phases in their order, what is held out, and the settings.

`plan.json` in the folder of a run holds it, and never changes: a run goes on with the plan that it was begun with.
Neighbours: `rows` reads the files, `training` does it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from redraft.datasets.curriculum_files import PHASES
from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import ConfigurationError, InputError
from redraft.records import Phase
from redraft.training.local.settings import CurriculumSettings

PLAN = "plan.json"
# The model that is built on the spot from the phases' own texts, with random weights: for rehearsals.
TINY = "tiny"
# The programs that train what a plan plans.
CURRICULUM, ADAPTING = "redraft.curriculum", "redraft.training.adapting"


class _Kind(msgspec.Struct):
    kind: str | None = None


class PlannedSetup(msgspec.Struct, frozen=True):
    """What settings of any kind of run say of where it trains: in how many processes, and whom it reports to."""

    processes: int = 1
    wandb_project: str | None = None


class _Setup(msgspec.Struct):
    settings: PlannedSetup = PlannedSetup()


class PlannedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON Lines file of `CurriculumRow`s: its phase, its path (absolute, or from the run's folder) and its checksum.

    `sha256` (hex) is that of the file's bytes.
    """

    name: Phase
    file: str
    sha256: str


class CurriculumPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`model` is a folder, an id at the Hugging Face Hub with its `revision` (commit, tag or branch; None: main), or
    "tiny": one built on the spot with random weights.

    `phases` are trained in their order; `evaluations` are asked before the first and after each. `simulated`: a sandbox
    wrote the answers that are trained on. Raises ConfigurationError for phases that are out of order or doubled, and
    for one without an evaluation.
    """

    model: str
    phases: tuple[PlannedFile, ...]
    evaluations: tuple[PlannedFile, ...]
    revision: str | None = None
    settings: CurriculumSettings = CurriculumSettings()
    simulated: bool = False
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigurationError("no model is named; give a folder, or an id such as google-t5/t5-small")
        names = _in_order("phases", self.phases)
        evaluated = _in_order("evaluations", self.evaluations)
        if missing := [name for name in names if name not in evaluated]:
            raise ConfigurationError(f"no evaluation of the phase {missing[0]}: give its held-out file")

    @property
    def digest(self) -> str:
        """sha256 (hex) of everything that is planned."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def write_plan(folder: Path, plan: CurriculumPlan) -> None:
    """plan.json of a run's folder. Raises InputError where another plan lies there: that run goes on as it began."""
    path = folder / PLAN
    with storage_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if read_plan(folder).digest != plan.digest:
                raise InputError(f"{path}: another plan was begun here; give another folder, or the same settings")
            return
        write_whole(path, msgspec.json.format(msgspec.json.encode(plan)) + b"\n")


def read_plan(folder: Path) -> CurriculumPlan:
    """The plan in a run's folder. Raises InputError where there is none, or none that can be read."""
    path = folder / PLAN
    if not path.is_file():
        raise InputError(f"{path}: no such file; a run's folder holds the plan of its training")
    try:
        with storage_faults(path):
            return msgspec.json.decode(path.read_bytes(), type=CurriculumPlan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def program_of(folder: Path) -> str:
    """The module that does what plan.json in this folder plans: of a plan that names its kind it is the one that adapts
    models, of any other, and where there is none, the curriculum's."""
    try:
        kind = msgspec.json.decode((folder / PLAN).read_bytes(), type=_Kind).kind
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        kind = None
    return ADAPTING if kind else CURRICULUM


def setup_in(folder: Path) -> PlannedSetup:
    """What plan.json in this folder, of whatever kind, says of where it trains. Raises InputError where that cannot be
    read, StorageError."""
    path = folder / PLAN
    try:
        with storage_faults(path):
            return msgspec.json.decode(path.read_bytes(), type=_Setup).settings
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def _in_order(what: str, files: tuple[PlannedFile, ...]) -> list[Phase]:
    names: list[Phase] = [file.name for file in files]
    if not names:
        raise ConfigurationError(f"no {what}: give at least one of {', '.join(PHASES)}")
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(f"{what}: {doubled[0]} is there more than once; give each once")
    if names != sorted(names, key=PHASES.index):
        raise ConfigurationError(f"{what} {', '.join(names)}: out of order; the order is {', '.join(PHASES)}")
    return names
