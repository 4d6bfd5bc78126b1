"""Fits in bootstrap samples: the series gives what Newton's method does, and leaves to it what it cannot give."""

from __future__ import annotations

import numpy as np
import pytest

from redraft.judging import resampled_fits
from redraft.judging.bootstrap import resampled_counts
from redraft.judging.length_adjusted import adjusted_rate, adjusted_rates
from redraft.judging.resampled_fits import TRUNCATED, Fit, resampled

N = 3000


def drawn(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts that depend on differences; the last of three or more says the same as the one before."""
    random = np.random.default_rng(columns)
    d = random.normal(0.3, 1.0, (N, columns)) * (random.random((N, columns)) < 0.6)
    if columns > 2:
        d[:, -1] = 2 * d[:, -2]
    p = 1 / (1 + np.exp(-0.2 - np.tanh(d).sum(axis=1) / 2))
    return np.where(random.random(N) < 0.2, 0.5, (random.random(N) < p).astype(float)), d


@pytest.mark.parametrize(("columns", "clusters"), [(1, N), (3, N), (1, 400), (3, 400), (1, 8)])
def test_the_series_is_newtons_fit(columns: int, clusters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    y, d = drawn(columns)
    fit = Fit.to_rows(y, np.column_stack([np.ones(N), np.tanh(d)]))
    # Eight clusters are alike within: their samples lie further off, and Newton's method has some of them.
    codes = np.arange(N) % clusters if clusters > 8 else np.argsort(np.argsort(y + d[:, 0] / 2)) * clusters // N
    refitted = resampled_fits._refitted  # pyright: ignore[reportPrivateUsage]
    left: list[int] = []

    def counted(fit: Fit, codes: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        left.append(len(drawn))
        return refitted(fit, codes, drawn)

    monkeypatch.setattr(resampled_fits, "_refitted", counted)
    (found,), means = resampled([fit], codes, clusters, resampled_counts(clusters, 120, 1, 50))
    by_series = 120 - sum(left)
    assert by_series > 60 if clusters > 8 else by_series < 60
    monkeypatch.setattr(resampled_fits, "WORTH", N)
    (expected,), _ = resampled([fit], codes, clusters, resampled_counts(clusters, 120, 1, 50))
    assert np.abs(found[:, 0] - expected[:, 0]).max() < TRUNCATED
    assert np.abs(found - expected).max() < 10 * TRUNCATED
    counts = np.concatenate(list(resampled_counts(clusters, 120, 1, 50)))
    assert means == pytest.approx(counts[:, codes] @ y / counts[:, codes].sum(axis=1))


def test_sets_of_covariates_share_their_samples_and_are_what_each_is_alone() -> None:
    y, d = drawn(3)
    together = adjusted_rates(y, [d[:, :1], d, np.ones(N)], samples=60)
    assert together[:2] == (adjusted_rate(y, d[:, 0], samples=60), adjusted_rate(y, d, samples=60))
    assert together[2].reason == "the difference never varies" and together[0].low != together[1].low
