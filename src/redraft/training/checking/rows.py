"""One decoded row, looked at closely: its format, columns, roles and their order, and whether anything is trained.

Neighbours: `shapes` passes plain good rows without this, `contents` checks single messages, `files` reads the rows.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

from redraft.training.checking.contents import (
    MOST_IMAGES,
    function_names,
    has_parts,
    images_in,
    message_findings,
    shown,
    shows_images,
    texts_in,
    tool_findings,
)
from redraft.training.checking.findings import Finding, kind_of
from redraft.training.checking.shapes import COLUMNS, Format, formats_of
from redraft.training.checking.turns import answers, call_findings, order_findings, training_findings

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
    """Of a good row: the texts before the assistant's last message, those from there on, and how many images there are.

    Of a preference row's two outputs the longer one counts.
    """
    match format:
        case Format.CONVERSATION:
            messages = row["messages"]
            last = answers(messages)[-1]
            # What follows the answer is cut first and costs nothing but its tokens.
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
            wrong = list(tool_findings("tools", row.get("tools")))
            yield from wrong
            functions = frozenset[str]() if wrong else function_names(row.get("tools"))
            yield from _messages("messages", row["messages"], functions, preference=False)
        case Format.PREFERENCE:
            wrong = list(_preference(row))
            yield from wrong
            if not wrong and _said(row["preferred_output"]) == _said(row["non_preferred_output"]):
                mend = "says what preferred_output says, so nothing is preferred; remove the row"
                yield Finding("same", "non_preferred_output", mend)
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
    # An integer may be too large to become a float.
    if number is None or number < 0 or number > sys.float_info.max or math.isnan(number):
        yield Finding("weight", "weight", f"is {shown(weight)}; a row's weight must be a number of 0 or more")


def _preference(row: dict[str, object]) -> Iterator[Finding]:
    value, functions = row["input"], frozenset[str]()
    if not isinstance(value, dict):
        yield Finding("wrong_type", "input", f"is {kind_of(value)}; must be an object with messages")
    else:
        entry = cast("dict[str, object]", value)
        for key in sorted(entry.keys() - {"messages", "tools"}):
            yield Finding("unknown_column", f"input.{key}", "is not known here; remove it")
        wrong = list(tool_findings("input.tools", entry.get("tools")))
        yield from wrong
        functions = functions if wrong else function_names(entry.get("tools"))
        if "messages" not in entry:
            yield Finding("missing_column", "input.messages", "is missing")
        else:
            yield from _messages("input.messages", entry["messages"], functions, preference=True)
    for name in ("preferred_output", "non_preferred_output"):
        yield from _output(name, row[name], functions)


def _output(field: str, value: object, functions: frozenset[str]) -> Iterator[Finding]:
    if not isinstance(value, list) or len(cast("list[object]", value)) != 1:
        yield Finding("wrong_type", field, "must be a list with exactly one message, of the assistant")
        return
    [message] = cast("list[object]", value)
    found = list(message_findings(f"{field}[0]", message))
    yield from found
    if found:
        return
    entry = cast("dict[str, Any]", message)
    if entry["role"] != "assistant":
        yield Finding("role", f"{field}[0].role", f"is {entry['role']}; must be assistant")
    elif entry.get("weight") == 0:
        yield Finding("weight", f"{field}[0].weight", "is 0 on an output, which is what is learned from; remove it")
    else:
        yield from call_findings(field, [entry], functions)


def _said(output: Any) -> dict[str, Any]:
    """An output without what the model does not see."""
    return {key: value for key, value in output[0].items() if key not in ("weight", "name") and value is not None}


def _messages(field: str, value: object, functions: frozenset[str], *, preference: bool) -> Iterator[Finding]:
    if not isinstance(value, list) or not value:
        yield Finding("wrong_type", field, "must be a list with at least one message")
        return
    listed = cast("list[object]", value)
    found = [one for place, message in enumerate(listed) for one in message_findings(f"{field}[{place}]", message)]
    if found:
        yield from found
        return
    messages = cast("list[dict[str, Any]]", listed)
    disorder = list(order_findings(field, messages))
    # Which call an answer is for can be told where they stand in order.
    yield from disorder or call_findings(field, messages, functions)
    if not preference:
        yield from training_findings(field, messages)
    elif messages[-1]["role"] not in ("user", "tool") and not disorder:
        mend = f"is the {messages[-1]['role']}'s; the two outputs follow here, so the input must end with the user or "
        yield Finding("order", f"{field}[{len(messages) - 1}]", f"{mend}a tool")
    yield from _parts(field, messages)


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
    if images and any("weight" in message for message in messages):
        for place, message in enumerate(messages):
            if shows_images(message) and "weight" not in message:
                mend = "is missing where other messages have one, so it counts as 1, but images are not trained; add 0"
                yield Finding("weight", f"{field}[{place}].weight", mend)


def _all_texts(messages: list[dict[str, Any]]) -> list[str]:
    return [text for message in messages for text in texts_in(message)]


def _tools(row: Mapping[str, Any]) -> list[str]:
    return [str(tool) for tool in row.get("tools") or ()]
