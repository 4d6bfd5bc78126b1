"""What a question is about, in a few of its own words. Neighbours: `sentences` and `refusals` speak of it."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\s?!.,;:\"()\[\]]+(?:[.,][^\s?!.,;:\"()\[\]]+)*")
_WORDS = """
a about after all along also although am an and any are aren't as at be because been before being between both but by
can could did didn't do does doesn't doing done during each else every find for from get give had happen happened
happens has have having he her his how i if in into is isn't it its just kind known like made make many may me more
most much my name no nor not of off on once one only or other our out over own per s same should since so some sort
such than that the their them then there there's these they this those though through to too type types under until up
upon us use used very was wasn't way we were what what's when where whether which while who who's whom whose why will
with without would you your
"""
PLAIN = frozenset(_WORDS.split())
_JOINING = frozenset({"of", "the", "and", "de", "in", "for", "von", "van", "du", "la", "&"})
_LONGEST = 6  # words


def topic(question: str) -> str:
    """Words of the question that stand together: a name where it has one, else its longest run of telling words."""
    words = _WORD.findall(question)
    words = words[1:] if words and words[0].lower() in PLAIN else words
    named = _longest([_names(words, start) for start in range(len(words)) if words[start][:1].isupper()])
    found = named or _longest(_runs(words)) or words[:_LONGEST]
    return " ".join(found) or "that"


def _names(words: list[str], start: int) -> list[str]:
    """The name that begins at `start`: capitalised words, and small ones that join them."""
    end = last = start
    while end < len(words) and end - start < _LONGEST:
        if words[end][:1].isupper() or words[end].isdigit():
            last = end
        elif words[end].lower() not in _JOINING:
            break
        end += 1
    return words[start : last + 1]


def _runs(words: list[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in words:
        if word.lower() in PLAIN:
            runs.append([])
        elif len(runs[-1]) < _LONGEST:
            runs[-1].append(word)
    return runs


def _longest(runs: list[list[str]]) -> list[str]:
    return max(runs, key=len) if runs else []
