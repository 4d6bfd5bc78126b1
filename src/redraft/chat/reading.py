"""Exports of chats → a dataset of messages under pseudonyms, on the user's own machine. Nothing real is in the dataset.

Neighbours: `redraft.chat.exports` reads the files, `redraft.chat.privacy` takes the names out, `grouping` tells which
files are one chat; all that comes later knows the dataset only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from redraft.chat.exports.kinds import without_edit_mark
from redraft.chat.exports.merging import merged
from redraft.chat.exports.opening import open_export, open_exports
from redraft.chat.exports.ordering import InOrder
from redraft.chat.exports.raw import Export, ExportReport, RawMessage, ReadOptions
from redraft.chat.lineage import REPLACES, hashes_of, without_itself
from redraft.chat.privacy.keeping import keep_names, load_names, names_file, review_file, write_private
from redraft.chat.privacy.names import REMOVED, Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.review import Watch, listed
from redraft.chat.privacy.roster import Roster
from redraft.chat_records import ChatMessage
from redraft.datasets.storage import MANIFEST, Dataset, DatasetWriter, require_target
from redraft.errors import InputError
from redraft.records import Rejection

KIND = "chat_messages"
# A shard's worth lies in memory: messages are short.
ROWS_PER_SHARD = 5000
# Of fewer messages nobody learns how somebody writes.
FEW_MESSAGES = 100
# WhatsApp's files are called so, in the language of the phone.
_CALLED = re.compile(r"WhatsApp.{0,20}? (?:with|mit|con|avec|met|com|med|-|\u2013) (.+?)(?: ?\(\d+\))?\.(?:txt|zip)$")
_LINE = re.compile(r"\bline (\d+)$")


class ChatReport(msgspec.Struct, frozen=True, kw_only=True):
    """One chat as it was read: `people` counts the messages of each pseudonym, `exports` tells what each file held."""

    chat: str
    messages: int
    people: dict[str, int]
    kinds: dict[str, int]
    exports: tuple[ExportReport, ...]


class ReadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a reading. `person` is the pseudonym of whom was asked for; `masked` counts what was replaced, by
    kind; `doubts` are the words on the review list; `left_out` counts messages of people who were purged; `warnings`
    are those of the reading, beside what each export says of itself. No real name is in it."""

    dataset: str
    content_hash: str
    person: str
    chats: tuple[ChatReport, ...]
    masked: dict[str, int]
    doubts: int
    rejected: int
    left_out: int
    names: str
    review: str
    warnings: tuple[str, ...]


def read_chat(
    files: Sequence[Sequence[Path]],
    person: str,
    output: Path,
    options: ReadOptions | None = None,
    *,
    also: Sequence[str] = (),
    keep: Sequence[str] = (),
    titles: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
) -> ReadReport:
    """Reads each of `files`, the exports of one chat, into the dataset `output` of chats `chat1`, `chat2` ...

    `person` is the one to imitate; in the first reading into `output` they are `Person1`, and whoever has a pseudonym
    keeps it in later ones. `also` and `keep` mend what the review list shows, `titles` are names of groups. Names are
    kept beside the dataset, for the user only. Two passes; memory grows with no chat but one that is out of order.

    Raises InputError for a file that is no export, or where nobody is called `person`; StorageError.
    """
    require_target(output, KIND)
    chats = [opened for group in files for opened in _opened(group, options or ReadOptions(), columns)]
    if not chats:
        raise InputError("no file to read; give an exported chat")
    names, watch = load_names(output), Watch()
    roster = Roster(names)
    for exports, called in chats:
        roster.look_through(exports, called, watch)
    pseudonym = roster.name_all(person, also, keep, titles)
    # Before the dataset: a pseudonym in it must never come to mean somebody else.
    kept = keep_names(output, names)
    replacer = Replacer(names)
    with DatasetWriter(output, KIND, ROWS_PER_SHARD) as writer:
        reports = [
            _Chat(f"chat{number}", exports, names, replacer).write(writer)
            for number, (exports, _) in enumerate(chats, 1)
        ]
        meta = _meta(pseudonym, reports, replacer, options or ReadOptions())
        if (output / MANIFEST).is_file():
            # What was made of the earlier reading is a descendant still.
            meta[REPLACES] = hashes_of(Dataset.open(output))
        dataset = without_itself(writer.finish(meta))
    doubts = watch.doubts(names, replacer)
    write_private(review_file(output), listed(doubts))
    return _report(dataset, [report for report, _ in reports], pseudonym, meta, len(doubts), kept)


def _opened(
    group: Sequence[Path], options: ReadOptions, columns: Mapping[str, str] | None
) -> Iterator[tuple[tuple[Export, ...], list[str]]]:
    """The chats of a group of files, with what the files call them: one, but for a file that holds a whole account."""
    called = [found[1] for path in group if (found := _CALLED.match(path.name))]
    if len(group) == 1:
        for export in open_exports(group[0], options, columns):
            yield (InOrder(export),), called
    elif group:
        yield tuple(InOrder(open_export(path, options, columns)) for path in group), called


