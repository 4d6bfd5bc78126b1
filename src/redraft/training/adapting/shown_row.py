"""One row as it is trained on, token by token: whoever looks sees that the loss is on the completion alone.

Neighbours: `encoding` makes the labels, `lora` writes the first row beside its run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import write_whole
from redraft.errors import InputError
from redraft.training.adapting.encoding import UNTRAINED

# In a run's folder.
SHOWN = "first_row.json"
_TRAINED, _UNTRAINED = "yes", ""


class ShownToken(msgspec.Struct, frozen=True):
    """A token, and whether its likelihood is trained."""

    text: str
    id: int
    trained: bool


class ShownRow(msgspec.Struct, frozen=True):
    """A row's tokens, in their order."""

    tokens: tuple[ShownToken, ...]

    @property
    def in_words(self) -> str:
        """`trained on 5 of 31 tokens: " ok" " lol" "<SEP>"`, and the last token before them."""
        trained = [one.text for one in self.tokens if one.trained]
        before = next((one.text for one in reversed(self.tokens) if not one.trained), "")
        shown = " ".join(f'"{text}"' for text in trained)
        return f'trained on {len(trained)} of {len(self.tokens)} tokens, after "{before}": {shown}'.replace("\n", "\\n")

    def table(self) -> list[dict[str, Any]]:
        """A row a token."""
        return [
            {"place": place, "token": one.text, "id": one.id, "trained": _TRAINED if one.trained else _UNTRAINED}
            for place, one in enumerate(self.tokens, 1)
        ]


def shown_row(tokenizer: Any, example: Mapping[str, Sequence[int]]) -> ShownRow:
    """What a trainer is given: `input_ids`, with the `labels` of those that are trained."""
    return ShownRow(
        tuple(
            ShownToken(tokenizer.decode([one], skip_special_tokens=False), one, label != UNTRAINED)
            for one, label in zip(example["input_ids"], example["labels"], strict=True)
        )
    )


def write_shown_row(folder: Path, row: ShownRow) -> None:
    write_whole(folder / SHOWN, msgspec.json.encode(row) + b"\n")


def read_shown_row(folder: Path) -> ShownRow | None:
    """What a run told of its first row; None where it has not yet. Raises InputError where that cannot be read."""
    path = folder / SHOWN
    try:
        return msgspec.json.decode(path.read_bytes(), type=ShownRow)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
