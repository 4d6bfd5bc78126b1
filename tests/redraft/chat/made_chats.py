"""Chats of pseudonyms for tests: drawn by Hypothesis, kept as datasets, cut into units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from redraft.chat.examples import accepted
from redraft.chat.joining import Cutting, units
from redraft.chat.timeline import Chat
from redraft.chat_records import ChatMessage
from redraft.datasets.storage import Dataset, DatasetWriter

PERSON = "Person1"
BEGINNING = datetime(2024, 3, 1, 9, tzinfo=timezone(timedelta(hours=1)))
KINDS = ("text", "text", "text", "text", "edited", "media", "deleted", "system", "system_named", "call")

# What could be taken for a marker, a speaker, an end, or an escape of one of these.
pieces = st.sampled_from(
    ["<SYS>", "<SEP>", "<USR_A>", "<\\SEP>", "<\\\\USR_B>", "A: ", "\nB: ", "\n\\C: ", "\\", "\n", "<", ">", " ", "…",
     "ok", "😀", "\r", "\u2028", "<usr_a>", "USR_A>", "SEP>"]
)  # fmt: skip
texts = st.lists(st.one_of(pieces, st.text(st.characters(codec="utf-8"), max_size=4)), max_size=8).map("".join)


def message(number: int, author: str, minutes: float, text: str = "hello there", **other: Any) -> ChatMessage:
    """A message of chat1, `minutes` after the beginning; `other` are fields by name."""
    values = {
        "message_id": f"m{number}",
        "chat": "chat1",
        "author": author,
        "time": (BEGINNING + timedelta(minutes=minutes)).isoformat(),
        "text": text,
        "kind": "text",
        "place": f"chat1 line {number}",
    }
    return ChatMessage(**{**values, **other})


@st.composite
def chats(draw: st.DrawFn, most: int = 40, names: Sequence[str] = ("chat1",)) -> list[ChatMessage]:
    """Messages of each chat in the order of time, the person's among them."""
    made: list[ChatMessage] = []
    for name in names:
        minutes = 0.0
        for _ in range(draw(st.integers(0, most))):
            minutes += draw(st.sampled_from([0, 1, 1, 2, 3, 4, 60, 239, 241, 3000, -5]))
            kind = draw(st.sampled_from(KINDS))
            author = "" if kind == "system" else draw(st.sampled_from([PERSON, PERSON, "Person2", "Person3"]))
            text = draw(st.sampled_from(["ok", "", " ", "see you at the usual place then", "no", "yes <SEP>\nB: you?"]))
            made.append(message(len(made), author, minutes, text, kind=kind, chat=name))
    return made


def dataset_of(folder: Path, messages: Iterable[ChatMessage], rows_per_shard: int = 7) -> Dataset:
    with DatasetWriter(folder, "chat_messages", rows_per_shard) as writer:
        for one in messages:
            writer.add(one)
        return writer.finish()


def chat_of(messages: Iterable[ChatMessage], pause: float = 240, join: float | None = 3) -> Chat:
    """The messages as one chat; `pause` and `join` in minutes."""
    cutting = Cutting(pause * 60, None if join is None else join * 60)
    return Chat("chat1", PERSON, accepted(units(messages, PERSON, cutting), lambda rejection: None))


def talk(*texts: str) -> list[ChatMessage]:
    """Two people take turns, one a minute, the person second."""
    return [message(number, ("Person2", PERSON)[number % 2], number, text) for number, text in enumerate(texts)]


class CountingEmbedder:
    """Vectors that come of a text alone, by its letters. `asked` are all texts that were embedded."""

    model, revision = "letters", "letters@1"

    def __init__(self, dimensions: int = 8) -> None:
        self.asked: list[str] = []
        self._dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.stack([self.one(text) for text in texts])

    def one(self, text: str) -> NDArray[np.float32]:
        vector = np.bincount([ord(letter) % self._dimensions for letter in text] or [0], minlength=self._dimensions)
        return (vector / np.linalg.norm(vector)).astype(np.float32)
