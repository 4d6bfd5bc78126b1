"""The model of a rehearsal: tiny, with random weights, its tokenizer trained on the texts that the study is made of.

It is there before the layers, so that contexts are cut with the very tokenizer that reads them. Neighbours:
`redraft.training.local.tiny` builds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from redraft.answering.candidates import Sources, read_candidates
from redraft.records import Rejection

# Contexts that the tokenizer is trained on at most: more change next to nothing of four thousand tokens.
_CONTEXTS = 2000


def build_rehearsal_model(sources: Sources, folder: Path, seed: int) -> str:
    """Builds the model in `folder`, whole or not at all, where it is not there yet; gives the folder.

    Imports torch: run it in a process of its own. Raises InputError for files that cannot be read.
    """
    from redraft.training.local.tiny import build_tiny

    if not (folder / "config.json").is_file():
        # A list: the trainer reads in a thread of its own, where the reader's database may not be used.
        build_tiny(list(_texts(sources)), folder, seed)
    return str(folder)


def _texts(sources: Sources) -> Iterator[str]:
    """Every context once, and the questions before it."""
    rows = (row.question for row in read_candidates(sources) if not isinstance(row, Rejection))
    before = ""
    contexts = 0
    for row in rows:
        if row.context != before:
            contexts += 1
            if contexts > _CONTEXTS:
                return
            before = row.context
            yield row.context
        yield row.question
