"""The first rows of a training file as the provider, or the model's own tokenizer, would train on them.

Neighbours: `masks` says what must be trained, `tokenizing` and `preview` bring the masks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

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
Inputs = bool | Literal["auto"]
# Brings the masks of rows of a format.
Source = Callable[[Sequence[Row], Format], list[Mask]]


def sampled(path: Path, format: Format, count: int, source: Source) -> tuple[list[Mask], list[Fault]]:
    """The masks of the first `count` rows of a JSONL file that has no other faults than untrained rows, and a fault for
    each row whose last assistant message is not trained; but for rows of weight 0, where that is meant.

    Raises InputError for tokenised rows, which show by themselves what is trained.
    """
    if format is Format.TOKENS:
        raise InputError(f"{path} holds tokenised rows; their labels say what is trained")
    rows = [(number, decoded(line)) for number, line in islice(numbered_lines(path), count) if isinstance(line, bytes)]
    masks = source(rows, format)
    by_number = dict(rows)
    counting = [mask for mask in masks if by_number[mask.row].get("weight", 1) != 0]
    found = [(mask.row, untrained_last(mask, by_number[mask.row], format)) for mask in counting]
    return masks, [finding.at(number) for number, finding in found if isinstance(finding, Finding)]


def local_masks(tokenizer: LocalTokenizer, limit: int | None, inputs: Inputs = "auto") -> Source:
    """Masks by the model's own chat template, with `inputs` as `train_on_inputs`. `limit` cuts as training would."""

    def masks(rows: Sequence[Row], format: Format) -> list[Mask]:
        found = list[Mask]()
        for number, row in rows:
            try:
                found += tokenizer.masks(number, row, format, limit, inputs is True)
            except InputError as error:
                raise InputError(f"row {number}: {error}") from error
        return found

    return masks


def provider_masks(plane: ControlPlane, model: str, path: Path, inputs: Inputs = "auto") -> Source:
    """Masks by the provider's preview of the file, which is uploaded unless it stands there already, with `inputs` as
    `train_on_inputs`.

    The same bytes are uploaded once: a job that trains on them later finds them there.
    """

    def masks(rows: Sequence[Row], format: Format) -> list[Mask]:
        if format.value not in FORMATS:
            raise ConfigurationError(f"the provider shows no masks of {format} rows; name the model's --tokenizer")
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        file_id = upload_training_file(plane, path, checksum)
        numbers = [number for number, _ in rows]
        return preview_masks(plane, model=model, file_id=file_id, rows=numbers, inputs=inputs)

    return masks
