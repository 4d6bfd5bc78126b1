"""A model call in no provider's words: what is asked, what is replied, and the form that translates.

Neighbours: `chat` and `anthropic_messages` are the forms, `calls` serves what they read.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from redraft.sandbox.dialects import Dialect
from redraft.sandbox.schemas import Schema

Ending = Literal["stop", "length", "refusal"]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """`instructions` is all text of the request, `last_user` the last user message.

    `schema` is the JSON Schema that the answer must match, `tool` the tool whose arguments it describes.
    """

    model: str
    instructions: str
    last_user: str
    max_tokens: int
    schema: Schema | None = None
    tool: str | None = None
    count: int = 1

    @property
    def input_tokens(self) -> int:
        return tokens(self.instructions)


class Reply(msgspec.Struct, frozen=True):
    """One answer. `ending` may also be a scripted word, which the form passes on as it is.

    `planted` is the name of the defect that it has on purpose, empty where it has none.
    """

    text: str
    ending: str = "stop"
    planted: str = ""

    @property
    def output_tokens(self) -> int:
        return max(1, tokens(self.text))


class Form(Protocol):
    """One provider's shape of requests and answers."""

    @property
    def dialect(self) -> Dialect: ...

    def read(self, body: dict[str, object]) -> Ask:
        """What the body asks. Raises Denied in the provider's words where the provider would refuse it."""
        ...

    def write(self, ask: Ask, replies: list[Reply], fingerprint: str, created: int) -> dict[str, object]:
        """The answer's JSON body; `fingerprint` is 64 hex digits that differ from answer to answer."""
        ...


def tokens(text: str) -> int:
    """Plausible tokens of a text: a quarter of its characters."""
    return (len(text) + 3) // 4
