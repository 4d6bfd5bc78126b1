"""How far raters agree beyond chance: judges with each other, a judge with itself or with people.

Neighbour: `panel` shows these for several judges. Kappa falls where one outcome prevails, so raw agreement always
stands beside it. The libraries are imported where they are used: they take more than a second, in every flow run.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redraft.errors import InputError

Distance = Literal["nominal", "ordinal", "interval", "ratio"]


class PairAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two raters over the `n` units that both rated.

    `agreement` is the share with the same rating, `kappa` Cohen's. `decisive` is the share of same ratings among the
    `decisive_n` units in which neither called a tie, `decisive_kappa` Cohen's there. A kappa is None where chance
    alone would make them agree always (both gave one and the same rating throughout), every number of no units.
    """

    n: int
    agreement: float | None
    kappa: float | None
    decisive_n: int
    decisive: float | None
    decisive_kappa: float | None


def cohen_kappa(table: ArrayLike) -> float | None:
    """Cohen's (1960) kappa of a square table of counts, rows one rater, columns the other; None where it is 0/0.

    InputError for a table that is empty, not square, or holds negative or non-finite counts.
    """
    counts = _counts(table)
    if counts.shape[0] != counts.shape[1]:
        raise InputError(f"agreement needs a square table of counts, not one of shape {counts.shape}")
    total = counts.sum()
    expected = float(counts.sum(axis=0) @ counts.sum(axis=1)) / total**2
    if expected >= 1 - 1e-12:
        return None
    from statsmodels.stats import inter_rater

    found: Any = inter_rater.cohens_kappa(counts, return_results=False)
    return float(found)


def fleiss_kappa(table: ArrayLike) -> float | None:
    """Fleiss' (1971) kappa; `table` has one row a unit, one column a category, counting the raters that chose it.

    Every unit has the same number of raters, two or more (InputError). None where all raters chose one category.
    """
    counts = _counts(table)
    raters = counts.sum(axis=1)
    if raters.min() < 2 or raters.max() != raters.min():
        raise InputError("Fleiss' kappa needs the same number of raters, two or more, for every unit")
    if (counts.sum(axis=0) > 0).sum() < 2:
        return None
    from statsmodels.stats import inter_rater

    return float(inter_rater.fleiss_kappa(counts))


def krippendorff_alpha(ratings: ArrayLike, distance: Distance = "nominal") -> float | None:
    """Krippendorff's (2018) alpha of `ratings`, shape (raters, units), NaN where a rater has none for a unit.

    1 is perfect agreement, 0 what chance gives, below 0 worse. None where no unit has two ratings, or all ratings
    that can be paired are equal. InputError for infinite ratings or another shape.
    """
    data = np.asarray(ratings, dtype=np.float64)
    if data.ndim != 2 or np.isinf(data).any():
        raise InputError(f"ratings: finite numbers of shape (raters, units) are needed, not {data.shape}")
    paired = data[:, (~np.isnan(data)).sum(axis=0) >= 2]
    if not paired.size or np.nanmax(paired) == np.nanmin(paired):
        return None
    import evalica
    import pandas as pd

    return float(evalica.alpha(pd.DataFrame(paired), distance=distance).alpha)


def pair_agreement(
    first: Mapping[str, str], second: Mapping[str, str], ties: frozenset[str] = frozenset({"tie"})
) -> PairAgreement:
    """Agreement of two raters; each maps unit → rating, and only units with both ratings count."""
    both = [(rating, second[unit]) for unit, rating in first.items() if unit in second]
    decided = [(a, b) for a, b in both if a not in ties and b not in ties]
    agreement, kappa = _agreement(both)
    decisive, decisive_kappa = _agreement(decided)
    return PairAgreement(
        n=len(both), agreement=agreement, kappa=kappa,
        decisive_n=len(decided), decisive=decisive, decisive_kappa=decisive_kappa,
    )  # fmt: skip


def _agreement(pairs: Sequence[tuple[str, str]]) -> tuple[float | None, float | None]:
    if not pairs:
        return None, None
    codes: dict[str, int] = {}
    rows = np.array([[codes.setdefault(a, len(codes)), codes.setdefault(b, len(codes))] for a, b in pairs])
    size = len(codes)
    table = np.bincount(rows[:, 0] * size + rows[:, 1], minlength=size * size).reshape(size, size)
    return float(np.trace(table)) / len(pairs), cohen_kappa(table)


def _counts(table: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or not counts.size or not np.isfinite(counts).all() or counts.min() < 0 or not counts.sum():
        raise InputError("agreement needs a table of counts, each 0 or more and not all 0")
    return counts
