"""The formats that the provider trains on, their columns, and the types that plain good rows fit.

Neighbours: `quick` decodes into these types and looks at the values; what fits none is for `rows` to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType


class Format(StrEnum):
    CONVERSATION = "conversation"
    INSTRUCTION = "instruction"
    TEXT = "text"
    PREFERENCE = "preference"
    TOKENS = "tokens"


# The columns of each format: those that a row must have, and those that it may.
COLUMNS: Mapping[Format, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Format.CONVERSATION: (("messages",), ("tools", "weight")),
    Format.INSTRUCTION: (("prompt", "completion"), ("weight",)),
    Format.TEXT: (("text",), ("weight",)),
    Format.PREFERENCE: (("input", "preferred_output", "non_preferred_output"), ()),
}
# Tokenised rows stand in Parquet; only the first is required.
TOKEN_COLUMNS = ("input_ids", "attention_mask", "labels", "position_ids")


def formats_of(columns: Mapping[str, object]) -> list[Format]:
    """The formats whose required columns are all there."""
    return [format for format, (required, _) in COLUMNS.items() if all(name in columns for name in required)]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class Message(_Strict):
    role: Literal["system", "user", "assistant"]
    content: str
    weight: Literal[0, 1] | UnsetType = UNSET
    name: str | None = None


class Conversation(_Strict):
    messages: list[Message]
    tools: Raw | UnsetType = UNSET
    weight: float = 1.0


class _Part(_Strict):
    type: Literal["text"]
    text: str


class _Function(_Strict):
    name: Annotated[str, Meta(min_length=1)]
    arguments: str


class _Call(_Strict):
    id: Annotated[str, Meta(min_length=1)]
    function: _Function
    type: Literal["function"] = "function"


class RichMessage(_Strict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    weight: Literal[0, 1] | UnsetType = UNSET
    name: str | None = None
    tool_calls: Annotated[list[_Call], Meta(min_length=1)] | None = None
    tool_call_id: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class RichConversation(_Strict):
    messages: list[RichMessage]
    tools: Raw | UnsetType = UNSET
    weight: float = 1.0


class Instruction(_Strict):
    prompt: str
    completion: str
    weight: float = 1.0


class Text(_Strict):
    text: str
    weight: float = 1.0


class _Input(_Strict):
    messages: list[Message]
    tools: Raw | UnsetType = UNSET


class Preference(_Strict):
    input: _Input
    preferred_output: list[Message]
    non_preferred_output: list[Message]


class Weighted(_Strict):
    role: Literal["system", "user", "assistant"]
    content: str
    weight: Literal[0, 1]


class Feedback(_Strict):
    messages: list[Weighted]
