"""Counts of scores as small columns, one drawing a model, inline SVG without a script; colours from report.css.

Neighbour: `pictures` draws everything else and escapes the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup, escape

from redraft.judging.figures import many
from redraft.judging.untrusted import visible

HEIGHT = 56


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """One model's counts, bin by bin; `hue` is a class of report.css."""

    name: str
    hue: str
    counts: tuple[int, ...]
    labels: tuple[str, ...]


def histograms(rows: Sequence[Histogram]) -> Markup:
    """Every row on its own, all to one scale of shares, so that models with fewer scores can be compared."""
    top = max((_share(row, count) for row in rows for count in row.counts), default=0.0) or 1.0
    return Markup('<div class="spread">{}</div>').format(Markup("").join(_one(row, top) for row in rows))


def _share(row: Histogram, count: int) -> float:
    return count / (sum(row.counts) or 1)


def _one(row: Histogram, top: float) -> Markup:
    said = ", ".join(f"{label}: {count:,}" for label, count in zip(row.labels, row.counts, strict=True))
    about = f"{row.name}, {many(sum(row.counts), 'score')}. {said}"
    step = 100 / len(row.counts)
    drawn: list[Markup] = []
    for place, (label, count) in enumerate(zip(row.labels, row.counts, strict=True)):
        high = HEIGHT * _share(row, count) / top
        drawn.append(
            Markup(
                '<g><title>{}</title><rect x="{:.2f}%" y="{:.1f}" width="{:.2f}%" height="{:.1f}"/>'
                '<text x="{:.2f}%" y="{}" text-anchor="middle">{}</text></g>'
            ).format(
                f"{label}: {count:,}",
                place * step + step * 0.1,
                HEIGHT - high,
                step * 0.8,
                high,
                (place + 0.5) * step,
                HEIGHT + 15,
                label,
            )
        )
    name = Markup('<b class="{}"><bdi>{}</bdi></b>').format(row.hue, escape(visible(row.name)))
    return Markup(
        '<figure class="histogram {}" role="img" aria-label="{}"><figcaption>{}</figcaption>'
        '<svg width="100%" height="{}" aria-hidden="true">{}</svg></figure>'
    ).format(row.hue, visible(about), name, HEIGHT + 20, Markup("").join(drawn))
