"""Whether an answer matches the schema it was asked for, and how it is asked for again where it does not.

Pure functions. Neighbours: `engine` refuses a schema that is none before anything is sent, `chains` re-asks a bounded
number of times.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, relevance
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from redraft.errors import ConfigurationError
from redraft.records import Message, Request

_REMINDER = (
    "That does not match the schema: {error}. Answer again with the JSON document alone, exactly as the schema "
    "demands, without explanation and without a code fence."
)
_LONGEST = 300


def require_schema(schema: dict[str, Any]) -> None:
    """Raises ConfigurationError where no answer could be held against the schema: it is none, or one of its references
    leads nowhere, out of it, or in a circle. Nothing is fetched."""
    try:
        _require_sound(msgspec.json.encode(schema, order="sorted"))
    except (RecursionError, TypeError, OverflowError, UnicodeError) as fault:
        raise ConfigurationError(f"the output schema is no JSON Schema: {_one_line(str(fault))}") from None


def mismatch(schema: dict[str, Any], text: str) -> str | None:
    """What is wrong with the answer, in one line, or None where it is a JSON document that the schema allows.

    Raises ConfigurationError where the schema itself is none.
    """
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        return _one_line(f"it is no JSON document ({fault})")
    errors: Iterator[ValidationError] = _validator(msgspec.json.encode(schema, order="sorted")).iter_errors(document)  # pyright: ignore[reportUnknownMemberType]
    try:
        error = max(errors, key=relevance, default=None)
    except (RecursionError, Unresolvable, ArithmeticError, ValueError) as fault:
        # Nested too deeply, or a number too large to reckon with: the answer was paid, and is not what was asked for.
        return _one_line(f"it cannot be held against the schema ({type(fault).__name__}: {fault})")
    if error is None:
        return None
    place = "/".join(str(part) for part in error.absolute_path)
    return _one_line(f"at {place}: {error.message}" if place else error.message)


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Draft202012Validator:
    decoded = msgspec.json.decode(schema)
    _check(decoded)
    # A registry of its own: the library's fetches what is not in it.
    return Draft202012Validator(decoded, registry=Registry[Any]())


def _check(schema: Any) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as fault:
        raise ConfigurationError(f"the output schema is no JSON Schema: {_one_line(fault.message)}") from None


@lru_cache(maxsize=64)
def _require_sound(schema: bytes) -> None:
    whole = DRAFT202012.create_resource(msgspec.json.decode(schema))
    _check(whole.contents)
    left: list[tuple[Resource[Any], Any]] = [(whole, Registry[Any]().resolver_with_root(whole))]
    seen: set[int] = set()
    while left:
        one, resolver = left.pop()
        if id(one.contents) in seen:
            continue
        seen.add(id(one.contents))
        left += [(inner, resolver.in_subresource(inner)) for inner in one.subresources()]
        left += [_meant(reference, resolver, seen) for reference in _references(one.contents)]


def _meant(reference: str, resolver: Any, sound: set[int]) -> tuple[Resource[Any], Any]:
    """The schema that a reference leads to in the end, and what looks up the references in it."""
    passed: set[int] = set()
    following = [reference]
    contents: Any = None
    while following:
        try:
            found = resolver.lookup(following[0])
        except (Unresolvable, ValueError):
            raise ConfigurationError(f"the output schema has no {_one_line(following[0])}; none is fetched") from None
        contents, resolver = found.contents, found.resolver
        if id(contents) in passed:
            raise ConfigurationError(f"the output schema: {_one_line(reference)} leads back to itself")
        passed.add(id(contents))
        if id(contents) not in sound:
            _check(contents)  # a reference may lead to what is no schema
        following = _references(contents)
    return DRAFT202012.create_resource(contents), resolver


def _references(contents: Any) -> list[str]:
    if not isinstance(contents, dict):
        return []
    schema = cast("dict[str, str]", contents)
    return [schema[name] for name in ("$ref", "$dynamicRef") if name in schema]


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
