"""Two orders become one label; nothing is dropped, nothing is counted twice."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.judging.folding import fold_judgments, tally
from redraft.records import Judgment

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "judging"
Make = Callable[..., list[Judgment]]
USABLE = ["ok", "tie"]
FAILED = ["judge_unparseable", "judge_refused", "judge_truncated", "judge_error", "skipped_budget", "candidate_error"]


@pytest.mark.parametrize(
    ("letters", "label", "reason", "position"),
    [
        ("AA", "win", "", None),
        ("BB", "loss", "", None),
        ("At", "win", "wavered", None),
        ("tA", "win", "wavered", None),
        ("tB", "loss", "wavered", None),
        ("tt", "tie", "both_tie", None),
        ("AB", "tie", "changed_mind", "first"),
        ("BA", "tie", "changed_mind", "second"),
        ("Ax", "unusable", "judge_unparseable", None),
        ("xx", "unusable", "judge_unparseable", None),
    ],
)
def test_the_fold(letters: str, label: str, reason: str, position: str | None, make_judged: Make) -> None:
    fold = fold_judgments(make_judged("c1", letters))["c1"]
    assert (fold.label, fold.reason, fold.position) == (label, reason, position)


def test_a_judge_that_says_the_first_or_neither_is_seen_though_it_never_changes_its_mind(make_judged: Make) -> None:
    rows = [*make_judged("c1", "At"), *make_judged("c2", "tB"), *make_judged("c3", "AB"), *make_judged("c4", "tA"),
            *make_judged("c5", "tt"), *make_judged("c6", "BB"), *make_judged("c7", "Ax")]  # fmt: skip
    found = tally(fold_judgments(rows).values())
    assert (found.first_leaning, found.second_leaning, found.first_both, found.judged) == (3, 1, 1, 6)
    wavering = tally(fold_judgments([one for i in range(20) for one in make_judged(f"c{i}", "At")]).values())
    assert wavering.changed_mind == 0 and wavering.position_p == 1 and wavering.leaning_p == 2 * 0.5**21


def test_one_usable_order_is_kept_for_the_sensitivity_line_only(make_judged: Make) -> None:
    counted = tally(fold_judgments([*make_judged("c1", "Ax"), *make_judged("c2", "BB")]).values())
    assert (counted.n, counted.unusable, counted.single_wins) == (1, 1, 1)


def test_attempted_contexts_without_judgments_are_counted(make_judged: Make) -> None:
    counted = tally(fold_judgments(make_judged("c1", "AA")[:1], contexts=["c1", "c2"]).values())
    assert counted.unusable_by_reason == {"not_judged": 2}


def test_mixed_or_repeated_judgments_are_refused(make_judged: Make) -> None:
    with pytest.raises(InputError, match="two judgments in order AB"):
        fold_judgments([*make_judged("c1", "AA"), *make_judged("c1", "AA")])
    with pytest.raises(InputError, match="cannot be counted together"):
        fold_judgments([*make_judged("c1", "AA"), *make_judged("c2", "AA", judge="other")])
    with pytest.raises(InputError, match="does not fit"):
        fold_judgments(_contradiction(make_judged))


def _contradiction(make_judged: Make) -> list[Judgment]:
    good = make_judged("c1", "AA")[0]
    return [Judgment(**{name: getattr(good, name) for name in good.__struct_fields__} | {"winner": None})]


@given(st.lists(st.tuples(*[st.sampled_from(["A", "B", "t", *FAILED])] * 2), max_size=40))
def test_every_context_ends_in_exactly_one_count(outcomes: list[tuple[str, str]]) -> None:
    judgments = [
        Judgment(
            context_id=f"c{number}",
            model_a="a",
            model_b="b",
            judge="j",
            order=order,
            status="ok" if word in {"A", "B"} else "tie" if word == "t" else word,  # type: ignore[arg-type]
            winner=word if word in {"A", "B"} else None,  # type: ignore[arg-type]
        )
        for number, pair in enumerate(outcomes)
        for order, word in zip(("AB", "BA"), pair, strict=True)
    ]
    counted = tally(fold_judgments(judgments).values())
    assert counted.wins + counted.losses + counted.ties + counted.unusable == len(outcomes) == counted.attempted
    assert sum(counted.unusable_by_reason.values()) == counted.unusable
    assert counted.both_tie + counted.changed_mind + counted.both_empty == counted.ties
    assert counted.first_both + counted.second_both == counted.changed_mind
    mirrored = tally(fold_judgments(_swapped(item) for item in judgments).values())
    assert (mirrored.wins, mirrored.losses, mirrored.ties) == (counted.losses, counted.wins, counted.ties)
    # Which slot the judge preferred does not depend on which model is called A.
    assert (mirrored.first_both, mirrored.second_both) == (counted.first_both, counted.second_both)


def _swapped(item: Judgment) -> Judgment:
    fields = {name: getattr(item, name) for name in item.__struct_fields__}
    fields |= {"model_a": item.model_b, "model_b": item.model_a, "order": "BA" if item.order == "AB" else "AB"}
    return Judgment(**fields | {"winner": {"A": "B", "B": "A", None: None}[item.winner]})


def test_real_two_order_data() -> None:
    """126 contexts judged by GPT-4o in both orders: 37 won, 54 lost, 35 tied, 32 of them changed minds."""
    if not (SHARED / "swap_verdicts.csv").exists():
        pytest.skip("the shared reference data does not lie beside this checkout")
    judgments: list[Judgment] = []
    with (SHARED / "swap_verdicts.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["judge"] == "gpt-4o"]
    for row in rows:
        # In game 1 the label A is the baseline, in game 2 the model; model A here is the model.
        for order, label, ours in (("BA", row["game1"], "B"), ("AB", row["game2"], "A")):
            better = None if "=" in label else label[0] if ">" in label else "B"
            judgments.append(
                Judgment(
                    context_id=row["question_id"],
                    model_a="model",
                    model_b="baseline",
                    judge="gpt-4o",
                    order=order,  # type: ignore[arg-type]
                    status="ok" if better else "tie",
                    winner=None if better is None else "A" if better == ours else "B",
                )
            )
    counted = tally(fold_judgments(judgments).values())
    assert (counted.n, counted.wins, counted.losses, counted.ties) == (126, 37, 54, 35)
    assert (counted.changed_mind, counted.first_both, counted.second_both) == (32, 23, 9)
    assert 0.01 < counted.position_p < 0.03


def test_judgments_asked_in_two_ways_are_not_counted_together(make_judged: Callable[..., list[Judgment]]) -> None:
    one, other = make_judged("c1", "AA", template="pairwise@1"), make_judged("c2", "AA", template="mine@1#0a1b2c3d")
    settled = make_judged("c3", "tt", template="")
    assert len(fold_judgments([*settled, *one, *settled[:0]])) == 2
    with pytest.raises(InputError, match=r"asked with pairwise@1 and with mine@1#0a1b2c3d cannot"):
        fold_judgments([*one, *settled, *other])
