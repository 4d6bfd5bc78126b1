"""The sandbox picks messages as a model would: those that are asked for, of what it is shown, the same each time."""

from __future__ import annotations

import json

from redraft.sandbox.asking import Ask
from redraft.sandbox.chats import is_choice, picked

SCHEMA: dict[str, object] = {"type": "object", "properties": {"numbers": {"type": "array", "items": {}}}}


def ask(*texts: str, most: object = 3, schema: dict[str, object] | None = SCHEMA) -> Ask:
    messages = [{"number": number, "speaker": "A", "text": text} for number, text in enumerate(texts, 1)]
    said = json.dumps({"messages": messages, "most": most})
    return Ask(model="m", instructions=said, last_user=said, max_tokens=100, schema=schema)


def numbers(wanted: Ask, seed: int = 1) -> list[int]:
    return json.loads(picked(seed, wanted, b"content").text)["numbers"]


def test_shared_words_are_picked_from_afar() -> None:
    wanted = ask("the lasagne burned", *["other things"] * 9, "which lasagne?")
    assert 1 in numbers(wanted) and numbers(wanted) == numbers(wanted)
    assert all(1 in numbers(wanted, seed) for seed in range(5))
    assert len({tuple(numbers(wanted, seed)) for seed in range(20)}) > 1, "near ones are drawn"


def test_at_most_as_many_as_asked_and_never_the_last() -> None:
    wanted = ask(*["pasta again"] * 9, most=2)
    assert len(numbers(wanted)) == 2 and 9 not in numbers(wanted)


def test_only_such_requests_are_taken() -> None:
    assert is_choice(ask("a", "b"))
    assert not is_choice(ask("a", schema=None)) and not is_choice(ask("a", most="many")) and not is_choice(ask())
    assert not is_choice(ask("a", schema={"type": "object", "properties": {"numbers": {}, "why": {}}}))
