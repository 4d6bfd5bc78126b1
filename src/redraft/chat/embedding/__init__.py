"""Vectors of texts: `sentences` has a model make them, `cache` keeps each text's on the disk.

Neighbour: `redraft.chat.selection.semantic` compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# The default: as good as any of its size at telling what a message is about.
DEFAULT_MODEL = "sentence-transformers/all-mpnet-base-v2"


class Embedder(Protocol):
    """Makes vectors. `model` is its name, `revision` tells it from every other: equal texts have equal vectors."""

    @property
    def model(self) -> str: ...

    @property
    def revision(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text, of length 1."""
        ...
