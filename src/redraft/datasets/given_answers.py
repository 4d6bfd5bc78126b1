"""Answers that a user has already, with their contexts, as the datasets that judging reads; or a dataset of responses.

All or nothing: one row that is not as it must be refuses the file. Neighbours: `reading` reads the rows,
`tasks.given_answers` says where the datasets lie.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.reading import Row, read_rows
from redraft.datasets.shards import write_shard
from redraft.datasets.storage import Dataset, DatasetWriter, assemble, require_target
from redraft.errors import InputError
from redraft.records import Conversation, Message, Rejection, Response

IDS = ("context_id", "conversation_id", "id")
CONTEXTS = ("context", "conversation_context", "messages", "prompt", "question")
RESPONSES = ("response", "answer")
MODEL = "model"
# A model's name goes into file names, tables and sentences.
_NAME = re.compile(r"\S(?:[^\x00-\x1f]{0,198}\S)?")


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The contexts, and the responses of each model to all of them, shard by shard in the same order."""

    contexts: Dataset
    responses: dict[str, Dataset]


class _Read(msgspec.Struct):
    """What the rows hold: contexts by id, responses by model and id, in the order in which they came."""

    contexts: dict[str, Conversation]
    responses: dict[str, dict[str, str | None]]


def read_given(files: Sequence[Path], folder: Path, clean: Callable[[str], str] = str) -> Given:
    """The answers in `files` (JSON array, JSONL, Parquet) as datasets below `folder`.

    A row has an id, a context (a text, or messages that end with the user's) and a response (null for none); `model`
    names who gave it, else the file's name does. Rows of one id have one context. Further columns stay with the
    context. `clean` goes over all texts. A model without a row for a context has a missing response there. InputError
    names file, row and mend. Holds all rows in memory.
    """
    found = _Read({}, {})
    for path in files:
        for number, row in read_rows(path):
            if isinstance(row, Rejection):
                raise InputError(f"{path}: row {number:,} cannot be read ({row.detail}); mend the row")
            _add(found, row, f"{path}: row {number:,}", path.stem, clean)
    with DatasetWriter(folder / "contexts", "conversations") as writer:
        for context in found.contexts.values():
            writer.add(context)
        source = ", ".join(str(path) for path in files)
        contexts = writer.finish({"source": source, "contexts": True, "given": True})
    responses = {
        model: _responses(folder / f"responses-{place}", contexts, model, texts)
        for place, (model, texts) in enumerate(found.responses.items(), start=1)
    }
    return Given(contexts=contexts, responses=responses)


def open_given(folder: Path) -> Given:
    """What `read_given` made in `folder`. InputError where it is not whole."""
    responses = [Dataset.open(path) for path in sorted(folder.glob("responses-*"), key=_place)]
    if not responses:
        raise InputError(f"{folder}: no responses there; write them again")
    named = {str(one.manifest["models"][0]): one for one in responses}
    return Given(contexts=Dataset.open(folder / "contexts"), responses=named)


