"""Fewer runs of Python's cyclic garbage collector while thousands of calls are under way.

Each call makes hundreds of objects that live for its seconds: at the usual thresholds the collector looks through all
of them again and again and finds hardly anything, for a seventh of the run's time. Neighbours: whoever opens a run.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

# Objects made until a look at the youngest, and how many such looks until one at the older ones.
_THRESHOLDS = (50_000, 20, 20)


_before: list[tuple[int, int, int]] = []


@contextmanager
def seldom_collected() -> Generator[None]:
    """Inside, the collector runs seldom; what was there before is not looked at again. Then all is as it was.

    Several may overlap: the last one that ends restores what the first one found.
    """
    _before.append(gc.get_threshold())
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        # All that began after the first one noted our own thresholds: those go first.
        found = _before.pop(-1 if len(_before) > 1 else 0)
        if not _before:
            gc.set_threshold(*found)
            gc.unfreeze()
