"""Which pairs of many models are compared on which context: all of them, each with one model, or balanced draws.

A pure function of a few numbers, so that a rerun asks the same questions. Neighbours: `comparisons` takes what comes
of it; `table` ranks.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import ConfigurationError
from redraft.judging.figures import many

# Up to so many models every pair meets on every context; of more, pairs are drawn.
ALL_PAIRS = 6

Pairs = tuple[tuple[int, int], ...]


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """How pairs of `models` models are laid out over contexts; codes 0..models-1, the smaller one first.

    With a `baseline` (a code) each other model meets that one, on every context. Else `each` pairs are drawn for a
    context, by `seed`; 0 stands for all pairs. `version` changes where the same numbers draw other pairs.
    """

    models: int
    each: int = 0
    baseline: int | None = None
    seed: int = 0
    version: int = 1

    @property
    def per_context(self) -> int:
        """How many pairs are compared on each context."""
        if self.baseline is not None:
            return self.models - 1
        return self.each or self.models * (self.models - 1) // 2

    @property
    def drawn(self) -> bool:
        """Whether chance decides who meets whom."""
        return self.baseline is None and self.each > 0

    def pairs(self, contexts: int) -> list[Pairs]:
        """The pairs on each of so many contexts, in order; more contexts do not change those of the first ones."""
        if self.drawn:
            return list(_drawn(self.models, self.each, contexts, self.seed))
        every = [(i, j) for i in range(self.models) for j in range(i + 1, self.models)]
        return [tuple(pair for pair in every if self.baseline in (None, *pair))] * contexts


def plan_drawing(
    models: int, contexts: int, pairs: int | None, *, seed: int = 0, baseline: int | None = None
) -> Drawing:
    """The drawing that a user asks for; `pairs` None leaves it to redraft, 0 means all.

    By default all pairs of up to six models meet on every context; of more, as many pairs as there are models are drawn
    for a context, so that each model takes part in it about twice. ConfigurationError where so many pairs are not
    there, or so few cannot connect all models.
    """
    every = models * (models - 1) // 2
    if baseline is not None:
        if pairs is not None:
            raise ConfigurationError(
                "--pairs draws who meets whom, --baseline lets all meet one model; give one of them"
            )
        return Drawing(models=models, baseline=baseline)
    each = (models if models > ALL_PAIRS else every) if pairs is None else pairs or every
    if each > every:
        raise ConfigurationError(
            f"--pairs {each}: {many(models, 'model')} make {many(every, 'pair')}; give at most that, or all"
        )
    if each * contexts < models - 1:
        raise ConfigurationError(
            f"--pairs {each} on {many(contexts, 'context')} cannot connect {models} models, which takes "
            f"{many(models - 1, 'comparison')} at least; take more pairs or more contexts"
        )
    return Drawing(models=models) if each == every else Drawing(models=models, each=each, seed=seed)


@lru_cache(maxsize=4)
def _drawn(models: int, each: int, contexts: int, seed: int) -> tuple[Pairs, ...]:
    """Greedy draws: pairs that met least first, so that no two pairs' numbers of meetings differ by more than one;
    among these the models that are least in this context, then those that are least in all, then chance.

    Until all models are connected, a pair that connects two parts comes before any other: it never met.
    """
    random = np.random.default_rng(seed)
    i, j = (side.astype(np.intp) for side in np.triu_indices(models, 1))
    met, played = np.zeros(len(i), dtype=np.intp), np.zeros(models, dtype=np.intp)
    part, parts = np.arange(models), models
    found: list[Pairs] = []
    for _ in range(contexts):
        here = np.zeros(models, dtype=np.intp)
        free = np.ones(len(i), dtype=np.bool_)
        order = random.permutation(len(i))
        chosen: list[tuple[int, int]] = []
        for _ in range(each):
            at = _least(order, i, j, met, here, played, free, part if parts > 1 else None)
            one, two = int(i[at]), int(j[at])
            if part[one] != part[two]:
                part[part == part[two]] = part[one]
                parts -= 1
            free[at] = False
            met[at] += 1
            for side in (one, two):
                here[side] += 1
                played[side] += 1
            chosen.append((one, two))
        found.append(tuple(chosen))
    return tuple(found)


def _least(
    order: NDArray[np.intp],
    i: NDArray[np.intp],
    j: NDArray[np.intp],
    met: NDArray[np.intp],
    here: NDArray[np.intp],
    played: NDArray[np.intp],
    free: NDArray[np.bool_],
    part: NDArray[np.intp] | None,
) -> int:
    """The place of the pair that is next; ties go to the earlier in `order`."""
    left = order[free[order]]
    if part is not None:
        left = left[_smallest((part[i[left]] == part[j[left]]).astype(np.intp))]
    left = left[_smallest(met[left])]
    for load in (here, played):
        one, two = load[i[left]], load[j[left]]
        left = left[_smallest(np.maximum(one, two) * (2 * int(load.max()) + 1) + one + two)]
    return int(left[0])


def _smallest(values: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the smallest stand, in order."""
    return np.flatnonzero(values == values.min())
