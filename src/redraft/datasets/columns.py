"""Which kinds of record a dataset may hold, and what their columns are called.

Neighbours: `parquet` writes and reads the files, `storage` puts them together, `exporting` uses the same names.
"""

from __future__ import annotations

from functools import cache
from types import NoneType
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec

from redraft.chat_records import ChatExample, ChatMessage, ChatPreference, ChatTurn
from redraft.records import (
    Comparison,
    Completion,
    Conversation,
    Document,
    Example,
    Failure,
    Judgment,
    Message,
    Question,
    Rating,
    Response,
    Scenario,
)

KINDS: dict[str, type[msgspec.Struct]] = {
    "conversations": Conversation,
    "examples": Example,
    "scenarios": Scenario,
    "documents": Document,
    "questions": Question,
    "chat_messages": ChatMessage,
    "chat_examples": ChatExample,
    "chat_preferences": ChatPreference,
    "responses": Response,
    "comparisons": Comparison,
    "judgments": Judgment,
    "ratings": Rating,
    "completions": Completion,
    "failures": Failure,
}

# Where the published column is not called as the field is.
COLUMN_NAMES: dict[type[msgspec.Struct], dict[str, str]] = {
    Conversation: {"messages": "conversation_context"},
    Example: {
        "messages": "conversation_context",
        "original_response": "original_assistant_response",
        "request_key": "request_hash",
    },
}

# The order in which people know these columns; the fields that are not named follow.
FIRST_FIELDS: dict[type[msgspec.Struct], tuple[str, ...]] = {
    Conversation: ("conversation_id", "messages", "feedback_turn", "language", "category", "label"),
    Example: (
        "conversation_id",
        "improved",
        "generation_method",
        "original_response",
        "messages",
        "improvement_timestamp",
        "category",
    ),
}


@cache
def columns_of(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Field name → column name, in the order of the columns."""
    first = FIRST_FIELDS.get(struct, ())
    fields = [*first, *(name for name in struct.__struct_fields__ if name not in first)]
    names = COLUMN_NAMES.get(struct, {})
    return {field: names.get(field, field) for field in fields}


@cache
def types_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Column name → Python type, `X | None` as X: every column may be empty."""
    hints = get_type_hints(struct)
    return {column: _without_none(hints[field]) for field, column in columns_of(struct).items()}


@cache
def json_columns(struct: type[msgspec.Struct]) -> frozenset[str]:
    """Columns of free-form dictionaries, which are stored as JSON."""
    return frozenset(column for column, kind in types_of(struct).items() if kind == dict[str, Any])


@cache
def _nested_columns(struct: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(column for column, kind in types_of(struct).items() if get_origin(kind) in (tuple, dict))


def to_columns(record: msgspec.Struct) -> dict[str, object]:
    """A record as one row of its table; free-form dictionaries become JSON text."""
    return {column: _stored(getattr(record, field)) for field, column in columns_of(type(record)).items()}


def from_columns(struct: type[msgspec.Struct], row: dict[str, object]) -> msgspec.Struct:
    """The record that `to_columns` came from. A column that the row lacks takes the field's default.

    Raises msgspec.ValidationError where a value is not of the field's type.
    """
    nested, as_json = _nested_columns(struct), json_columns(struct)
    values: dict[str, object] = {}
    for field, column in columns_of(struct).items():
        if column not in row:
            continue
        value = row[column]
        if value is None and column in nested:
            continue
        values[field] = msgspec.json.decode(value) if column in as_json and isinstance(value, str) else value
    return msgspec.convert(values, struct)


def _stored(value: object) -> object:
    if isinstance(value, dict):
        return msgspec.json.encode(value, order="sorted").decode()
    if isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        return [_part(part) for part in parts]
    return value


def _part(value: object) -> object:
    if isinstance(value, Message):
        return {"role": value.role, "content": value.content}
    return msgspec.to_builtins(value) if isinstance(value, ChatTurn) else value


def _without_none(hint: Any) -> Any:
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(hint) and len(kinds) == 1 else hint
