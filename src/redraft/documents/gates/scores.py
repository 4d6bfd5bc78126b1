"""What a judge's scores say of a response: enough, too low, or nothing that could be read. Neighbour: `reasons`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from redraft.documents.gates.reasons import Finding


def score_finding(
    status: str,
    scores: Mapping[str, Any],
    least: float,
    *,
    detail: str = "",
    traits: Sequence[str] = (),
    scale: tuple[float, float] | None = None,
) -> Finding | None:
    """The finding on one rating, or None: every trait must have `least`.

    `unparseable_score` where `status` is not `ok`, a score is missing (one of `traits`, or all), is no finite number or
    lies off the `scale`: nothing is put in a score's place. Else `low_trait_score` with the traits under `least`.
    """
    if status != "ok":
        return Finding(
            "unparseable_score", "response", f"the judge gave no scores: {status}" + (detail and f" ({detail})")
        )
    wanted = tuple(traits) or tuple(scores)
    unread = [name for name in wanted if not _is_score(scores.get(name), scale)]
    if unread or not wanted:
        named = ", ".join(f"{name}: {scores.get(name)!r}" for name in unread) or "none at all"
        return Finding("unparseable_score", "response", f"the judge's scores cannot be read: {named}")
    low = {name: float(scores[name]) for name in wanted if scores[name] < least}
    if not low:
        return None
    named = ", ".join(f"{name} {score:g}" for name, score in sorted(low.items(), key=lambda one: one[1]))
    return Finding("low_trait_score", "response", f"scored under {least:g}: {named}")


def _is_score(value: object, scale: tuple[float, float] | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return scale is None or scale[0] <= value <= scale[1]
