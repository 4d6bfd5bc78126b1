"""Examples of one side as prompts that a model goes on with: the context, and the mark of who replies.

Neighbours: `redraft.chat.rendering` makes the texts, `redraft.training.adapting.generating` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from redraft.chat.rendering import prompt_of
from redraft.chat_records import ChatExample, ChatSide
from redraft.datasets.exporting import write_rows
from redraft.datasets.storage import Dataset
from redraft.errors import InputError


def write_prompts(
    examples: Dataset, side: ChatSide, path: Path, most: int | None = None, seed: int = 0
) -> list[str]:  # fmt: skip
    """Writes `{"prompt", "example_id"}` a line for each example of the side, in the dataset's order, whole or not at
    all; their ids. Of more than `most` so many are drawn by the seed, and keep their order.

    Raises InputError for a dataset of another kind, for a file not named .jsonl, and where the side has no example;
    StorageError.
    """
    require_examples(examples)
    if path.suffix != ".jsonl":
        raise InputError(f"{path}: prompts are JSON lines; name the file .jsonl")
    ids = [example.example_id for example in of_side(examples, side)]
    if not ids:
        raise InputError(f"{examples.path}: no example of the side {side}; choose another share for it")
    drawn = frozenset(range(len(ids)))
    if most is not None and most < len(ids):
        drawn = frozenset(Random(seed).sample(range(len(ids)), most))  # noqa: S311  a draw that can be repeated
    chosen = (example for place, example in enumerate(of_side(examples, side)) if place in drawn)
    write_rows(path, map(_line, chosen))
    return [one for place, one in enumerate(ids) if place in drawn]


def of_side(examples: Dataset, side: ChatSide) -> Iterator[ChatExample]:
    """The examples of one side, in the dataset's order."""
    return (example for example in examples.rows() if example.side == side)


def require_examples(examples: Dataset) -> None:
    """Raises InputError for a dataset of another kind than chat_examples."""
    if examples.kind != "chat_examples":
        raise InputError(f"{examples.path}: a dataset of {examples.kind}; give one of chat_examples (redraft chat)")


def _line(example: ChatExample) -> bytes:
    return msgspec.json.encode({"prompt": prompt_of(example.context), "example_id": example.example_id})
