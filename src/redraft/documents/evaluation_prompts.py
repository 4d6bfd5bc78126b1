"""What models will be tested on, from a user's file or dataset: prompts with their ids, each once.

Neighbours: `overlap` keeps training texts clear of them, tasks make test contexts of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.normalising import normalise
from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import Conversation

_TEXT_FIELDS = ("prompt", "instruction", "question", "text", "content")
_ID_FIELDS = ("id", "prompt_id", "context_id", "document_id")
_SUFFIXES = {".json", ".jsonl", ".txt"}


def read_prompts(source: Path) -> list[tuple[str, str]]:
    """(id, text) of every prompt: a dataset's contexts, a JSON list, JSON lines or plain lines.

    A prompt is a text, or an object with `prompt` (instruction, question, text) or with `messages`, of which the
    user's count. Raises InputError naming file, row and mend.
    """
    found = resolve_input(source)
    rows = _of_dataset(found) if found.is_dir() else _of_file(found)
    prompts: dict[str, tuple[str, str]] = {}
    ids: set[str] = set()
    for number, (row_id, text) in enumerate(rows, 1):
        key = normalise(text)
        if key in prompts:
            continue
        name = row_id or f"p{number:04d}"
        if name in ids:
            raise InputError(f"{source} row {number}: the id {name!r} stands twice; give each prompt its own")
        ids.add(name)
        prompts[key] = (name, text)
    if not prompts:
        raise InputError(f"{source}: holds no prompt; give a JSON list of texts, JSON lines, or a line each")
    return list(prompts.values())


def _of_dataset(path: Path) -> Iterator[tuple[str, str]]:
    dataset = Dataset.open(path)
    if dataset.kind != "conversations":
        raise InputError(
            f"{path}: holds a dataset of {dataset.kind}; prompts are a dataset of conversations, or a file"
        )
    for row in dataset.rows():
        context: Conversation = row
        yield context.conversation_id, _users((message.role, message.content) for message in context.messages)


def _of_file(path: Path) -> Iterator[tuple[str, str]]:
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path}: prompts are read from {', '.join(sorted(_SUFFIXES))} or a dataset; rename it")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeError) as fault:
        raise InputError(f"{path}: cannot be read ({fault})") from None
    if path.suffix == ".txt":
        yield from (("", line.strip()) for line in text.splitlines() if line.strip())
        return
    for number, row in enumerate(_rows(path, text), 1):
        yield _prompt(path, number, row)


def _rows(path: Path, text: str) -> Iterable[Any]:
    try:
        if path.suffix == ".jsonl":
            return [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
        rows = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise InputError(f"{path}: no JSON ({fault}); mend the file") from None
    if not isinstance(rows, list):
        raise InputError(f'{path}: no list; write ["prompt", ...]')
    return cast("list[Any]", rows)


def _prompt(path: Path, number: int, row: Any) -> tuple[str, str]:
    if isinstance(row, str):
        text, row_id = row.strip(), ""
    elif isinstance(row, dict):
        fields = cast("dict[str, Any]", row)
        row_id = next((str(fields[name]) for name in _ID_FIELDS if fields.get(name) not in (None, "")), "")
        messages = fields.get("messages")
        if isinstance(messages, list):
            turns = [cast("dict[str, Any]", one) for one in cast("list[Any]", messages) if isinstance(one, dict)]
            text = _users((str(one.get("role")), str(one.get("content", ""))) for one in turns)
        else:
            text = next((fields[name] for name in _TEXT_FIELDS if isinstance(fields.get(name), str)), "").strip()
    else:
        raise InputError(f"{path} row {number}: neither a text nor an object; write the prompt in quotes")
    if not text:
        raise InputError(f'{path} row {number}: no prompt in it; write it under "prompt", or leave the row out')
    return row_id, text


def _users(messages: Iterable[tuple[str, str]]) -> str:
    return "\n\n".join(content for role, content in messages if role == "user").strip()
