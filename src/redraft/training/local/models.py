"""The model that a curriculum begins with: a folder, or an id at the Hugging Face Hub, fetched once, named by commit.

Neighbours: `tiny` builds one without either, `phases` loads what is found here.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults
from redraft.errors import ConfigurationError, InputError

# Weights of two formats lie side by side at the Hub; the safe one is fetched, the other only where that is missing.
_FILES = ["*.json", "*.model", "*.txt", "*.safetensors"]
_OLD_WEIGHTS = ["pytorch_model*.bin"]
_WEIGHTS = ("*.safetensors", "*.bin")
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
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise ConfigurationError(f"{model}: no such folder; give the folder of a model, or an id at the Hub")
    path = _fetched(model, revision)
    return Base(model, path, path.name)


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


def _fetched(model: str, revision: str | None) -> Path:
    hub: Any = importlib.import_module("huggingface_hub")
    try:
        path = Path(hub.snapshot_download(model, revision=revision, allow_patterns=_FILES))
        if not any(path.glob("*.safetensors")):
            path = Path(hub.snapshot_download(model, revision=path.name, allow_patterns=[*_FILES, *_OLD_WEIGHTS]))
    except (OSError, ValueError, hub.errors.HfHubHTTPError, hub.errors.HFValidationError) as error:
        raise ConfigurationError(
            f"{model[:_FIRST_WORDS]}: {_why(hub, error)}; give an id that is there, or a folder on this machine"
        ) from error
    return path


def _why(hub: Any, error: BaseException) -> str:
    """Few words for what the Hub's client says in many, with addresses and advice to programmers."""
    errors = hub.errors
    if isinstance(error, errors.GatedRepoError):
        return "its owner must let you in first; ask at the Hub, and set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return "the Hub has no such revision of it"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "no model could be fetched, as the Hub has none of that name, or shows it to others only"
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled | ConnectionError):
        return "no model could be fetched, as the Hub does not answer (or HF_HUB_OFFLINE is set) and it is not here yet"
    return f"no model could be fetched ({type(error).__name__})"


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
