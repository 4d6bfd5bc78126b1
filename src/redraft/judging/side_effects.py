"""What stands beside a pair's verdict: lengths, form, and answers that play to the judge.

Neighbours: `counting` has what was seen of the answers, `mechanism` and `screening` have the methods, `wording` speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from redraft.judging.counting import Counted
from redraft.judging.folding import Fold
from redraft.judging.intervals import tango_interval, win_rate
from redraft.judging.mechanism import check_mechanism
from redraft.judging.screening import Findings, screen
from redraft.judging.settings import Settings
from redraft.judging.style import Style
from redraft.judging.summary import LengthBin, Lengths

BINS = 5
# Contexts that a bin of lengths needs; with fewer its rate says nothing.
LEAST_IN_BIN = 10


def beside(
    counted: Counted,
    findings: Mapping[str, Findings],
    settings: Settings,
    clusters: Mapping[str, str] | None,
    samples: int,
) -> dict[str, Any]:
    """`lengths`, `mechanism` and `screening` of a Summary; empty where no comparisons were given."""
    if not counted.styles:
        return {}
    answered = {key: both for key, both in counted.styles.items() if key not in counted.failed}
    mechanism = check_mechanism(
        counted.folds, answered, clusters=clusters, confidence=settings.confidence, samples=samples
    )
    screening = screen(
        findings[counted.model_a], findings[counted.model_b], counted.folds, confidence=settings.confidence
    )
    return {
        "lengths": lengths(counted.styles, counted.folds, settings.confidence),
        "mechanism": mechanism if mechanism.n else None,
        "screening": screening,
    }


def lengths(
    styles: Mapping[str, tuple[Style, Style]], folds: Mapping[str, Fold], confidence: float = 0.95
) -> Lengths | None:
    """Over contexts with a verdict, so that both means describe the same contexts as the win rate."""
    sizes = {key: (a.characters, b.characters) for key, (a, b) in styles.items()}
    shown = [(sizes[key], fold) for key, fold in folds.items() if key in sizes and fold.label != "unusable"]
    if not shown:
        return None
    uneven = [(a > b, fold.label) for (a, b), fold in shown if fold.label in {"win", "loss"} and a != b]
    return Lengths(
        mean_a=sum(a for (a, _), _ in shown) / len(shown),
        mean_b=sum(b for (_, b), _ in shown) / len(shown),
        longer_won=sum(longer_a == (label == "win") for longer_a, label in uneven),
        decided=len(uneven),
        bins=_bins([(a / b, fold.label) for (a, b), fold in shown if a and b], confidence),
    )


def _bins(ratios: list[tuple[float, str]], confidence: float) -> tuple[LengthBin, ...]:
    """Equal numbers of contexts by how long A's answer is against B's; contexts of one ratio are never divided."""
    count = min(BINS, len(ratios) // LEAST_IN_BIN)
    if count < 2:
        return ()
    ratios = sorted(ratios)
    edges = [0]
    for number in range(1, count):
        place = round(number * len(ratios) / count)
        while 0 < place < len(ratios) and ratios[place][0] == ratios[place - 1][0]:
            place += 1
        if place - edges[-1] >= LEAST_IN_BIN and len(ratios) - place >= LEAST_IN_BIN:
            edges.append(place)
    found: list[LengthBin] = []
    for start, end in pairwise([*edges, len(ratios)]):
        labels = [label for _, label in ratios[start:end]]
        wins, losses, ties = labels.count("win"), labels.count("loss"), labels.count("tie")
        low, high = tango_interval(wins, losses, ties, confidence)
        found.append(
            LengthBin(
                shortest=ratios[start][0], longest=ratios[end - 1][0], n=len(labels),
                win_rate=win_rate(wins, losses, ties), low=low, high=high,
            )
        )  # fmt: skip
    return tuple(found)
