"""Pairs are the verdicts that hold in both orders, and everything else is counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat.rendering import END, read_completion
from redraft.chat_records import ChatExample, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.imitating.preference_counts import PreferenceCounts, remarks
from redraft.imitating.preferences import (
    Candidate,
    candidate,
    first_equal,
    folds_of,
    ranking,
    sample_name,
    write_pairs,
    write_preferences,
)
from redraft.records import Judgment
from redraft.training.adapting.writing import Output

STATUS = {"A": "ok", "B": "ok", "t": "tie", "x": "judge_unparseable", "r": "judge_refused"}
verdicts = st.text("ABtxr", min_size=2, max_size=2)
# Few texts, so that some are equal.
replies = st.lists(st.builds(Candidate, st.sampled_from(["ja", "nö", "ok <SEP>", "später", "😀"]), st.booleans()),
                   min_size=2, max_size=5)  # fmt: skip


def said(example_id: str, a: int, b: int, both: str) -> list[Judgment]:
    """Two judgments of replies `a` and `b` from two letters: who wins in the order AB, who in the order BA."""
    return [
        Judgment(
            context_id=example_id, model_a=sample_name(a), model_b=sample_name(b), judge="judge", order=order,
            status=STATUS[letter],  # type: ignore[arg-type]
            winner=letter if letter in "AB" else None,  # type: ignore[arg-type]
        )
        for order, letter in zip(("AB", "BA"), both, strict=True)
    ]  # fmt: skip


def swapped(one: Judgment) -> Judgment:
    """The same judgment with A and B exchanged."""
    return msgspec.structs.replace(
        one, model_a=one.model_b, model_b=one.model_a, order=one.order[::-1],  # type: ignore[arg-type]
        winner={"A": "B", "B": "A"}.get(one.winner or ""),  # type: ignore[arg-type]
    )  # fmt: skip


@st.composite
def judged(draw: st.DrawFn) -> tuple[list[Candidate], dict[tuple[int, int], str]]:
    """Replies to one prompt, and what was said of each two that differ."""
    several = draw(replies)
    different = sorted(set(first_equal(several)))
    return several, {both: draw(verdicts) for both in combinations(different, 2)}


@given(judged())
def test_pairs_are_exactly_the_consistent_verdicts(of: tuple[list[Candidate], dict[tuple[int, int], str]]) -> None:
    several, letters = of
    judgments = [one for both, two in letters.items() for one in said("m1", *both, two)]
    ranked = ranking(several, folds_of(judgments).get("m1", {}))
    expected: list[tuple[int, int]] = []
    for (a, b), two in letters.items():
        if two in ("AA", "BB"):
            expected.append((a, b) if two == "AA" else (b, a))
    assert list(ranked.pairs) == expected
    assert all(several[winner - 1].text != several[loser - 1].text for winner, loser in ranked.pairs)
    assert [(one.earlier, one.later) for one in ranked.compared] == list(letters), "each two different ones once"
    assert ranked.equal == sum(one.text == other.text for one, other in combinations(several, 2))
    turned = ranking(several, folds_of(map(swapped, judgments)).get("m1", {}))
    assert turned.pairs == ranked.pairs and turned.order == ranked.order

    counts = PreferenceCounts({"m1": "s"})
    counts.add("m1", ranked.compared, len(several), 0, ranked.equal, ordered=bool(ranked.order), cycle=ranked.cycle)
    told = counts.as_manifest()
    assert told["compared"] == len(letters)
    assert told["compared"] == told["pairs"] + told["wavered"] + told["ties"] + told["changed_mind"] + told["unusable"]
    assert told["wavered"] == sum(two in ("At", "tA", "Bt", "tB") for two in letters.values())
    assert told["unusable"] == sum(told["unusable_by_reason"].values())


@given(judged())
def test_orders_and_circles_are_those_of_all_permutations(
    of: tuple[list[Candidate], dict[tuple[int, int], str]],
) -> None:
    several, letters = of
    ranked = ranking(several, folds_of(one for both, two in letters.items() for one in said("m1", *both, two))["m1"]
                     if letters else {})  # fmt: skip
    different = sorted(set(first_equal(several)))
    fits = [one for one in permutations(different)
            if all(one.index(winner) < one.index(loser) for winner, loser in ranked.pairs)]  # fmt: skip
    assert ranked.cycle == (not fits)
    full = len(fits) == 1 and len(ranked.pairs) == len(letters) > 0
    assert ranked.order == (fits[0] if full else ())


def example(number: int) -> ChatExample:
    return ChatExample(
        example_id=f"m{number}", chat="chat1", side="preference",
        context=(ChatTurn("A", f"what about {number}?", (f"c{number}",)),),
        reply="the real one", time=f"2024-03-{1 + number // 4:02}T09:00:00+01:00", strategy="window",
        context_ids=(f"c{number}",), reply_ids=(f"m{number}",),
    )  # fmt: skip


def dataset_of(folder: Path, kind: str, rows: Sequence[Any], **meta: Any) -> Dataset:
    with DatasetWriter(folder, kind, 3) as writer:
        for row in rows:
            writer.add(row)
        return writer.finish(meta)


def judgments_of(folder: Path, rows: Sequence[Judgment]) -> Dataset:
    return dataset_of(folder, "judgments", rows, models=["judge"], simulated=True)


@settings(max_examples=15)
@given(st.lists(judged(), min_size=1, max_size=4))
def test_every_comparison_is_counted_once_in_the_dataset(
    tmp_path_factory: pytest.TempPathFactory, of: list[tuple[list[Candidate], dict[tuple[int, int], str]]]
) -> None:
    folder = tmp_path_factory.mktemp("ranked")
    examples = dataset_of(folder / "examples", "chat_examples", [example(number) for number in range(len(of))])
    candidates = {f"m{number}": several for number, (several, _) in enumerate(of)}
    rows = [one for number, (_, letters) in enumerate(of) for both, two in letters.items()
            for one in said(f"m{number}", *both, two)]  # fmt: skip
    made, turned = (
        write_preferences(examples, candidates, judgments_of(folder / name, some), folder / f"{name}-preferences")
        for name, some in (("as", rows), ("turned", [swapped(one) for one in rows]))
    )
    assert made.content_hash == turned.content_hash and made.manifest["counts"] == turned.manifest["counts"]
    counts: Mapping[str, Any] = made.manifest["counts"]
    assert counts["pairs"] == made.count and counts["compared"] == len(rows) // 2
    assert counts["prompts"] == len(of) and counts["replies"] == sum(len(several) for several, _ in of)
    assert made.manifest["simulated"] and all(one.simulated for one in made.rows())
    assert write_pairs(made, folder / "pairs.jsonl") == made.count
    lines = [msgspec.json.decode(line) for line in (folder / "pairs.jsonl").read_bytes().splitlines()]
    for line, one in zip(lines, made.rows(), strict=True):
        assert line == {"prompt": one.prompt, "chosen": one.chosen, "rejected": one.rejected, "group": one.group}
        assert one.group == f"chat1 session {1 + int(one.example_id[1:]) // 4}"
        for completion, number in ((one.chosen, one.chosen_sample), (one.rejected, one.rejected_sample)):
            reply = candidates[one.example_id][number - 1]
            assert read_completion(completion) == reply.text and completion.endswith(END) == reply.ended
        assert (one.context_ids, one.reply_ids) == ((f"c{one.example_id[1:]}",), (one.example_id,))


def test_length_is_told_where_chance_does_not_explain_it(tmp_path: Path) -> None:
    several = [Candidate("short", True), Candidate("a much longer reply", False)]
    for wins, leans in (("BB" * 40, True), ("AABB" * 20, False)):
        letters = [wins[at : at + 2] for at in range(0, 80, 2)]
        examples = dataset_of(tmp_path / "examples", "chat_examples", [example(number) for number in range(40)])
        rows = [one for number, two in enumerate(letters) for one in said(f"m{number}", 1, 2, two)]
        judgments = judgments_of(tmp_path / "judgments", rows)
        candidates = {f"m{number}": several for number in range(40)}
        counts = write_preferences(examples, candidates, judgments, tmp_path / "made").manifest["counts"]
        longer = counts["longer_won"]
        assert (longer["pairs"], longer["won"], longer["leans"]) == (40, 40 if leans else 20, leans)
        assert longer["low"] < (1 if leans else 0.5) <= longer["high"] and counts["cut"] == 40
        told = remarks(counts, simulated=False)
        assert any("may learn length" in line for line in told) is leans and not any("simulated" in one for one in told)


def test_a_judge_that_likes_one_slot_shows(tmp_path: Path) -> None:
    several = [Candidate("one", True), Candidate("two", True)]
    examples = dataset_of(tmp_path / "examples", "chat_examples", [example(number) for number in range(12)])
    rows = [one for number in range(12) for one in said(f"m{number}", 1, 2, "AB")]
    made = write_preferences(
        examples, {f"m{number}": several for number in range(12)}, judgments_of(tmp_path / "judgments", rows),
        tmp_path / "made",
    )  # fmt: skip
    counts = made.manifest["counts"]
    assert made.count == 0 and counts["changed_mind"] == counts["first_picked"] == 12 and counts["flip_rate"] == 1
    assert any("likes one slot" in line for line in remarks(counts, simulated=False))


def test_what_a_model_wrote_is_read_as_a_reply() -> None:
    assert candidate(Output(" ja <\\SEP>", "stop", 3)) == Candidate("ja <SEP>", True)
    cut = candidate(Output(" ja und", "length", 2))
    assert cut == Candidate("ja und", False) and cut.completion == " ja und"
    with pytest.raises(InputError, match="numbered replies"):
        folds_of([msgspec.structs.replace(said("m1", 1, 2, "AA")[0], model_a="gpt")])
    with pytest.raises(InputError, match="judged twice"):
        folds_of([*said("m1", 1, 2, "AA"), *map(swapped, said("m1", 1, 2, "AA"))])
