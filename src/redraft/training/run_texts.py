"""What the folder of a local run holds of texts: rows, what was written meanwhile, what a judge was asked about it.

Neighbours: `purged_models` removes them where somebody left; `local.reading` reads what stays.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults
from redraft.training.adapting.merging import MERGED
from redraft.training.adapting.prepared import ABOUT
from redraft.training.local.models import BUILT
from redraft.training.local.plan import PLAN, TINY
from redraft.training.local.points import SCORES
from redraft.training.local.reading import LOCK, MODEL, RUN
from redraft.training.local.starting import KEEPER, PROCESS
from redraft.training.local.telling import EVENTS, METRICS, STATE

# Folders of weights, and files that tell of a run without a text of its rows; what is not known may hold some.
MODELS = (MODEL, MERGED)
_WITHOUT_TEXTS = frozenset((PLAN, RUN, PROCESS, LOCK, KEEPER, STATE, EVENTS, METRICS, SCORES))
_CHECKPOINTS = "checkpoint-"


def texts_in(folder: Path) -> list[Path]:
    """The files that may hold texts: all but models, checkpoints, plan, state, log and measurements. Raises
    StorageError."""
    with storage_faults(folder):
        files = {path: path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()}
    return [path for path, inside in files.items() if _may_have_texts(inside)]


def remove_texts(folder: Path, kept: str) -> int:
    """Removes them but for the file `kept`; how many there were. The run cannot go on afterwards. Raises
    StorageError."""
    found = [path for path in texts_in(folder) if path != folder / kept]
    with storage_faults(folder):
        for path in found:
            path.unlink(missing_ok=True)
    return len(found)


def remove_built(folder: Path, work: Path) -> None:
    """Removes the tiny model that the run built of words of its rows, as it was prepared below `work`; an equal run
    prepares it anew. Raises StorageError."""
    built = _revision(folder / STATE) if TINY in began_with(folder) else None
    for about in sorted(work.glob(f"bases/*/{ABOUT}")) if built else ():
        base = about.parent
        with storage_faults(base):
            if (base / BUILT).is_file() and _revision(about) == built:
                # Hidden first: what a kill leaves of it is no model.
                hidden = base.with_name(f".{base.name}.gone-{os.getpid()}-{os.urandom(3).hex()}")
                shutil.rmtree(base.rename(hidden))


def began_with(folder: Path) -> list[str]:
    """The models that the run's plan names: what it begins with, and what rewards it; none where there is no plan."""
    try:
        plan = msgspec.json.decode((folder / PLAN).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [value for name in ("model", "reward") if isinstance(value := plan.get(name), str) and value]


def _revision(said: Path) -> object:
    """Of the model that a file tells of; None where it does not."""
    try:
        return msgspec.json.decode(said.read_bytes(), type=dict[str, Any]).get("revision")
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _may_have_texts(inside: Path) -> bool:
    folders = inside.parts[:-1]
    weights = any(one in MODELS or one.startswith(_CHECKPOINTS) for one in folders)
    return not weights and inside.name not in _WITHOUT_TEXTS
