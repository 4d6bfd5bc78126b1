"""What the provider itself would train of an uploaded file's first rows: its preview endpoint.

Neighbours: `uploading` brings the file there, `checking.masks` shows the answer and holds it against the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ValidationError
from together.types import FineTunePreviewResponse

from redraft.errors import ProviderError
from redraft.training.checking.masks import Mask
from redraft.training.control_plane import ControlPlane, UnknownShapeError, fields

# The provider previews supervised fine-tuning alone, with formats of its own names.
FORMATS = ("conversation", "instruction", "text")


def preview_masks(
    plane: ControlPlane, *, model: str, file_id: str, rows: Sequence[int], inputs: bool | Literal["auto"] = "auto"
) -> list[Mask]:
    """The masks of the file's first rows, as many as `rows` has line numbers, with `inputs` as `train_on_inputs`.

    Raises ProviderError where the answer is not one row each, and what `ControlPlane.ask` raises.
    """

    # The endpoint knows no `auto`; it is what it takes where nothing is said.
    said: dict[str, Any] = {} if inputs == "auto" else {"train_on_inputs": inputs}

    def call() -> FineTunePreviewResponse:
        answer = plane.client.fine_tuning.preview(
            model=model, training_file=file_id, top_k=len(rows), training_method="sft", **said
        )
        try:
            return FineTunePreviewResponse.model_validate(fields(answer))
        except ValidationError as error:
            raise UnknownShapeError from error

    answer = plane.ask(call, f"preview {file_id} as {model} would be trained on it")
    if len(answer.rows) != len(rows) or any(len(row.tokens) != len(row.labels) for row in answer.rows):
        raise ProviderError(f"the provider's preview of {file_id} shows other rows than the {len(rows)} asked for")
    return [
        Mask(row=number, tokens=row.tokens, trained=[label != -100 for label in row.labels], cut=row.truncated)
        for number, row in zip(rows, answer.rows, strict=True)
    ]
