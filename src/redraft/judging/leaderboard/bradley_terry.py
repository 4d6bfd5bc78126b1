"""Bradley-Terry strengths of many models from comparisons, a tie counting as half a win.

P(i beats j) = 1/(1 + exp(-(s_i - s_j + g f))), f = 1 where i stood first, -1 where j did, 0 in both orders: Bradley,
Terry (1952), Biometrika 39:324; the order effect g as in Agresti (2002), Categorical Data Analysis, §10.6.
Neighbours: `comparisons` is what is fitted, `covariance` how sure it is, `separation` what is said of infinite
strengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redraft.judging.leaderboard.comparisons import Comparisons, totals

Vector = NDArray[np.float64]
# Half a tie against a virtual model of strength 0: the prior of models whose strength would be infinite.
VIRTUAL_TIES = 0.5
_INFINITE = 30.0  # logits between two models that met: nobody beats anybody e^30 to 1
_LONGEST = 3.0  # logits of one step
_ITERATIONS = 100


@dataclass(frozen=True)
class Cells:
    """Comparisons summed by pair and order: all that the likelihood needs.

    `n` is a cell's weight, `won` its weighted outcome for `i`; `prior` the weight of virtual ties of every parameter,
    strengths first and the order effect last.
    """

    models: int
    i: NDArray[np.intp]
    j: NDArray[np.intp]
    first: Vector
    n: Vector
    won: Vector
    with_position: bool
    prior: float = 0.0

    @property
    def parameters(self) -> int:
        return self.models + self.with_position


def cells(data: Comparisons, with_position: bool, prior: float = 0.0, weight: Vector | None = None) -> Cells:
    """Sums the comparisons; `weight` replaces their own."""
    size = len(data.models)
    w = data.weight if weight is None else weight
    turned = data.a > data.b
    low, high = np.where(turned, data.b, data.a), np.where(turned, data.a, data.b)
    first = np.where(turned, -data.first, data.first).astype(np.intp) if with_position else 0
    won = w * np.where(turned, 1 - data.outcome, data.outcome)
    keys = (low * size + high) * 3 + first + 1
    n, total = totals(keys, w, 3 * size * size), totals(keys, won, 3 * size * size)
    kept = np.flatnonzero(n)
    pair, shown = np.divmod(kept, 3)
    i, j = np.divmod(pair, size)
    return Cells(size, i, j, shown - 1.0, n[kept], total[kept], with_position, prior)


def log_likelihood(given: Cells, at: Vector) -> float:
    """Natural logarithm of the (penalised) likelihood at the parameters `at`, shape (P,)."""
    eta = _eta(given, at)
    plain = -float(given.won @ np.logaddexp(0, -eta) + (given.n - given.won) @ np.logaddexp(0, eta))
    return plain - given.prior / 2 * float(np.sum(np.logaddexp(0, -at) + np.logaddexp(0, at))) if given.prior else plain


def gradient(given: Cells, at: Vector) -> Vector:
    residual = given.won - given.n * logistic(_eta(given, at))
    size = given.models
    found = totals(given.i, residual, size) - totals(given.j, residual, size)
    if given.with_position:
        found = np.concatenate([found, [float(residual @ given.first)]])
    return found - given.prior * (logistic(at) - 0.5) if given.prior else found


def information(given: Cells, at: Vector) -> Vector:
    """Minus the second derivative, shape (P, P). Without a prior its null space is the shift of all strengths."""
    p = logistic(_eta(given, at))
    w = given.n * p * (1 - p)
    size, count = given.models, given.parameters
    found = np.zeros((count, count))
    flat = totals(given.i * size + given.j, w, size * size).reshape(size, size)
    found[:size, :size] = np.diag(flat.sum(axis=0) + flat.sum(axis=1)) - flat - flat.T
    if given.with_position:
        cross = totals(given.i, w * given.first, size) - totals(given.j, w * given.first, size)
        found[size, :size] = found[:size, size] = cross
        found[size, size] = float(w @ given.first**2)
    if given.prior:
        q = logistic(at)
        found[np.diag_indices(count)] += given.prior * q * (1 - q)
    return found


def maximise(given: Cells, start: Vector | None = None, held: Vector | None = None) -> Vector | None:
    """The parameters of the largest likelihood by Newton's method, shape (P,); None where they are infinite.

    With `held`, shape (P,), held @ parameters stays what it is at `start`. Without a prior and a start the strengths
    have mean 0.
    """
    at = np.zeros(given.parameters) if start is None else start
    value = log_likelihood(given, at)
    for _ in range(_ITERATIONS):
        slope = gradient(given, at)
        step = _newton_step(anchored(given, information(given, at)), slope, held)
        # Far from the maximum the curve is nearly flat, and a whole step would land where it is flat altogether.
        size = min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        while size > 1e-9 and log_likelihood(given, at + size * step) < value - 1e-9 * abs(value):
            size /= 2
        at = at + size * step
        value = log_likelihood(given, at)
        if not given.prior and float(np.abs(_eta(given, at)).max()) > _INFINITE:
            return None
        # Twice what the likelihood still gains: held far out, the step itself drowns in rounding.
        gain = abs(float(slope @ step)) / (1 + abs(value))
        if float(np.abs(step).max()) < 1e-10 or gain < (1e-20 if held is None else 1e-12):
            return at
    return None


def anchored(given: Cells, matrix: Vector) -> Vector:
    """`matrix` of shape (P, P) made invertible: without a prior, 1/K is added to every pair of strengths."""
    if given.prior:
        return matrix
    found = matrix.copy()
    found[: given.models, : given.models] += 1 / given.models
    return found


def logistic(x: Vector) -> Vector:
    """1/(1 + e^-x), without overflow."""
    return np.exp(-np.logaddexp(0, -x))


def _eta(given: Cells, at: Vector) -> Vector:
    strengths = at[: given.models]
    found = strengths[given.i] - strengths[given.j]
    return found + at[-1] * given.first if given.with_position else found


def position_identified(given: Cells) -> bool:
    """Whether the order effect of `given` can be told from the strengths, whatever the outcomes."""
    curve = anchored(given, information(given, np.zeros(given.parameters)))
    scale = np.sqrt(np.diag(curve))
    return bool(scale.min() > 0 and np.linalg.eigvalsh(curve / np.outer(scale, scale))[0] > 1e-9)


def _newton_step(curve: Vector, slope: Vector, held: Vector | None) -> Vector:
    """curve^-1 slope, moved so that held @ step = 0; the shortest one where the curve vanishes towards infinity."""
    sides = slope[:, None] if held is None else np.stack([slope, held], axis=1)
    try:
        found: Vector = np.asarray(np.linalg.solve(curve, sides), dtype=np.float64)
    except np.linalg.LinAlgError:
        found = np.asarray(np.linalg.lstsq(curve, sides)[0], dtype=np.float64)
    if held is None:
        return found[:, 0]
    step = found[:, 0] - found[:, 1] * float(held @ found[:, 0] / (held @ found[:, 1]))
    return step - held * float(held @ step / (held @ held))  # what rounding left
