"""Rows as conversations: whose words they are and in which order; what they mean is for `redraft.feedback`.

Understood are `conversation_context` (role, content), OpenAI's `messages` and ShareGPT's `conversations` (from,
value). Neighbour: `reading` supplies the rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from redraft.datasets.reading import place_of, read_rows
from redraft.datasets.sniffing import MESSAGE_KEYS
from redraft.datasets.storage import MANIFEST, Dataset
from redraft.errors import InputError
from redraft.records import Conversation, Message, Rejection, Role

ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "system": "system",
    "developer": "system",
}
# Where a row is no conversation, but what is asked of a model.
_QUESTION = "input"
PROCESSED_COLUMNS = ("improved", "generation_method", "original_assistant_response")


class _FaultError(Exception):
    """One word and one line: why a row is no conversation."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def read_conversations(path: Path) -> Iterator[Conversation | Rejection]:
    """Every row of `path` as a conversation or a rejection, in order. Raises InputError as `read_rows` does."""
    for number, row in read_rows(path):
        yield row if isinstance(row, Rejection) else to_conversation(row, place_of(path, number))


def to_conversation(row: dict[str, object], place: str) -> Conversation | Rejection:
    """A row of a user's file as a conversation; `category` stays as written.

    Reasons of rejection: no_messages, bad_role, bad_content, bad_id, bad_category, bad_label, bad_unicode.
    A row without an id gets one made of its content and the flag `id_made`.
    """
    rest = dict(row)
    try:
        messages = _messages(rest)
        row_id = _id(rest)
        conversation = Conversation(
            conversation_id=row_id or _made_id(messages),
            messages=messages,
            category=_category(rest),
            label=_label(rest),
            language=cast("str | None", _take(rest, "language", str)),
            feedback_turn=cast("int | None", _take(rest, "feedback_turn", int)),
            flags=_flags(rest) if row_id else (*_flags(rest), "id_made"),
            extra=cast("dict[str, Any]", rest),
        )
        _check_unicode(conversation)
    except _FaultError as fault:
        row_id = row.get("conversation_id")
        return Rejection(
            reason=fault.reason,
            detail=fault.detail,
            place=place,
            row_id=str(row_id) if isinstance(row_id, str | int) else None,
            row=json.dumps(row, default=str),
        )
    return conversation


def holds_questions(path: Path) -> bool:
    """Whether the rows at `path` are questions to answer, `{"input": "..."}`; tells by the first one."""
    if (path / MANIFEST).is_file():
        return False
    usable = (row for _, row in read_rows(path) if not isinstance(row, Rejection))
    first = next(usable, cast("dict[str, object]", {}))
    return _QUESTION in first and not any(first.get(key) for key in MESSAGE_KEYS)


def read_questions(path: Path) -> Iterator[Conversation | Rejection]:
    """Every row `{"input": "..."}` of `path` as a conversation of that one message of a user, the other columns beside
    it; or as a rejection. Raises InputError as `read_rows` does."""
    for number, row in read_rows(path):
        if isinstance(row, Rejection):
            yield row
        elif isinstance(text := row.get(_QUESTION), str):
            rest = {name: value for name, value in row.items() if name != _QUESTION}
            yield to_conversation(rest | {MESSAGE_KEYS[0]: [{"role": "user", "content": text}]}, place_of(path, number))
        else:
            detail = f"{_QUESTION} is {type(text).__name__}, not text" if text is not None else f"no column {_QUESTION}"
            place = place_of(path, number)
            yield Rejection(reason="no_question", detail=detail, place=place, row=json.dumps(row, default=str))


def is_processed(thing: dict[str, object] | Dataset) -> bool:
    """Whether a row or a dataset went through rewriting, so that it no longer ends with feedback."""
    if isinstance(thing, Dataset):
        return thing.kind == "examples"
    return any(column in thing for column in PROCESSED_COLUMNS)


def refuse_processed(path: Path) -> None:
    """Raise InputError where `path` holds rewritten conversations; reads no further than the first row."""
    if (path / MANIFEST).is_file():
        processed = is_processed(Dataset.open(path))
    else:
        usable = (row for _, row in read_rows(path) if not isinstance(row, Rejection))
        processed = is_processed(next(usable))
    if processed:
        raise InputError(
            f"{path}: already rewritten, its conversations end with the response and not with feedback; "
            "give the conversations from before rewriting"
        )


def _messages(rest: dict[str, object]) -> tuple[Message, ...]:
    key = next((key for key in MESSAGE_KEYS if rest.get(key)), None)
    if key is None:
        raise _FaultError("no_messages", f"none of {', '.join(MESSAGE_KEYS)} holds messages")
    value = rest.pop(key)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _FaultError("no_messages", f"{key} is text, not a list of messages") from None
    if not isinstance(value, list) or not value:
        raise _FaultError("no_messages", f"{key} is not a list of messages")
    items = cast("list[object]", value)
    return tuple(_message(item, turn) for turn, item in enumerate(items, start=1))


def _message(item: object, turn: int) -> Message:
    if not isinstance(item, dict):
        raise _FaultError("bad_content", f"message {turn} is not an object of role and content")
    message = cast("dict[str, object]", item)
    role = message.get("role", message.get("from"))
    known = ROLES.get(role.strip().lower()) if isinstance(role, str) else None
    if known is None:
        raise _FaultError("bad_role", f"message {turn} has the role {role!r}; known are {', '.join(ROLES)}")
    return Message(role=known, content=_content(message.get("content", message.get("value")), turn))


def _content(content: object, turn: int) -> str:
    """Text, or the text parts of OpenAI's list form; pictures and tool calls are not text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        parts = cast("list[object]", content)
        texts = [cast("dict[str, object]", part).get("text") for part in parts if isinstance(part, dict)]
        if len(texts) == len(parts) and all(isinstance(text, str) for text in texts):
            return "".join(cast("list[str]", texts))
    raise _FaultError("bad_content", f"message {turn} holds {type(cast('object', content)).__name__}, not text")


def _id(rest: dict[str, object]) -> str:
    for key in ("conversation_id", "id"):
        value = rest.get(key)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise _FaultError("bad_id", f"{key} is {type(value).__name__}, not text")
        del rest[key]
        return str(value)
    rest.pop("conversation_id", None)
    return ""


def _made_id(messages: tuple[Message, ...]) -> str:
    text = json.dumps([[message.role, message.content] for message in messages])
    return f"made-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _category(rest: dict[str, object]) -> str | None:
    value = rest.pop("category", None)
    if value is None or isinstance(value, str):
        return value
    raise _FaultError("bad_category", f"category is {type(value).__name__}, not text such as UR2")


def _label(rest: dict[str, object]) -> int | None:
    value = rest.pop("label", None)
    if isinstance(value, str) and value.strip().lstrip("+-").isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise _FaultError("bad_label", f"label is {value!r}, not +1 or -1")


def _take(rest: dict[str, object], key: str, kind: type) -> object:
    """The value under `key` if it is of `kind`; otherwise it stays where it is and travels along."""
    value = rest.get(key)
    if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
        rest.pop(key, None)
        return value
    return None


def _flags(rest: dict[str, object]) -> tuple[str, ...]:
    value = rest.get("flags")
    if isinstance(value, list) and all(isinstance(flag, str) for flag in cast("list[object]", value)):
        del rest["flags"]
        return tuple(cast("list[str]", value))
    return ()


def _check_unicode(conversation: Conversation) -> None:
    texts = [conversation.conversation_id, *(message.content for message in conversation.messages)]
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError as error:
        raise _FaultError("bad_unicode", f"half a character (lone surrogate) in a text: {error.reason}") from None
