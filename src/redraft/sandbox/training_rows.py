"""Together's check of an uploaded training file: one format per file, roles, integer weights, an assistant.

The rules are those that Together's own client enforced up to 2.10.0 and that run on its servers since.
Neighbours: `files` calls this after an upload.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec

FORMATS = {
    "CONVERSATION": (frozenset({"messages"}), frozenset({"messages", "tools", "weight"})),
    "INSTRUCTION": (frozenset({"prompt", "completion"}), frozenset({"prompt", "completion", "weight"})),
    "GENERAL": (frozenset({"text"}), frozenset({"text", "weight"})),
    "PREFERENCE": (
        frozenset({"input", "preferred_output", "non_preferred_output"}),
        frozenset({"input", "preferred_output", "non_preferred_output"}),
    ),
}
ROLES = frozenset({"system", "user", "assistant", "tool"})


class Report(msgspec.Struct, frozen=True):
    """`error` names the first bad line (counted from 1), None where all are fine."""

    lines: int
    error: str | None
    format: str | None = None
    weights: bool = False


class _Wrong(Exception):  # noqa: N818 - a finding about the user's data
    pass


def check_rows(path: Path, filetype: str) -> Report:
    """Checks the file line by line; Parquet files (tokenised data) are only known by their first bytes."""
    if filetype == "parquet":
        with path.open("rb") as file:
            whole = file.read(4) == b"PAR1"
        return Report(0, None if whole else "The file is not a Parquet file", "TOKENIZED")
    lines, found, weights = 0, None, False
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            lines += 1
            try:
                row = _row(line)
                kind = _format(row)
                if found not in (None, kind):
                    raise _Wrong(f"expected the format {found} of the lines before, found {kind}")
                found = kind
                weights |= _check(kind, row)
            except _Wrong as wrong:
                return Report(lines, f"Line {number}: {wrong}", found)
    return Report(lines, None, found, weights) if lines else Report(0, "The file has no samples")


def _row(line: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Wrong(f"not a JSON object ({error})") from None


def _format(row: dict[str, object]) -> str:
    fitting = [name for name, (needed, _) in FORMATS.items() if needed <= row.keys()]
    if len(fitting) != 1:
        raise _Wrong("no known format; expected `messages`, `prompt` and `completion`, `text`, or preference columns")
    if extra := row.keys() - FORMATS[fitting[0]][1]:
        raise _Wrong(f"Found extra column `{min(extra)}`")
    weight = row.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
        raise _Wrong("`weight` of a sample must be a non-negative number")
    return fitting[0]


def _check(kind: str, row: dict[str, object]) -> bool:
    """Raises _Wrong; else whether any message carries a weight."""
    if kind == "CONVERSATION":
        return _messages(row["messages"], "messages", needs_assistant=True)
    if kind == "PREFERENCE":
        side = row["input"]
        if not isinstance(side, dict):
            raise _Wrong("`input` must be an object with `messages`")
        _messages(cast("dict[str, object]", side).get("messages"), "input.messages", needs_assistant=False)
        for name in ("preferred_output", "non_preferred_output"):
            _messages(row[name], name, needs_assistant=True)
        return False
    for name in FORMATS[kind][0]:
        if not isinstance(row[name], str):
            raise _Wrong(f"`{name}` must be a string")
    return False


def _messages(value: object, name: str, needs_assistant: bool) -> bool:
    if not isinstance(value, list) or not value:
        raise _Wrong(f"`{name}` must be a non-empty list")
    roles: set[str] = set()
    weights = False
    for place, message in enumerate(cast("list[object]", value)):
        where = f"`{name}[{place}]`"
        if not isinstance(message, dict):
            raise _Wrong(f"{where} must be an object")
        fields = cast("dict[str, object]", message)
        role = fields.get("role")
        if not isinstance(role, str):
            raise _Wrong(f"{where} must contain a `role` field")
        if role not in ROLES:
            raise _Wrong(f"{where} has the unknown role `{role}`")
        roles.add(role)
        if not isinstance(fields.get("content"), str | list) and not (role == "assistant" and fields.get("tool_calls")):
            raise _Wrong(f"{where} must contain a `content` field")
        if "weight" in fields:
            weight = fields["weight"]
            if type(weight) is not int or weight not in (0, 1):
                raise _Wrong(f"{where} has the weight {weight!r}; it must be the integer 0 or 1")
            weights = True
    if needs_assistant and "assistant" not in roles:
        raise _Wrong(f"`{name}` must contain at least one assistant message")
    return weights
