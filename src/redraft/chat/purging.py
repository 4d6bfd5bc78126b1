"""Taking a person out of what was read and of what was made of it: messages, examples, answers that were paid for.

Neighbours: `lineage` finds the datasets, `leftovers` what lies beside them, `redraft.chat.privacy` forgets the name;
models are trained elsewhere, and `redraft.training.purged_models` marks those that learnt from the person's messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from redraft.chat.derived import going, may_hold, remove_whole, request_keys_in, sums_in
from redraft.chat.leftovers import leftovers, remove, strays
from redraft.chat.lineage import REPLACES, Made, hashes_of, made_of, note_made, parents_of, reparent
from redraft.chat.mentions import Mentions
from redraft.chat.moved import Settled, found_with, left_open, lost_of, outermost
from redraft.chat.privacy.keeping import keep_names, load_names, names_file, review_file
from redraft.chat.privacy.names import PSEUDONYM
from redraft.chat.row_ids import Ids, ids_of
from redraft.chat.training_rows import SIDES, files_of, sums_of, write_files
from redraft.chat_records import ChatExample, ChatMessage, ChatPreference
from redraft.datasets.storage import MANIFEST, Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.records import Rejection

# What a manifest states itself, whatever it is given.
_STATED = frozenset(("format", "kind", "count", "rejected", "reasons", "content_hash", "schema", "shards", REPLACES))
# Of a dataset that names no parent of ours so many rows tell whether it is made of ours.
_ROWS_ASKED = 50


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset with something of the person in it: how many rows go, in how many others their name does."""

    path: str
    kind: str
    content_hash: str
    rows: int
    removed: int
    changed: int


