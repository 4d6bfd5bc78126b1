"""An answer that must match a schema: what is wrong with it is said, and it is asked for again so often and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling.plan import CallPlan
from redraft.calling.structured import mismatch, reask, require_schema
from redraft.errors import ConfigurationError
from redraft.records import Completion, Failure, Message, Outcome, Request

Asked = Callable[..., Request]
CallerAt = Callable[..., Any]

SCORE = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["score"],
    "additionalProperties": False,
}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_only_what_the_schema_allows_passes(value: Any) -> None:
    text = msgspec.json.encode({"score": value}).decode()
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5
    error = mismatch(SCORE, text)
    assert (error is None) == fits
    assert error is None or ("\n" not in error and len(error) <= 300)


@pytest.mark.parametrize("text", ["", "4", "{", '```json\n{"score": 4}\n```', '{"score": 4, "more": 1}', "[" * 100_000])
def test_everything_else_is_said_in_a_line(text: str) -> None:
    error = mismatch(SCORE, text)
    assert error and "\n" not in error


def test_a_schema_that_is_none_is_bad_input() -> None:
    with pytest.raises(ConfigurationError, match="no JSON Schema"):
        mismatch({"type": "nonsense"}, "{}")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"properties": {"a": {"pattern": "("}}},
        {"$ref": "#/$defs/gone"},
        {"items": {"$ref": "#anchor"}},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        {"properties": {"a": {"$ref": "other.json#/a"}}},
        {"$ref": "http://[x"},
        {"$ref": "#"},
        {"$ref": ""},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$ref": "#/$defs/a/type", "$defs": {"a": {"type": "string"}}},
        {"$ref": "#/more/a", "more": {"a": {"type": "nonsense"}}},
        {"$ref": "#/more/a", "more": {"a": {"items": {"$ref": "#/more/b"}}}},
        {"const": object()},
    ],
)
def test_a_schema_that_no_answer_can_be_held_against_is_refused_before_anything_is_sent(schema: Any) -> None:
    with pytest.raises(ConfigurationError, match="output schema") as caught:
        require_schema(schema)
    assert "\n" not in str(caught.value)


TREE = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}


@pytest.mark.parametrize(
    "schema",
    [
        SCORE,
        TREE,
        {},
        {"properties": {"$ref": {"type": "string"}}, "enum": [[], {"$ref": "#/nowhere"}]},
        {"items": {"$ref": "inner#there"}, "$defs": {"a": {"$id": "inner", "$defs": {"b": {"$anchor": "there"}}}}},
        {"items": {"$dynamicRef": "#node"}, "$dynamicAnchor": "node"},
        {"$ref": "#/more/a", "more": {"a": {"items": {"$ref": "#/more/b"}}, "b": True}},
    ],
)
def test_a_schema_whose_references_stay_within_it_is_sound(schema: Any) -> None:
    require_schema(schema)
    assert mismatch(schema, "[]") is None or schema is SCORE


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (TREE, "[" * 900 + "]" * 900),
        ({"items": {"$ref": "#/$defs/gone"}}, "[1]"),
        ({"items": {"$ref": "https://example.org/schema.json"}}, "[1]"),
        ({"multipleOf": 0.3}, "1" + "0" * 400),
    ],
)
def test_what_cannot_be_held_against_a_schema_is_a_mismatch(schema: Any, text: str) -> None:
    error = mismatch(schema, text)
    assert error and "cannot be held against the schema" in error and "\n" not in error and len(error) <= 300


def test_a_reask_has_a_key_of_its_own_and_shows_the_error() -> None:
    request = Request(
        model="m/x", messages=(Message("user", "rate"),), key_messages=(Message("user", "r"),), template="t@1",
        output_schema=SCORE, reasks=2,
    )  # fmt: skip
    again = reask(request, "6", "6 is too much")
    assert [m.role for m in again.messages] == ["user", "assistant", "user"]
    assert "6 is too much" in again.messages[-1].content
    assert again.key_messages is not None and again.key_messages[0].content == "r"
    assert len({one.key("e") for one in (request, again, reask(again, "6", "6 is too much"))}) == 3


def outcome(caller_at: CallerAt, url: str, request: Request, **options: Any) -> Outcome:
    async def run() -> Outcome:
        async with caller_at(url, **options) as caller:
            return await caller.call(request)

    return asyncio.run(run())


def test_an_answer_that_does_not_match_is_asked_for_again_with_the_error(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    sandbox.script("question 1", times=2, content='{"score": 9}')
    request = asked(1, model="anthropic:claude-haiku-5-5", output_schema=SCORE, reasks=2)
    first = outcome(caller_at, sandbox.url, request)
    assert isinstance(first, Completion) and mismatch(SCORE, first.text) is None
    assert sandbox.count("paid_calls") == 3
    one = outcome(caller_at, sandbox.url, asked(2, model="anthropic:claude-haiku-5-5", output_schema=SCORE, reasks=2))
    assert first.cost and one.cost and first.cost > 2 * one.cost, "all three asks are counted"
    again = outcome(caller_at, sandbox.url, request)
    assert isinstance(again, Completion) and again.reused and again.text == first.text
    assert sandbox.count("paid_calls") == 4, "a rerun pays nothing"


def test_an_answer_that_never_matches_is_a_failure_with_what_was_said(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    sandbox.script("question 1", times=0, content="I would say four.")
    request = asked(1, output_schema=SCORE, reasks=1)
    failed = outcome(caller_at, sandbox.url, request)
    assert isinstance(failed, Failure) and failed.reason == "unparseable" and failed.text == "I would say four."
    assert "asked 2 times" in failed.detail and failed.input_tokens > 0
    assert sandbox.count("paid_calls") == 2
    assert isinstance(outcome(caller_at, sandbox.url, request), Failure) and sandbox.count("paid_calls") == 2
    sandbox.post("/sandbox/reset")
    healed = outcome(caller_at, sandbox.url, request, plan=CallPlan(again=True))
    assert isinstance(healed, Completion), "asked again on request, after the asks that are recorded"


def test_without_reasks_reading_is_left_to_the_caller(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script("question 1", times=0, content="four")
    found = outcome(caller_at, sandbox.url, asked(1, output_schema=SCORE))
    assert isinstance(found, Completion) and found.text == "four" and sandbox.count("paid_calls") == 1
