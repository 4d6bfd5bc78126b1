"""Orders that missing verdicts forbid to claim: too many of them, or ones that could have changed it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from redraft.judging.leaderboard.comparisons import Comparisons, comparisons
from redraft.judging.leaderboard.table import Table, rank_models

Rows = list[tuple[str, str, str, float, bool]]


def drawn(strengths: list[float], contexts: int, lost: float, seed: int) -> Rows:
    """Every pair on every context; a share `lost` has no verdict."""
    random, size = np.random.default_rng(seed), len(strengths)
    return [
        (f"c{n}", f"m{i}", f"m{j}", float(strengths[i] - strengths[j] + random.logistic() > 0), random.random() >= lost)
        for n in range(contexts)
        for i in range(size)
        for j in range(i + 1, size)
    ]


def data_of(rows: Rows) -> Comparisons:
    context, a, b, outcome, usable = (list(column) for column in zip(*rows, strict=True))
    return comparisons(context, a, b, outcome, usable=usable)


def table_of(rows: Rows, max_missing: float = 0.05) -> Table:
    (table,) = rank_models(data_of(rows), max_missing=max_missing).tables
    return table


def at_worst(rows: Rows, better: str, worse: str) -> Rows:
    """What is missing of the better model lost, of the worse one won, as comparisons like all others."""
    filled: Rows = []
    for context, a, b, outcome, usable in rows:
        if usable or not {a, b} & {better, worse}:
            filled.append((context, a, b, outcome, usable))
        elif better in (a, b):
            filled.append((context, a, b, float(b == better), True))
        else:
            filled.append((context, a, b, float(a == worse), True))
    return filled


@pytest.mark.parametrize("seed", range(3))
def test_what_the_worst_case_bears_out_is_claimed(seed: int) -> None:
    """Against each pair's missing verdicts filled in as real ones and everything computed anew."""
    rows = drawn([1.0, 0.45, 0.0, -0.5], 120, 0.04, seed)
    free = [row for row in rows if row[4]]
    table, without = table_of(rows, max_missing=1.0), table_of(free)
    assert set(table.better) | set(table.fragile) == set(without.better) and not table.lacking and table.better
    assert msgspec.structs.replace(without, better=(), standings=()) == msgspec.structs.replace(
        table, better=(), fragile=(), standings=()
    )
    for pair in table.better:
        assert pair in table_of([row for row in at_worst(rows, *pair) if row[4]]).better, "it would be told apart still"
    for k, one in enumerate(table.standings):
        assert one.rank_low <= without.standings[k].rank_low <= without.standings[k].rank_high <= one.rank_high


def test_an_order_that_missing_verdicts_could_change_is_not_claimed() -> None:
    rows: Rows = [(f"c{n}", "a", "b", float(n % 10 > 2), True) for n in range(50)]
    lost: Rows = [(f"d{n}", "a", "b", 0.0, False) for n in range(9)]
    assert table_of(rows).better == (("a", "b"),) and table_of([*rows, *lost[:1]]).better == (("a", "b"),)
    open_, many = table_of([*rows, *lost], 0.2), table_of([*rows, *lost])
    assert (open_.better, open_.fragile, open_.lacking) == ((), (("a", "b"),), ())
    assert (many.better, many.fragile, many.lacking) == ((), (), (("a", "b"),))
    assert {(one.rank_low, one.rank_high) for table in (open_, many) for one in table.standings} == {(1, 2)}
    # Nobody knows how often a model that won everything would have lost: by likelihood ratio, as it is tested.
    swept: Rows = [(f"c{n}", "a", "b", 1.0, True) for n in range(12)]
    assert table_of(swept).better == (("a", "b"),) and table_of([*swept, *lost[:2]], 1.0).better == (("a", "b"),)
    assert table_of([*swept, *lost[:6]], 1.0).fragile == (("a", "b"),)


def test_what_is_missing_of_the_worse_one_counts_too() -> None:
    """m1 may have won more against m2, and then be as strong as m0, though no verdict of m0 is missing."""
    whole = drawn([0.6, 0.0, 0.0], 100, 0.0, 1)
    rows: Rows = [(*row[:4], not (row[1:3] == ("m1", "m2") and int(row[0][1:]) < 45)) for row in whole]
    worst = at_worst(rows, "m0", "m1")
    assert ("m0", "m1") in table_of([row for row in rows if row[4]]).better
    assert ("m0", "m1") not in table_of([row for row in worst if row[4]]).better
    assert ("m0", "m1") in table_of(rows, 1.0).fragile and ("m0", "m1") not in table_of(rows, 1.0).better


def test_too_many_missing_are_counted_of_the_pair_or_of_both_models_where_they_met_seldom() -> None:
    rows = drawn([3.0, 0.0, -3.0], 60, 0.0, 1)
    ab: Rows = [(*row[:4], not (row[1:3] == ("m0", "m1") and int(row[0][1:]) < 4)) for row in rows]
    assert table_of(ab).lacking == (("m0", "m1"),) and set(table_of(ab).better) == {("m0", "m2"), ("m1", "m2")}
    assert table_of(ab, 0.07).lacking == ()
    # m0 and m2 never met: what is missing is missing between each of them and m1.
    chain = [row for row in drawn([1.5, 0.0, -1.5], 60, 0.0, 2) if row[1:3] != ("m0", "m2")]
    thin: Rows = [(*row[:4], int(row[0][1:]) >= 4) for row in chain]
    assert table_of(chain).better and set(table_of(thin).lacking) == set(table_of(chain).better)
