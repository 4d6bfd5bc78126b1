"""Published ratings, ranks and errors, reproduced from the data beside the checkout.

What of the design's tables cannot be reproduced from there: Arena-Hard's, the 20,000 votes' and Arena's separability,
whose bootstrap samples are not in the folder (two of the six are).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from redraft.judging.leaderboard import bradley_terry as bt
from redraft.judging.leaderboard.comparisons import Comparisons, comparisons
from redraft.judging.leaderboard.covariance import clustered_covariance
from redraft.judging.leaderboard.elo import elo_curve
from redraft.judging.leaderboard.fit import Fit
from redraft.judging.leaderboard.table import CENTRE, SCALE, rank_models

POINTS = {"left": 1.0, "right": 0.0, "tie": 0.5}
EVALICA = ("simple", "food", "llmfao")


@pytest.fixture(scope="module")
def data(shared: Path) -> Path:
    return shared / "data" / "judging"


def votes(data: Path, name: str) -> pd.DataFrame:
    file = "llmfao_crowd-comparisons.csv" if name == "llmfao" else f"evalica_{name}.csv"
    return pd.read_csv(data / file, dtype={"left": str, "right": str})


def coded(table: pd.DataFrame, contexts: object = None) -> Comparisons:
    ids = range(len(table)) if contexts is None else contexts
    return comparisons(ids, table["left"], table["right"], table["winner"].map(POINTS))  # type: ignore[arg-type]


def golden(data: Path, name: str, algorithm: str) -> dict[str, float]:
    table = pd.read_csv(data / f"evalica_{name}-golden.csv", dtype={"item": str})
    return table[table["algorithm"] == algorithm].set_index("item")["score"].to_dict()


@pytest.mark.parametrize("name", EVALICA)
def test_evalica_bradley_terry(data: Path, name: str) -> None:
    """Their scores are e^strength over the sum of all."""
    found = {
        one.model: np.exp((one.rating - CENTRE) / SCALE)
        for one in rank_models(coded(votes(data, name))).tables[0].standings
    }
    total = sum(found.values())
    assert {model: one / total for model, one in found.items()} == pytest.approx(
        golden(data, name, "bradley_terry"), abs=1e-12
    )


@pytest.mark.parametrize("name", EVALICA)
def test_evalica_elo(data: Path, name: str) -> None:
    found = elo_curve(coded(votes(data, name)), np.random.default_rng(1), k=4, points=1, shuffles=3)
    assert dict(zip(found.models, found.ratings[-1], strict=True)) == pytest.approx(golden(data, name, "elo"), abs=1e-9)


@pytest.mark.parametrize("name", EVALICA)
def test_evalica_counting_and_average_win_rate(data: Path, name: str) -> None:
    """Wins with half ties, and their share by opponent, averaged over opponents: from the counts of the table."""
    compared = coded(votes(data, name))
    counted = {one.model: one.wins + one.ties / 2 for one in rank_models(compared).tables[0].standings}
    assert counted == pytest.approx(golden(data, name, "counting"), abs=1e-9)
    given, size = bt.cells(compared, False), len(compared.models)
    won, met = np.zeros((size, size)), np.zeros((size, size))
    won[given.i, given.j], won[given.j, given.i] = given.won, given.n - given.won
    met[given.i, given.j] = met[given.j, given.i] = given.n
    rates = np.divide(won, met, out=np.zeros_like(won), where=met > 0)
    average = rates.sum(axis=1) / (met > 0).sum(axis=1)
    assert dict(zip(compared.models, average, strict=True)) == pytest.approx(
        golden(data, name, "average_win_rate"), abs=1e-9
    )


@pytest.mark.parametrize(
    ("column", "contexts", "correction"),
    [
        ("se_sandwich", None, 0.0),
        ("se_cl_pair", "id", 1.0),
        ("se_cl_prompt", "prompt", 1.0),
        ("se_cl_worker", "worker", 1.0),
    ],
)
def test_llmfao_errors(data: Path, column: str, contexts: str | None, correction: float) -> None:
    """Sandwich errors by vote, pair, prompt and worker; theirs take C/(C - 1) of all clusters, or nothing."""
    table = votes(data, "llmfao")
    compared = coded(table, None if contexts is None else table[contexts].to_numpy())
    fit = Fit(compared, False)
    plain = _plain_covariance(fit)
    factor = (compared.contexts / (compared.contexts - 1)) ** correction
    expected = pd.read_csv(data / "bt_llmfao_se_variants.csv").set_index("model").loc[list(compared.models)]
    assert CENTRE + SCALE * fit.at == pytest.approx(expected["rating"].to_numpy(), abs=1e-9)
    assert SCALE * np.sqrt(np.diag(plain) * factor) == pytest.approx(expected[column].to_numpy(), rel=1e-9)
    # Ours leave each cluster out: the same where all models are in all clusters alike, which they are but for prompts.
    ratio = np.sqrt(np.diag(fit.covariance) / (np.diag(plain) * factor))
    assert column == "se_cl_prompt" or (ratio.min() >= 1 and ratio.max() < 1.08)


def test_llmfao_errors_where_one_prompt_has_most_of_a_model(data: Path) -> None:
    """Against the jackknife by refits. Falcon has 199 of its 355 votes on one prompt: plain errors are half as long."""
    table = votes(data, "llmfao")
    fit = Fit(coded(table, table["prompt"].to_numpy()), False)
    others = [coded(table[table["prompt"] != one]) for one in table["prompt"].unique()]
    assert all(one.models == fit.data.models for one in others)
    refits = [bt.maximise(bt.cells(one, False)) for one in others]
    moved = np.array([at - fit.at for at in refits if at is not None])
    expected = np.sqrt((len(others) - 1) / len(others) * (moved**2).sum(axis=0))
    ratio = np.sqrt(np.diag(fit.covariance)) / expected
    assert ratio.min() > 0.97 and np.median(ratio) == pytest.approx(1, abs=0.005) and ratio.max() < 1.06
    plain = np.sqrt(np.diag(_plain_covariance(fit))) / expected
    assert fit.data.models[int(plain.argmin())] == "Falcon Instruct (40B)" and plain.min() < 0.5


def _plain_covariance(fit: Fit) -> np.ndarray:
    """Without C/(C - 1), and no cluster corrected for its leverage."""
    curve = np.linalg.inv(bt.anchored(fit.given, bt.information(fit.given, fit.at)))
    information = np.zeros(len(fit.data.a))
    found = clustered_covariance(fit.data, fit.given, curve, fit.residual, information, fit.reference.codes, np.inf)
    return found * (fit.data.contexts - 1) / fit.data.contexts


def test_arena_rank(data: Path) -> None:
    """arena-rank 0.1.1 adds a ridge to the Hessian, so that errors differ by up to .34 %."""
    fit = Fit(coded(votes(data, "llmfao")), False)
    oracle = pd.read_csv(data / "arena_rank_oracle_llmfao.csv").set_index("competitors").loc[list(fit.data.models)]
    assert CENTRE + SCALE * fit.at == pytest.approx(oracle["ratings"].to_numpy(), abs=0.05)
    ours = SCALE * np.sqrt(np.diag(_plain_covariance(fit)))
    assert ours == pytest.approx(np.sqrt(oracle["variances"].to_numpy()), rel=0.0035)


def test_ratings_that_were_computed_before(data: Path) -> None:
    expected = json.loads((data / "expected.json").read_text())
    for name in EVALICA:
        found = {one.model: one.rating for one in rank_models(coded(votes(data, name))).tables[0].standings}
        assert found == pytest.approx({model: one["rating"] for model, one in expected[f"bt_{name}"].items()}, abs=1e-6)


@pytest.mark.parametrize("name", EVALICA)
def test_davidson_ranks_as_half_ties_do(data: Path, name: str) -> None:
    """Davidson (1970), JASA 65:317, with the tie as an outcome of its own: why half ties are enough for ratings."""
    compared = coded(votes(data, name))
    size, y = len(compared.models), compared.outcome

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        gap, tie = at[compared.a] - at[compared.b], at[size]
        # P(a), P(tie), P(b) are in proportion to e^(gap/2), nu, e^(-gap/2).
        terms = np.stack([gap / 2, np.full_like(gap, tie), -gap / 2])
        total = np.logaddexp.reduce(terms, axis=0)
        p = np.exp(terms - total)
        seen = np.stack([y == 1, y == 0.5, y == 0])
        slope = ((seen - p)[0] - (seen - p)[2]) / 2
        found = np.bincount(compared.a, slope, size + 1) - np.bincount(compared.b, slope, size + 1)
        found[size] = (seen - p)[1].sum()
        return -float((seen * (terms - total)).sum()), -found

    best = optimize.minimize(loss, np.zeros(size + 1), jac=True, method="BFGS", options={"gtol": 1e-6})
    expected = json.loads((data / "expected.json").read_text())[f"davidson_{name}"]
    strengths = best.x[:size] - best.x[:size].mean()
    assert -best.fun == pytest.approx(expected["loglik"], abs=1e-6)
    assert np.exp(best.x[size]) == pytest.approx(expected["nu"], rel=1e-5)
    assert dict(zip(compared.models, strengths, strict=True)) == pytest.approx(expected["beta"], abs=1e-4)
    halves = bt.maximise(bt.cells(compared, False))
    assert halves is not None and np.corrcoef(halves, strengths)[0, 1] > 0.99
    if name == "llmfao":
        assert np.corrcoef(halves, strengths)[0, 1] == pytest.approx(0.999996, abs=1e-6)
        assert np.polyfit(halves, strengths, 1)[0] == pytest.approx(1.753, abs=1e-3)


def test_arena_2024_03_29(data: Path) -> None:
    """Quantiles, variances and ranks of 76 models from the 100 bootstrap samples of the published table."""
    table = pd.read_csv(data / "arena_20240329_table.csv", index_col=0)
    samples = pd.read_csv(data / "arena_20240329_bootstrap.csv")[table.index]
    assert len(table) == 76 and len(samples) == 100
    for share, column in ((0.025, "rating_q025"), (0.975, "rating_q975")):
        assert samples.quantile(share).to_numpy() == pytest.approx(table[column].to_numpy(), abs=1e-9)
    assert samples.var().to_numpy() == pytest.approx(table["variance"].to_numpy(), abs=1e-9)
    low, high = table["rating_q025"].to_numpy(), table["rating_q975"].to_numpy()
    ranks = 1 + (low[None, :] > high[:, None]).sum(axis=1)
    assert ranks.tolist() == table["final_ranking"].tolist()


@pytest.mark.parametrize("name", ["bootstrap_alpaca.jsonl", "bootstrap_mt_bench.jsonl"])
def test_separability(data: Path, name: str) -> None:
    """Share of pairs whose intervals overlap, as Arena-Hard publishes it of other benchmarks."""
    rows = [json.loads(line) for line in (data / name).read_text().splitlines()]
    low, high = (np.array([row[key] for row in rows]) for key in ("lower", "upper"))
    for share, ends in ((2.5, low), (97.5, high)):
        assert [np.percentile(row["results"], share) for row in rows] == pytest.approx(ends, abs=1e-6)
    i, j = np.triu_indices(len(rows), 1)
    overlap = int(((low[i] <= high[j]) & (low[j] <= high[i])).sum())
    expected = json.loads((data / "expected.json").read_text())["separability"][name]
    assert (overlap, len(i)) == (expected["overlap"], expected["pairs"])
    assert round(100 * overlap / len(i), 2) == expected["overlap_pct"]
