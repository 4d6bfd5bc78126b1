"""What a response repeats that it should not: the system prompt, the document. Neighbour: `rows`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from redraft.datasets.normalising import normalise

RUN = 8
_FEWEST = 4
# A response that quotes is one thing; half of it taken over word for word is another.
_COPIED_SHARE = 0.5
_FEWEST_RUNS = 3
_LABELLED = re.compile(
    r"\[\W{0,3}system prompt\b|\bmy (?:system prompt|hidden instructions|initial instructions)\b", re.I
)


def prompt_leak(response: str, normal: str, document: str, prompts: tuple[str, ...]) -> str | None:
    """The words of a system prompt, 8 or more in a row, that a response repeats and that the document has not got.

    A prompt of 4 to 7 words counts as a whole. `normal` and `document` are normalised.
    """
    if (found := _LABELLED.search(response)) is not None:
        return found[0]
    known, whole = _prompts(prompts)
    words = normal.split()
    if not known.isdisjoint(_runs(words)):
        for run in _runs(words):
            if run in known and (said := " ".join(run)) not in document:
                return said
    padded = f" {normal} "
    return next((one for one in whole if f" {one} " in padded and one not in document), None)


@lru_cache(maxsize=64)
def _prompts(prompts: tuple[str, ...]) -> tuple[frozenset[tuple[str, ...]], tuple[str, ...]]:
    normal = [normalise(prompt) for prompt in prompts]
    known = frozenset(run for one in normal for run in _runs(one.split()))
    return known, tuple(one for one in normal if _FEWEST <= len(one.split()) < RUN)


def _runs(words: list[str]) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(RUN)), strict=False)


def copied_share(normal: str, document: str) -> float:
    """The share of a response's runs of 8 words, end to end, that stand in the document; both normalised."""
    words = normal.split()
    pieces = [" ".join(words[at : at + RUN]) for at in range(0, len(words) - RUN + 1, RUN)]
    if len(pieces) < _FEWEST_RUNS:
        return 0.0
    return sum(piece in document for piece in pieces) / len(pieces)


def is_copied(normal: str, document: str) -> bool:
    return copied_share(normal, document) >= _COPIED_SHARE
