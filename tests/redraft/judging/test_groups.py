"""Contexts of one user or document are found to belong together."""

from __future__ import annotations

from typing import Any

import pytest

from redraft.errors import InputError
from redraft.judging.groups import GROUP_COLUMNS, KINDS, clusters_of, group_of, kept_group
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


def test_groups_of_one_kind_can_be_asked_for() -> None:
    compared = [
        Comparison(context_id=str(n), context=(), model_a="a", model_b="b", response_a="x", response_b="y", group=group)
        for n, group in enumerate(("user_id:7", "user_id:7", "document:7", "document:7", ""))
    ]
    assert {column for columns in KINDS.values() for column in columns} == set(GROUP_COLUMNS)
    by_user = clusters_of(compared, "user")
    assert by_user is not None and by_user["0"] == by_user["1"] and len(set(by_user.values())) == 4
    assert len(set((clusters_of(compared) or {}).values())) == 3
    assert clusters_of(compared, "none") is None and kept_group("user:1", "none") == ""
    with pytest.raises(InputError, match="no context names a group to group by; they name user_id and document"):
        clusters_of(compared, "group")
    with pytest.raises(InputError, match="they name no group at all"):
        clusters_of(compared[4:], "user")
