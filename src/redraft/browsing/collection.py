"""All entries of a path: in memory what lists and filters need, on the disk the texts, each read when it is looked at.

Neighbours: `entries` are its contents, the terminal and the page its readers.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

import msgspec

from redraft.browsing.entries import Brief, Entry, brief_of
from redraft.browsing.queries import Query
from redraft.documents.spread import Spread, spread_of


class Collection:
    """Entries in their order, the texts of them in a temporary file that is gone with the process. A context manager.

    About 1 kB of each entry stays in memory. Several threads may read. `simulated` is what is known beside the entries:
    the rows of a training file do not say it.
    """

    def __init__(
        self, entries: Iterable[Entry], seen: Callable[[int], None] = lambda _: None, simulated: bool = False
    ) -> None:
        self._simulated = simulated
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the collection
        self._places = array("Q", [0])
        self.briefs: list[Brief] = []
        try:
            for entry in entries:
                written = msgspec.msgpack.encode(entry)
                self._file.write(written)
                self._places.append(self._places[-1] + len(written))
                self.briefs.append(brief_of(entry))
                seen(len(self.briefs))
            self._file.flush()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Collection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._file.close()

    def entry(self, number: int) -> Entry:
        """The entry of a number from 1 on. IndexError where there is none."""
        if not 1 <= number <= len(self.briefs):
            raise IndexError(number)
        start = self._places[number - 1]
        # Without a common place in the file: several threads may read.
        return msgspec.msgpack.decode(os.pread(self._file.fileno(), self._places[number] - start, start), type=Entry)

    def found(self, query: Query) -> list[Brief]:
        return [one for one in self.briefs if query.fits(one)]

    def of_id(self, row_id: str) -> list[Brief]:
        """The entries with an id: a row, and what was refused under the same id in another stage."""
        return [one for one in self.briefs if one.row_id == row_id]

    @property
    def reasons(self) -> dict[str, int]:
        """Reason → entries with it, the most frequent first."""
        return dict(Counter(reason for one in self.briefs for reason in one.reasons).most_common())

    def times(self, reason: str) -> tuple[int, int]:
        """How many rows have it as a flag, how many were rejected for it."""
        having = [one for one in self.briefs if reason in one.reasons]
        rejected = sum(one.kind == "rejected" for one in having)
        return len(having) - rejected, rejected

    @property
    def types(self) -> dict[str, int]:
        """Document type → entries of it."""
        return dict(Counter(one.document_type for one in self.briefs if one.document_type).most_common())

    @property
    def models(self) -> dict[str, int]:
        """Model → entries of which it wrote a part."""
        return dict(Counter(model for one in self.briefs for model in set(one.models.values())).most_common())

    def writers(self) -> dict[str, dict[str, int]]:
        """Part → model → rows of the dataset, the most frequent first."""
        counts: dict[str, Counter[str]] = {}
        for one in self.briefs:
            for part, model in one.models.items() if one.kind == "kept" else ():
                counts.setdefault(part, Counter())[model] += 1
        return {part: dict(found.most_common()) for part, found in counts.items()}

    def types_kept(self) -> dict[str, int]:
        """Document type → rows of the dataset."""
        kept = (one.document_type for one in self.briefs if one.kind == "kept" and one.document_type)
        return dict(Counter(kept).most_common())

    def counts(self) -> dict[str, int]:
        """How many rows without a flag, rows with one, unreadable rows, refused ones."""
        return {
            "clean": sum(one.kind == "kept" and not one.reasons for one in self.briefs),
            "flagged": sum(one.kind == "kept" and bool(one.reasons) for one in self.briefs),
            "unreadable": sum(one.kind == "unreadable" for one in self.briefs),
            "rejected": sum(one.kind == "rejected" for one in self.briefs),
        }

    @property
    def simulated(self) -> bool:
        """Whether the sandbox wrote any of it, as rows or what lies beside them say."""
        return self._simulated or any(one.simulated for one in self.briefs)

    def spreads(self) -> dict[str, Spread]:
        """How varied documents and responses, or scenarios, of the kept rows are. Some milliseconds a row."""
        name = "scenarios" if any(one.part == "scenario" for one in self.briefs if one.kind == "kept") else "documents"
        found = {name: spread_of(one.document for one in self._kept())}
        answered = spread_of(one.response for one in self._kept() if one.response is not None)
        return {**found, "responses": answered} if answered.count else found

    def _kept(self) -> Iterator[Entry]:
        """The rows of the dataset, one and the same under several system prompts once."""
        before: tuple[str, str | None] | None = None
        for entry in (self.entry(one.number) for one in self.briefs if one.kind == "kept"):
            if (texts := (entry.row_id + entry.document, entry.response)) != before:
                yield entry
            before = texts
