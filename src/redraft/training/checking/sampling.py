"""The first rows of a training file as the provider, or the model's own tokenizer, would train on them.

Neighbours: `masks` says what must be trained, `tokenizing` and `preview` bring the masks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from redraft.errors import ConfigurationError, InputError
from redraft.training.checking.findings import Fault, Finding
from redraft.training.checking.lines import decoded, numbered_lines
from redraft.training.checking.masks import Mask, untrained_last
from redraft.training.checking.shapes import Format
from redraft.training.checking.tokenizing import LocalTokenizer
from redraft.training.control_plane import ControlPlane
from redraft.training.preview import FORMATS, preview_masks
from redraft.training.uploading import upload_training_file

Row = tuple[int, dict[str, Any]]
# Brings the masks of rows of a format.
Source = Callable[[Sequence[Row], Format], list[Mask]]


def sampled(path: Path, format: Format, count: int, source: Source) -> tuple[list[Mask], list[Fault]]:
    """The masks of the first `count` rows of a good JSONL file, and a fault for each whose last assistant message is
    not trained. Raises InputError for tokenised rows, which show by themselves what is trained."""
    if format is Format.TOKENS:
        raise InputError(f"{path} holds tokenised rows; their labels say what is trained")
    rows = [(number, decoded(line)) for number, line in islice(numbered_lines(path), count) if isinstance(line, bytes)]
    masks = source(rows, format)
    by_number = dict(rows)
    found = [(mask.row, untrained_last(mask, by_number[mask.row], format)) for mask in masks]
    return masks, [finding.at(number) for number, finding in found if isinstance(finding, Finding)]


def local_masks(tokenizer: LocalTokenizer, limit: int | None) -> Source:
    """Masks by the model's own chat template. `limit` cuts the rows as training would."""

    def masks(rows: Sequence[Row], format: Format) -> list[Mask]:
        found = list[Mask]()
        for number, row in rows:
            try:
                found += tokenizer.masks(number, row, format, limit)
            except InputError as error:
                raise InputError(f"row {number}: {error}") from error
        return found

    return masks


def provider_masks(plane: ControlPlane, model: str, path: Path) -> Source:
    """Masks by the provider's preview of the file, which is uploaded unless it stands there already.

    The same bytes are uploaded once: a job that trains on them later finds them there.
    """

    def masks(rows: Sequence[Row], format: Format) -> list[Mask]:
        if format.value not in FORMATS:
            raise ConfigurationError(f"the provider shows no masks of {format} rows; name the model's --tokenizer")
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        file_id = upload_training_file(plane, path, checksum)
        return preview_masks(plane, model=model, file_id=file_id, rows=[number for number, _ in rows])

    return masks
