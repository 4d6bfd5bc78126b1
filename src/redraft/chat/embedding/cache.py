"""Vectors of texts on the disk, each text's once, whatever chat it stands in: they are nearly all that selecting costs.

A shard is two files, vectors and the texts' keys, named by their content and whole; what a killed run embedded before
its last shard is not embedded again. Neighbours: `sentences` makes the vectors, the texts themselves are not kept here.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.chat.embedding import Embedder
from redraft.chat.timeline import Positions
from redraft.datasets.files import storage_faults, whole_file, write_whole
from redraft.errors import ConfigurationError

# Texts in a shard: a minute and a half of the default model's time on one core, a second of a GPU's.
SHARD = 2048
# A half of a sha256: two texts of one key will not be met.
_KEY = 16
_KEYS = "S16"

# How far embedding is: texts embedded, of so many that had no vector yet.
Told = Callable[[int, int], None]


class _Shard(msgspec.Struct, frozen=True):
    path: Path
    rows: int


class _Index(NamedTuple):
    """All keys, ascending, and the row of each over all shards."""

    shards: list[_Shard]
    keys: NDArray[Any]
    rows: Positions


class Embeddings:
    """The vectors of texts that were asked for together, by their place among these; they stay on the disk."""

    def __init__(self, shards: list[_Shard], where: Positions, dimension: int) -> None:
        self._shards, self._where, self.dimension = shards, where, dimension
        self._starts = list(accumulate((shard.rows for shard in shards), initial=0))

    def __len__(self) -> int:
        return len(self._where)

    def take(self, places: Positions) -> NDArray[np.float32]:
        """A row for each place, in their order."""
        rows = self._where[places]
        found = np.empty((len(rows), self.dimension), np.float32)
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        at = 0
        while at < len(order):
            shard = bisect_right(self._starts, int(ascending[at])) - 1
            end = int(np.searchsorted(ascending, self._starts[shard + 1]))
            vectors: Any = np.load(self._shards[shard].path, mmap_mode="r")
            found[order[at:end]] = vectors[ascending[at:end] - self._starts[shard]]
            at = end
        return found


class EmbeddingCache:
    """The vectors that one model gave, below the folder `root` (such as `Home.of().work`)."""

    def __init__(self, embedder: Embedder, root: Path, told: Told | None = None) -> None:
        self._embedder, self._told = embedder, told
        self.model, self.revision = embedder.model, embedder.revision
        self._index: _Index | None = None
        self.folder = root / f"embeddings-{hashlib.sha256(self.revision.encode()).hexdigest()[:16]}"

    def embeddings(self, text: Callable[[int], str], count: int) -> Embeddings:
        """The vectors of the texts `text(0)` to `text(count - 1)`; what has none yet is embedded, each text once.

        16 bytes a text in memory, and as many for each that is in the cache. Raises ConfigurationError where the model
        gives no numbers, StorageError.
        """
        keys = np.fromiter((self._key(text(place)) for place in range(count)), _KEYS, count)
        distinct, first = np.unique(keys, return_index=True)
        index = self._index = self._index or self._read()
        missing = np.sort(first[~np.isin(distinct, index.keys)])
        for start in range(0, len(missing), SHARD):
            places = missing[start : start + SHARD]
            self._write(keys[places], [text(int(place)) for place in places])
            if self._told:
                self._told(min(start + SHARD, len(missing)), len(missing))
        if len(missing):
            index = self._index = self._read()
        return Embeddings(index.shards, index.rows[np.searchsorted(index.keys, keys)], _dimension(index.shards))

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.revision}\0{text}".encode("utf-8", "surrogatepass")).digest()[:_KEY]

    def _write(self, keys: NDArray[Any], texts: list[str]) -> None:
        vectors = self._embedder.embed(texts)
        if vectors.shape[0] != len(texts) or not np.isfinite(vectors).all():
            raise ConfigurationError(f"{self.model}: gives vectors that are no numbers; choose another model")
        content = keys.tobytes()
        path = self.folder / f"vectors-{hashlib.sha256(content).hexdigest()[:16]}.npy"
        with storage_faults(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as file:
                np.save(file, np.ascontiguousarray(vectors, np.float32))
            # Last: a shard is one where its keys are there.
            write_whole(path.with_suffix(".keys"), content)

    def _read(self) -> _Index:
        shards: list[_Shard] = []
        keys = [np.empty(0, _KEYS)]
        for path in sorted(self.folder.glob("*.keys")):
            held = np.frombuffer(path.read_bytes(), _KEYS)
            vectors = path.with_suffix(".npy")
            if vectors.is_file():
                shards.append(_Shard(vectors, len(held)))
                keys.append(held)
        every = np.concatenate(keys)
        order = np.argsort(every, kind="stable")
        return _Index(shards, every[order], order)


def _dimension(shards: list[_Shard]) -> int:
    return int(np.load(shards[0].path, mmap_mode="r").shape[1]) if shards else 0
