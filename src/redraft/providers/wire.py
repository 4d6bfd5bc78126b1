"""How a request reads on each provider's wire, and how its answers and errors are read back.

Pure functions from records to bodies and from bodies to answers; `chat` does the sending.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from redraft.providers import shapes
from redraft.providers.endpoints import Endpoint, split_model
from redraft.records import Request

ANTHROPIC_VERSION = "2026-10-21"

FaultKind = Literal[
    "connection",
    "timeout",
    "rate_limited",
    "overloaded",
    "server_error",
    "malformed_answer",
    "bad_request",
    "model_not_served",
    "key_refused",
    "spend_limit",
    "truncated",
    "empty",
    "refused",
    "filtered",
]

# Worth another attempt; everything else is final for the row or for the run.
TRANSIENT: frozenset[str] = frozenset(
    {"connection", "timeout", "rate_limited", "overloaded", "server_error", "malformed_answer"}
)
# No row can succeed: the run stops.
FATAL: frozenset[str] = frozenset({"key_refused", "spend_limit", "model_not_served"})
# The provider is not doing its work, whatever is asked.
DOWN: frozenset[str] = frozenset({"connection", "timeout", "overloaded", "server_error"})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider answered with HTTP 200; `fault` names why its text cannot be used, if so."""

    text: str
    finish_reason: str
    model: str
    input_tokens: int
    output_tokens: int
    fault: FaultKind | None = None
    detail: str = ""


class CallFault(Exception):  # noqa: N818  (a fault of one attempt; what a person sees is a RedraftError)
    """One attempt failed. `retry_after` is in seconds, where the provider named a time."""

    def __init__(self, kind: FaultKind, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: FaultKind = kind
        self.detail = detail
        self.retry_after = retry_after


def url(endpoint: Endpoint) -> str:
    base = endpoint.base_url.rstrip("/")
    if endpoint.provider == "anthropic":
        return f"{base}/v1/messages"
    # Together's base URL carries no /v1 (its SDK adds it); every other OpenAI-compatible one does.
    return f"{base}/v1/chat/completions" if endpoint.provider == "together" else f"{base}/chat/completions"


def headers(endpoint: Endpoint) -> dict[str, str]:
    sent = {"Authorization": f"Bearer {endpoint.api_key}", "Content-Type": "application/json"}
    if endpoint.provider == "anthropic":
        sent["anthropic-version"] = ANTHROPIC_VERSION
    return sent


def body(request: Request) -> dict[str, Any]:
    """The JSON body of a chat call. Only parameters that the provider is known to take are sent."""
    provider, model = split_model(request.model)
    if provider == "anthropic":
        return _anthropic_body(request, model)
    sent: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "max_completion_tokens" if provider == "openai" else "max_tokens": request.max_tokens,
    }
    if request.temperature is not None:
        sent["temperature"] = request.temperature
    if request.output_schema is not None:
        sent["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.output_schema, "strict": True},
        }
    return sent


def _anthropic_body(request: Request, model: str) -> dict[str, Any]:
    system = "\n\n".join(m.content for m in request.messages if m.role == "system")
    sent: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages if m.role != "system"],
    }
    if system:
        sent["system"] = system
    # No temperature: Claude models of 2026 answer 400 to it.
    if request.output_schema is not None:
        sent["output_config"] = {"format": {"type": "json_schema", "schema": request.output_schema}}
    return sent


def read_answer(provider: str, raw: bytes) -> Answer:
    """The answer in a body that came with HTTP 200; raises CallFault where it holds an error or nonsense."""
    try:
        if provider == "anthropic":
            return _anthropic_answer(msgspec.json.decode(raw, type=shapes.AnthropicAnswer))
        return _openai_answer(msgspec.json.decode(raw, type=shapes.ChatAnswer))
    except msgspec.DecodeError as fault:
        raise CallFault("malformed_answer", f"the answer does not read as one ({fault})") from None


def _openai_answer(content: shapes.ChatAnswer) -> Answer:
    if error := content.fault():  # OpenRouter: faults after generation began come with HTTP 200
        raise CallFault("server_error", f"error inside HTTP 200: {shapes.error_text(error)[0]}")
    if not content.choices:
        raise CallFault("malformed_answer", "the answer holds no choices")
    choice, usage = content.choices[0], content.usage or shapes.ChatUsage()
    text = choice.message.content or ""
    fault, detail = _unusable(text, choice.finish_reason or "")
    if choice.message.refusal:
        fault, detail = "refused", choice.message.refusal[:200]
    return Answer(
        text=text,
        finish_reason=choice.finish_reason or "",
        model=content.model,
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        fault=fault,
        detail=detail,
    )


def _anthropic_answer(content: shapes.AnthropicAnswer) -> Answer:
    text = "".join(block.text for block in content.content if block.type == "text")
    stop, usage = content.stop_reason or "", content.usage
    fault, detail = _unusable(text, stop)
    if stop == "refusal":
        details = content.stop_details or shapes.StopDetails()
        fault, detail = "refused", f"category {details.category}: {details.explanation or ''}"[:200]
    return Answer(
        text=text,
        finish_reason=stop,
        model=content.model,
        input_tokens=usage.input_tokens
        + (usage.cache_creation_input_tokens or 0)
        + (usage.cache_read_input_tokens or 0),
        output_tokens=usage.output_tokens,
        fault=fault,
        detail=detail,
    )


def _unusable(text: str, finish: str) -> tuple[FaultKind | None, str]:
    if finish in {"length", "max_tokens", "model_context_window_exceeded"}:
        return "truncated", f"the answer was cut off (finish reason {finish})"
    if finish == "content_filter":
        return "filtered", "the provider's content filter withheld the answer"
    if not text.strip():
        return "empty", "the answer is empty"
    return None, ""


def read_error(provider: str, status: int, raw: bytes, retry_after: str | None) -> CallFault:
    """The fault that an HTTP status other than 200 stands for. Never quotes headers or keys."""
    message, code = shapes.error_text(raw)
    detail = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    if status == 402 or "spend_limit" in code:
        return CallFault("spend_limit", detail)
    if status == 403 and provider == "openrouter":
        return CallFault("filtered", detail)  # its moderation answers 403; a refused key is 401
    if status in {401, 403}:
        return CallFault("key_refused", detail)
    if status == 404 or code in {"model_not_available", "model_not_found"}:
        return CallFault("model_not_served", detail)
    if status == 429:
        return CallFault("rate_limited", detail, _seconds(retry_after))
    if status in {503, 529}:
        return CallFault("overloaded", detail, _seconds(retry_after))
    if status in {408, 409} or status >= 500:
        return CallFault("server_error", detail, _seconds(retry_after))
    return CallFault("bad_request", detail)


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None  # an HTTP date; the backoff's own time serves as well
