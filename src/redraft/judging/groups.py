"""Which contexts belong together: those of one user or of one document are not independent.

Neighbours: `stage` stores the group with each comparison, `verdict` takes the mapping as `clusters`.
"""

from __future__ import annotations

from collections.abc import Iterable

from redraft.records import Comparison, Conversation

# The columns of a user's data that name a group, the first that is filled counts.
GROUP_COLUMNS = ("group", "user_id", "user", "document_id", "document")


def group_of(context: Conversation) -> str:
    """What its data says the context belongs to: the first filled of GROUP_COLUMNS, or "" where none is.

    The column's name is part of it: user 7 and document 7 are different groups.
    """
    for column in GROUP_COLUMNS:
        value = context.extra.get(column)
        if isinstance(value, bool) or not isinstance(value, str | int):
            continue
        if named := str(value).strip():
            return f"{column}:{named}"
    return ""


def clusters_of(comparisons: Iterable[Comparison]) -> dict[str, str] | None:
    """Context id → group, as `summarise(..., clusters=)` takes it; None where no two contexts share a group.

    A context without a group is one of its own.
    """
    clusters: dict[str, str] = {}
    grouped: dict[str, str] = {}
    shared = False
    for one in comparisons:
        # Prefixed, so that an id can never be taken for a group's name.
        clusters[one.context_id] = f"in {one.group}" if one.group else f"alone {one.context_id}"
        if one.group:
            shared = shared or grouped.setdefault(one.group, one.context_id) != one.context_id
    return clusters if shared else None
