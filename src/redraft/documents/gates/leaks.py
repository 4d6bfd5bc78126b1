"""What a response repeats that it should not: the system prompt, the document. Neighbour: `rows`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from redraft.datasets.normalising import normalise

RUN = 8
_PART = _FEWEST = 4
# A response that quotes is one thing; half of it taken over word for word is another.
_COPIED_SHARE = 0.5
_FEWEST_RUNS = 3
_LABELLED = re.compile(
    r"\[\W{0,3}system prompt\b|system prompt\W{0,3}:|my (?:system prompt|hidden instructions|initial instructions)\b"
)
_LABELS = ("system prompt", "hidden instructions", "initial instructions")
_Runs = frozenset[tuple[str, ...]]


def prompt_leak(response: str, normal: str, document: str, prompts: tuple[str, ...]) -> str | None:
    """The words of a system prompt, 8 or more in a row, that a response repeats and that the document has not got.

    A prompt of 4 to 7 words counts as a whole. `normal` and `document` are normalised.
    """
    # What is labelled is told as it stands, and most responses hold no word of a label.
    lower = response.lower()
    if any(label in lower for label in _LABELS) and (found := _LABELLED.search(lower)) is not None:
        return found[0]
    known, parts, whole = _prompts(prompts)
    words = normal.split()
    # In 8 words that are the same, one of every four places begins 4 that are.
    if not parts.isdisjoint(zip(words[::_PART], words[1::_PART], words[2::_PART], words[3::_PART], strict=False)):
        for run in _runs(words, RUN):
            if run in known and (said := " ".join(run)) not in document:
                return said
    padded = f" {normal} "
    return next((one for one in whole if f" {one} " in padded and one not in document), None)


@lru_cache(maxsize=64)
def _prompts(prompts: tuple[str, ...]) -> tuple[_Runs, _Runs, tuple[str, ...]]:
    """The runs of 8 words of all prompts, those of 4, and the prompts that are too short for any."""
    normal = [normalise(prompt) for prompt in prompts]
    known = frozenset(run for one in normal for run in _runs(one.split(), RUN))
    parts = frozenset(run for one in normal for run in _runs(one.split(), _PART))
    return known, parts, tuple(one for one in normal if _FEWEST <= len(one.split()) < RUN)


def _runs(words: list[str], length: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)), strict=False)


def copied_share(normal: str, document: str) -> float:
    """The share of a response's runs of 8 words, end to end, that stand in the document; both normalised."""
    words = normal.split()
    pieces = [" ".join(words[at : at + RUN]) for at in range(0, len(words) - RUN + 1, RUN)]
    if len(pieces) < _FEWEST_RUNS:
        return 0.0
    return sum(piece in document for piece in pieces) / len(pieces)


def is_copied(normal: str, document: str) -> bool:
    return copied_share(normal, document) >= _COPIED_SHARE
