"""How a row of each export is laid out; to add a trainer's format, add its layout to LAYOUTS.

Neighbours: `pairs` makes what stands in a row, `writing` writes the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from redraft.errors import InputError
from redraft.records import Message
from redraft.training.exporting.pairs import Pair

Row = dict[str, Any]
Conversation = tuple[Message, ...]

SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What a format makes of a conversation (the response to learn last) and of a pair; None where it has no such rows.

    `array` says that its readers take a JSON array too. Its readers start no job on fewer than `least` rows.
    """

    reader: str
    conversation: Callable[[Conversation], Row] | None = None
    pair: Callable[[Pair], Row] | None = None
    array: bool = False
    least: int = 1


def layout_for(name: str, preference: bool) -> Layout:
    """The layout called `name`, with the one kind of row that is asked for left in it.

    Raises InputError where the format has no such rows, or `preference` says what the format says already.
    """
    layout = LAYOUTS[name]
    if layout.conversation is None:
        if preference:
            raise InputError(f"--format {name} holds preference pairs anyway; leave --preference out")
        return layout
    if preference and layout.pair is None:
        with_pairs = ", ".join(other for other, one in LAYOUTS.items() if one.pair)
        raise InputError(f"--format {name} has no preference pairs; formats that have: {with_pairs}")
    if preference:
        return msgspec.structs.replace(layout, conversation=None)
    return msgspec.structs.replace(layout, pair=None)


def _plain(messages: Conversation) -> list[Row]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _response(text: str) -> list[Row]:
    return [{"role": "assistant", "content": text}]


def _together(messages: Conversation) -> Row:
    last = len(messages) - 1
    return {"messages": [{**row, "weight": int(i == last)} for i, row in enumerate(_plain(messages))]}


def _together_pair(pair: Pair) -> Row:
    return {
        "input": {"messages": _plain(pair.context)},
        "preferred_output": _response(pair.preferred),
        "non_preferred_output": _response(pair.rejected),
    }


def _openai(messages: Conversation) -> Row:
    """OpenAI knows a weight on the assistant's messages alone, and trains on all of them without it."""
    weighted = _together(messages)["messages"]
    return {"messages": [row if row["role"] == "assistant" else _without_weight(row) for row in weighted]}


def _without_weight(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "weight"}


def _openai_pair(pair: Pair) -> Row:
    row = _together_pair(pair)
    return {**row, "input": {**row["input"], "tools": [], "parallel_tool_calls": True}}


def _trl(messages: Conversation) -> Row:
    """Prompt and completion, and not messages: TRL masks the prompt, earlier responses with it."""
    return {"prompt": _plain(messages[:-1]), "completion": _response(messages[-1].content)}


def _trl_pair(pair: Pair) -> Row:
    return {
        "prompt": _plain(pair.context),
        "chosen": _response(pair.preferred),
        "rejected": _response(pair.rejected),
    }


def _sharegpt(messages: Conversation) -> Row:
    return {"conversations": [{"from": SPEAKERS[message.role], "value": message.content} for message in messages]}


LAYOUTS = {
    "sft": Layout(reader="Together", conversation=_together),
    "dpo": Layout(reader="Together", pair=_together_pair),
    "openai": Layout(reader="OpenAI", conversation=_openai, pair=_openai_pair, least=10),
    "trl": Layout(reader="TRL", conversation=_trl, pair=_trl_pair, array=True),
    "sharegpt": Layout(reader="trainers that read ShareGPT", conversation=_sharegpt, array=True),
}
