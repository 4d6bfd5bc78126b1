"""Sentence models on this machine, an id at the Hugging Face Hub or a folder, as sentence-transformers runs them.

Needs the extra `local`; its libraries are imported when a model is opened. Neighbour: `cache` keeps what it makes.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redraft.chat.embedding import DEFAULT_MODEL
from redraft.datasets.files import storage_faults
from redraft.errors import ConfigurationError
from redraft.hub import fetch_model, is_path

# Larger batches are slower on processors: short texts are padded to the longest.
BATCH = 32
# In folders of their own, too, as a repository has one for each module of its model.
_WEIGHTS = "**/*.safetensors"


class SentenceModel:
    """A sentence model in 32-bit numbers, on the GPU where there is one. `model` is the id or folder it was asked for
    by, `revision` the Hub's commit or `sha256:…` over the folder's files."""

    def __init__(self, model: str, revision: str, loaded: Any) -> None:
        self.model, self.revision, self._loaded = model, revision, loaded

    @classmethod
    def open(cls, model: str = DEFAULT_MODEL) -> SentenceModel:
        """The model, fetched into the cache of the Hub's client where it is not there yet.

        Raises ConfigurationError where the extra `local` is missing, there is no such model, or it is no sentence
        model.
        """
        library = _library()
        path, revision = _found(model)
        torch: Any = importlib.import_module("torch")
        try:
            loaded = library.SentenceTransformer(
                str(path), local_files_only=True, model_kwargs={"dtype": torch.float32}
            )
        except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
            raise ConfigurationError(f"{model}: no usable sentence model ({_first(error)})") from error
        return cls(model, revision, loaded)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Embedder`. Texts longer than the model reads are cut at their end, as the model does it."""
        found = self._loaded.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32)


def _library() -> Any:
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        library: Any = importlib.import_module("sentence_transformers")
        transformers: Any = importlib.import_module("transformers")
    except (ImportError, OSError) as error:
        raise ConfigurationError(
            f"semantic selection needs the extra local ({_first(error)}): pip install 'redraft[local]'"
        ) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return library


def _found(model: str) -> tuple[Path, str]:
    """(folder on this machine, revision)."""
    folder = Path(model)
    if model.strip() and folder.is_dir():
        return folder, _folder_revision(folder)
    if not model.strip() or is_path(model):
        raise ConfigurationError(f"{model or 'no model'}: no such folder; give a folder, or an id at the Hub")
    path = fetch_model(
        model, None, _WEIGHTS,
        lambda error: f"{model[:60]}: no model could be fetched ({type(error).__name__}); give an id that is there, or "
        "the folder of a model on this machine",
    )  # fmt: skip
    return path, path.name


def _folder_revision(folder: Path) -> str:
    """`sha256:` and the checksum (hex) over all that makes the vectors, by name and content."""
    digest = hashlib.sha256()
    with storage_faults(folder):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in (".json", ".txt", ".model", ".safetensors", ".bin"):
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _first(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
