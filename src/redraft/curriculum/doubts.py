"""Rows of a user's own that do not say their phase: is one of another phase among them?

Neighbours: `process` has every such row looked at here, `redraft.answering` says what a refusal is.
"""

from __future__ import annotations

import unicodedata

from redraft.answering.inputs import parted
from redraft.answering.matching import stands_in
from redraft.answering.refusing import is_refusal
from redraft.answering.sentences import words_of
from redraft.records import CurriculumRow, Phase

# An answer in a sentence has so many words, or ends as sentences do (`answering.style`).
_FEWEST_WORDS = 8
_ENDS = (".", "!", "?", "\u2026", "\u3002", "\uff01", "\uff1f")


def doubt(phase: Phase, row: CurriculumRow) -> str | None:
    """Why the row cannot be one of `phase`, in one line, or None where it may be."""
    if not row.input.strip() or not row.output.strip():
        return "input or output is empty"
    if phase == "extraction":
        found = parted(row.input)
        context = found[0] if found else row.input
        if _folded(row.output) not in _folded(context):
            return "the output does not stand in the context, so it is no extraction"
        return None
    if is_refusal(row.output) != (phase == "refusal"):
        return "the output answers, in the phase of refusals" if phase == "refusal" else "the output is a refusal"
    if phase == "conversation" and _is_bare(row):
        return "the output is a bare span of its context, as in the phase of extraction, and no sentence"
    return None


def _is_bare(row: CurriculumRow) -> bool:
    said = row.output.strip()
    if len(words_of(said)) >= _FEWEST_WORDS or said.rstrip("\"'\u201d\u2019)").endswith(_ENDS):
        return False
    found = parted(row.input)
    return stands_in(said, found[0] if found else row.input)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
