"""Contexts of one user or document are found to belong together."""

from __future__ import annotations

from typing import Any

import pytest

from redraft.judging.groups import clusters_of, group_of
from redraft.records import Comparison, Conversation, Message


@pytest.mark.parametrize(
    ("extra", "group"),
    [
        ({}, ""),
        ({"user_id": 7}, "user_id:7"),
        ({"user_id": " 7 ", "document": "d"}, "user_id:7"),
        ({"group": "", "document_id": "d"}, "document_id:d"),
        ({"user": None, "group": True, "document": ["d"]}, ""),
    ],
)
def test_the_first_filled_column_names_the_group(extra: dict[str, Any], group: str) -> None:
    assert group_of(Conversation(conversation_id="c", messages=(Message("user", "x"),), extra=extra)) == group


def test_a_context_without_a_group_is_one_of_its_own() -> None:
    def compared(name: str, group: str) -> Comparison:
        return Comparison(
            context_id=name, context=(), model_a="a", model_b="b", response_a="x", response_b="y", group=group
        )  # fmt: skip

    found = clusters_of([compared("1", "g"), compared("2", "g"), compared("g", ""), compared("3", "")])
    assert found is not None and found["1"] == found["2"] and len(set(found.values())) == 3
    assert clusters_of([compared("1", "g"), compared("2", "h"), compared("1", "g"), compared("3", "")]) is None
    assert compared("1", "g").swap().group == "g"
