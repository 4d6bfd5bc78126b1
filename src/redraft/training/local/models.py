"""The model that a curriculum begins with: a folder, or an id at the Hugging Face Hub, fetched once, named by commit.

Neighbours: `redraft.hub` fetches it, `tiny` builds one without either, `phases` loads what is found here.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults
from redraft.errors import ConfigurationError, InputError
from redraft.hub import fetch_model, is_path, why_not
from redraft.training.local.plan import TINY
from redraft.training.local.world import World

_SAFE_WEIGHTS = "*.safetensors"
_WEIGHTS = (_SAFE_WEIGHTS, "*.bin")
# Beside the weights of a model that was built on the spot: its folder's name would tell nobody what it is.
BUILT = "built.json"
_FIRST_WORDS = 60


class Base(msgspec.Struct, frozen=True):
    """A model on this machine, with the `name` that people know it by. `revision` is the Hub's commit, or `sha256:…` of
    the folder's weights and settings."""

    name: str
    path: Path
    revision: str


def require_local() -> None:
    """Raises ConfigurationError where the extra `local` is not installed, or cannot be imported."""
    for name in ("torch", "transformers", "accelerate"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            said = f"{error.name or name} is missing"
        except (ImportError, OSError) as error:  # OSError: one of its libraries is not there
            said = f"{name} cannot be imported ({_first(error)})"
        else:
            continue
        raise ConfigurationError(f"training here needs the extra local, and {said}: pip install 'redraft[local]'")


def find_base(model: str, revision: str | None) -> Base:
    """The model, fetched into the cache of the Hub's client where it is an id and not there yet.

    Raises ConfigurationError for a folder without a model, and where the Hub cannot be reached or has no such model.
    """
    if not model.strip():
        raise ConfigurationError("no model is named; give a folder, or an id such as google-t5/t5-small")
    folder = Path(model)
    if folder.is_dir():
        if revision is not None:
            raise ConfigurationError(f"{model}: a folder has no revision; leave the revision {revision!r} out")
        return Base(built_name(folder) or model, folder, folder_revision(folder))
    if is_path(model):
        raise ConfigurationError(f"{model}: no such folder; give the folder of a model, or an id at the Hub")
    path = fetch_model(
        model, revision, _SAFE_WEIGHTS,
        lambda error: f"{model[:_FIRST_WORDS]}: {why_not(error)}; give an id that is there, or a folder on this "
        "machine",
    )  # fmt: skip
    return Base(model, path, path.name)


def base_of_run(
    folder: Path, model: str, revision: str | None, begun: str | None, build: Callable[[Path], object], world: World
) -> Base:
    """The model that the run in a folder works with; once begun with a revision, that very one again. The first process
    builds or fetches it: TINY is what `build` makes. Raises InputError where it changed since the run began."""
    if model == TINY:
        path = folder / "tiny"
        if world.first and not path.is_dir():
            build(path)
        model = str(path)
    elif begun and not begun.startswith("sha256:"):
        # A branch may have moved on since.
        revision = begun
    if world.first:
        find_base(model, revision)
    world.wait()
    base = find_base(model, revision)
    require_same(base.path, base.revision, begun)
    return base


def require_same(path: Path, revision: str, begun: str | None) -> None:
    """Raises InputError where a run began with another revision of the model at `path` than this one."""
    if begun and begun != revision:
        raise InputError(f"{path}: another model than this run began with; put it back, or begin in a new folder")


def built_name(folder: Path) -> str | None:
    """What a model is called that was built on the spot in this folder; None for any other."""
    path = folder / BUILT
    if not path.is_file():
        return None
    try:
        return str(msgspec.json.decode(path.read_bytes(), type=dict[str, Any]).get("name") or "") or None
    except (OSError, msgspec.DecodeError):
        return None


def folder_revision(folder: Path) -> str:
    """`sha256:` and the checksum (hex) over the settings and weights in a model's folder, by name and content."""
    if not (folder / "config.json").is_file():
        raise ConfigurationError(f"{folder}: no config.json, so no model; give the folder that one was saved in")
    if not any(path for kind in _WEIGHTS for path in folder.glob(kind)):
        raise ConfigurationError(f"{folder}: no weights, so no model; give the folder that one was saved in")
    digest = hashlib.sha256()
    with storage_faults(folder):
        for path in sorted(folder.iterdir()):
            if path.suffix in (".safetensors", ".bin", ".model") or path.name in ("config.json", "tokenizer.json"):
                with path.open("rb") as file:
                    digest.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a model's folder."""
    transformers = quiet_transformers()
    try:
        return transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(f"{folder}: no usable tokenizer ({_first(error)})") from error


def load_model(folder: Path) -> Any:
    """The sequence-to-sequence model in a folder, in 32-bit numbers, as it is trained."""
    transformers: Any = quiet_transformers()
    torch: Any = importlib.import_module("torch")
    try:
        return transformers.AutoModelForSeq2SeqLM.from_pretrained(
            str(folder), local_files_only=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(f"{folder}: no usable sequence-to-sequence model ({_first(error)})") from error


def quiet_transformers() -> Any:
    """The library, which writes neither progress nor advice beside what is told in the run's files."""
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    transformers: Any = importlib.import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def _first(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
