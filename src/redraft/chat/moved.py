"""Where what was noted lies by now: studies are moved and copied, and notes hold the places of that time.

Neighbours: `lineage` has the notes and finds datasets, `derived` what goes, `purging` removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.chat.derived import datasets_beside
from redraft.chat.leftovers import is_partial
from redraft.chat.lineage import Made, descendants, hashes_of
from redraft.datasets.storage import Dataset


class Moves:
    """Folders that lie elsewhere now than when something was noted below them, or lie there, too."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[Path, Path], None] = {}

    def learn(self, before: Path, now: Path) -> None:
        """What was at `before` is at `now`: so is what was beside it, as far up as the two are called alike."""
        now = now.resolve()
        if before == now or not before.is_absolute():
            return
        while before.name == now.name and before != before.parent and now != now.parent:
            before, now = before.parent, now.parent
        self._pairs[before, now] = None

    def of(self, path: Path) -> list[Path]:
        """The path itself, and where it would be now, there or not."""
        moved = (now / path.relative_to(before) for before, now in self._pairs if path.is_relative_to(before))
        return list(dict.fromkeys((path, *moved)))

    def __len__(self) -> int:
        return len(self._pairs)


def found_with(
    messages: Dataset, made: Sequence[Made], folders: Sequence[Path], akin: Callable[[Path], bool]
) -> tuple[list[Dataset], list[Path], Moves]:
    """What was made of the messages and lies below these folders, or where it was noted, or where that is now; the
    noted folders that are there; what was moved. Raises InputError for damaged datasets."""
    moves, known = Moves(), -1
    for one in made:
        if one.messages:
            here = messages.path.resolve()
            moves.learn(Path(one.messages), here)
            moves.learn(Path(one.messages).parent, here.parent)
    found, noted = list[Dataset](), list[Path]()
    while len(moves) != known:
        known, noted = len(moves), folders_of(made, moves)
        found = descendants(messages, [*folders, *noted], akin)
        _learn(moves, made, [messages, *found])
    return found, noted, moves


def folders_of(made: Sequence[Made], moves: Moves) -> list[Path]:
    """The folders that are there of what was noted, and datasets beside what was derived."""
    noted = [path for one in made for name in (one.path, *one.derived) for path in moves.of(Path(name))]
    parents = dict.fromkeys(path.parent for one in made for name in one.derived for path in moves.of(Path(name)))
    # What was swapped in half when its process died is no dataset, and may lack what its manifest names.
    beside = datasets_beside(parents)
    return list(dict.fromkeys(path for path in (*noted, *beside) if path.is_dir() and not is_partial(path)))


def lost_of(made: Sequence[Made], asked: Collection[Made], known: Collection[str], moves: Moves) -> dict[str, Path]:
    """What was noted in these `asked` lines of all, lies nowhere, and was removed by no purge → what to look for:
    datasets whose hash none of those `known` is, and the folders that something was derived to. A folder that is there
    tells that what is not in it was deleted, or never made."""
    gone: dict[str, Path] = {}
    for number, one in enumerate(made):
        if one not in asked:
            continue
        settled = {path for later in made[number + 1 :] if not later.left for path in later.removed}
        wanted = {name: Path(name).parent for name in one.derived}
        if not one.content_hash or one.content_hash not in known:
            wanted[one.path] = Path(one.path) if one.content_hash else Path(one.path).parent
        for name, folder in wanted.items():
            if name not in settled and not any(place.exists() for place in moves.of(folder)):
                gone[name] = folder
    return gone


def left_open(made: Sequence[Made], person: str) -> list[Made]:
    """The lines of what lay nowhere when this person was purged last."""
    theirs = [one for one in made if one.left == person]
    closed = max((number for number, one in enumerate(theirs, 1) if one.removed), default=0)
    return theirs[closed:]


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Those that lie in none of the others, each once."""
    found = dict.fromkeys(paths)
    return [path for path in found if not any(parent in found for parent in path.parents)]


class Settled(msgspec.Struct, frozen=True):
    """What a purge of a person notes: what it removed no later one misses; for what is `lost`, one of the same person
    looks again."""

    messages: str
    person: str
    may_hold: Sequence[Made]
    left_open: Sequence[Made]
    lost: dict[str, Path]

    def lines(self, made: Sequence[Made], hashes: Collection[str]) -> Iterator[Made]:
        """`hashes` of datasets that held the person, where something is lost, be it the folder of a training."""
        there = dict.fromkeys(name for one in self.may_hold for name in one.derived if name not in self.lost)
        if there:
            yield Made(path=self.messages, removed=tuple(there))
        if self.left_open:
            yield Made(path=self.messages, removed=(self.messages,), left=self.person)
        for one in made if hashes else ():
            away = tuple(name for name in one.derived if name in self.lost)
            if away or one.path in self.lost:
                yield Made(path=one.path, derived=away, content_hash=one.content_hash, left=self.person)
        yield from (Made(path=self.messages, content_hash=key, left=self.person) for key in hashes)


def _learn(moves: Moves, made: Iterable[Made], datasets: Sequence[Dataset]) -> None:
    places = dict[str, list[Path]]()
    for dataset in datasets:
        for one in hashes_of(dataset):
            places.setdefault(one, []).append(dataset.path)
    said = (pair for dataset in datasets for pair in _parents(dataset))
    for before, content_hash in (*((one.path, one.content_hash) for one in made if one.path != one.messages), *said):
        for now in places.get(content_hash, ()):
            moves.learn(Path(before), now)


def _parents(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for one in cast("list[dict[str, Any]]", dataset.manifest.get("parents") or []):
        yield str(one.get("path") or ""), str(one.get("content_hash") or "")
