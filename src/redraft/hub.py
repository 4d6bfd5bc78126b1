"""Models at the Hugging Face Hub: fetched once, into the cache of its client, and there in a folder named by commit.

Needs the extra `local`. Neighbours: `training.local.models` and `chat.embedding.sentences` say what is wrong with a
name in words of their own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.errors import ConfigurationError

# Weights of several formats lie side by side; the safe one is fetched, the old one only where that is missing.
_FILES = ["*.json", "*.model", "*.txt", "*.safetensors"]
_OLD_WEIGHTS = ["pytorch_model*.bin"]


def is_path(model: str) -> bool:
    """Whether a name can only be a folder's: ids are `name` or `owner/name`."""
    return model.startswith((".", "/", "~")) or model.count("/") > 1


def fetch_model(model: str, revision: str | None, safe_weights: str, said: Callable[[Exception], str]) -> Path:
    """The folder of a model, whose name is the commit. Where no file in it fits the pattern `safe_weights`, it has the
    old weights, too.

    Raises ConfigurationError with what is `said` of the client's error, where the model cannot be fetched.
    """
    hub: Any = importlib.import_module("huggingface_hub")
    try:
        path = Path(hub.snapshot_download(model, revision=revision, allow_patterns=_FILES))
        if not any(path.glob(safe_weights)):
            path = Path(hub.snapshot_download(model, revision=path.name, allow_patterns=[*_FILES, *_OLD_WEIGHTS]))
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        raise ConfigurationError(said(error)) from error
    return path


def why_not(error: Exception) -> str:
    """Few words for what the Hub's client says in many, with addresses and advice to programmers."""
    hub: Any = importlib.import_module("huggingface_hub")
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
