"""How many more groups settle a gap: against the groups at hand so many times over, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from redraft.judging.clustered import ClusterCounts
from redraft.judging.intervals import connor_size, detectable_rate
from redraft.judging.more_groups import more_groups, worth
from redraft.judging.settings import Settings
from redraft.judging.summary import Summary
from redraft.judging.verdict import summarise
from redraft.records import Judgment

Make = Callable[..., list[Judgment]]
tables = st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=2, max_size=8)


def copies(table: list[tuple[int, int, int]], times: int) -> ClusterCounts:
    return ClusterCounts(*np.tile(np.array(table), (times, 1)).T)


@settings(deadline=None)
@given(table=tables, times=st.integers(1, 6))
def test_more_groups_are_worth_what_so_many_copies_are(table: list[tuple[int, int, int]], times: int) -> None:
    assume(sum(sum(row) > 0 for row in table) > 1 and max(sum(row) for row in table) > 1)
    size, critical = worth(copies(table, 1), times)
    found = copies(table, times).effective()
    assert (size, critical) == pytest.approx((found.n, found.critical()))


def test_the_number_is_the_least_that_notices_the_rate() -> None:
    # One group of 40 holds most contexts: with more groups it weighs less.
    for table in ([(6, 4, 0), (2, 3, 5), (8, 2, 0), (3, 7, 0)], [(24, 16, 0)] + [(1, 0, 0), (0, 1, 0)] * 10):
        counts, have = copies(table, 1), len(table)
        found = more_groups(counts, 0.62)
        assert found is not None
        ties = float(counts.ties.sum() / counts.sizes.sum())

        def seen(groups: int, counts: ClusterCounts = counts, have: int = have, ties: float = ties) -> float:
            size, critical = worth(counts, groups / have)
            return detectable_rate(size, ties, critical=critical) or 1.0

        assert seen(have + found) <= 0.62 < seen(have + found - 1)
    few = copies([(6, 4, 0), (4, 6, 0), (8, 2, 0)], 1)
    # By the normal quantile three would be enough; Student's with two degrees of freedom is more than twice that.
    size = few.effective().n
    assert connor_size(0.94, 1, 0.8, 1.96) < size < connor_size(0.94, 1, 0.8, student.ppf(0.975, 2))
    assert more_groups(few, 0.97) == 1
    assert more_groups(copies([(6, 4, 0)], 1), 0.7) is None, "one group does not tell how much groups differ"
    assert more_groups(copies([(9, 1, 0)], 50), 0.9) is None, "there are enough"
    assert more_groups(few, 0.5) is None and more_groups(few, 0.97, alpha=0.0) is None


def said(make: Make, clusters: list[str], **fields: str) -> Summary:
    judgments = [one for i in range(len(clusters)) for one in make(f"c{i}", "AA" if i % 7 < 4 else "BB")]
    return summarise(judgments, settings=Settings(**fields), clusters={f"c{i}": u for i, u in enumerate(clusters)})  # type: ignore[arg-type]


def test_no_number_of_contexts_of_one_user_is_said_to_settle_anything(make_judged: Make) -> None:
    alone = said(make_judged, ["u"] * 30)
    assert (alone.verdict, alone.low, alone.high) == ("undecided", 0, 1)
    assert (alone.more_contexts, alone.more_groups, alone.detectable) == (None, None, None)
    assert alone.explanation == (
        "All 30 contexts are of one group, and nothing shows how much others differ: however many more of the same "
        "would settle nothing. Take contexts of other groups (users, documents)."
    )
    assert said(make_judged, ["u"] * 30, cluster_by="user").explanation.endswith("Take contexts of other users.")


def test_groups_are_asked_for_not_contexts(make_judged: Make) -> None:
    found = said(make_judged, [str(i // 2) for i in range(60)], cluster_by="document")
    assert found.more_groups is not None and found.more_contexts == 2 * found.more_groups
    assert "With 60 contexts in 30 documents we could only" in found.explanation
    assert " more documents like these, with some " in found.explanation
    assert "more contexts of the same ones would do less." in found.explanation
    free = said(make_judged, [str(i) for i in range(60)])
    assert free.more_contexts is not None and "of the same" not in free.explanation
    assert found.more_contexts > free.more_contexts or found.design_effect == 1
