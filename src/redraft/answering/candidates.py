"""What readers make of users' files: questions before their whole contexts, or rejections; each once.

Neighbours: `squad`, `hotpot`, `pairs` read a format each; `sides` decides who is trained on, `cutting` shortens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
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


_READERS = {"squad": squad.read_squad, "hotpot": hotpot.read_hotpot, "pairs": pairs.read_pairs}


def read_candidates(sources: Sources) -> Iterator[Candidate | Rejection]:
    """Every row of every file, in order. What stood there before, in the same words, is a Rejection `duplicate`.

    Raises InputError for a file that is not of its format.
    """
    with ExitStack() as stack:
        ids, contents = stack.enter_context(Seen()), stack.enter_context(Seen())
        for name, path in sources:
            for read in _READERS[name](path):
                yield read if isinstance(read, Rejection) else _new(read, ids, contents)


def _new(candidate: Candidate, ids: Seen, contents: Seen) -> Candidate | Rejection:
    question = candidate.question
    words = f"{folded(question.context)}\x1f{folded(question.question)}"
    if contents.check(words, b"") != "new":
        return _refused(candidate, "duplicate", "the same question before the same context stands earlier")
    digest = hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    if ids.check(question.question_id, digest) == "clash":
        return _refused(candidate, "id_clash", "an earlier row has this id and other content")
    return candidate


def _refused(candidate: Candidate, reason: str, detail: str) -> Rejection:
    question = candidate.question
    return Rejection(
        reason=reason, detail=detail, place=question.place, row_id=question.question_id,
        row=msgspec.json.encode(question).decode(),
    )  # fmt: skip
