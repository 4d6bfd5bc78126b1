"""One decoded row, looked at closely: its format, columns, roles and their order, and whether anything is trained.

Neighbours: `shapes` passes plain good rows without this, `contents` checks single messages, `files` reads the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

from redraft.training.checking.contents import (
    MOST_IMAGES,
    has_parts,
    images_in,
    message_findings,
    texts_in,
    tool_findings,
)
from redraft.training.checking.findings import Finding, kind_of
from redraft.training.checking.shapes import COLUMNS, Format, formats_of

_KNOWN = "messages; prompt and completion; text; or input, preferred_output and non_preferred_output"


def row_findings(row: object, format: Format | None) -> Iterator[Finding]:
    """The faults of one row of a file of `format`; None where the file's format could not be told."""
    if not isinstance(row, dict):
        yield Finding("not_object", "row", f"is {kind_of(row)}; must be a JSON object")
        return
    columns = cast("dict[str, object]", row)
    fits = formats_of(columns)
    if len(fits) > 1:
        both = " and ".join(format.value for format in fits)
        yield Finding("mixed_formats", "row", f"has the columns of two formats, {both}; keep those of one")
        return
    if format is None and not fits:
        yield Finding("missing_column", "row", f"has the columns of no format; expected {_KNOWN}")
        return
    if format is not None and fits and fits[0] is not format:
        mend = f"is of the {fits[0]} format in a {format} file; a file holds one format"
        yield Finding("mixed_formats", "row", mend)
        return
    kind = format or fits[0]
    required, allowed = COLUMNS[kind]
    for column in required:
        if column not in columns:
            yield Finding("missing_column", column, f"is missing; a row of the {kind} format has it")
    for column in sorted(columns.keys() - {*required, *allowed}):
        yield Finding("unknown_column", column, f"is no column of the {kind} format; remove it")
    if "weight" in allowed and "weight" in columns:
        yield from _sample_weight(columns["weight"])
    if set(required) <= columns.keys():
        yield from _of_format(kind, columns)


def texts_of(row: Mapping[str, Any], format: Format) -> tuple[list[str], list[str], int]:
    """Of a good row: the texts before what is trained last, those of that, and how many images there are.

    Of a preference row's two outputs the longer one counts.
    """
    match format:
        case Format.CONVERSATION:
            messages = row["messages"]
            last = max(place for place, message in enumerate(messages) if _is_trained(message))
            # What follows the last trained message is cut first and costs nothing but its tokens.
            after = [text for message in messages[last:] for text in texts_in(message)]
            return _tools(row) + _all_texts(messages[:last]), after, images_in(messages)
        case Format.PREFERENCE:
            messages = row["input"]["messages"]
            outputs = (texts_in(row[name][0]) for name in ("preferred_output", "non_preferred_output"))
            longest = max(outputs, key=lambda texts: sum(map(len, texts)))
            return _tools(row["input"]) + _all_texts(messages), longest, images_in(messages)
        case Format.INSTRUCTION:
            return [row["prompt"]], [row["completion"]], 0
        case _:
            return [], [row["text"]], 0


def _of_format(format: Format, row: dict[str, object]) -> Iterator[Finding]:
    match format:
        case Format.CONVERSATION:
            yield from tool_findings("tools", row.get("tools"))
            yield from _messages("messages", row["messages"], preference=False)
        case Format.PREFERENCE:
            yield from _input(row["input"])
            for name in ("preferred_output", "non_preferred_output"):
                yield from _output(name, row[name])
        case _:
            for name in COLUMNS[format][0]:
                yield from _string(name, row[name])


def _string(field: str, value: object) -> Iterator[Finding]:
    if not isinstance(value, str):
        yield Finding("wrong_type", field, f"is {kind_of(value)}; must be a string")
    elif not value.strip():
        yield Finding("empty", field, "is empty; write the text or remove the row")


def _sample_weight(weight: object) -> Iterator[Finding]:
    number = weight if isinstance(weight, int | float) and not isinstance(weight, bool) else None
    if number is None or not math.isfinite(number) or number < 0:
        shown = kind_of(weight) if number is None else number
        yield Finding("weight", "weight", f"is {shown}; a row's weight must be a number of 0 or more")


