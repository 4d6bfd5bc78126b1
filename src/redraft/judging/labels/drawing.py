"""Which contexts people are asked about, in which order, and whose answer stands on which side.

Neighbours: `folding` says which contexts have a verdict, `session` goes through what is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from redraft.judging.folding import Fold
from redraft.judging.labels.records import Letter


def eligible(judged: Iterable[Mapping[str, Fold]]) -> list[str]:
    """The contexts with a usable verdict of at least one judge; `judged` has each judge's folds by context id.

    A simple random sample of these is, for every judge, one of the contexts that this judge decided.
    """
    return list(dict.fromkeys(key for folds in judged for key, fold in folds.items() if fold.label != "unusable"))


def ordered(contexts: Iterable[str], *, seed: int, models: tuple[str, str]) -> list[str]:
    """The contexts in an order drawn by chance. Its first n are a simple random sample of n, whatever n is.

    So a person may stop anywhere, and go on later for a larger sample. The order is that of sha256 over seed, models
    and context id: that of the input, and which model is called A, play no part.
    """
    return sorted(set(contexts), key=lambda one: (_digest(seed, sorted(models), one), one))


def sides(count: int, *, seed: int, by: str, models: tuple[str, str]) -> list[Letter]:
    """The model on the left at each of the first `count` places.

    A coin for every two places, which then have opposite sides: each model stands on the left as often as the other,
    give or take one, at every place where a person may stop after an even number.
    """
    drawn: list[Letter] = []
    for place in range(0, count, 2):
        heads = _digest(seed, [by, *models], str(place))[0] & 1
        drawn.extend(("A", "B") if heads else ("B", "A"))
    return drawn[:count]


def _digest(seed: int, names: Sequence[str], what: str) -> bytes:
    # Lengths keep ("ab", "c") and ("a", "bc") apart; ids of people's data may hold half a surrogate pair.
    parts = [str(seed), *names, what]
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
