"""How fast the most similar of the last messages are found in given vectors, and whether they are the right ones.

Vectors are random, of length 1, many of them repeated as people repeat themselves. The plain loop computes the same by
one product a message. Run: python -m benchmarks.chat_selection [--messages 1000000] [--dimensions 384]
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from redraft.chat.selection.nearest import Asked, nearest

_CHUNK = 50_000


def write_vectors(path: Path, messages: int, dimensions: int, repeated: float, seed: int) -> None:
    """Random vectors as .npy; the share `repeated` of them are copies of one of a hundred."""
    chance = np.random.default_rng(seed)
    common = chance.standard_normal((100, dimensions), np.float32)
    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (messages, dimensions))
    for start in range(0, messages, _CHUNK):
        part = vectors[start : start + _CHUNK]
        part[:] = chance.standard_normal(part.shape, np.float32)
        copies = chance.random(len(part)) < repeated
        part[copies] = common[chance.integers(0, len(common), int(copies.sum()))]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    vectors.flush()


def asked_for(messages: int) -> Asked:
    """Every message as a target, compared with the one before it."""
    positions = np.arange(1, messages)
    return Asked(positions, np.zeros_like(positions), positions - 1)


def banded(vectors: Any, asked: Asked, top_k: int, select_k: int, into: Any) -> None:
    """What redraft does."""
    at = 0
    for block in nearest(lambda start, stop: vectors[start:stop], asked, top_k, select_k):
        into[at : at + len(block)] = block
        at += len(block)


def plain(vectors: Any, asked: Asked, top_k: int, select_k: int, into: Any) -> None:
    """One message after another, in 32 bits, with a little for the later one of two alike."""
    for position in asked.positions.tolist():
        start = max(0, position - top_k)
        similar = np.round(vectors[start:position] @ vectors[position - 1], 5) + 1e-6 * np.arange(position - start)
        best = np.argpartition(similar, -select_k)[-select_k:] if len(similar) > select_k else np.arange(len(similar))
        into[position - 1, select_k - len(best) :] = np.sort(best) + start


def exact(vectors: Any, asked: Asked, top_k: int, select_k: int, into: Any) -> None:
    """The plain definition in 64 bits, with Python's own sort."""
    for position in asked.positions.tolist():
        start = max(0, position - top_k)
        similar = vectors[start:position].astype(np.float64) @ vectors[position - 1].astype(np.float64)
        keys = sorted(((round(one * 1e5), place) for place, one in enumerate(similar.tolist(), start)), reverse=True)
        best = sorted(place for _, place in keys[:select_k])
        into[position - 1, select_k - len(best) :] = best


WAYS: dict[str, Callable[[Any, Asked, int, int, Any], None]] = {
    "banded": banded,
    "plain loop": plain,
    "exact loop": exact,
}


def measured(way: str, vectors: Path, found: Path, top_k: int, select_k: int, mapped: bool) -> dict[str, float]:
    """Seconds, CPU seconds, and MB of memory beyond the vectors, the targets and the result."""
    matrix: Any = np.load(vectors, mmap_mode="r" if mapped else None)
    into = np.full((len(matrix) - 1, select_k), -1, np.int64)
    asked = asked_for(len(matrix))
    banded(matrix[:2000], asked_for(2000), top_k, select_k, into)  # libraries, threads
    into[:] = -1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    WAYS[way](matrix, asked, top_k, select_k, into)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    np.save(found, into)
    return {"seconds": wall, "cpu": cpu, "mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


@click.command()
@click.option("--messages", default=1_000_000, show_default=True)
@click.option("--dimensions", default=384, show_default=True)
@click.option("--top-k", default=100, show_default=True)
@click.option("--select-k", default=8, show_default=True)
@click.option("--repeated", default=0.3, show_default=True, help="Share of messages that repeat one of a hundred.")
@click.option("--checked", default=20_000, show_default=True, help="Messages that the exact loop computes too.")
@click.option("--seed", default=1, show_default=True)
def main(messages: int, dimensions: int, top_k: int, select_k: int, repeated: float, checked: int, seed: int) -> None:
    """Measure both ways, each in a process of its own, and hold them against the plain definition."""
    with (
        tempfile.TemporaryDirectory() as name,
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
    ):
        folder = Path(name)
        vectors = folder / "vectors.npy"
        pool.apply(write_vectors, (vectors, messages, dimensions, repeated, seed))
        for way in ("banded", "plain loop"):
            told = pool.apply(measured, (way, vectors, folder / f"{way}.npy", top_k, select_k, False))
            print(f"{way}: " + "  ".join(f"{name} {value:.1f}" for name, value in told.items()))
        first = folder / "first.npy"
        np.save(first, np.load(vectors, mmap_mode="r")[:checked])
        pool.apply(measured, ("exact loop", first, folder / "exact.npy", top_k, select_k, False))
        right = np.load(folder / "exact.npy")
        for way in ("banded", "plain loop"):
            other = np.load(folder / f"{way}.npy", mmap_mode="r")[: len(right)]
            print(f"{way}: {int((other != right).any(axis=1).sum()):,} of {len(right):,} differ from the definition")


if __name__ == "__main__":
    main()
