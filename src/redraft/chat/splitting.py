"""Which replies are trained on and which tested on: the last of each chat are tested, with contexts of their own.

Neighbours: `examples` asks; `redraft.datasets.shingles` finds texts again.
"""

from __future__ import annotations

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
    """The targets of either side. No context of `test` reaches before its first message, none of `train` to it."""

    train: Targets
    test: Targets


def split(replies: Positions, share: float) -> Sides:
    """The last `share` of one chat's replies (ascending positions), rounded, for the test; the others to train on.

    The messages after the last reply that is trained on belong to the test. Raises ConfigurationError for a share that
    leaves nothing to train on.
    """
    if not 0 <= share < 1:
        raise ConfigurationError(f"a test share of {share:g} cannot be; choose 0 or more, and less than 1")
    count = len(replies) - round(len(replies) * share)
    boundary = int(replies[count - 1]) + 1 if count else 0
    train, test = replies[:count], replies[count:]
    return Sides(Targets(train, np.zeros_like(train)), Targets(test, np.full_like(test, boundary)))


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
