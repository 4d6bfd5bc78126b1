"""Several datasets as one: all rows, spread evenly, with every parent named."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.datasets.joining import join
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.records import Conversation, Message


def dataset(folder: Path, name: str, count: int, start: str = "", **meta: object) -> Dataset:
    with DatasetWriter(folder / name, "conversations", rows_per_shard=3) as writer:
        for number in range(count):
            one = f"{start or name} {number}"
            writer.add(Conversation(conversation_id=one, messages=(Message("user", one),)))
        return writer.finish(meta)


def ids(made: Dataset) -> list[str]:
    return [row.conversation_id for row in made.rows()]


def test_rows_are_spread_evenly_and_every_parent_is_named(tmp_path: Path) -> None:
    one = dataset(tmp_path, "positive", 8, models=["m"], simulated=True)
    other = dataset(tmp_path, "negative", 4, models=["m", "n"])
    made = join([one, other])
    assert made.path == tmp_path / "positive-negative"
    assert sorted(ids(made)) == sorted([*ids(one), *ids(other)])
    assert [name for name in ids(made) if name in ids(one)] == ids(one)
    assert [name for name in ids(made) if name in ids(other)] == ids(other)
    # Also in its beginning there are two of the one for each of the other.
    assert [sum(name in ids(other) for name in ids(made)[:few]) for few in (3, 6, 9, 12)] == [1, 2, 3, 4]
    assert made.manifest["parents"] == [
        {"path": str(part.path), "content_hash": part.content_hash} for part in (one, other)
    ]
    assert (made.manifest["models"], made.manifest["simulated"]) == (["m", "n"], True)
    assert made.content_hash not in {one.content_hash, other.content_hash}


def test_it_is_made_anew_where_a_part_has_changed_and_only_then(tmp_path: Path) -> None:
    parts = [dataset(tmp_path, "a", 2), dataset(tmp_path, "b", 2)]
    before = join(parts)
    written = (before.path / "manifest.json").stat().st_mtime_ns
    assert (join(parts).path / "manifest.json").stat().st_mtime_ns == written
    changed = join([parts[0], dataset(tmp_path, "b", 3)])
    assert changed.path == before.path and changed.count == 5 and changed.content_hash != before.content_hash


def test_what_is_no_join_is_refused(tmp_path: Path) -> None:
    one, other = dataset(tmp_path, "a", 2), dataset(tmp_path, "b", 2)
    with pytest.raises(InputError, match=r"a: is given twice; give each dataset once"):
        join([one, other, Dataset.open(tmp_path / "." / "a")])
    with pytest.raises(InputError, match=r"copy: has the rows of .*a; give"):
        join([one, dataset(tmp_path, "copy", 2, start="a")])
    dataset(tmp_path, "a-b", 1)
    with pytest.raises(InputError, match=r"a-b: is a dataset of its own"):
        join([one, other])
    assert ids(Dataset.open(tmp_path / "a-b")) == ["a-b 0"]
