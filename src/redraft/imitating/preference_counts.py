"""What came of comparing replies: pairs, ties, changed minds, what has no verdict, and what may have swayed the judge.

Neighbour: `preferences` ranks the replies to each prompt and counts here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from redraft.judging.clustered import ClusterCounts
from redraft.judging.figures import many
from redraft.judging.folding import Fold, Tally, tally

# A judge's liking for a slot is told where chance alone would show as much in one run of twenty.
_RARE = 0.05


class Compared(msgspec.Struct, frozen=True):
    """Two different replies to one prompt, by their numbers, what the judge says from the earlier one's side, and by
    how many characters the earlier one is longer."""

    earlier: int
    later: int
    fold: Fold
    longer: int

    @property
    def wavered(self) -> bool:
        """Whether one won in one order only, and the other order is a tie: there is no winner in both."""
        return self.fold.reason == "wavered"

    @property
    def winner(self) -> tuple[int, int] | None:
        """(winner, loser), None where not both orders name the same one, and neither reply is empty."""
        if self.wavered:
            return None
        if self.fold.label == "win":
            return self.earlier, self.later
        return (self.later, self.earlier) if self.fold.label == "loss" else None


class Longer(msgspec.Struct, frozen=True):
    """In how many of the pairs that the judge decided, of different lengths, the longer reply won: `share` with its
    interval of 95 %, by sessions. None where there is no such pair."""

    pairs: int
    won: int
    share: float | None
    low: float
    high: float

    @property
    def leans(self) -> bool:
        """Whether chance does not explain it: length is what judges are known to fall for."""
        return self.share is not None and not self.low <= 0.5 <= self.high


class PreferenceCounts:
    """Adds up the rankings; `sessions` maps example id → session, within which pairs are not independent."""

    def __init__(self, sessions: Mapping[str, str]) -> None:
        self._sessions = sessions
        self._folds: list[Fold] = []
        self._longer: dict[str, list[int]] = {}
        self._counted = dict.fromkeys(("prompts", "replies", "cut", "equal", "full_orders", "cycles"), 0)

    def add(
        self, example_id: str, compared: Sequence[Compared], replies: int, cut: int, equal: int, *, ordered: bool,
        cycle: bool,
    ) -> None:  # fmt: skip
        """The ranking of the replies to one prompt, of which so many were cut, and pairs of them read the same."""
        found = (1, replies, cut, equal, int(ordered), int(cycle))
        for name, count in zip(self._counted, found, strict=True):
            self._counted[name] += count
        by_session = self._longer.setdefault(self._sessions[example_id], [0, 0])
        for one in compared:
            self._folds.append(one.fold)
            if one.winner is not None and one.fold.asked and one.longer:
                by_session[(one.fold.label == "win") != (one.longer > 0)] += 1

    @property
    def tally(self) -> Tally:
        return tally(self._folds)

    @property
    def longer(self) -> Longer:
        kept = np.array([both for both in self._longer.values() if sum(both)], np.float64).reshape(-1, 2)
        won, lost = (int(side) for side in kept.sum(axis=0))
        if not won + lost:
            return Longer(0, 0, None, 0.0, 1.0)
        low, high = ClusterCounts(kept[:, 0], kept[:, 1], np.zeros(len(kept))).effective().interval()
        return Longer(won + lost, won, won / (won + lost), low, high)

    def as_manifest(self) -> dict[str, Any]:
        """Plain values. `compared` = `pairs` + `wavered` + `ties` + `changed_mind` + `unusable`; `equal` pairs are
        beside them.

        `wavered` are wins in one order and ties in the other: no pairs, as no winner is named in both. `ties` are those
        that the judge called so in both orders, and two empty replies; `empty` are the pairs in which an empty reply
        lost without asking. `flip_rate` is `changed_mind` by what was judged in both orders;
        `first_picked` and `second_picked` are the changed minds by the slot that was picked twice, and
        `position_p` the chance of a judge without a liking for a slot to show one like this.
        """
        counted, longer = self.tally, self.longer
        return {
            **self._counted,
            "compared": counted.attempted,
            "pairs": counted.wins + counted.losses - counted.wavered,
            "empty": counted.empty_a + counted.empty_b,
            "wavered": counted.wavered,
            "ties": counted.both_tie + counted.both_empty,
            "changed_mind": counted.changed_mind,
            "unusable": counted.unusable,
            "unusable_by_reason": counted.unusable_by_reason,
            "judged": counted.judged,
            "flip_rate": counted.flip_rate,
            "first_picked": counted.first_both,
            "second_picked": counted.second_both,
            "position_p": counted.leaning_p,
            "longer_won": {**msgspec.to_builtins(longer), "leans": longer.leans},
        }


def remarks(counts: Mapping[str, Any], *, simulated: bool) -> list[str]:
    """What to keep in mind of a manifest's `counts`, one line each."""
    said: list[str] = []
    longer: Mapping[str, Any] = counts["longer_won"]
    if longer["leans"]:
        which = "longer" if longer["share"] > 0.5 else "shorter"
        share = longer["share"] if which == "longer" else 1 - longer["share"]
        said.append(
            f"the {which} reply won {share:.0%} of {longer['pairs']:,} pairs of different lengths (the longer one "
            f"{longer['low']:.0%} to {longer['high']:.0%}): what is trained on these pairs may learn length"
        )
    if counts["position_p"] < _RARE:
        said.append(
            "the judge likes one slot better than the other; both orders were asked, so that this costs pairs and "
            "decides none"
        )
    if counts["cycles"]:
        said.append(f"replies to {many(counts['cycles'], 'prompt')} win in a circle; their pairs are kept")
    if counts["cut"]:
        said.append(
            f"{counts['cut']:,} of {counts['replies']:,} replies were cut where no more tokens were allowed; they "
            "are ranked as they are, without the marker that ends a reply"
        )
    if simulated:
        said.append("simulated: the sandbox judged or wrote; these pairs are for rehearsals")
    return said
