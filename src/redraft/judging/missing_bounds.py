"""What the missing verdicts of a pair could do to its adjusted p-value: the correction run again on its extremes.

A correction depends on the labels (the closed test's omnibus) and on the other pairs' p-values, so that what held as
counted may fail with the missing verdicts filled in. Neighbours: `multiplicity` corrects, `decision` and `panel`
decide by the three p-values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from redraft.judging.folding import Fold, Label
from redraft.judging.multiplicity import Correction, Pair, adjusted_p, correct


class Bounded(msgspec.Struct, frozen=True, kw_only=True):
    """A p-value as counted, and had every missing verdict of its pair been lost by A (`worst`), or won (`best`)."""

    counted: float
    worst: float
    best: float

    @classmethod
    def same(cls, p: float) -> Bounded:
        """Of a pair of which no verdict is missing."""
        return cls(counted=p, worst=p, best=p)


def correct_bounded(
    pairs: Mapping[Pair, Mapping[str, Fold]],
    p_values: Mapping[Pair, Bounded],
    *,
    sequence: Sequence[Pair] = (),
    clusters: Mapping[str, str] | None = None,
) -> tuple[Correction, dict[Pair, Bounded]]:
    """As `correct`, and each pair's adjusted p-values with its missing verdicts as counted, lost and won.

    At a pair's extremes the other pairs stand as counted: the verdict on a pair is bounded by what is missing of it.
    """
    counted = {pair: p.counted for pair, p in p_values.items()}
    found = correct(pairs, counted, sequence=sequence, clusters=clusters)
    at = dict(zip(pairs, found.adjusted, strict=True))

    def again(pair: Pair, label: Label, p: float) -> float:
        filled = fill(pairs[pair], label)
        if filled is None:
            return at[pair]
        these = {**pairs, pair: filled}  # keeps its place in the order
        once_more = correct(these, {**counted, pair: p}, sequence=sequence, clusters=clusters)
        return once_more.adjusted[list(these).index(pair)]

    return found, {
        pair: Bounded(counted=at[pair], worst=again(pair, "loss", p.worst), best=again(pair, "win", p.best))
        for pair, p in p_values.items()
    }


def adjusted_bounded(p_values: Mapping[Pair, Bounded], sequence: Sequence[Pair] = ()) -> dict[Pair, Bounded]:
    """As `adjusted_p`, from p-values alone, at each pair's extremes too; the other pairs stand as counted there."""
    counted = {pair: p.counted for pair, p in p_values.items()}
    at = adjusted_p(counted, sequence)
    return {
        pair: Bounded(
            counted=at[pair],
            worst=adjusted_p({**counted, pair: p.worst}, sequence)[pair],
            best=adjusted_p({**counted, pair: p.best}, sequence)[pair],
        )
        for pair, p in p_values.items()
        if pair in at
    }


def fill(folds: Mapping[str, Fold], label: Label) -> dict[str, Fold] | None:
    """The folds with this label in place of every missing verdict; None where none is missing."""
    missing = [context for context, fold in folds.items() if fold.label == "unusable"]
    if not missing:
        return None
    return {**folds, **{one: msgspec.structs.replace(folds[one], label=label) for one in missing}}
