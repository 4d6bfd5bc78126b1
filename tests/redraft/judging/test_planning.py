"""How many contexts, how many calls: the table of sizes, and power counted over every outcome."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multinomial

from redraft.errors import ConfigurationError, InputError
from redraft.judging.folding import Fold
from redraft.judging.intervals import connor_size, contexts_needed, mid_p, tango_interval
from redraft.judging.planning import Aim, blinded_tie_rate, plan, power_of

EVEN = (0.2, 0.4, 0.6, 0.8, 1.0)
# Win rate → contexts for 80% and 90% power with ties 0, .3, .5.
SIZES = {
    0.52: ((4904, 6563), (3432, 4593), (2451, 3280)),
    0.55: ((783, 1047), (548, 732), (391, 522)),
    0.57: ((399, 532), (278, 372), (198, 264)),
    0.60: ((194, 259), (135, 180), (96, 128)),
    0.65: ((85, 113), (59, 78), (42, 55)),
    0.70: ((47, 62), (32, 42), (23, 29)),
}


@pytest.mark.parametrize(("rate", "row"), SIZES.items())
def test_the_table_of_sizes(rate: float, row: tuple[tuple[int, int], ...]) -> None:
    for ties, sizes in zip((0.0, 0.3, 0.5), row, strict=True):
        found = tuple(plan(Aim(rate=rate, tie_rate=ties, power=power)).needed for power in (0.8, 0.9))
        assert found == sizes
        assert contexts_needed(rate, ties) == sizes[0]


def test_stored_sizes(shared: Path) -> None:
    folder = shared / "data" / "judging"
    stored = json.loads((folder / "ref_values.json").read_text())["power_n"]
    for name, expected in stored.items():
        rate, ties, power = (float(re.sub("[a-z]+", "", part)) for part in name.split("_"))
        critical = 1.959963984540054
        assert connor_size(2 * rate - 1, 1 - ties, power, critical) == pytest.approx(expected, rel=1e-9)
    for name, expected in json.loads((folder / "expected.json").read_text())["n_required"].items():
        rate, ties = map(float, name.split("/"))
        assert plan(Aim(rate=rate, tie_rate=ties)).needed == int(np.ceil(expected))


def test_detectable_rates() -> None:
    found = [plan(Aim(), n).detectable for n in (50, 100, 200, 300, 500, 1000)]
    assert found == pytest.approx([0.662, 0.616, 0.582, 0.567, 0.552, 0.537], abs=6e-4)


def test_power_counted_over_every_outcome() -> None:
    """The rule that a verdict uses, interval and test both, at a planned size; the formula is an approximation."""
    aim = Aim(rate=0.65, tie_rate=0.3)
    n = plan(aim).needed
    outcomes = [(w, l, n - w - l) for w in range(n + 1) for l in range(n + 1 - w)]  # noqa: E741
    chances = multinomial.pmf(np.array(outcomes), n, [0.5, 0.2, 0.3])
    rejects = [w > l and mid_p(w, l) <= 0.05 and tango_interval(w, l, t)[0] > 0.5 for w, l, t in outcomes]  # noqa: E741
    assert float(chances[rejects].sum()) == pytest.approx(0.8, abs=0.02)
    assert power_of(aim, n, 0.65) == pytest.approx(0.8, abs=0.005)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.53, 0.7), st.floats(0, 0.5), st.floats(0.5, 0.95), st.floats(1, 12), st.floats(0, 1), st.floats(0, 0.3)
)
def test_a_plan_notices_what_it_is_for(
    rate: float, ties: float, power: float, size: float, correlation: float, missing: float
) -> None:
    aim = Aim(rate=rate, tie_rate=ties, power=power, cluster_size=size, correlation=correlation, missing=missing)
    found = plan(aim)
    assert found.enough and found.contexts == found.needed
    assert found.detectable is not None and found.detectable <= rate + 1e-9
    if found.needed * (1 - missing) > 21:  # else the least size of a verdict decides
        less = plan(aim, found.needed - 1)
        assert not less.enough
        assert less.detectable is None or less.detectable >= rate - 1e-9
    assert power_of(aim, found.needed, rate) >= power - 1e-9
    assert plan(msgspec.structs.replace(aim, missing=missing / 2)).needed <= found.needed


def test_calls_and_generations() -> None:
    two = plan(Aim(retry=0.05), 100)
    assert (two.generations, two.judge_calls, two.needed, two.enough) == (200, 210, 278, False)
    three = plan(Aim(models=3), 100)
    assert (three.generations, three.judge_calls) == (300, 600)
    assert plan(Aim(models=8, each=8), 100).judge_calls == 1600
    assert plan(Aim(rate=0.85)).needed == 20
    assert plan(Aim(cluster_size=5, correlation=0.3)).needed > 2.2 * 278


def test_missing_verdicts_and_few_clusters_take_more() -> None:
    plain = connor_size(0.14, 0.7, 0.8, 1.959963984540054)
    assert plain is not None
    assert plan(Aim(missing=0.1)).needed == int(np.ceil(plain / 0.9))
    assert plan(Aim(cluster_size=2, correlation=0.5)).needed == pytest.approx(1.5 * plain, abs=6)
    # Fourteen to sixteen clusters: Student's quantile is about 2.14.
    few = connor_size(0.14, 0.7, 0.8, 2.14)
    assert plan(Aim(cluster_size=20)).needed == pytest.approx(few, abs=4)


def test_looks_cost_a_little_and_save_more() -> None:
    looked = plan(Aim(looks=EVEN))
    assert looked.needed == 285
    assert looked.boundaries[-1] == pytest.approx(2.0310, abs=1e-3)
    (null, at_null), (aim, at_aim), (large, at_large) = looked.expected
    assert (null, aim, large) == (0.5, 0.57, pytest.approx(0.605))
    assert at_null > 0.98 * 285 and 0.8 * 278 < at_aim < 0.86 * 278 and 0.6 * 278 < at_large < 0.67 * 278
    assert [contexts for _, contexts in plan(Aim()).expected] == [278.0] * 3
    assert plan(Aim(looks=EVEN), 600).expected[1][1] < 2 * at_aim


def test_a_blinded_pilot() -> None:
    def folds(labels: str) -> list[Fold]:
        names = {"w": "win", "l": "loss", "t": "tie", "u": "unusable"}
        return [Fold(context_id=str(i), label=names[one]) for i, one in enumerate(labels)]  # type: ignore[arg-type]

    assert blinded_tie_rate(folds("wwlttwwwuu")) == 0.25
    assert blinded_tie_rate(folds("wwlttwwwuu")) == blinded_tie_rate(folds("llwttllluu"))
    with pytest.raises(InputError, match="no usable verdict"):
        blinded_tie_rate(folds("uu"))


@pytest.mark.parametrize(
    ("aim", "word"),
    [
        ({"rate": 0.5}, "win rate"),
        ({"rate": 0.9, "tie_rate": 0.3}, "at most 0.85"),
        ({"tie_rate": 1.0}, "tie rate"),
        ({"power": 1.0}, "power"),
        ({"alpha": 0.0}, "alpha"),
        ({"cluster_size": 0.5}, "clusters"),
        ({"correlation": 2.0}, "correlation"),
        ({"missing": 1.0}, "missing"),
        ({"retry": float("nan")}, "retry"),
        ({"models": 1}, "models"),
        ({"models": 99_999}, "99,999 models: 2 to 100"),
        ({"looks": (0.5,)}, "last is at 1"),
        ({"looks": (0.5, 1.0), "models": 3}, "only two are compared with looks"),
        ({"judges": 0}, "judges"),
        ({"models": 4, "each": 7}, "7 pairs a context: 0 to 6"),
        ({"rate": float("nan")}, "win rate"),
    ],
)
def test_aims_that_make_no_sense(aim: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        Aim(**aim)  # type: ignore[arg-type]


def test_sizes_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="one or more"):
        plan(Aim(), 0)
    with pytest.raises(ConfigurationError, match="larger difference"):
        plan(Aim(rate=0.5001))
