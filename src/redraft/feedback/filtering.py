"""One streamed pass over a user's file: labels read, unusable rows rejected with their place, the rest a dataset.

Puts `datasets.conversations`, `taxonomy` and `selection` in a row; memory does not grow with the file.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from redraft.datasets.conversations import read_conversations, refuse_processed
from redraft.datasets.privacy import redact, redact_values
from redraft.datasets.reading import place_of, resolve_input
from redraft.datasets.seen import Seen, content_digest
from redraft.datasets.storage import Dataset, DatasetWriter, require_target
from redraft.errors import InputError
from redraft.feedback.selection import select
from redraft.feedback.taxonomy import SchemeCheck, categorise, codes_of
from redraft.records import Conversation, Rejection

T = TypeVar("T")
_ROWS_BETWEEN_NEWS = 50


def filter_conversations(
    source: Path,
    target: Path,
    *,
    taxonomy: str = "don-yehiya",
    limit: int | None = None,
    hold_out_last: int = 0,
    advance: Callable[[int], None] = lambda rows: None,
) -> Dataset:
    """The dataset `target` of the conversations that a feedback study can use, rejections beside them.

    `limit` reads only the first rows, `hold_out_last` leaves out the last ones. `advance` hears how many rows
    were read. Raises InputError for a file that cannot be read or holds no usable row, LabelSchemeError for labels
    in another numbering, StorageError for a full disk; then nothing is left of `target`, and what stood there stays.
    """
    codes_of(taxonomy)
    source = resolve_input(source)
    require_target(target, "conversations", source)
    refuse_processed(source)
    check, labels, flags = SchemeCheck(taxonomy, str(source)), Counter[str](), Counter[str]()
    reasons = Counter[str]()
    rows = 0
    with Seen() as seen, DatasetWriter(target, "conversations") as writer:
        for number, read in _numbered(read_conversations(source), limit, hold_out_last):
            rows = number
            kept = _usable(read, check, labels, seen, taxonomy)
            if isinstance(kept, Rejection):
                reasons[kept.reason] += 1
                writer.reject(msgspec.structs.replace(kept, place=place_of(source, number)))
            else:
                flags.update(kept.flags)
                writer.add(kept)
            if number % _ROWS_BETWEEN_NEWS == 0:
                advance(_ROWS_BETWEEN_NEWS)
        advance(rows % _ROWS_BETWEEN_NEWS)
        check.finish()
        if not rows:
            raise InputError(f"{source}: no rows are left to filter; lower --hold-out-last {hold_out_last}")
        if rows == reasons.total():
            why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            raise InputError(
                f"{source}: none of the {rows} rows can be used ({why}); see the README on labels and columns"
            )
        return writer.finish(
            {
                "source": str(source),
                "rows_read": rows,
                "taxonomy": taxonomy,
                "held_out_last": hold_out_last,
                "labels": dict(sorted(labels.items())),
                "flags": dict(sorted(flags.items())),
            }
        )


def _usable(
    read: Conversation | Rejection, check: SchemeCheck, labels: Counter[str], seen: Seen, taxonomy: str
) -> Conversation | Rejection:
    if isinstance(read, Rejection):
        return msgspec.structs.replace(read, row=_masked(read.row.encode())) if read.row else read
    check.see(read)
    labels[(read.category or "").strip() or "none"] += 1
    kept = categorise(read, taxonomy)
    if isinstance(kept, Conversation):
        kept = _unique(kept, seen)
    if isinstance(kept, Conversation):
        kept = select(kept)
    if isinstance(kept, Rejection):
        return msgspec.structs.replace(kept, row=_masked(msgspec.json.encode(read)))
    return kept


def _masked(row: bytes) -> str:
    """A rejected row with personal data masked; one that is no JSON as text."""
    try:
        return msgspec.json.encode(redact_values(msgspec.json.decode(row))).decode()
    except msgspec.DecodeError:
        return redact(row.decode("utf-8", "replace"))


def _unique(conversation: Conversation, seen: Seen) -> Conversation | Rejection:
    met = seen.check(conversation.conversation_id, content_digest(conversation))
    if met == "new":
        return conversation
    detail = "the same row stands earlier" if met == "duplicate" else "an earlier row has this id and other content"
    return Rejection(
        reason="duplicate" if met == "duplicate" else "id_clash",
        detail=f"{conversation.conversation_id}: {detail}",
        place="",
        row_id=conversation.conversation_id,
    )


def _numbered(rows: Iterable[T], limit: int | None, leave_last: int) -> Iterator[tuple[int, T]]:
    """Rows with their numbers from 1, without the last `leave_last`, of which only as many lie in memory."""
    if limit is not None and limit < 1:
        raise InputError(f"--max-conversations {limit}: must be at least 1")
    if leave_last < 0:
        raise InputError(f"--hold-out-last {leave_last}: must be 0 or more")
    waiting: deque[tuple[int, T]] = deque()
    for numbered in islice(enumerate(rows, 1), limit):
        waiting.append(numbered)
        if len(waiting) > leave_last:
            yield waiting.popleft()