class _Chat:
    """The second pass over one chat."""

    def __init__(self, chat: str, exports: tuple[Export, ...], names: Names, replacer: Replacer) -> None:
        self._chat, self._exports, self._names, self._replacer = chat, exports, names, replacer
        self._latest: datetime | None = None
        self._at_once: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._people: Counter[str] = Counter()
        self._known: dict[str, str] = {}
        self._left_out = 0

    def write(self, writer: DatasetWriter) -> tuple[ChatReport, int]:
        """What the chat held, and how many messages were left out."""
        for found in merged(self._exports):
            if isinstance(found, Rejection):
                writer.reject(self._rejection(found))
            elif (message := self._message(found)) is not None:
                writer.add(message)
        report = ChatReport(
            chat=self._chat,
            messages=self._kinds.total(),
            people=dict(self._people),
            kinds=dict(sorted(self._kinds.items())),
            exports=tuple(export.report() for export in self._exports),
        )
        return report, self._left_out

    def _message(self, raw: RawMessage) -> ChatMessage | None:
        author = "" if raw.kind == "system" else self._pseudonym(raw.author)
        if author == REMOVED:
            self._left_out += 1
            return None
        if author and raw.kind != "system_named":
            self._people[author] += 1
        self._kinds[raw.kind] += 1
        # The app's own words behind an edited message are nobody's to imitate; its kind tells.
        text = without_edit_mark(raw.text) if raw.kind == "edited" else raw.text
        time = raw.time.isoformat()
        return ChatMessage(
            message_id=self._id(raw, time),
            chat=self._chat,
            author=author,
            time=time,
            text=self._replacer.message(text, raw.kind),
            kind=raw.kind,
            place=f"{self._chat} line {raw.line}",
        )

    def _pseudonym(self, name: str) -> str:
        if (known := self._known.get(name)) is None:
            known = self._known[name] = self._names.of(name) or ""
        return known

    def _id(self, raw: RawMessage, time: str) -> str:
        """Equal in every export that holds the message. Equal messages of one time are counted; one that stands behind
        later ones, as in files that somebody joined, is told by its line."""
        late = self._latest is not None and raw.time < self._latest
        if self._latest is None or raw.time > self._latest:
            self._latest = raw.time
            self._at_once.clear()
        content = (self._chat, raw.author, time, raw.kind, raw.text)
        if late:
            return self._names.digest(*content, f"line {raw.line}")
        one = self._names.digest(*content)
        self._at_once[one] += 1
        return one if self._at_once[one] == 1 else self._names.digest(*content, str(self._at_once[one]))

    def _rejection(self, found: Rejection) -> Rejection:
        line = _LINE.search(found.place)
        file = found.place[: line.start()].strip() if line else found.place
        text: Callable[[str], str] = self._replacer.text
        return msgspec.structs.replace(
            found,
            place=f"{self._chat} line {line[1]}" if line else self._chat,
            detail=text(found.detail.replace(file, self._chat)),
            row_id=None,
            row=None if found.row is None else text(found.row),
        )


def _meta(
    person: str, reports: Sequence[tuple[ChatReport, int]], replacer: Replacer, options: ReadOptions
) -> dict[str, Any]:
    """What the manifest says. Nothing of the files but what they held."""
    return {
        "person": person,
        "zone": options.zone,
        "chats": [msgspec.to_builtins(report) for report, _ in reports],
        "masked": dict(sorted(replacer.counts.items())),
        "left_out": sum(left for _, left in reports),
    }


def _report(
    dataset: Dataset, chats: list[ChatReport], person: str, meta: dict[str, Any], doubts: int, names: Path
) -> ReadReport:
    theirs = sum(chat.people.get(person, 0) for chat in chats)
    return ReadReport(
        dataset=str(dataset.path),
        content_hash=dataset.content_hash,
        person=person,
        chats=tuple(chats),
        masked=meta["masked"],
        doubts=doubts,
        rejected=int(dataset.manifest["rejected"]),
        left_out=meta["left_out"],
        names=str(names),
        review=str(review_file(dataset.path)),
        warnings=() if theirs >= FEW_MESSAGES else (f"{person} writes {theirs:,} messages: too few to learn from",),
    )


def person_of(dataset: Dataset) -> str:
    """The pseudonym of whom a dataset of messages was read for. Raises InputError for a dataset of another kind."""
    if dataset.kind != KIND:
        raise InputError(f"{dataset.path}: holds {dataset.kind}, not messages; give what redraft chat read wrote")
    return str(dataset.manifest.get("person") or "")


def has_names(dataset: Path) -> bool:
    """Whether the real names of a dataset lie beside it."""
    return names_file(dataset).is_file()