class Purge:
    """What it takes to remove one person from the dataset of messages at `dataset` and from what lies below `folders`,
    or was noted beside it; of `work`, the folder of stages, whole folders go.

    Nothing is changed before `carry_out`. `person` is a real name of the names file, also of one who was purged before,
    or a pseudonym. Raises InputError where there is nobody of this name, or a dataset is damaged.
    """

    def __init__(self, person: str, dataset: Path, folders: Sequence[Path], work: Path | None = None) -> None:
        self.messages = Dataset.open(dataset)
        if self.messages.kind != "chat_messages":
            raise InputError(f"{dataset}: holds {self.messages.kind}; give the dataset that redraft chat read wrote")
        self._names, self._work = load_names(dataset), None if work is None else work.resolve()
        self.pseudonym = self._pseudonym(person)
        self._mentions = Mentions(self.pseudonym)
        # Messages of the person, all messages, and rows that go: what is not made of messages itself is about those.
        self._theirs, self._there, self._gone = Ids(), Ids(), Ids()
        # Hashes that examples had before a purge → those that stayed.
        self._stayed: dict[str, Ids] = {}
        self._made, self._earlier = made_of(dataset), frozenset(hashes_of(self.messages)[1:])
        looked = self._look_through(self.messages)
        found, noted, self.moves = found_with(self.messages, self._made, folders, self._is_akin)
        self._all = [self.messages, *found]
        self.affected = (looked, *(self._look_through(one) for one in self._all[1:]))
        self._touched = frozenset(
            key
            for dataset, one in zip(self._all, self.affected, strict=True)
            if one.removed or one.changed
            for key in hashes_of(dataset)
        )
        known = frozenset(self.planned_for)
        # What lay nowhere when the person was purged before is theirs as it was.
        self._open = left_open(self._made, self.pseudonym)
        self._may_hold = [*(one for one in self._made if may_hold(one, self._touched, known)), *self._open]
        self.derived = going(self._may_hold, dataset, self.moves.of)
        unsure = [one for one in self._made if self._touched and not (one.content_hash or one.removed)]
        self._lost = lost_of(self._made, [*self._may_hold, *unsure], known, self.moves)
        left = leftovers([*folders, dataset.resolve().parent, *(path.parent for path in noted)])
        self.leftovers = [*left, *(path for one in self._all for path in strays(one))]

    @property
    def hashes(self) -> tuple[str, ...]:
        """The hashes, of now and of before, of the datasets that hold something of the person, or may have held some:
        what was trained on one of them learnt from it."""
        now = (key for one in self._all if one.content_hash in self._touched for key in hashes_of(one))
        return tuple(dict.fromkeys([*now, *(one.content_hash for one in self._may_hold)]))

    @property
    def lost(self) -> list[Path]:
        """Folders and datasets that were noted, may hold the person, and lie nowhere."""
        return outermost(path for path in self._lost.values() if self._work not in path.parents)

    @property
    def planned_for(self) -> tuple[str, ...]:
        """The hashes, of now and of before, of all that was made of the messages: stages may have been planned for."""
        return tuple(key for one in self._all for key in hashes_of(one))

    @property
    def places(self) -> tuple[str, ...]:
        """Where these are, and what was noted: stages may have been planned for datasets that were there before."""
        noted = (Path(path) for one in self._made for path in (one.path, *one.derived))
        now = (str(path) for one in noted for path in self.moves.of(one))
        return tuple(dict.fromkeys([*(str(one.path.resolve()) for one in self._all), *now]))

    @property
    def files(self) -> frozenset[str]:
        """Paths and sha256 (hex) of training files that hold something of the person, or may have held it; and paths of
        datasets that do, as others may have lain there before."""
        touched = {str(Path(one.path).resolve()) for one in self.affected if one.removed or one.changed}
        now = [Made(path=path, files=sums_of(Path(path))) for path in touched]
        before = [one for one in self._made if touched and (one.path in touched or not Path(one.path).is_dir())]
        before += self._open
        paths = [str(path) for one in (*now, *before) for path, _, _ in files_of(Path(one.path))]
        sums = [*sums_in(self.derived).items(), *(one for made in (*now, *before) for one in made.files.items())]
        return frozenset([*paths, *touched, *(one for pair in sums for one in pair)])

    def request_keys(self) -> Iterator[str]:
        """The keys of the answers that rows of the person, and files that go, were made with, maybe repeated."""
        yield from request_keys_in(self.derived)
        yield from (key for key, stays in self._keys() if not stays)

    def kept_keys(self) -> Iterator[str]:
        """The keys of the answers that rows were made with which stay as they are, maybe repeated."""
        yield from (key for key, stays in self._keys() if stays)

    def _keys(self) -> Iterator[tuple[str, bool]]:
        """The key of each row and each rejection that has one, and whether that stays."""
        for dataset in self._all[1:]:
            yield from ((one.request_key, not self._is_theirs(one)) for one in dataset.rejections() if one.request_key)
            for row in dataset.rows():
                if key := str(getattr(row, "request_key", None) or ""):
                    yield key, self._without(row, dataset) is row

    def carry_out(self, lost: bool = False) -> None:
        """Rewrites every dataset that holds something of the person and the training files beside it, removes what was
        derived from them, what was left half made and the review list, and forgets the name.

        Answers and models are to be purged before, as they are found by what is rewritten here. What is derived comes
        first, then leaves, the files of each before it, the name last: what stopped in the middle is done by a second
        run. Where something of it is `lost`, that is noted, so that a later purge of the person goes on. Raises
        StorageError.
        """
        for path in self.leftovers:
            remove(path)
        remove_whole(self.derived)
        moved: dict[str, str] = {}
        for dataset, found in reversed(list(zip(self._all, self.affected, strict=True))):
            if not (dataset.path / MANIFEST).exists():
                continue  # went with the stage that it was work of
            if self._is_work(dataset):
                remove(dataset.path)
                continue
            now = self._cleaned(dataset, found).content_hash
            moved |= dict.fromkeys(hashes_of(dataset), now)
        for dataset in self._all:
            if (dataset.path / MANIFEST).exists():
                reparent(dataset, moved)
        here = str(self.messages.path.resolve())
        settled = Settled(here, self.pseudonym, self._may_hold, self._open, self._lost)
        for line in settled.lines(self._made, self.hashes if lost or self.lost else ()):
            note_made(self.messages.path, line)
        remove(review_file(self.messages.path))
        if names_file(self.messages.path).exists():
            self._names.forget(self.pseudonym)
            keep_names(self.messages.path, self._names)

    def _cleaned(self, dataset: Dataset, found: Affected) -> Dataset:
        """The dataset without the person, and files of it that hold what it holds now."""
        examples = dataset.kind == "chat_examples"
        if found.removed or found.changed or any(True for _ in self._rejections(dataset)):
            for path, _, _ in files_of(dataset.path) if examples else ():
                remove(path)
            dataset = self._rewrite(dataset)
        if examples:
            write_files(dataset)
        return dataset

    def _pseudonym(self, person: str) -> str:
        if PSEUDONYM.fullmatch(person):
            return person
        if not names_file(self.messages.path).exists():
            raise InputError(f"{names_file(self.messages.path)}: not there, so name the person as PersonN")
        return self._names.forgotten(person) or self._names.find(person, [name for name, _ in self._names.people()])

    def _is_work(self, dataset: Dataset) -> bool:
        return self._work is not None and self._work in dataset.path.resolve().parents

    def _is_akin(self, path: Path) -> bool:
        """Whether examples are made of these messages, as their ids say."""
        try:
            some = list(islice(Dataset.open(path).rows(), _ROWS_ASKED))
        except InputError:
            return False
        return any(one in self._there for row in some for one in (*row.reply_ids, *row.context_ids))

    def _look_through(self, dataset: Dataset) -> Affected:
        removed, changed, stayed = 0, 0, Ids()
        if dataset.kind == "chat_examples":
            self._stayed |= dict.fromkeys(hashes_of(dataset)[1:], stayed)
        for row in dataset.rows():
            if isinstance(row, ChatMessage):
                self._there.add(row.message_id)
            left = self._without(row, dataset)
            if left is None:
                removed += 1
                for row_id in ids_of(row):
                    (self._theirs if isinstance(row, ChatMessage) else self._gone).add(row_id)
            else:
                changed += left is not row
                if isinstance(row, ChatExample):
                    stayed.add(row.example_id)
        for ids in (self._theirs, self._there, self._gone, stayed):
            ids.settle()
        return Affected(
            path=str(dataset.path),
            kind=dataset.kind,
            content_hash=dataset.content_hash,
            rows=dataset.count,
            removed=removed,
            changed=changed,
        )

    def _without(self, row: msgspec.Struct, dataset: Dataset) -> msgspec.Struct | None:
        """The row without the person, itself where they are not in it; None where it is theirs, or made of an earlier
        reading, or of examples before a purge, with what is not there any more: whose that was nobody can tell."""
        if isinstance(row, ChatMessage):
            if row.author == self.pseudonym:
                return None
            text = self._mentions.replaced(row.text)
            return row if text == row.text else msgspec.structs.replace(row, text=text)
        used = (*row.context_ids, *row.reply_ids) if isinstance(row, ChatExample | ChatPreference) else ids_of(row)
        if any(one in self._theirs for one in used):
            return None
        if isinstance(row, ChatExample):
            if self._is_earlier(dataset) and any(one not in self._there for one in used):
                return None
        elif any(one in self._gone for one in ids_of(row)) or self._went_before(row, dataset):
            return None
        plain = msgspec.to_builtins(row)
        left = self._mentions.replaced(plain)
        return row if left == plain else msgspec.convert(left, type(row))

    def _is_earlier(self, dataset: Dataset) -> bool:
        return bool(self._earlier.intersection(parents_of(dataset)))

    def _went_before(self, row: msgspec.Struct, dataset: Dataset) -> bool:
        """Whether it is about examples that an earlier purge removed, which did not find this dataset."""
        stayed = [self._stayed[key] for key in parents_of(dataset) if key in self._stayed]
        return bool(stayed) and not all(any(one in ids for ids in stayed) for one in ids_of(row))

    def _rejections(self, dataset: Dataset) -> Iterator[Rejection]:
        """Those of the person."""
        return (one for one in dataset.rejections() if self._is_theirs(one))

    def _is_theirs(self, rejection: Rejection) -> bool:
        about = (rejection.row_id or "", rejection.place.rpartition(" ")[2])
        shown = f"{rejection.detail}\n{rejection.row or ''}"
        return any(one in self._theirs or one in self._gone for one in about) or shown in self._mentions

    def _rewrite(self, dataset: Dataset) -> Dataset:
        meta = {name: value for name, value in dataset.manifest.items() if name not in _STATED}
        at_once = max((shard.rows + shard.rejected for shard in dataset.shards), default=0)
        sides: dict[str, int] = dict.fromkeys(SIDES, 0)
        with DatasetWriter(dataset.path, dataset.kind, max(at_once, 1)) as writer:
            for row in dataset.rows():
                if (left := self._without(row, dataset)) is not None:
                    writer.add(left)
                    if isinstance(left, ChatExample):
                        sides[left.side] += 1
            for rejection in dataset.rejections():
                if not self._is_theirs(rejection):
                    writer.reject(rejection)
            counted = {"sides": sides} if dataset.kind == "chat_examples" else {}
            return writer.finish({**self._mentions.left_out(meta), **counted, REPLACES: hashes_of(dataset)})
