"""The parts of the providers' answers and errors that redraft reads; `wire` turns them into its own records."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

# Shorter ones stand for "no key" (`none`) and would be found in any text.
SHORTEST_KEY = 8
NOTHING = msgspec.Raw(b"null")
# No call takes more: what says so is no answer, and its price no amount that a ledger can hold.
Tokens = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class ChatMessage(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class ChatChoice(msgspec.Struct):
    message: ChatMessage = msgspec.field(default_factory=ChatMessage)
    finish_reason: str | None = None
    error: msgspec.Raw = NOTHING


class ChatUsage(msgspec.Struct):
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None

    @property
    def output_tokens(self) -> int | None:
        """Gemini leaves the tokens of its thinking out of `completion_tokens`, and charges for them."""
        if self.prompt_tokens is None or self.total_tokens is None:
            return self.completion_tokens
        return max(self.completion_tokens or 0, self.total_tokens - self.prompt_tokens)


class ChatAnswer(msgspec.Struct):
    """OpenAI-compatible chat completion. `error` is set by OpenRouter inside HTTP 200."""

    choices: list[ChatChoice] = []
    model: str = ""
    usage: ChatUsage | None = None
    error: msgspec.Raw = NOTHING

    def fault(self) -> msgspec.Raw | None:
        """The error that came inside HTTP 200, at the top or in a choice."""
        return next((e for e in (self.error, *(c.error for c in self.choices)) if bytes(e) != b"null"), None)


class AnthropicBlock(msgspec.Struct):
    type: str
    text: str = ""


class AnthropicUsage(msgspec.Struct):
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None


class StopDetails(msgspec.Struct):
    category: str | None = None
    explanation: str | None = None


class AnthropicAnswer(msgspec.Struct):
    """`content` is there in every answer; an `error` in its place came with HTTP 200."""

    content: list[AnthropicBlock] | None = None
    model: str = ""
    usage: AnthropicUsage | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    error: msgspec.Raw = NOTHING


class ErrorFields(msgspec.Struct):
    """`details` is an object with an `error_code` at Anthropic and a list at Gemini."""

    message: str | None = None
    code: str | int | None = None
    type: str | None = None
    details: msgspec.Raw = NOTHING


class ErrorDetails(msgspec.Struct):
    error_code: str = ""


class RetryInfo(msgspec.Struct):
    """One of Gemini's details; `7s` or `0.25s`."""

    delay: str = msgspec.field(default="", name="retryDelay")


class ErrorBody(msgspec.Struct):
    """`{"error": {...}}`, or `{"error": "text"}` at Together's batches."""

    error: ErrorFields | str


class Said(NamedTuple):
    """What an error body says: a line of 200 characters at most, its codes, and the seconds to wait if it has them."""

    text: str
    codes: tuple[str, ...] = ()
    retry_after: float | None = None


def read(raw: bytes | msgspec.Raw, shape: type[T]) -> T | None:
    """The body as `shape`, or None for everything else: other JSON, no JSON, no UTF-8, or nested without end."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def error_text(raw: bytes | msgspec.Raw, key: str = "") -> Said:
    """What the body of an error says, in any of the providers' shapes. The key is taken out, should it be quoted."""
    fields = _error_fields(raw)
    if fields is None or isinstance(fields, str):
        return Said(one_line(fields or bytes(raw).decode("utf-8", "replace"), key))
    details = read(fields.details, ErrorDetails) or ErrorDetails()
    codes = tuple(str(code) for code in (fields.code, fields.type, details.error_code) if code)
    text = one_line(fields.message or bytes(raw).decode("utf-8", "replace"), key)
    return Said(text, codes, _delay(fields.details))


def listed_error(raw: bytes) -> msgspec.Raw | None:
    """The first error of a JSON list of them, or None for anything else."""
    listed = read(raw, list[_Listed])
    return listed[0].error if listed else None


class _Listed(msgspec.Struct):
    error: msgspec.Raw


def _delay(details: msgspec.Raw) -> float | None:
    for one in read(details, list[msgspec.Raw]) or []:
        found = _SECONDS.fullmatch((read(one, RetryInfo) or RetryInfo()).delay)
        if found:
            return float(found[1])
    return None


def _error_fields(raw: bytes | msgspec.Raw) -> ErrorFields | str | None:
    if (body := read(raw, ErrorBody)) is not None:
        return body.error
    if listed := read(raw, list[ErrorBody]):  # Gemini wraps its errors in a list
        return listed[0].error
    return read(raw, ErrorFields)


def one_line(text: str, key: str = "") -> str:
    if len(key) >= SHORTEST_KEY:
        text = text.replace(key, "[key]")
    return " ".join(text.split())[:200]
