"""Two runs beside each other: counts by hand, coefficients by independent means, and what is no comparison at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy import stats

from redraft.errors import InputError
from redraft.judging.agreement import cohen_kappa, krippendorff_alpha
from redraft.judging.agreement_intervals import coefficients
from redraft.judging.comparing import compare_runs
from redraft.judging.intervals import mid_p
from redraft.judging.labels.judged import results_path
from redraft.judging.pages import Cost
from redraft.judging.results import read_comparisons, read_head, read_judgments, write_results
from redraft.judging.settings import Settings
from redraft.judging.verdict import summarise_study
from redraft.records import Comparison, Judgment, Message

LETTERS = {"w": "AA", "l": "BB", "t": "tt", "x": "xx"}
TURNED = str.maketrans("wl", "lw")
Run = Callable[..., Path]


@pytest.fixture
def make_run(
    tmp_path: Path, make_comparison: Callable[..., Comparison], make_judged: Callable[..., list[Judgment]]
) -> Run:
    """A run whose contexts c0, c1, ... have these verdicts; fields as those of its comparisons."""

    def made(
        name: str, verdicts: str, *, judge: str = "openai:j", first: int = 0, group: int = 1,
        labels: dict[str, str] | None = None, pairs: Sequence[tuple[str, str]] = (("tuned", "base"),),
        parameters: dict[str, object] | None = None, settings: Settings | None = None, **fields: object,
    ) -> Path:  # fmt: skip
        ids = [f"c{first + n}" for n in range(len(verdicts))]
        compared, judgments = [], []
        for a, b in pairs:
            names = {"model_a": a, "model_b": b}
            compared += [
                make_comparison(one, group=f"user:{n // group}" if group > 1 else "", **names, **fields)
                for n, one in enumerate(ids)
            ]
            judgments += [
                each for one, letter in zip(ids, verdicts, strict=True)
                for each in make_judged(one, LETTERS[letter], judge=judge, **names)
            ]  # fmt: skip
        said = settings or Settings(labels=labels or {})
        (tmp_path / name).mkdir()
        summary = summarise_study(judgments, compared, said, samples=1)
        costs = [Cost(stage="judging", model=judge, calls=1, input_tokens=1, output_tokens=1, cost=0.25)]
        write_results(
            tmp_path / name / "results.json", summary, compared, judgments, parameters or {}, costs=costs
        )  # fmt: skip
        return tmp_path / name

    return made


BEFORE = "wwwwwwwwwwlllllltttttxww"
NOW = "wwwwwltwwwlllwlltttwtlxw"


def test_another_judge_of_the_same_answers(make_run: Run) -> None:
    before = make_run("a", BEFORE, parameters={"judge": "j", "seed": 1})
    now = make_run(
        "b", NOW, judge="gemini:k", first=0, parameters={"judge": "k", "seed": 1}, settings=Settings(rope=(0.4, 0.6))
    )
    found = compare_runs(before, now)
    (one,) = found.matched
    assert (one.common, one.n, one.other_text, one.same_answers_a, one.same_answers_b) == (24, 22, 0, 24, 24)
    assert (one.judge_before, one.judge_now) == ("openai:j", "gemini:k")
    # By hand: contexts 5, 6, 13, 19 changed among the decided; 21 and 22 gained and lost a verdict.
    assert [(each.context_id, each.before, each.now) for each in one.changed] == [
        ("c5", "win", "loss"), ("c6", "win", "tie"), ("c13", "loss", "win"), ("c19", "tie", "win"),
        ("c21", "unusable", "loss"), ("c22", "win", "unusable"),
    ]  # fmt: skip
    assert one.table["win"] == {"win": 9, "tie": 1, "loss": 1, "unusable": 1}
    both = [(x, y) for x, y in zip(BEFORE, NOW, strict=True) if "x" not in x + y]
    first, then = ("".join(side) for side in zip(*both, strict=True))
    points = [[{"w": 1.0, "t": 0.5, "l": 0.0}[letter] for letter in side] for side in zip(*both, strict=True)]
    assert one.rate_before == pytest.approx(np.mean(points[0])) and one.rate_now == pytest.approx(np.mean(points[1]))
    expected = stats.ttest_rel(points[1], points[0])
    limits = expected.confidence_interval(0.95)
    assert one.difference is not None and one.difference.p == pytest.approx(expected.pvalue)
    assert (one.difference.low, one.difference.high) == pytest.approx((limits.low, limits.high))
    assert (one.up, one.down) == (2, 2) and one.p_sign == pytest.approx(1.0)
    assert one.agreement.value == pytest.approx(18 / 22)
    expected_by_chance = sum((first.count(letter) / 22) * (then.count(letter) / 22) for letter in "wtl")
    assert one.kappa.value == pytest.approx((18 / 22 - expected_by_chance) / (1 - expected_by_chance))
    for each in (one.agreement, one.kappa, one.alpha):
        assert each.low is not None and each.high is not None and each.value is not None
        assert each.low < each.value < each.high
    assert [(each.what, each.before, each.now) for each in found.parameters] == [("judge", "j", "k")]
    assert [each.what for each in found.settings] == ["no meaningful difference"]
    assert (found.cost_before, found.cost_now) == (0.25, 0.25)


def test_the_closed_forms_are_those_of_the_libraries() -> None:
    random = np.random.default_rng(2)
    for size in (5, 60):
        codes = random.integers(0, 3, size=(2, size))
        codes[1, : size // 2] = codes[0, : size // 2]
        table = np.zeros((1, 3, 3))
        np.add.at(table, (0, *codes), 1.0)
        same, kappa, alpha = coefficients(table)
        assert same[0] == pytest.approx(np.mean(codes[0] == codes[1]))
        assert kappa[0] == pytest.approx(cohen_kappa(table[0]))
        assert alpha[0] == pytest.approx(krippendorff_alpha(codes, "nominal"))


def test_models_are_followed_whatever_side_they_stand_on(make_run: Run) -> None:
    before = make_run("a", BEFORE, pairs=[("tuned-1", "base"), ("other", "base")], labels={"tuned-1": "feedback"})
    turned = make_run(
        "b", NOW.translate(TURNED), pairs=[("base", "tuned-2"), ("base", "more")], labels={"tuned-2": "feedback"},
        response_a="Eggs are nice.", response_b="A new answer.",
    )  # fmt: skip
    found = compare_runs(before, turned)
    first = found.matched[0]
    assert first.models_before == ("tuned-1", "base") and first.models_now == ("tuned-2", "base")
    assert (first.same_answers_a, first.same_answers_b) == (0, 24)
    straight = compare_runs(before, make_run("c", NOW, pairs=[("tuned-1", "base")]))
    assert first.table == straight.matched[0].table and first.changed == straight.matched[0].changed
    assert straight.unmatched == (f"{before}: other against base",)
    # One model in common makes no counterpart, though these two are left over.
    assert len(found.matched) == 1
    assert found.unmatched == (f"{before}: other against base", f"{turned.parent / 'b'}: base against more")


def test_groups_widen_the_difference(make_run: Run) -> None:
    before = "wl" * 30
    now = "wt" * 8 + "wl" * 22  # all in the first of three groups
    alone = compare_runs(make_run("a", before), make_run("b", now)).matched[0]
    grouped = compare_runs(make_run("c", before, group=20), make_run("d", now, group=20)).matched[0]
    assert alone.difference is not None and grouped.difference is not None
    assert grouped.difference.clusters == 3 and alone.difference.clusters == 60
    assert grouped.difference.mean == alone.difference.mean
    reach = [one.high - one.mean for one in (alone.difference, grouped.difference) if one.high is not None]
    assert len(reach) == 2 and reach[1] > 3 * reach[0]
    # Eight contexts that went up are one user's: as one toss of a coin.
    assert alone.p_sign == pytest.approx(mid_p(8, 0)) and alone.p == 2 / 2**8 and alone.clear
    assert grouped.p_sign > 0.3 and grouped.p == 1.0 and not grouped.clear


def test_several_comparisons_are_adjusted_and_decided_by_that(make_run: Run) -> None:
    """By hand: of m changes all in one direction the sign-flip p is 2/2^m, six of them .03125."""
    pairs = [("a", "z"), ("b", "z"), ("c", "z")]
    alone = compare_runs(make_run("a", "l" * 6 + "w" * 30), make_run("b", "w" * 36)).matched[0]
    assert (alone.p, alone.p_adjusted, alone.clear) == (2 / 64, None, True)
    three = compare_runs(
        make_run("c", "l" * 6 + "w" * 30, pairs=pairs), make_run("d", "w" * 36, pairs=pairs)
    ).matched  # fmt: skip
    assert [(one.p, one.p_adjusted, one.clear) for one in three] == [(2 / 64, 6 / 64, False)] * 3
    low = three[0].difference.low if three[0].difference else None
    assert low is not None and low > 0, "the interval alone would say more"
    # Few changes: their interval leaves 0 before the exact test does.
    few = compare_runs(make_run("e", "l" * 5 + "w" * 45), make_run("f", "w" * 50)).matched[0]
    assert few.difference is not None and few.difference.low is not None and few.difference.low > 0
    assert few.p == 2 / 32 and not few.clear
    same = compare_runs(make_run("g", "wl" * 10), make_run("h", "wl" * 10)).matched[0]
    assert same.equal and same.p_adjusted is None and not same.clear


def test_judges_of_one_run_alone_are_named(make_run: Run) -> None:
    """Two judges in each run, one of them in both: it is beside itself, the others have no counterpart."""
    both = make_run("a", "wl" * 10), make_run("b", "wl" * 10)
    for folder, judge in zip(both, ("openai:k", "openai:m"), strict=True):
        path = results_path(folder)
        summary, compared, judgments = read_head(path).summary, [*read_comparisons(path)], [*read_judgments(path)]
        more = [msgspec.structs.replace(one, judge=judge) for one in judgments]
        path.unlink()
        write_results(path, summary, compared, [*judgments, *more], {})
    found = compare_runs(*both)
    assert not found.equal
    assert [(one.judge_before, one.judge_now, one.equal) for one in found.matched] == [("openai:j", "openai:j", True)]
    assert found.unmatched == (
        f"{both[0]}: tuned against base, judged by openai:k", f"{both[1]}: tuned against base, judged by openai:m",
    )  # fmt: skip


def test_runs_that_cannot_be_compared(make_run: Run, tmp_path: Path) -> None:
    here = make_run("a", "wl" * 10)

    def refused(other: Path, why: str) -> None:
        with pytest.raises(InputError, match=why):
            compare_runs(here, other)

    refused(make_run("b", "wl" * 10, first=50), "no context is in both .* no id in common")
    other = (Message("user", "Another question."),)
    refused(make_run("c", "wl" * 10, context=other), "the ids are the same, but not the texts")
    refused(tmp_path, "no results.json in it")
    refused(make_run("e", "wl" * 10, pairs=[("p", "q"), ("q", "r")]), "no two models are compared in both")
    half = compare_runs(here, make_run("f", "wl" * 10, first=10)).matched[0]
    assert (half.common, half.contexts_before, half.contexts_now) == (10, 20, 20)
