"""Whether an answer matches the schema it was asked for, and how it is asked for again where it does not.

Pure functions. Neighbours: `asking` re-asks a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, relevance

from redraft.errors import ConfigurationError
from redraft.records import Message, Request

_REMINDER = (
    "That does not match the schema: {error}. Answer again with the JSON document alone, exactly as the schema "
    "demands, without explanation and without a code fence."
)
_LONGEST = 300


def mismatch(schema: dict[str, Any], text: str) -> str | None:
    """What is wrong with the answer, in one line, or None where it is a JSON document that the schema allows.

    Raises ConfigurationError where the schema itself is none.
    """
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        return _one_line(f"it is no JSON document ({fault})")
    errors: Iterator[ValidationError] = _validator(msgspec.json.encode(schema, order="sorted")).iter_errors(document)  # pyright: ignore[reportUnknownMemberType]
    error = max(errors, key=relevance, default=None)
    if error is None:
        return None
    place = "/".join(str(part) for part in error.absolute_path)
    return _one_line(f"at {place}: {error.message}" if place else error.message)


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Draft202012Validator:
    decoded = msgspec.json.decode(schema)
    try:
        Draft202012Validator.check_schema(decoded)
    except SchemaError as fault:
        raise ConfigurationError(f"the output schema is no JSON Schema: {_one_line(fault.message)}") from None
    return Draft202012Validator(decoded)


def reask(request: Request, said: str, error: str) -> Request:
    """The same request once more, with what was said and what is wrong with it, under a key of its own."""
    more = (Message("assistant", said or "(empty)"), Message("user", _REMINDER.format(error=error)))
    kept = request.key_messages
    return msgspec.structs.replace(
        request,
        messages=(*request.messages, *more),
        key_messages=None if kept is None else (*kept, *more),
        attempt=request.attempt + 1,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