def _input(value: object) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding("wrong_type", "input", f"is {kind_of(value)}; must be an object with messages")
        return
    entry = cast("dict[str, object]", value)
    for key in sorted(entry.keys() - {"messages", "tools"}):
        yield Finding("unknown_column", f"input.{key}", "is not known here; remove it")
    yield from tool_findings("input.tools", entry.get("tools"))
    if "messages" not in entry:
        yield Finding("missing_column", "input.messages", "is missing")
    else:
        yield from _messages("input.messages", entry["messages"], preference=True)


def _output(field: str, value: object) -> Iterator[Finding]:
    if not isinstance(value, list) or len(cast("list[object]", value)) != 1:
        yield Finding("wrong_type", field, "must be a list with exactly one message, of the assistant")
        return
    message = cast("list[object]", value)[0]
    found = list(message_findings(f"{field}[0]", message))
    yield from found
    role = cast("dict[str, object]", message).get("role") if isinstance(message, dict) else None
    if not found and role != "assistant":
        yield Finding("role", f"{field}[0].role", f"is {role}; must be assistant")


def _messages(field: str, value: object, *, preference: bool) -> Iterator[Finding]:
    if not isinstance(value, list) or not value:
        yield Finding("wrong_type", field, "must be a list with at least one message")
        return
    listed = cast("list[object]", value)
    found = [one for place, message in enumerate(listed) for one in message_findings(f"{field}[{place}]", message)]
    if found:
        yield from found
        return
    messages = cast("list[dict[str, Any]]", listed)
    yield from _order(field, messages)
    if preference:
        if messages[-1]["role"] == "assistant":
            mend = "is the assistant's; the two outputs follow here, so the input must end with the user or a tool"
            yield Finding("order", f"{field}[{len(messages) - 1}]", mend)
    elif not any(map(_is_trained, messages)):
        speaks = any(message["role"] == "assistant" for message in messages)
        mend = "every message of the assistant has weight 0; give one weight 1" if speaks else "no assistant speaks"
        yield Finding("untrained", field, f"{mend}: nothing of the row would be trained")
    yield from _parts(field, messages)


def _order(field: str, messages: list[dict[str, Any]]) -> Iterator[Finding]:
    """User and assistant take turns after an optional system message; tools answer an assistant that called them."""
    expected: tuple[str, ...] = ("system", "user")
    for place, message in enumerate(messages):
        role = message["role"]
        if role not in expected:
            yield Finding("order", f"{field}[{place}].role", f"is {role}, expected {_reason(role, expected)}")
            return
        match role:
            case "system":
                expected = ("user",)
            case "user":
                expected = ("assistant",)
            case "assistant":
                expected = ("tool",) if message.get("tool_calls") else ("user",)
            case _:
                expected = ("tool", "assistant")


def _reason(role: str, expected: tuple[str, ...]) -> str:
    if role == "system":
        return f"{expected[-1]}: a system message stands first"
    if role == "tool":
        return f"{expected[-1]}: a tool answers an assistant's tool_calls"
    if expected == ("tool",):
        return "tool: the assistant called one, and its answer follows"
    return f"{expected[-1]}: user and assistant alternate"


def _parts(field: str, messages: list[dict[str, Any]]) -> Iterator[Finding]:
    written = [(place, has_parts(message)) for place, message in enumerate(messages) if message.get("content")]
    for place, parts in written:
        if parts != written[0][1]:
            mend = "texts and lists of parts do not mix in a row; write all contents in one of the two ways"
            yield Finding("image", f"{field}[{place}].content", mend)
            return
    images = images_in(messages)
    if images > MOST_IMAGES:
        yield Finding("image", field, f"holds {images} images; a row may have {MOST_IMAGES}")


def _is_trained(message: Mapping[str, Any]) -> bool:
    return message["role"] == "assistant" and message.get("weight", 1) == 1


def _all_texts(messages: list[dict[str, Any]]) -> list[str]:
    return [text for message in messages for text in texts_in(message)]


def _tools(row: Mapping[str, Any]) -> list[str]:
    return [str(tool) for tool in row.get("tools") or ()]