def _place(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def given_datasets(folders: Sequence[Path]) -> Given:
    """Datasets of responses that redraft made, and the contexts that they name as what they answer.

    InputError where one is of another kind, its contexts are gone or changed, or two do not answer the same.
    """
    contexts: Dataset | None = None
    responses: dict[str, Dataset] = {}
    for folder in folders:
        found = Dataset.open(folder)
        if found.kind != "responses":
            raise InputError(f"{folder}: a dataset of {found.kind}, not of responses")
        parents = cast("list[dict[str, Any]]", found.manifest.get("parents", []))
        parent = parents[0] if parents else {}
        answered = Dataset.open(Path(parent.get("path", folder / "contexts")))
        if answered.content_hash != parent.get("content_hash"):
            raise InputError(f"{answered.path}: no longer the contexts that {folder} answers; make the responses again")
        if contexts is not None and contexts.content_hash != answered.content_hash:
            raise InputError(f"{folder} and {folders[0]} answer different contexts; score them one at a time")
        contexts, model = answered, str(found.manifest["models"][0])
        if model in responses:
            raise InputError(f"{folder}: responses of {model}, as in {responses[model].path}; name one of them")
        responses[model] = found
    if contexts is None:
        raise InputError("no responses are named")
    return Given(contexts=contexts, responses=responses)


def _add(found: _Read, row: Row, at: str, stem: str, clean: Callable[[str], str]) -> None:
    key = _id(row, at)
    named = _named(row, CONTEXTS, at, "the conversation that is answered")
    context = Conversation(
        conversation_id=key, messages=_messages(row[named], f"{at}: {named}", clean),
        extra={name: value for name, value in row.items() if name not in {*IDS, *CONTEXTS, *RESPONSES, MODEL}},
    )  # fmt: skip
    if found.contexts.setdefault(key, context).messages != context.messages:
        raise InputError(f"{at}: the id {key} stands earlier with another context; give each context an id of its own")
    answer = row[_named(row, RESPONSES, at, "the answer that is scored; null where there is none")]
    if answer is not None and not isinstance(answer, str):
        raise InputError(f"{at}: the response is no text; write it as a JSON string, or null for none")
    model = row.get(MODEL) or stem
    if not isinstance(model, str) or not _NAME.fullmatch(model):
        raise InputError(f"{at}: {model!r} is no model's name; write up to 200 characters in one line")
    if key in found.responses.setdefault(model, {}):
        raise InputError(f"{at}: a second response of {model} to {key}; keep one, or name models in a column `model`")
    found.responses[model][key] = answer if answer is None else clean(answer)


def _named(row: Row, names: Sequence[str], at: str, what: str) -> str:
    found = next((name for name in names if name in row), None)
    if found is None:
        raise InputError(f"{at}: no column {names[0]}, {what}")
    return found


def _id(row: Row, at: str) -> str:
    value = row[_named(row, IDS, at, "which tells contexts apart")]
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InputError(f"{at}: {value!r} is no id; give a text or a whole number")
    return str(value)


def _messages(value: object, at: str, clean: Callable[[str], str]) -> tuple[Message, ...]:
    if isinstance(value, str):
        if not value.strip():
            raise InputError(f"{at}: empty; there is nothing to answer")
        return (Message("user", clean(value)),)
    try:
        messages = msgspec.convert(value, tuple[Message, ...])
    except msgspec.ValidationError as fault:
        raise InputError(f"{at}: neither a text nor a list of messages with role and content ({fault})") from None
    if not messages or messages[-1].role != "user" or not messages[-1].content.strip():
        raise InputError(f"{at}: the last message must be the user's, the one that is answered")
    return tuple(Message(message.role, clean(message.content)) for message in messages)


def _responses(target: Path, contexts: Dataset, model: str, texts: Mapping[str, str | None]) -> Dataset:
    """In the shards of the contexts, so that both are read side by side."""
    require_target(target, "responses")
    aside = target.with_name(f".{target.name}-shards")
    aside.mkdir(parents=True, exist_ok=True)
    try:
        shards = [
            write_shard(
                aside, index, "responses", [_response(context, model, texts) for context in _shard(contexts, index)], []
            )
            for index in range(len(contexts.shards))
        ]
        parents = [{"path": str(contexts.path.resolve()), "content_hash": contexts.content_hash}]
        paid = {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cost": 0.0, "unpriced": 0, "simulated": False}
        return assemble(target, aside, shards, "responses", {"parents": parents, "models": [model], **paid})
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _shard(contexts: Dataset, index: int) -> list[Conversation]:
    return cast("list[Conversation]", list(contexts.read_shard(index)))


def _response(context: Conversation, model: str, texts: Mapping[str, str | None]) -> Response:
    text = texts.get(context.conversation_id)
    failure = "not_given" if text is None else None
    return Response(context_id=context.conversation_id, model=model, text=text, failure=failure)
