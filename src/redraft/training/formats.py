"""Examples as rows of a training file: `{"messages": [{"role", "content", "weight"}]}`, one JSON object a line.

Weight 1 stands on the last assistant message alone, so only the response to learn enters the loss. Where the user's
messages are to be learned too there are no weights: they would decide alone, whatever else the provider is told.
Neighbours: `validator` checks what stands in such a file, `hosted` uploads it, `own_files` has those of others.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import msgspec

from redraft.errors import InputError, StorageError
from redraft.records import Example, Message, Rejection


class WeightedMessage(TypedDict):
    role: str
    content: str
    weight: NotRequired[Literal[0, 1]]


class TrainingRow(TypedDict):
    messages: list[WeightedMessage]


class TrainingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A training file, written here or one's own. `sha256` (hex) is over its bytes; `rows` counts its lines.

    `format` is one of `checking.shapes.Format`; `train_on_inputs` goes with these bytes to the provider.

    `rejections` counts the examples left out by reason, `merged` the rows in which user messages in a row were
    joined. `simulated` says that the sandbox wrote some of the responses.
    """

    path: Path
    rows: int
    sha256: str
    rejections: dict[str, int] = {}
    rejected: tuple[Rejection, ...] = ()
    merged: int = 0
    simulated: bool = False
    format: str = "conversation"
    train_on_inputs: bool | Literal["auto"] = "auto"


# What a person can read; the counts are complete beyond it.
REJECTIONS_KEPT = 1000


def training_row(example: Example, inputs: bool = False) -> TrainingRow | Rejection:
    """The example as a training row, or why it cannot be one; with `inputs` all of it is to be learned.

    User messages in a row become one (joined by an empty line), since chat templates want turns to alternate.
    Reasons: `no_assistant_response`, `last_not_assistant`, `empty_response`, `misplaced_system`, `not_alternating`,
    `empty_message`.
    """
    messages = _joined(example.messages)
    fault = _fault(messages)
    if fault:
        reason, detail = fault
        place = f"training {example.conversation_id}"
        return Rejection(reason=reason, detail=detail, place=place, row_id=example.conversation_id)
    if inputs:
        return {"messages": [{"role": m.role, "content": m.content} for m in messages]}
    last = len(messages) - 1
    return {
        "messages": [
            {"role": m.role, "content": m.content, "weight": 1 if i == last else 0} for i, m in enumerate(messages)
        ]
    }


def write_training_file(
    examples: Iterable[Example | Mapping[str, object] | Rejection],
    path: Path,
    max_conversations: int | None = None,
    *,
    inputs: bool = False,
) -> TrainingFile:
    """Write the examples as JSONL to `path`, atomically and as a stream; equal examples give equal bytes.

    With `inputs` the user's messages are to be learned too, and what the assistant said before: all of a row.

    Rows given as mappings carry `messages` or `conversation_context`. Rejections among the examples are counted,
    not written. Stops after `max_conversations` written rows. Raises InputError where no row is left to train on,
    StorageError where the disk is full or not writable; then nothing of it is left at `path`.
    """
    if max_conversations is not None and max_conversations < 1:
        raise InputError(f"max conversations is {max_conversations}; it must be at least 1")
    tally = _Tally()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for line in _lines(examples, tally, max_conversations, inputs):
                    file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if not tally.rows:
                raise InputError(f"no conversation to train on for {path.name}: {_reasons(tally.reasons)}")
            part.chmod(0o644)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}; nothing was left half-written") from error
    return TrainingFile(
        path=path,
        rows=tally.rows,
        sha256=tally.digest.hexdigest(),
        rejections=dict(sorted(tally.reasons.items())),
        rejected=tuple(tally.rejected),
        merged=tally.merged,
        simulated=tally.simulated,
        train_on_inputs=True if inputs else "auto",
    )


class _Tally:
    def __init__(self) -> None:
        self.rows = 0
        self.merged = 0
        self.simulated = False
        self.reasons: Counter[str] = Counter()
        self.rejected: list[Rejection] = []
        self.digest = hashlib.sha256()

    def reject(self, rejection: Rejection) -> None:
        self.reasons[rejection.reason] += 1
        if len(self.rejected) < REJECTIONS_KEPT:
            self.rejected.append(rejection)


def _lines(
    examples: Iterable[Example | Mapping[str, object] | Rejection], tally: _Tally, most: int | None, inputs: bool
) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for number, given in enumerate(examples, start=1):
        if most is not None and tally.rows >= most:
            return
        example = given if isinstance(given, Example | Rejection) else _from_mapping(given, number)
        row = example if isinstance(example, Rejection) else training_row(example, inputs)
        if isinstance(row, Rejection):
            tally.reject(row)
            continue
        assert isinstance(example, Example)
        try:
            line = encoder.encode(row) + b"\n"
        except UnicodeEncodeError:
            place = f"training {example.conversation_id}"
            detail = "the text holds half of a surrogate pair and cannot be written as UTF-8"
            tally.reject(Rejection(reason="not_utf8", detail=detail, place=place, row_id=example.conversation_id))
            continue
        tally.rows += 1
        tally.merged += len(row["messages"]) < len(example.messages)
        tally.simulated = tally.simulated or example.simulated
        tally.digest.update(line)
        yield line


def _joined(messages: tuple[Message, ...]) -> list[Message]:
    joined: list[Message] = []
    for message in messages:
        if joined and message.role == joined[-1].role == "user":
            joined[-1] = Message("user", f"{joined[-1].content}\n\n{message.content}")
        else:
            joined.append(message)
    return joined


def _fault(messages: list[Message]) -> tuple[str, str] | None:
    """(reason, detail) where the messages cannot be trained on; the same rules as in `validator`."""
    roles = [message.role for message in messages]
    if "assistant" not in roles:
        return "no_assistant_response", "no message of the assistant: nothing to learn"
    if roles[-1] != "assistant":
        return "last_not_assistant", f"ends with the {roles[-1]}; a training row ends with the response to learn"
    if not messages[-1].content.strip():
        return "empty_response", "the response to learn is empty"
    turns = roles[1:] if roles[0] == "system" else roles
    if "system" in turns:
        return "misplaced_system", "a system message after the first message"
    if any(role != ("user", "assistant")[i % 2] for i, role in enumerate(turns)):
        return "not_alternating", "user and assistant do not take turns, beginning with the user"
    if not all(message.content.strip() for message in messages):
        return "empty_message", "a message before the response to learn is empty"
    return None


def _from_mapping(row: Mapping[str, object], number: int) -> Example | Rejection:
    row_id = str(row.get("conversation_id") or f"row-{number}")
    raw = row.get("messages", row.get("conversation_context"))
    try:
        messages = msgspec.convert(raw, tuple[Message, ...])
    except msgspec.ValidationError as error:
        detail = f"messages are not a list of role and content: {error}"
        return Rejection(reason="malformed_messages", detail=detail, place=f"training row {number}", row_id=row_id)
    return Example(
        conversation_id=row_id,
        messages=messages,
        category=str(row.get("category") or ""),
        improved=row.get("improved") is True,
        generation_method=None,
        original_response="",
        improvement_timestamp=None,
        simulated=row.get("simulated") is True,
    )


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "there are no rows"
