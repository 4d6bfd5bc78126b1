"""Which contexts belong together: those of one user or of one document are not independent.

Neighbours: `stage` stores the group with each comparison, `verdict` takes the mapping as `clusters`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from redraft.errors import InputError
from redraft.records import Conversation

# The columns of a user's data that name a group, the first that is filled counts.
GROUP_COLUMNS = ("group", "user_id", "user", "document_id", "document")


# What a user may name, and the columns meant by it.
KINDS: dict[str, tuple[str, ...]] = {
    "user": ("user_id", "user"), "document": ("document_id", "document"), "group": ("group",), "none": (),
}  # fmt: skip


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


def kept_group(group: str, by: str) -> str:
    """The group where it is of the kind `by` (a key of KINDS; "" any), else ""."""
    return group if not by or group.partition(":")[0] in KINDS[by] else ""


class Grouped(Protocol):
    """A comparison, or what is left of one without its texts."""

    @property
    def context_id(self) -> str: ...
    @property
    def group(self) -> str: ...


def clusters_of(comparisons: Iterable[Grouped], by: str = "") -> dict[str, str] | None:
    """Context id → group, as `summarise(..., clusters=)` takes it; None where no two contexts share a group.

    A context without a group is one of its own, and so is one whose group is of another kind than `by`. InputError
    where contexts were to be grouped by something that none of them names.
    """
    clusters: dict[str, str] = {}
    grouped: dict[str, str] = {}
    others: dict[str, None] = {}
    shared = False
    for one in comparisons:
        group = kept_group(one.group, by)
        # Prefixed, so that an id can never be taken for a group's name.
        clusters[one.context_id] = f"in {group}" if group else f"alone {one.context_id}"
        if group:
            shared = shared or grouped.setdefault(group, one.context_id) != one.context_id
        elif one.group:
            others[one.group.partition(":")[0]] = None
    require_kind(by, others, found=bool(grouped))
    return clusters if shared else None


def require_kind(by: str, groups: Iterable[str], *, found: bool) -> None:
    """InputError, with what the contexts' `groups` are of, where they were to be grouped by what none of them names."""
    if by and by != "none" and not found:
        kinds = dict.fromkeys(group.partition(":")[0] for group in groups)
        known = f"they name {' and '.join(kinds)}" if kinds else "they name no group at all"
        raise InputError(f"no context names a {by} to group by; {known}")
