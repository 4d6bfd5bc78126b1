"""Contexts hold what the examples hold, no more, and a voice that was trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat.rendering import read_context
from redraft.chat_records import ChatExample, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.imitating.contexts import LONGEST, contexts_of, voice_of, without_voice, write_contexts
from redraft.judging.groups import group_of
from redraft.records import Conversation

BEGINNING = datetime(2024, 3, 1, 9, tzinfo=UTC)
texts = st.lists(st.sampled_from(["<SEP>", "A: ", "\nB: ", "\n\\C: ", "…", "\n", "ok", "\u2028", '"', "é"]), max_size=5)
turns = st.builds(ChatTurn, st.sampled_from(["A", "B", "SYS"]), texts.map("".join))


def made(number: int, side: Any, context: Sequence[ChatTurn], reply: str, hours: float | None = None) -> ChatExample:
    time = (BEGINNING + timedelta(hours=number * 2 if hours is None else hours)).isoformat()
    return ChatExample(
        example_id=f"m{number}", chat="chat1", side=side, context=tuple(context), reply=reply, time=time, strategy="w"
    )


def dataset_of(folder: Path, examples: Sequence[ChatExample]) -> Dataset:
    with DatasetWriter(folder, "chat_examples", 7) as writer:
        for one in examples:
            writer.add(one)
        return writer.finish()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "preference", "test"]), st.lists(turns, max_size=4), texts.map("".join)),
        max_size=12,
    ),
    st.integers(0, 4),
    st.integers(0, 3),
)
def test_contexts_parse_back_and_the_voice_was_trained_on(rows: list[Any], voice: int, seed: int) -> None:
    examples = [made(number, *row) for number, row in enumerate(rows)]
    with TemporaryDirectory() as folder:
        dataset = dataset_of(Path(folder) / "examples", examples)
        wanted = [one for one in examples if one.side == "preference"]
        if not wanted:
            with pytest.raises(InputError, match="--preference-share"):
                list(contexts_of(dataset, "preference"))
            return
        written = write_contexts(dataset, "preference", Path(folder) / "contexts", voice=voice, seed=seed)
        contexts: list[Conversation] = list(written.rows())
        assert [one.conversation_id for one in contexts] == [one.example_id for one in wanted]
        assert written.manifest["parents"][0]["content_hash"] == dataset.content_hash
        own = {one.reply.strip() for one in wanted}
        trained = {one.reply for one in examples if one.side == "train" and one.reply.strip() not in {"", *own}}
        for context, example in zip(contexts, wanted, strict=True):
            assert read_context(without_voice(context.messages)) == example.context
            assert group_of(context).startswith("group:chat1 session ")
            shown = context.messages[: len(context.messages) - len(without_voice(context.messages))]
            said = [json.loads(line) for one in shown for line in one.content.split("\n")[1:]]
            assert len(set(said)) == len(said) == min(voice, len(trained)) and trained.issuperset(said)


def test_the_voice_is_spread_over_time_and_never_long(tmp_path: Path) -> None:
    replies = [f"reply {number}" for number in range(40)]
    examples = [made(number, "train", (), text) for number, text in enumerate(replies)]
    # One that is too long to be shown, the same again and again, and what was written last of all but not trained on.
    examples += [made(50, "train", (), "x" * (LONGEST + 1)), *(made(60 + one, "train", (), "ok") for one in range(30))]
    examples += [made(100, "preference", (), "kept back"), made(101, "test", (), "kept back, too")]
    dataset = dataset_of(tmp_path / "examples", examples)
    voices = {voice_of(dataset, 8, seed) for seed in range(20)}
    assert len(voices) > 10 and voice_of(dataset, 8, 3) == voice_of(dataset, 8, 3)
    # Whoever is asked about a reply is not shown it as one of the person's.
    known = dataset_of(tmp_path / "known", [*examples, made(102, "preference", (), "reply 7 ")])
    assert set(voice_of(known, 50)) == {*replies, "ok"}
    assert set(voice_of(known, 50, side="preference")) == {*replies, "ok"} - {"reply 7"}
    order = [*replies, "ok"]
    for voice in voices:
        places = [order.index(text) for text in voice]
        assert all(41 * part // 8 <= place < 41 * (part + 1) // 8 for part, place in enumerate(places))


def test_only_the_examples_that_are_named_and_their_sessions(tmp_path: Path) -> None:
    context = [ChatTurn("A", "hi")]
    hours = [0, 1, 20, 21, 21.5]
    examples = [made(number, "test", context, "yes", at) for number, at in enumerate(hours)]
    dataset = dataset_of(tmp_path / "examples", examples)
    found = list(contexts_of(dataset, "test", ids=["m4", "m1", "m2"], voice=0))
    assert [one.conversation_id for one in found] == ["m1", "m2", "m4"]
    assert [one.extra["group"] for one in found] == ["chat1 session 1", "chat1 session 2", "chat1 session 2"]
    assert all(len(one.messages) == 1 for one in found)
    with pytest.raises(InputError, match="conversations; give one of chat_examples"):
        list(contexts_of(write_contexts(dataset, "test", tmp_path / "contexts"), "test"))
