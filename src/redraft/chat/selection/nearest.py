"""The most similar of the messages before each reply, over a whole chat: one product of matrices a block of replies.

The plain definition: of the `top_k` candidates before a target, those of the `select_k` largest cosines, rounded to
five decimals, the later one first where they are equal; the same message again and again ties. What the block's product
leaves open, since it rounds otherwise than a sum does, is computed again in 64 bits, so the result is exactly that.
Neighbour: `semantic` has the vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # pyright: ignore[reportMissingTypeStubs]

from redraft.chat.timeline import Positions

Vectors = NDArray[np.float32]
# The vectors at the positions from the first to before the second, of length 1 (or 0); asked for in ascending order.
Rows = Callable[[int, int], Vectors]

NONE = -1
DECIMALS = 5
# Targets whose positions lie in so wide a span share a product: wider wastes columns, narrower calls.
_SPAN = 128
_UNITS = np.float32(10**DECIMALS)
# A product of vectors of length 1 in 32 bits is within 1e-6 of that in 64: a tenth of the last decimal.
_DOUBT = 0.1
_MASKED = np.iinfo(np.int32).min
# A key, similarity times candidates, must fit into 32 bits.
MOST_CANDIDATES = 10_000


class Asked(NamedTuple):
    """Targets by ascending position: candidates are the `top_k` positions before it, none before its first.
    `queries` are the positions whose vectors they are compared with."""

    positions: Positions
    firsts: Positions
    queries: Positions


def nearest(rows: Rows, asked: Asked, top_k: int, select_k: int) -> Iterator[Positions]:
    """For blocks of targets in their order an array (targets, `select_k`) of positions, each row ascending, filled up
    at its front with -1 where there are fewer candidates. A few MB of memory beside the vectors."""
    threads: Any = ThreadpoolController()
    start = 0
    while start < len(asked.positions):
        end = int(np.searchsorted(asked.positions, int(asked.positions[start]) + _SPAN))
        with threads.limit(limits=1, user_api="blas"):  # they would wait for each other
            found = _block(rows, _part(asked, start, end), top_k, select_k)
        yield found
        start = end


def _block(rows: Rows, asked: Asked, top_k: int, select_k: int) -> Positions:
    base = int(asked.positions[0]) - top_k
    low, high = max(base, 0), int(max(asked.positions[-1], asked.queries.max() + 1))
    vectors = rows(low, high)
    queries = vectors[asked.queries - low]
    similar = np.zeros((len(queries), high - base), np.float32)
    np.matmul(queries, vectors.T, out=similar[:, low - base :])
    # Row r of the band: the candidates of target r, in the order of time.
    band = sliding_window_view(similar, top_k, axis=1)[np.arange(len(queries)), asked.positions - asked.positions[0]]
    band *= _UNITS
    outside = asked.firsts[:, None] - (asked.positions - top_k)[:, None] > np.arange(top_k)
    keys = _keys(band, outside)
    chosen = _largest(keys, select_k)
    for row in np.flatnonzero(_open(band, chosen, select_k)):
        before = vectors[: int(asked.positions[row]) - low][-top_k:]
        again = _exactly(queries[row], before, top_k)
        chosen[row] = _largest(_keys(again[None], outside[row : row + 1]), select_k)[0]
    found = np.where(chosen == _MASKED, NONE, chosen % top_k + (asked.positions - top_k)[:, None])
    found.sort(axis=1)
    return found


def _keys(band: NDArray[np.floating], outside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Similarity and place in one number: the larger, the nearer, and the later among equals."""
    keys = np.rint(band).astype(np.int32)
    keys *= np.int32(band.shape[1])
    keys += np.arange(band.shape[1], dtype=np.int32)
    keys[outside] = _MASKED
    return keys


def _largest(keys: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    short = most - keys.shape[1]
    if short > 0:
        keys = np.pad(keys, ((0, 0), (short, 0)), constant_values=_MASKED)
    return np.partition(keys, keys.shape[1] - most, axis=1)[:, -most:]


def _open(band: NDArray[np.float32], chosen: NDArray[np.int32], most: int) -> NDArray[np.bool_]:
    """Rows where rounding in 32 bits may have decided: a similarity near the middle between two decimals, of a
    candidate near the last one chosen."""
    top_k = band.shape[1]
    found = np.zeros(len(band), np.bool_)
    if top_k <= most:
        return found
    last = (chosen.min(axis=1) // top_k).astype(np.float32)[:, None]
    near = np.abs(band - last) <= 2.7
    several = np.flatnonzero(near.sum(axis=1) > 1)
    some = band[several]
    doubtful = np.abs(some - np.floor(some) - np.float32(0.5)) < _DOUBT
    found[several] = (doubtful & near[several]).any(axis=1)
    return found


def _exactly(query: Vectors, before: Vectors, top_k: int) -> NDArray[np.float64]:
    """A row of the band in 64 bits, of the vectors of its candidates as far as there are any."""
    found = np.zeros(top_k)
    found[top_k - len(before) :] = before.astype(np.float64) @ query.astype(np.float64)
    return found * 10**DECIMALS


def _part(asked: Asked, start: int, end: int) -> Asked:
    return Asked(asked.positions[start:end], asked.firsts[start:end], asked.queries[start:end])
