"""Which conversation ids a stream has met already, on disk, so that memory does not grow with the rows.

Neighbour: `conversations` supplies the stream; what is a duplicate is rejected by the caller.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Literal

from redraft.errors import StorageError
from redraft.records import Conversation

MEMORY_KIB = 16_000


def content_digest(conversation: Conversation) -> bytes:
    """16 bytes over messages, category and label: what two rows of one id must share to be the same row."""
    digest = hashlib.blake2b(f"{conversation.category}\x1f{conversation.label}".encode(), digest_size=16)
    for message in conversation.messages:
        content = message.content.encode("utf-8", "surrogatepass")
        digest.update(f"\x1f{message.role}\x1f{len(content)}\x1f".encode())
        digest.update(content)
    return digest.digest()


class Seen:
    """A set of conversation ids with a digest of their content, in a temporary SQLite file below `folder`.

    Use it as a context manager: the file goes with it. Memory stays at some 16 MB for any number of ids.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="redraft-seen-", dir=folder)
        self._base = sqlite3.connect(Path(self._folder.name) / "seen.sqlite", isolation_level=None)
        # The file dies with the process, so nothing needs to survive a crash.
        for setting in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{MEMORY_KIB}"):
            self._base.execute(f"PRAGMA {setting}")
        try:
            self._base.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID")
        except sqlite3.OperationalError as error:
            self.close()
            raise self._fault(error) from error

    def __enter__(self) -> Seen:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()

    def close(self) -> None:
        self._base.close()
        self._folder.cleanup()

    def check(self, conversation_id: str, content: bytes) -> Literal["new", "duplicate", "clash"]:
        """Note the id. `duplicate`: met before with the same content; `clash`: with another.

        Raises StorageError where the disk is full.
        """
        key = hashlib.blake2b(conversation_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        try:
            if self._base.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, content)).rowcount:
                return "new"
            (known,) = self._base.execute("SELECT content FROM seen WHERE id = ?", (key,)).fetchone()
        except sqlite3.OperationalError as error:
            raise self._fault(error) from error
        return "duplicate" if known == content else "clash"

    def _fault(self, error: sqlite3.OperationalError) -> StorageError:
        where = Path(self._folder.name).parent
        return StorageError(f"{where}: the list of ids cannot be written ({error}); free some space and run it again")
