"""A few comparisons for a person to read: of each pair some won, lost, tied, undecided and failed ones.

Neighbour: `report` shows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from redraft.judging.folding import Fold, Folder
from redraft.judging.multiplicity import Pair
from redraft.records import Comparison, Judgment

# What may be shown, in this order, and how many of each.
KINDS: dict[str, int] = {"A won": 3, "B won": 3, "both orders tied": 1, "changed its mind": 2, "no verdict": 1}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison with what the judge said of it in both orders. `kind` is a key of KINDS."""

    kind: str
    comparison: Comparison
    judgments: tuple[Judgment, ...]


def pick_examples(
    comparisons: Iterable[Comparison], judgments: Iterable[Judgment], seed: int = 0, kinds: dict[str, int] | None = None
) -> tuple[Shown, ...]:
    """A sample by chance (a hash of seed and context), never by how well a comparison looks.

    `judgments` is read twice, so it must not be an iterator (TypeError).
    """
    if iter(judgments) is judgments:
        raise TypeError("the judgments are read twice: give a list or results.read_judgments, not an iterator")
    folders: dict[Pair, Folder] = {}
    for item in judgments:
        folders.setdefault((item.model_a, item.model_b), Folder()).add(item)
    wanted: dict[tuple[str, str, str], str] = {}
    for pair, folder in folders.items():
        for kind, ids in _chosen(folder.folds(), seed, kinds or KINDS).items():
            wanted |= {(*pair, context_id): kind for context_id in ids}
    said: dict[tuple[str, str, str], list[Judgment]] = {}
    for item in judgments:
        key = (item.model_a, item.model_b, item.context_id)
        if key in wanted:
            said.setdefault(key, []).append(item)
    shown: list[Shown] = []
    for comparison in comparisons:
        key = (comparison.model_a, comparison.model_b, comparison.context_id)
        if key in wanted:
            shown.append(Shown(kind=wanted[key], comparison=comparison, judgments=tuple(said[key])))
    order = list(kinds or KINDS)
    return tuple(sorted(shown, key=lambda one: order.index(one.kind)))


def _chosen(folds: dict[str, Fold], seed: int, kinds: dict[str, int]) -> dict[str, list[str]]:
    by_kind: dict[str, list[str]] = {kind: [] for kind in kinds}
    for context_id, fold in folds.items():
        kind = _kind(fold)
        if kind in by_kind:
            by_kind[kind].append(context_id)
    return {
        kind: sorted(ids, key=lambda one: hashlib.sha256(f"{seed} {one}".encode()).digest())[: kinds[kind]]
        for kind, ids in by_kind.items()
    }


def _kind(fold: Fold) -> str:
    if fold.label == "unusable":
        return "no verdict"
    if fold.label == "tie":
        return "changed its mind" if fold.reason == "changed_mind" else "both orders tied"
    return "A won" if fold.label == "win" else "B won"
