"""A question as a reader hands it on, before its side is known and its context is cut; and how its articles are named.

Neighbours: `squad`, `hotpot` and `pairs` make them, `candidates` puts their files in a row.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from redraft.answering.masking import masked_rejection
from redraft.datasets.normalising import normalise
from redraft.datasets.surrogates import MARK
from redraft.records import Question, Rejection

_OPENING_WORDS = 12
_SPACES = re.compile(r"\s+")


class Candidate(NamedTuple):
    """A question, its context whole and its side not yet decided.

    `articles` are keys of what must fall on one side with it. `lines` are the keys of the article of each line of a
    context that has lines of several; empty where the whole is one article's. `golds` are all answers that are right,
    also those that do not stand in the context. `masked` says that personal data or a secret was taken out.
    """

    question: Question
    articles: tuple[str, ...]
    lines: tuple[str, ...] = ()
    golds: tuple[str, ...] = ()
    masked: bool = False


@lru_cache(maxsize=256)
def article_key(title: str) -> str:
    """Equal for titles of equal words, whatever their case, underscores or punctuation."""
    return f"article {normalise(title)}"


@lru_cache(maxsize=256)  # a paragraph's questions follow each other
def opening_key(context: str) -> str:
    """Equal for contexts that begin with the same 12 words: the same paragraph, also where one is cut short."""
    return f"opening {' '.join(normalise(context).split()[:_OPENING_WORDS])}"


def one_space(text: str) -> str:
    """The text with each run of white space as one space, and none at its ends."""
    return _SPACES.sub(" ", text).strip()


def halved(*texts: str) -> bool:
    """Whether half a character stands in one of the texts, as `datasets.surrogates` marks it."""
    return any(MARK in text for text in texts)


def rejected(reason: str, detail: str, place: str, row_id: str | None = None, row: str | None = None) -> Rejection:
    """The rejection, with what it shows of the row masked."""
    return masked_rejection(Rejection(reason=reason, detail=detail, place=place, row_id=row_id, row=row))
