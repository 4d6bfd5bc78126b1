"""What a judge is asked about an adapter's replies: every two that differ, once, as the stage itself draws them."""

from __future__ import annotations

import asyncio
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat_records import ChatExample, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError, PartialError
from redraft.imitating.preference_counts import PreferenceCounts
from redraft.imitating.preferences import EQUAL
from redraft.imitating.tokens import TOKENS
from redraft.judging.settled import presettled
from redraft.records import Response
from redraft.training.adapting.bases import AdapterNotes, write_notes
from redraft.training.adapting.generating import GENERATIONS, Generation
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.adapting.writing import Output
from tasks.chat_ranking import (
    _rows,  # pyright: ignore[reportPrivateUsage]
    prompts_to_rank,
    replies_to_judge,
    require_pairs,
    round_to_judge,
    trained_length,
)
from tasks.ranking_places import RankingPlaces


def examples_in(folder: Path, count: int) -> Dataset:
    with DatasetWriter(folder, "chat_examples", 3) as writer:
        for number in range(count):
            writer.add(
                ChatExample(
                    example_id=f"m{number}",
                    chat="chat1",
                    side="preference",
                    context=(ChatTurn("A", f"hi {number}"),),
                    reply="real",
                    time="2024-03-01T09:00:00+01:00",
                    strategy="window",
                )
            )
        return writer.finish()


async def laid_out(folder: Path, written: list[list[str]]) -> RankingPlaces:
    """The stage up to the judge, with replies that are given; none to a prompt is one that is too long."""
    input, output = str(examples_in(folder / "examples", len(written)).path), str(folder / "out")
    places = RankingPlaces(output)
    assert await prompts_to_rank.fn(input, output, 3, None, 0) == len(written)
    rows = [
        Generation(number, tuple(Output(f" {text}", "stop", 2) for text in texts), "" if texts else "too_long")
        for number, texts in enumerate(written, 1)
    ]
    Path(places.generations).mkdir()
    (Path(places.generations) / GENERATIONS).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    await replies_to_judge.fn(input, output, 3, 0, 0, False)
    return places


texts = st.lists(st.sampled_from(["ja", "nö", ""]), min_size=3, max_size=3)


@settings(max_examples=20)
@given(st.lists(st.one_of(texts, texts, texts, st.just([])), min_size=1, max_size=8).filter(any))
def test_every_two_different_replies_are_asked_about_once(
    tmp_path_factory: pytest.TempPathFactory, written: list[list[str]]
) -> None:
    places = asyncio.run(laid_out(tmp_path_factory.mktemp("asked"), written))
    compared = round_to_judge(places.output, 3)
    kept = [number for number, several in enumerate(written) if several]
    assert [one.conversation_id for one in compared.contexts.rows()] == [f"m{number}" for number in kept]
    for answers in compared.answers:
        rows: list[Response] = list(answers.rows())
        assert [shard.rows for shard in answers.shards] == [shard.rows for shard in compared.contexts.shards]
        assert answers.manifest["calls"] == 0 and {one.failure for one in rows if one.text is None} <= {EQUAL}
    asked = [one for one in compared.comparisons() if presettled(one, "judge") is None]
    expected = [(f"m{number}", *sorted(two)) for number in kept
                for two in combinations(set(written[number]) - {""}, 2)]  # fmt: skip
    assert sorted((one.context_id, *sorted((one.response_a or "", one.response_b or ""))) for one in asked) == sorted(
        expected
    )


def test_prompts_without_replies_and_wavering_are_told() -> None:
    counts = PreferenceCounts({}).as_manifest() | {"wavered": 3}
    rows = dict(_rows(counts, 2))
    assert rows["prompts too long, without replies"] == 2 and rows["a winner in one order, a tie in the other"] == 3


def test_replies_are_written_to_prompts_as_long_as_those_that_were_trained_on(tmp_path: Path) -> None:
    assert trained_length(str(tmp_path)) == GenerationSettings().max_tokens
    notes = AdapterNotes(
        base_model="m", revision="r", found="m", prepared="p", prepared_sha256="", tokens=TOKENS, max_tokens=777,
        plan_sha256="", simulated=False,
    )  # fmt: skip
    (tmp_path / "adapter_config.json").write_text("{}")
    write_notes(tmp_path, notes)
    assert trained_length(str(tmp_path)) == 777


def test_what_cannot_be_ranked_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no prompt has 3 replies"):
        asyncio.run(laid_out(tmp_path, [[]]))
    counts: dict[str, Any] = {"compared": 10, "pairs": 3, "unusable": 1, "unusable_by_reason": {"judge_refused": 1}}
    require_pairs({"counts": counts}, 0.1)
    with pytest.raises(PartialError, match="1 of 10 comparisons have no verdict"):
        require_pairs({"counts": counts}, 0.05)
    with pytest.raises(PartialError, match="nothing to learn"):
        require_pairs({"counts": counts | {"pairs": 0}}, 0.1)
