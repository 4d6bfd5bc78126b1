"""The four formats that the provider trains on, and the quick way to tell that a row has nothing wrong.

A row is decoded straight into its format's type. What is unusual but allowed (tools, images) and what is wrong does
not fit these types; `rows` looks at it closely. So a type here may refuse a good row, and must never accept a bad one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec


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


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class _Message(_Strict):
    role: Literal["system", "user", "assistant"]
    content: str
    # Absent means 1: what the assistant says is trained unless a row says otherwise.
    weight: Literal[0, 1] = 1


class _Conversation(_Strict):
    messages: list[_Message]
    weight: float = 1.0


class _Weighted(_Strict):
    role: Literal["system", "user", "assistant"]
    content: str
    weight: Literal[0, 1]


class _Feedback(_Strict):
    messages: list[_Weighted]


class _Instruction(_Strict):
    prompt: str
    completion: str
    weight: float = 1.0


class _Text(_Strict):
    text: str
    weight: float = 1.0


class _Input(_Strict):
    messages: list[_Message]


class _Preference(_Strict):
    input: _Input
    preferred_output: list[_Message]
    non_preferred_output: list[_Message]


def _plain(messages: Sequence[_Message | _Weighted], ends: str) -> list[str] | None:
    """The contents where user and assistant alternate after an optional system message and none is empty.

    `ends`: "trained" where an assistant's message must have a weight above 0, "user" where the user's must be last.
    """
    if not messages:
        return None
    contents: list[str] = []
    expected, trained = "user", False
    for place, message in enumerate(messages):
        role, content = message.role, message.content
        if not content or content.isspace():
            return None
        contents.append(content)
        if role == "system":
            if place:
                return None
            continue
        if role != expected:
            return None
        if role == "assistant":
            expected = "user"
            trained = trained or message.weight == 1
        else:
            expected = "assistant"
    return contents if (trained if ends == "trained" else expected == "assistant") else None


def _conversation(row: _Conversation) -> list[str] | None:
    return _plain(row.messages, "trained") if row.weight >= 0 else None


def _instruction(row: _Instruction) -> list[str] | None:
    good = row.prompt.strip() and row.completion.strip() and row.weight >= 0
    return [row.prompt, row.completion] if good else None


def _text(row: _Text) -> list[str] | None:
    return [row.text] if row.text and not row.text.isspace() and row.weight >= 0 else None


def _preference(row: _Preference) -> list[str] | None:
    contents, longest = _plain(row.input.messages, "user"), ""
    if contents is None:
        return None
    for output in (row.preferred_output, row.non_preferred_output):
        if len(output) != 1 or output[0].role != "assistant" or not output[0].content.strip():
            return None
        longest = max(longest, output[0].content, key=len)
    return [*contents, longest]


_QUICK: Mapping[Format, tuple[Any, Callable[[Any], list[str] | None]]] = {
    Format.CONVERSATION: (_Conversation, _conversation),
    Format.INSTRUCTION: (_Instruction, _instruction),
    Format.TEXT: (_Text, _text),
    Format.PREFERENCE: (_Preference, _preference),
}


def quick(format: Format) -> Callable[[bytes], list[str] | None]:
    """A function of one line: the texts that the model will see, or None where the row must be looked at closely.

    Of a preference row's two outputs only the longer one is among the texts, since each is trained in a row of its own.
    """
    shape, texts = _QUICK[format]
    decode = msgspec.json.Decoder(shape).decode

    def read(line: bytes) -> list[str] | None:
        try:
            return texts(decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    return read


def quick_feedback() -> Callable[[bytes], bool]:
    """A function of one line: whether it is good as `validator` wants files made from feedback; False is no verdict."""
    decode = msgspec.json.Decoder(_Feedback).decode

    def read(line: bytes) -> bool:
        try:
            messages = decode(line).messages
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        if _plain(messages, "trained") is None or any(m.weight and m.role != "assistant" for m in messages):
            return False
        return messages[-1].role == "assistant" and messages[-1].weight == 1

    return read


def formats_of(columns: Mapping[str, object]) -> list[Format]:
    """The formats whose required columns are all there."""
    return [format for format, (required, _) in COLUMNS.items() if all(name in columns for name in required)]
