"""A training file as the model sees it: tokens, labels with -100 where nothing is learned, and the trained spans.

The tokeniser cuts at words, the chat template is Llama's; what is masked follows the provider's documents.
Neighbours: `fine_tunes` answers previews with this and packs it as the tokenised data set.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, cast

import msgspec

MASKED = -100
VOCABULARY = 128_000
_SPECIAL = re.compile(r"<\|[a-z_]+\|>")
_PIECES = re.compile(r"<\|[a-z_]+\|>|\n+| ?[^\W_]+| ?[^\w\s]|\s|_")
SHOWN = {"CONVERSATION": "conversation", "INSTRUCTION": "instruction", "GENERAL": "general"}


class Part(NamedTuple):
    """A stretch of text, and whether its tokens are trained."""

    text: str
    trained: bool


class Row(msgspec.Struct, frozen=True):
    """One row in the shape of the SDK's FineTunePreviewRow; spans are half-open."""

    input_ids: list[int]
    labels: list[int]
    num_tokens: int
    num_trained_tokens: int
    tokens: list[str]
    trained_spans: list[tuple[int, int]]
    truncated: bool


def rows(path: Path, kind: str, longest: int, inputs: bool | Literal["auto"]) -> Iterator[Row]:
    """The rows of a JSONL file of the format `kind` (a key of SHOWN), cut at `longest` tokens.

    `inputs` says whether prompts and user messages are trained too; auto does so for plain text only. It plays no part
    in a conversation with weights.
    """
    trained = kind == "GENERAL" if inputs == "auto" else inputs
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield _row(_parts(msgspec.json.decode(line, type=dict[str, object]), kind, trained), longest)


def _row(parts: Iterator[Part], longest: int) -> Row:
    tokens: list[str] = []
    labels: list[int] = []
    for part in parts:
        pieces = _PIECES.findall(part.text)
        tokens += pieces
        labels += [_identity(piece) if part.trained else MASKED for piece in pieces]
    truncated = len(tokens) > longest
    tokens, labels = tokens[:longest], labels[:longest]
    spans = list(_spans(labels))
    count = sum(end - start for start, end in spans)
    return Row([_identity(token) for token in tokens], labels, len(tokens), count, tokens, spans, truncated)


def _spans(labels: list[int]) -> Iterator[tuple[int, int]]:
    start = None
    for place, label in enumerate([*labels, MASKED]):
        if label != MASKED and start is None:
            start = place
        elif label == MASKED and start is not None:
            yield start, place
            start = None


def _identity(token: str) -> int:
    """The token's number; the special ones lie above the vocabulary."""
    number = zlib.crc32(token.encode("utf-8", "surrogatepass"))
    return VOCABULARY + number % 256 if _SPECIAL.fullmatch(token) else number % VOCABULARY


def _parts(row: dict[str, object], kind: str, inputs: bool) -> Iterator[Part]:
    yield Part("<|begin_of_text|>", False)
    if kind == "GENERAL":
        yield Part(f"{row['text']}<|end_of_text|>", inputs)
    elif kind == "INSTRUCTION":
        yield Part(str(row["prompt"]), inputs)
        yield Part(f"{row['completion']}<|end_of_text|>", True)
    else:
        messages = cast("list[dict[str, object]]", row["messages"])
        weighted = any("weight" in message for message in messages)
        for message in messages:
            asked = message["role"] == "assistant" or inputs
            yield from _message(message, message.get("weight", 1) == 1 if weighted else asked)


def _message(message: dict[str, object], learned: bool) -> Iterator[Part]:
    """Where any message of a conversation has a weight, weights alone decide, and one without counts as 1."""
    yield Part(f"<|start_header_id|>{message['role']}<|end_header_id|>\n\n", False)
    content = message.get("content")
    text = content if isinstance(content, str) else msgspec.json.encode(content or message.get("tool_calls")).decode()
    yield Part(f"{text}<|eot_id|>", learned)
