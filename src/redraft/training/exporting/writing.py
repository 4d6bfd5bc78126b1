"""A rewritten dataset as the file that a trainer reads, with every row that is left out counted.

Neighbours: `layouts` lays the rows out; `redraft.datasets.exporting` puts them into a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from redraft.datasets.exporting import write_rows
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import Example, Rejection
from redraft.training.exporting.layouts import Layout, Row, layout_for
from redraft.training.exporting.pairs import conversation_of, pair_of


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A written export: its `rows`, and the examples that are not in it by reason.

    `simulated` says that the sandbox wrote some of the responses; `short` that the format's reader starts no job on
    so few rows, for a person.
    """

    rows: int
    left_out: dict[str, int]
    simulated: bool
    short: str = ""


def export_training(
    dataset: Dataset, path: Path, name: str, *, preference: bool = False, max_conversations: int | None = None
) -> Exported:
    """Write the dataset to `path` in the format called `name`, as pairs with `preference`; see `layouts.LAYOUTS`.

    Stops after `max_conversations` written rows. The file appears whole or not at all. Raises InputError for a dataset
    that is not rewritten, a suffix or kind of row that the format does not have, or where no row is left to write;
    StorageError where the disk is full or not writable.
    """
    layout = layout_for(name, preference)
    if dataset.kind != "examples":
        raise InputError(
            f"{dataset.path}: holds {dataset.kind}; --format {name} needs a rewritten dataset (redraft rewrite)"
        )
    if path.suffix != ".jsonl" and not (layout.array and path.suffix == ".json"):
        wanted = ".jsonl or .json" if layout.array else ".jsonl"
        raise InputError(f"{path}: {layout.reader} reads {name} rows from {wanted}; name the file so")
    tally = _Tally()
    rows = write_rows(path, _encoded(dataset, path, layout, tally, max_conversations))
    short = f"{layout.reader} starts no job on fewer than {layout.least} rows" if rows < layout.least else ""
    return Exported(rows=rows, left_out=dict(sorted(tally.left_out.items())), simulated=tally.simulated, short=short)


class _Tally:
    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.simulated = False


def _encoded(dataset: Dataset, path: Path, layout: Layout, tally: _Tally, most: int | None) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    rows = 0
    for example in dataset.rows():
        if rows == most:
            return
        row = _row(example, layout)
        if isinstance(row, Rejection):
            tally.left_out[row.reason] += 1
            continue
        rows += 1
        tally.simulated = tally.simulated or example.simulated
        yield encoder.encode(row)
    if not rows:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(tally.left_out.items()))
        raise InputError(f"{dataset.path}: no row is left for {path.name}: {reasons or 'the dataset is empty'}")


def _row(example: Example, layout: Layout) -> Row | Rejection:
    if layout.pair:
        pair = pair_of(example)
        return pair if isinstance(pair, Rejection) else layout.pair(pair)
    assert layout.conversation is not None
    messages = conversation_of(example)
    return messages if isinstance(messages, Rejection) else layout.conversation(messages)
