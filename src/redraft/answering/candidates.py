"""What readers make of users' files: questions before their whole contexts, or rejections; each once.

Neighbours: `squad`, `hotpot`, `pairs` read a format each; `sides` decides who is trained on, `cutting` shortens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import msgspec

from redraft.answering import hotpot, pairs, squad
from redraft.answering.candidate import Candidate
from redraft.answering.matching import folded
from redraft.datasets.seen import Seen
from redraft.records import Rejection


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The files that layers are made of, each list in the order in which it is read."""

    squad: tuple[Path, ...] = ()
    hotpot: tuple[Path, ...] = ()
    pairs: tuple[Path, ...] = ()

    def __iter__(self) -> Iterator[tuple[str, Path]]:
        """(format, file) of each."""
        for name in ("squad", "hotpot", "pairs"):
            for path in getattr(self, name):
                yield name, path


_AROUND_MARKS = re.compile(r"\s*([^\w\s])\s*")
_READERS = {"squad": squad.read_squad, "hotpot": hotpot.read_hotpot, "pairs": pairs.read_pairs}


def read_candidates(sources: Sources, contradicting: set[bytes] | None = None) -> Iterator[Candidate | Rejection]:
    """Every row of every file, in order. What stood there before, in the same words, is a Rejection `duplicate`.

    A row that an earlier one contradicts (one has an answer, the other says that there is none) is a Rejection
    `contradiction`. Its key is added to `contradicting`; the rows whose keys stand there from the beginning, the first
    of them too, are such. Raises InputError for a file that is not of its format.
    """
    known = contradicting if contradicting is not None else set[bytes]()
    with ExitStack() as stack:
        ids, contents = stack.enter_context(Seen()), stack.enter_context(Seen())
        for name, path in sources:
            for read in _READERS[name](path):
                yield read if isinstance(read, Rejection) else _new(read, ids, contents, known)


def _new(candidate: Candidate, ids: Seen, contents: Seen, contradicting: set[bytes]) -> Candidate | Rejection:
    question = candidate.question
    words = f"{_unspaced(question.context)}\x1f{_unspaced(question.question)}"
    digest = hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    met = contents.check(words, b"negative" if question.negative else b"positive")
    if met == "clash" or digest in contradicting:
        contradicting.add(digest)
        return _refused(
            candidate, "contradiction", "the same question before the same context is answered in one row, and said to "
            "have no answer in another",
        )  # fmt: skip
    if met == "duplicate":
        return _refused(candidate, "duplicate", "the same question before the same context stands earlier")
    if ids.check(question.question_id, digest) == "clash":
        return _refused(candidate, "id_clash", "an earlier row has this id and other content")
    return candidate


@lru_cache(maxsize=256)  # a paragraph's questions follow each other
def _unspaced(text: str) -> str:
    """The folded text without spaces around punctuation, nor any mark at its end."""
    return _AROUND_MARKS.sub(r"\1", folded(text)).rstrip("?!.\u3002\uff1f\u061f")


def _refused(candidate: Candidate, reason: str, detail: str) -> Rejection:
    question = candidate.question
    row = msgspec.json.encode(question).decode()
    return Rejection(reason=reason, detail=detail, place=question.place, row_id=question.question_id, row=row)
