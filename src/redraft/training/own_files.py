"""Training files of one's own, in any format that the provider takes: checked, and what they are trained on told.

Neighbours: `formats` writes files from redraft's datasets instead, `checking` knows the rules of every format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from redraft.errors import InputError
from redraft.records import Example, Message
from redraft.training.checking.files import check_file
from redraft.training.checking.findings import Finding
from redraft.training.checking.lines import decoded, numbered_lines
from redraft.training.checking.shapes import Format
from redraft.training.formats import TrainingFile

OWN_SUFFIXES = (".jsonl", ".parquet")
# Formats whose rows are conversations: what was trained on them can be told from what is to be tested on.
CONVERSING = (Format.CONVERSATION, Format.PREFERENCE)

Inputs = bool | Literal["auto"]


def own_file(path: Path, method: Literal["sft", "dpo"], inputs: Inputs = "auto") -> TrainingFile:
    """The file as it stands, for training by `method` with `inputs` as `train_on_inputs`. Reads it once or twice.

    Raises InputError in one line for the first fault, with its row and how many more there are; for a format that the
    method cannot train on; and for `inputs` that would change nothing.
    """
    report = check_file(path, keep=1)
    if report.faults:
        more = report.faults_in_all - 1
        tail = f"; and {more:,} more, redraft check {path} shows them all" if more else ""
        raise InputError(f"{path}: {report.faults[0]}{tail}")
    assert report.format is not None
    require_method(path, report.format, method)
    return TrainingFile(
        path=path.resolve(),
        rows=report.rows,
        sha256=checksum(path),
        format=report.format,
        train_on_inputs=_sent(path, report.format, inputs),
    )


def require_method(path: Path, format: Format, method: Literal["sft", "dpo"]) -> None:
    """Raises InputError where the method cannot train on rows of that format."""
    if method == "sft" and format is Format.PREFERENCE:
        raise InputError(f"{path} holds preference pairs, which supervised training cannot use; use the method dpo")
    if method == "dpo" and format is not Format.PREFERENCE:
        raise InputError(
            f"{path} holds rows of the {format} format; preference training (dpo) needs pairs: input, "
            "preferred_output and non_preferred_output"
        )


def examples_in(path: Path, format: Format) -> Iterator[Example]:
    """What is learned from each row of a good file of one of the formats `CONVERSING`, as a conversation."""
    for number, line in numbered_lines(path):
        row = decoded(line) if isinstance(line, bytes) else line
        if isinstance(row, Finding):
            continue  # the provider skips blank lines, and so does the check
        entry = cast("dict[str, Any]", row)
        if format is Format.PREFERENCE:
            messages = [*entry["input"]["messages"], *entry["preferred_output"]]
        else:
            messages = entry["messages"]
        yield Example(
            conversation_id=f"row-{number}", messages=tuple(map(_message, messages)), category="", improved=False,
            generation_method=None, original_response="", improvement_timestamp=None,
        )  # fmt: skip


def checksum(path: Path) -> str:
    """sha256 (hex) of the file's bytes. Raises InputError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the training file {path}: {error.strerror or error}") from error


def _message(message: Mapping[str, Any]) -> Message:
    content = message.get("content")
    text = content if isinstance(content, str) else "".join(part.get("text") or "" for part in content or ())
    return Message(message["role"], text)


def _sent(path: Path, format: Format, inputs: Inputs) -> Inputs:
    """What goes to the provider as `train_on_inputs`: where two words mean the same training, the default of them, so
    that it is not paid twice."""
    if inputs == "auto":
        return inputs
    out = "leave --train-on-inputs out"
    match format:
        case Format.TOKENS:
            raise InputError(f"{path}: the labels of tokenised rows say what is trained; {out}")
        case Format.TEXT:
            if not inputs:
                raise InputError(f"{path}: of plain text everything is learned, or nothing would be; {out}")
            return "auto"
        case Format.CONVERSATION if _all_weighted(path):
            raise InputError(
                f"every conversation of {path} has weights, which decide what is trained; {out}, or take the weights "
                "out of the file"
            )
        case _:
            return inputs or "auto"


def _all_weighted(path: Path) -> bool:
    """Whether some message of each conversation has a weight: then the provider looks at nothing else."""
    return all(
        b'"weight"' in line and any("weight" in message for message in decoded(line)["messages"])
        for _, line in numbered_lines(path)
        if isinstance(line, bytes)
    )
