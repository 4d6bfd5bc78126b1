"""Which replies are trained on, ranked and tested on: later ones of each chat in this order, each side with contexts of
its own.

Neighbours: `examples` asks; `redraft.datasets.shingles` finds texts again.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from redraft.chat.selection import Targets
from redraft.chat.timeline import Positions
from redraft.datasets.shingles import Hashes, runs
from redraft.errors import ConfigurationError

# So many words in a row are seldom the same by chance; of a text that repeats another, this share stands in it.
WIDTH = 5
REPEATED = 0.5
_GATHERED = 1 << 18


class Sides(NamedTuple):
    """The targets of each side. No context of a side reaches before its first message, none to the next one's."""

    train: Targets
    preference: Targets
    test: Targets


def split(replies: Positions, test_share: float, preference_share: float = 0.0) -> Sides:
    """The last `test_share` of one chat's replies (ascending positions), rounded, for the test; of the others the last
    `preference_share`, rounded, to rank alternatives to; the first to train on.

    The messages after a side's last reply belong to the next side. Raises ConfigurationError for a share that leaves
    nothing to train on.
    """
    for name, share in (("test", test_share), ("preference", preference_share)):
        if not 0 <= share < 1:
            raise ConfigurationError(f"a {name} share of {share:g} cannot be; choose 0 or more, and less than 1")
    before_test = len(replies) - round(len(replies) * test_share)
    trained = before_test - round(before_test * preference_share)
    ends = (0, trained, before_test, len(replies))
    return Sides(*(_between(replies, start, end) for start, end in pairwise(ends)))


def _between(replies: Positions, start: int, end: int) -> Targets:
    """Those from `start` to before `end`, whose contexts reach back to the reply before `start`, which they lack."""
    found = replies[start:end]
    return Targets(found, np.full_like(found, int(replies[start - 1]) + 1 if start else 0))


class Repetitions:
    """Counts the texts of the test that stand in those trained on but for a few words; 8 bytes a word of these.

    Texts of fewer than five words are not looked at: they recur by chance.
    """

    def __init__(self) -> None:
        self._learned: list[Hashes] = [np.empty(0, np.uint64)]
        self._loose: list[Hashes] = []
        self._loose_size = 0
        self._tested: list[Hashes] = []

    def train(self, text: str) -> None:
        """A text of a message that is trained on."""
        self._loose.append(runs(text, WIDTH))
        self._loose_size += len(self._loose[-1])
        if self._loose_size > _GATHERED:
            self._gather()

    def test(self, text: str) -> None:
        """A text that is tested on."""
        if len(found := runs(text, WIDTH)):
            self._tested.append(found)

    def counts(self) -> dict[str, int]:
        """`looked_at` texts of the test, of which so many are `repeated`."""
        self._gather()
        learned = np.unique(np.concatenate(self._learned))
        repeated = sum(_share(found, learned) >= REPEATED for found in self._tested)
        return {"looked_at": len(self._tested), "repeated": repeated}

    def _gather(self) -> None:
        if self._loose:
            self._learned.append(np.unique(np.concatenate(self._loose)))
        self._loose, self._loose_size = [], 0


def _share(found: Hashes, learned: Hashes) -> float:
    """How much of `found` stands in the ascending `learned`."""
    if not len(learned):
        return 0.0
    places = np.minimum(np.searchsorted(learned, found), len(learned) - 1)
    return float((learned[places] == found).mean())
