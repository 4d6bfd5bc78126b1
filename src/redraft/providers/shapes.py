"""The parts of the providers' answers and errors that redraft reads; `wire` turns them into its own records."""

from __future__ import annotations

import msgspec

NOTHING = msgspec.Raw(b"null")


class ChatMessage(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class ChatChoice(msgspec.Struct):
    message: ChatMessage = msgspec.field(default_factory=ChatMessage)
    finish_reason: str | None = None
    error: msgspec.Raw = NOTHING


class ChatUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


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
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class StopDetails(msgspec.Struct):
    category: str | None = None
    explanation: str | None = None


class AnthropicAnswer(msgspec.Struct):
    content: list[AnthropicBlock]
    model: str
    usage: AnthropicUsage
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class ErrorFields(msgspec.Struct):
    message: str = ""
    code: str | int | None = None
    error_code: str | None = None
    type: str | None = None


class ErrorBody(msgspec.Struct):
    """`{"error": {...}}`, or `{"error": "text"}` at Together's batches."""

    error: ErrorFields | str


def error_text(raw: bytes | msgspec.Raw) -> tuple[str, str]:
    """(message in one line of 200 characters at most, the code that redraft acts on or "") of an error body."""
    for shape in (ErrorBody, list[ErrorBody], ErrorFields):  # Gemini wraps its errors in a list
        try:
            body = msgspec.json.decode(raw, type=shape)
        except msgspec.DecodeError:
            continue
        if isinstance(body, list):
            body = body[0] if body else ErrorFields()
        fields = body.error if isinstance(body, ErrorBody) else body
        if isinstance(fields, str):
            return _line(fields), ""
        codes = (str(code) for code in (fields.code, fields.error_code, fields.type) if code)
        known = next((code for code in codes if "spend_limit" in code or code.startswith("model_not_")), "")
        return _line(fields.message), known
    return _line(bytes(raw).decode("utf-8", "replace")), ""


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
