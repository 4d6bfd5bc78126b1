"""Answers in the ledger that nothing holds which is left of a study: earlier tries of a judge, and what was asked by a
stage that was killed, or removed since. The runs that paid for them tell whose they were.

Neighbours: `purging` finds what holds a person, `leftovers` removes answers whose keys are known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from redraft.calling.ledger.database import Database
from redraft.calling.ledger.retention import Going, Removal, keys_of_runs
from redraft.chat.derived import beside, request_keys_in
from redraft.chat.leftovers import keys_in_table
from redraft.chat.row_ids import Ids
from redraft.errors import InputError

# What flows call their work that ask about chats; all that is made in its folder is about these.
_OF_CHATS = frozenset(("chat", "ranking", "align", "imitation", "imitator"))


def runs_for(commands: Mapping[str, str], places: Collection[str], datasets: Collection[str]) -> dict[str, Path]:
    """Run → the folder of its work, of those runs (`commands`: id → `work:folder`) that made something at one of these
    places, or, whatever else they were, one of these datasets."""
    above = {folder for place in map(Path, places) for folder in (place, *place.parents)}
    made = {folder for path in map(Path, datasets) for folder in (path, path.parent)}
    found: dict[str, Path] = {}
    for run, command in commands.items():
        work, _, name = command.partition(":")
        if name and Path(name) in (above if work in _OF_CHATS else made):
            found[run] = Path(name)
    return found


def held_keys(known: Iterable[str], folders: Iterable[Path], without: AbstractSet[Path]) -> Ids:
    """What may be keys of answers: those `known`, and those in tables and JSON files below these folders, but for
    what is or lies in one of `without`."""
    held = Ids()
    for key in known:
        held.add(key)
    for folder in folders:
        for file in beside(folder, without):
            for key in _keys(file):
                held.add(key)
    held.settle()
    return held


async def purge_unheld(database: Database, removal: Removal, runs: Collection[str], held: Ids) -> Going:
    """The answers that these runs paid for and that nothing holds: they go. Raises StorageError."""
    gone = Going()
    async for keys in keys_of_runs(database, runs):
        gone += await removal.take([key for key in keys if key not in held])
    return gone


def _keys(file: Path) -> Iterator[str]:
    if file.suffix == ".parquet":
        with suppress(InputError):  # another program's, or damaged: of no use to anybody
            yield from keys_in_table(file)
    else:
        yield from request_keys_in([file])
