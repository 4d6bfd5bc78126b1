"""Which side of the split an article falls on: articles that a question or a paragraph joins are never parted.

Neighbours: `survey` joins what it reads, `layers` asks for the side of each question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from redraft.records import Side


class Sides:
    """Joins keys of articles into groups, weighs them by their questions, then gives each group a side.

    `share` (0 to 1, below 1) is how much of the questions is tested on. The same groups have the same sides in every
    run with a `seed`; more files may move a group only where the share would else be missed.
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._seed = share, seed
        self._parents: dict[str, str] = {}
        self._weights: dict[str, int] = {}
        self._tested: frozenset[str] = frozenset()

    def join(self, keys: Sequence[str]) -> None:
        """What has one of these keys falls on the side of the others."""
        first = self._root(keys[0])
        for key in keys[1:]:
            other = self._root(key)
            if other != first:
                # The smaller name stays, so that the order of the files does not matter.
                first, other = sorted((first, other))
                self._parents[other] = first
                self._weights[first] = self._weights.pop(first, 0) + self._weights.pop(other, 0)

    def weigh(self, key: str) -> None:
        """One more question of the article."""
        root = self._root(key)
        self._weights[root] = self._weights.get(root, 0) + 1

    def decide(self) -> None:
        """Gives groups to the test side, drawn by the seed, up to the share; one at least where there are two."""
        total = sum(self._weights.values())
        drawn = sorted(self._weights, key=self._draw)
        tested, weight = list[str](), 0
        for group in drawn:
            # Half of a group may go beyond: the share is met about as often from above as from below.
            heavier = weight + self._weights[group]
            if heavier - self._weights[group] / 2 <= self._share * total and heavier < total:
                tested.append(group)
                weight = heavier
        if not tested and self._share > 0 and len(drawn) > 1:
            tested = [min(drawn, key=lambda group: (self._weights[group], self._draw(group)))]
        self._tested = frozenset(tested)

    def group(self, key: str) -> str:
        """The name of the group that the article belongs to."""
        return self._root(key)

    def side(self, key: str) -> Side:
        return "test" if self._root(key) in self._tested else "train"

    def groups(self) -> dict[Side, int]:
        """How many groups with questions there are on each side."""
        return {"train": len(self._weights) - len(self._tested), "test": len(self._tested)}

    def _draw(self, group: str) -> bytes:
        return hashlib.blake2b(f"{self._seed}\x1f{group}".encode("utf-8", "surrogatepass"), digest_size=8).digest()

    def _root(self, key: str) -> str:
        path = list[str]()
        while (parent := self._parents.setdefault(key, key)) != key:
            path.append(key)
            key = parent
        for passed in path:
            self._parents[passed] = key
        return key


def drawn(seed: int, purpose: str, question_id: str) -> int:
    """A number of 63 bits for a question, another for each purpose: the lowest are those that are taken."""
    text = f"{seed}\x1f{purpose}\x1f{question_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


def threshold(draws: Iterable[int], wanted: int) -> int:
    """What the draws of `wanted` of them are below, or all where there are no more."""
    ordered = sorted(draws)
    return ordered[wanted] if wanted < len(ordered) else 2**63
