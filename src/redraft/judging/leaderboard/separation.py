"""Strengths that the data do not bound: a model that won everything, or a set of models that always beat another.

Their Bradley-Terry estimate is infinite. What is shown instead is the estimate with half a virtual tie of every model
against a virtual average one, bounds on the side that the data do bound, and likelihood-ratio tests, which stay right
where Wald's errors do not (Hauck, Donner 1977, JASA 72:851; Heinze, Schemper 2002, Statistics in Medicine 21:2409).
Within a context the verdicts of such a model all agree, so nothing speaks against counting a context once: weights
are divided by the comparisons that the busier of the two models has in that context.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from redraft.judging.distributions import root
from redraft.judging.leaderboard.bradley_terry import VIRTUAL_TIES, Cells, Vector, cells, log_likelihood, maximise
from redraft.judging.leaderboard.comparisons import Comparisons, beaten

Unbounded = Literal["above", "below"]
_DISTANCES = (1.0, 2.0, 4.0, 8.0)  # logits from the estimate; the last is 3,000 to 1


@dataclass(frozen=True)
class Reference:
    """What strengths are measured from, and the models that the data do not bound against it.

    `codes` are the models whose mean strength is 0: those of the one set that holds more than half of the models and
    within which everybody both won and lost. Without such a set it is empty, and the virtual average model has
    strength 0: a mean over models without bounds would have none either. `sets`, shape (K,), tells each model's set.
    `unbounded` is code → side: "above" where only wins lead from it to the reference (without one: to other sets),
    "below" where only losses do.
    """

    codes: NDArray[np.intp]
    sets: NDArray[np.intp]
    unbounded: dict[int, Unbounded]


def reference(data: Comparisons, sets: Sequence[Sequence[int]]) -> Reference:
    """From the sets that `dominance` gave, the largest first."""
    size, count = len(data.models), len(sets)
    of_model = np.zeros(size, dtype=np.intp)
    for number, members in enumerate(sets):
        of_model[list(members)] = number
    central = 2 * len(sets[0]) > size
    winners, losers = np.nonzero(beaten(data))
    over = np.zeros((count, count), dtype=np.bool_)
    over[of_model[winners], of_model[losers]] = True
    np.fill_diagonal(over, False)
    for between in range(count):  # Warshall's closure: who is over whom through others
        over |= over[:, between, None] & over[None, between]
    sides: dict[int, Unbounded] = {}
    for number, members in enumerate(sets):
        above, below = bool(over[number].any()), bool(over[:, number].any())
        if central and (number == 0 or over[number, 0] or over[0, number]):
            above, below = bool(over[number, 0]), bool(over[0, number])
        if above != below:
            sides |= dict.fromkeys(members, "above" if above else "below")
    codes = np.array(sets[0] if central else [], dtype=np.intp)
    return Reference(codes, of_model, sides)


@dataclass(frozen=True)
class Likelihood:
    """The penalised likelihood of contexts counted once, its maximum, and the models of mean strength 0, if any."""

    given: Cells
    codes: NDArray[np.intp]
    best: Vector
    largest: float

    def difference(self, i: int, j: int) -> float:
        """Signed root of the likelihood ratio of "i and j are equally strong": a z, positive where i is the better."""
        axis = np.zeros(self.given.parameters)
        axis[i], axis[j] = 1.0, -1.0
        return self._root(axis, 0.0)

    def bound(self, i: int, side: Unbounded, critical: float) -> float | None:
        """The finite end of the interval of model i's strength, in logits.

        `side` is the one without a bound; the other is where the root of the likelihood ratio is `critical`. None
        where so few contexts do not bound that side either.
        """
        axis = np.zeros(self.given.parameters)
        if len(self.codes):
            axis[self.codes] = -1 / len(self.codes)
        axis[i] += 1
        best = float(axis @ self.best)
        sign = -1.0 if side == "above" else 1.0
        near = best
        for distance in _DISTANCES:
            far = best + sign * distance
            if abs(self._root(axis, far)) > critical:
                return root(lambda at: abs(self._root(axis, at)) - critical, *sorted((near, far)))
            near = far
        return None

    def _root(self, axis: Vector, value: float) -> float:
        """Signed root of the likelihood ratio of axis @ parameters = value."""
        offset = float(axis @ self.best) - value
        start = self.best - axis * offset / float(axis @ axis)
        largest = log_likelihood(self.given, _finite(self.given, start, axis))
        return float(np.sign(offset)) * float(np.sqrt(max(0.0, 2 * (self.largest - largest))))


def likelihood(data: Comparisons, with_position: bool, codes: NDArray[np.intp]) -> Likelihood:
    """Prepares the tests and bounds for `data`, one component; strengths are measured from the mean of `codes`."""
    given = cells(data, with_position, VIRTUAL_TIES, _once_a_context(data))
    best = _finite(given)
    return Likelihood(given, codes, best, log_likelihood(given, best))


def penalised(data: Comparisons, with_position: bool) -> tuple[Cells, Vector]:
    """Cells with the virtual ties, and the strengths and order effect at their maximum."""
    given = cells(data, with_position, VIRTUAL_TIES)
    return given, _finite(given)


def _finite(given: Cells, start: Vector | None = None, held: Vector | None = None) -> Vector:
    found = maximise(given, start, held)
    if found is None:
        raise AssertionError("a likelihood with virtual ties has a finite maximum")
    return found


def _once_a_context(data: Comparisons) -> NDArray[np.float64]:
    size = len(data.models)
    a, b = data.context * size + data.a, data.context * size + data.b
    codes, _ = pd.factorize(np.concatenate([a, b]))
    counts = np.bincount(codes)[codes]
    return data.weight / np.maximum(counts[: len(a)], counts[len(a) :])
