"""What models will be tested on, from a user's file or dataset: prompts with their ids, each once.

Neighbours: `overlap` keeps training texts clear of them, tasks make test contexts of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from redraft.datasets.normalising import normalise
from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.documents.responding import as_user
from redraft.errors import InputError
from redraft.records import Conversation, Document

_TEXT_FIELDS = ("prompt", "instruction", "question", "text", "content")
_ID_FIELDS = ("id", "prompt_id", "context_id", "document_id")
# What tells which prompts belong together, as `redraft.judging.groups` reads it of contexts.
_GROUP_FIELDS = ("group", "user_id", "user", "document_id", "document")
_SUFFIXES = {".json", ".jsonl", ".txt"}


class Prompt(NamedTuple):
    """What a user says. `extra` is what tells whom or what it belongs to: those of one user or of one document are not
    independent."""

    prompt_id: str
    text: str
    extra: Mapping[str, Any] = {}


def read_prompts(source: Path) -> list[Prompt]:
    """Every prompt: of a dataset's contexts or documents, a JSON list, JSON lines or plain lines.

    A prompt is a text, or an object with `prompt` (instruction, question, text) or with `messages`, of which the
    user's count (texts, or the text parts of lists); and maybe `group`, `user_id` or `document_id`. A document is one
    as the user hands it in. Raises InputError naming file, row (blank lines do not count) and mend.
    """
    found = resolve_input(source)
    rows = _of_dataset(found) if found.is_dir() else _of_file(found)
    prompts: dict[str, Prompt] = {}
    ids: set[str] = set()
    for number, (row_id, text, fields) in enumerate(rows, 1):
        key = normalise(text)
        if key in prompts:
            continue
        name = row_id or f"p{number:04d}"
        if name in ids:
            raise InputError(f"{source} row {number}: the id {name!r} stands twice; give each prompt its own")
        ids.add(name)
        prompts[key] = Prompt(name, text, {one: fields[one] for one in _GROUP_FIELDS if one in fields})
    if not prompts:
        raise InputError(f"{source}: holds no prompt; give a JSON list of texts, JSON lines, or a line each")
    return list(prompts.values())


def _of_dataset(path: Path) -> Iterator[Prompt]:
    dataset = Dataset.open(path)
    if dataset.kind == "documents":
        documents: Iterable[Document] = dataset.rows()
        yield from (Prompt(one.document_id, as_user(one)) for one in documents)
        return
    if dataset.kind != "conversations":
        raise InputError(
            f"{path}: holds a dataset of {dataset.kind}; prompts are a dataset of conversations or documents, or a file"
        )
    for row in dataset.rows():
        context: Conversation = row
        text = _users((message.role, message.content) for message in context.messages)
        yield Prompt(context.conversation_id, text, context.extra)


def _of_file(path: Path) -> Iterator[Prompt]:
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path}: prompts are read from {', '.join(sorted(_SUFFIXES))} or a dataset; rename it")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeError) as fault:
        raise InputError(f"{path}: cannot be read ({fault})") from None
    if path.suffix == ".txt":
        yield from (Prompt("", line.strip()) for line in _lines(text))
        return
    for number, row in enumerate(_rows(path, text), 1):
        yield _prompt(path, number, row)


def _lines(text: str) -> Iterator[str]:
    """Those that are not blank. Only a line feed ends one: others that Unicode has may stand in a prompt."""
    return (line for line in text.split("\n") if line.strip())


def _rows(path: Path, text: str) -> Iterable[Any]:
    if path.suffix == ".jsonl":
        return (_json(f"{path} row {number}", line, "row") for number, line in enumerate(_lines(text), 1))
    rows = _json(str(path), text, "file")
    if not isinstance(rows, list):
        raise InputError(f'{path}: no list; write ["prompt", ...]')
    return cast("list[Any]", rows)


def _json(place: str, text: str, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise InputError(f"{place}: no JSON ({fault}); mend the {what}") from None


def _prompt(path: Path, number: int, row: Any) -> Prompt:
    fields: dict[str, Any] = {}
    if isinstance(row, str):
        text, row_id = row.strip(), ""
    elif isinstance(row, dict):
        fields = cast("dict[str, Any]", row)
        row_id = next((str(fields[name]) for name in _ID_FIELDS if fields.get(name) not in (None, "")), "")
        messages = fields.get("messages")
        if isinstance(messages, list):
            turns = [cast("dict[str, Any]", one) for one in cast("list[Any]", messages) if isinstance(one, dict)]
            text = _users((str(one.get("role")), _content(one.get("content"))) for one in turns)
        else:
            text = next((fields[name] for name in _TEXT_FIELDS if isinstance(fields.get(name), str)), "").strip()
    else:
        raise InputError(f"{path} row {number}: neither a text nor an object; write the prompt in quotes")
    if not text:
        raise InputError(f'{path} row {number}: no prompt in it; write it under "prompt", or leave the row out')
    return Prompt(row_id, text, fields)


def _content(content: Any) -> str:
    """A text, or the text parts of a list, as providers take them; "" where there is none."""
    if isinstance(content, list):
        parts = [cast("dict[str, Any]", one) for one in cast("list[Any]", content) if isinstance(one, dict)]
        return "".join(text for one in parts if isinstance(text := one.get("text"), str))
    return content if isinstance(content, str) else ""


def _users(messages: Iterable[tuple[str, str]]) -> str:
    return "\n\n".join(content for role, content in messages if role == "user").strip()
