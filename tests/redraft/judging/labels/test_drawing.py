"""The sample is one by chance, whoever draws it and however far a person comes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from redraft.judging.folding import Fold
from redraft.judging.labels.drawing import eligible, ordered, sides
from redraft.judging.labels.records import Choice, Letter, verdict_of

IDS = st.lists(st.text(max_size=8), unique=True, max_size=30)


@given(ids=IDS, seed=st.integers(), data=st.data())
def test_neither_the_inputs_order_nor_the_models_order_plays_a_part(
    ids: list[str], seed: int, data: st.DataObject
) -> None:
    drawn = ordered(ids, seed=seed, models=("a", "b"))
    assert sorted(drawn) == sorted(ids)
    assert drawn == ordered(data.draw(st.permutations(ids)), seed=seed, models=("b", "a"))
    kept = set(ids[: len(ids) // 2])
    assert [one for one in drawn if one in kept] == ordered(kept, seed=seed, models=("a", "b")), (
        "what is added shifts none"
    )


def test_every_context_comes_first_as_often_as_any_other() -> None:
    """Of 12 contexts the first 3, over 2,000 seeds: a simple random sample has each in a quarter of them, and each
    set of three as often as any other. The seeds are fixed, so this never fails by chance."""
    ids = [f"context-{number}" for number in range(12)]
    firsts = [tuple(sorted(ordered(ids, seed=seed, models=("a", "b"))[:3])) for seed in range(2000)]
    single = Counter(one for three in firsts for one in three)
    assert chisquare(list(single.values())).pvalue > 0.01
    threes = Counter(firsts)
    assert chisquare([threes[key] for key in threes] + [0] * (220 - len(threes))).pvalue > 0.01


def test_other_seeds_and_pairs_draw_others() -> None:
    ids = [str(number) for number in range(50)]
    base = ordered(ids, seed=0, models=("a", "b"))
    assert base != ordered(ids, seed=1, models=("a", "b"))
    assert base != ordered(ids, seed=0, models=("a", "c"))


@given(count=st.integers(0, 60), more=st.integers(0, 60), seed=st.integers(), by=st.text(max_size=5))
def test_sides_are_balanced_wherever_one_stops(count: int, more: int, seed: int, by: str) -> None:
    drawn = sides(count + more, seed=seed, by=by, models=("a", "b"))
    assert drawn[:count] == sides(count, seed=seed, by=by, models=("a", "b"))
    left = Counter(drawn[:count])
    assert abs(left["A"] - left["B"]) <= 1 and sum(left.values()) == count


def test_sides_differ_between_people() -> None:
    assert sides(100, seed=0, by="ann", models=("a", "b")) != sides(100, seed=0, by="bob", models=("a", "b"))


@given(choice=st.sampled_from(["left", "right", "tie"]), left=st.sampled_from(["A", "B"]))
def test_the_same_preference_on_swapped_sides_is_the_same_verdict(choice: Choice, left: Letter) -> None:
    mirrored: dict[Choice, Choice] = {"left": "right", "right": "left", "tie": "tie"}
    assert verdict_of(choice, left) == verdict_of(mirrored[choice], "B" if left == "A" else "A")
    opposite = {"win": "loss", "loss": "win", "tie": "tie"}
    assert verdict_of(mirrored[choice], left) == opposite[verdict_of(choice, left)]
    assert verdict_of("left", "A") == "win"


def test_a_verdict_of_any_judge_suffices() -> None:
    first = {key: Fold(context_id=key, label=label) for key, label in (("a", "win"), ("b", "unusable"))}  # type: ignore[arg-type]
    second = {key: Fold(context_id=key, label=label) for key, label in (("b", "tie"), ("c", "unusable"))}  # type: ignore[arg-type]
    assert eligible([first, second]) == ["a", "b"]
    assert eligible([]) == []
