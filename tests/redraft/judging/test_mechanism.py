"""Length and format of two models' answers beside the verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from redraft.errors import InputError
from redraft.judging.folding import Fold, Label
from redraft.judging.mechanism import check_mechanism, styles
from redraft.judging.style import Style, style
from redraft.records import Comparison

ANSWER = """# Eggs

Boil them **nine** minutes, __not__ more:

1. water
2) eggs
  - a pinch of salt
#hashtag, not a header. 3.5 minutes is too little

```python
# a comment
- not a list **nor bold**
```
"""


def test_what_is_counted() -> None:
    assert style(ANSWER) == Style(characters=len(ANSWER), headers=1, lists=3, bold=2)
    assert style("", tokens=7) == Style(0, 0, 0, 0, 7)
    # A fence that nobody closed is code to its end.
    assert style("```\n# one\n- two").headers == 0
    # Bold by stars, by lines, by both, and one within the other.
    for text, count in (
        ("**a** **b**", 2),
        ("__a__ __b__ __", 2),
        ("**a** __b__", 2),
        ("**a __b** c__", 1),
        ("* _", 0),
    ):
        assert style(text).bold == count


@pytest.mark.parametrize("part", ["**a", "```", "__", "# ", "- \n", " ", "1."])
def test_counting_takes_linear_time(part: str) -> None:
    started = time.perf_counter()
    style(part * (1_000_000 // len(part)))
    assert time.perf_counter() - started < 5


def made(n: int, longer: float, taste: float = 1.0) -> tuple[dict[str, Fold], dict[str, tuple[Style, Style]]]:
    """Answers of A that are `longer` characters longer on average, and a judge with nothing but a taste for length."""
    random = np.random.default_rng(1)
    gaps = np.round(random.normal(longer, 200, n))
    labels: list[Label] = ["win" if one > 0 else "loss" for one in taste * gaps / 200 + random.normal(0, 1.0, n)]
    folds = {f"c{i}": Fold(context_id=f"c{i}", label=label) for i, label in enumerate(labels)}
    sides = {f"c{i}": (Style(int(1000 + gap), 2, 1, 0), Style(1000, 0, 1, 0)) for i, gap in enumerate(gaps)}
    return folds, sides


def test_a_judge_who_likes_length_alone_is_seen_through() -> None:
    folds, sides = made(400, 120)
    found = check_mechanism(folds, sides, samples=300)
    by_name = {one.feature: one for one in found.features}
    assert list(by_name) == ["characters", "headers", "lists", "bold"]
    characters = by_name["characters"]
    assert characters.difference.mean == pytest.approx(120, abs=30)
    assert (characters.difference.low or 0) > 70
    assert by_name["headers"].difference.mean == 2.0 and by_name["headers"].larger_a == 1.0
    assert found.length is not None and found.length_and_format is not None
    assert found.length.raw > 0.6 and (found.length.low or 1) < 0.5 < (found.length.high or 0)
    assert (found.length.shift_high or 0) < -0.05
    # Headers differ by two everywhere, lists and bold nowhere: they add nothing to length.
    assert found.length_and_format.coefficients[1:] == (0.0, 0.0, 0.0)
    assert found.length_and_format.adjusted == pytest.approx(found.length.adjusted)


def test_tokens_stand_for_length_where_all_are_known() -> None:
    folds, sides = made(60, 50)
    with_tokens = {
        key: (Style(5, 0, 0, 0, tokens=a.characters), Style(5, 0, 0, 0, tokens=b.characters))
        for key, (a, b) in sides.items()
    }
    plain, counted = check_mechanism(folds, sides, samples=20), check_mechanism(folds, with_tokens, samples=20)
    assert counted.features[0].feature == "tokens"
    assert counted.length == plain.length


def test_only_contexts_that_the_judge_decided_count(make_comparison: Callable[..., Comparison]) -> None:
    folds, sides = made(30, 0)
    folds["c0"] = Fold(context_id="c0", label="unusable", reason="judge_error")
    folds["c1"] = Fold(context_id="c1", label="win", reason="candidate_empty_B", asked=False)
    del sides["c2"]
    assert check_mechanism(folds, sides, samples=5).n == 27
    empty = check_mechanism({}, sides)
    assert (empty.n, empty.features, empty.length, empty.remarks) == (0, (), None, ())
    with pytest.raises(InputError, match="c3 has no cluster"):
        check_mechanism(folds, sides, clusters={})
    failed = make_comparison("c9", response_b=None, failure_b="timeout")
    assert styles([make_comparison("c8"), failed]).keys() == {"c8"}


def test_remarks_name_what_hinders_the_adjustment() -> None:
    folds, sides = made(50, 100_000, taste=0.0)
    assert "longer nearly everywhere" in check_mechanism(folds, sides, samples=5).remarks[0]
    folds, sides = made(300, 320)
    assert any("rests on these" in remark for remark in check_mechanism(folds, sides, samples=5).remarks)
    folds, sides = made(60, 0, taste=1000.0)
    assert "longer answer won throughout" in check_mechanism(folds, sides, samples=5).remarks[0]
    always = dict.fromkeys(sides, Fold(context_id="c", label="win"))
    assert check_mechanism(always, sides, samples=5).remarks == ()
