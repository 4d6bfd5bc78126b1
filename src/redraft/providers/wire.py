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
    "unreachable",
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
    "other_sandbox",
    "truncated",
    "empty",
    "refused",
    "filtered",
]

# Worth another attempt; everything else is final for the row or for the run.
TRANSIENT: frozenset[str] = frozenset(
    {"unreachable", "connection", "timeout", "rate_limited", "overloaded", "server_error", "malformed_answer"}
)
# No row can succeed: the run stops.
FATAL: frozenset[str] = frozenset({"key_refused", "spend_limit", "model_not_served", "other_sandbox"})
# The provider is not doing its work, whatever is asked.
DOWN: frozenset[str] = TRANSIENT - {"rate_limited"}
# Parts of the codes that say so whatever the status: Anthropic sends its spend limits with 429, OpenAI its quota.
_SPENT = ("spend_limit", "insufficient_quota", "billing")


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
    # The base URLs of these two carry no /v1, their SDKs add it; that of every other one does.
    if endpoint.provider == "anthropic":
        return f"{base.removesuffix('/v1')}/v1/messages"
    if endpoint.provider == "together":
        return f"{base.removesuffix('/v1')}/v1/chat/completions"
    return f"{base}/chat/completions"


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


def read_answer(provider: str, raw: bytes, key: str = "") -> Answer:
    """The answer in a body that came with HTTP 200; raises CallFault where it holds an error or nonsense."""
    try:
        if provider == "anthropic":
            return _anthropic_answer(msgspec.json.decode(raw, type=shapes.AnthropicAnswer))
        return _openai_answer(provider, msgspec.json.decode(raw, type=shapes.ChatAnswer), key)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise CallFault("malformed_answer", f"the answer does not read as one ({fault})") from None


def _openai_answer(provider: str, content: shapes.ChatAnswer, key: str) -> Answer:
    if error := content.fault():  # OpenRouter: faults after generation began come with HTTP 200
        said = shapes.error_text(error, key)
        status = next(
            (int(code) for code in said.codes if code.isdecimal() and code[0] in "45" and len(code) == 3), 500
        )
        raise CallFault(_fault_kind(provider, status, said), f"error {status} inside HTTP 200: {said.text}")
    if not content.choices:
        raise CallFault("malformed_answer", "the answer holds no choices")
    choice, usage = content.choices[0], content.usage or shapes.ChatUsage()
    if choice.finish_reason == "error":
        raise CallFault("server_error", "the provider broke off while it answered (finish reason error)")
    text = choice.message.content or ""
    fault, detail = _unusable(text, choice.finish_reason or "")
    if choice.message.refusal:
        fault, detail = "refused", shapes.one_line(choice.message.refusal)
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
        fault, detail = "refused", shapes.one_line(f"category {details.category}: {details.explanation or ''}")
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


def read_error(provider: str, status: int, raw: bytes, retry_after: str | None, key: str = "") -> CallFault:
    """The fault that an HTTP status other than 200 stands for. Quotes neither headers nor the key."""
    said = shapes.error_text(raw, key)
    detail = f"HTTP {status}: {said.text}" if said.text else f"HTTP {status}"
    return CallFault(_fault_kind(provider, status, said), detail, _seconds(retry_after))


def _fault_kind(provider: str, status: int, said: shapes.Said) -> FaultKind:
    if status == 402 or any(word in code for code in said.codes for word in _SPENT):
        return "spend_limit"
    if status == 403 and provider in _FORBIDDEN:
        return _FORBIDDEN[provider]
    # Gemini answers 400 to a wrong key.
    if status in {401, 403} or (status == 400 and provider == "gemini" and "api key" in said.text.lower()):
        return "key_refused"
    # A redirect means a wrong address too: following it would turn the POST into a GET.
    if status == 404 or 300 <= status < 400 or {"model_not_available", "model_not_found"} & set(said.codes):
        return "model_not_served"
    if status == 429:
        return "rate_limited"
    if status in {503, 529}:
        return "overloaded"
    if status in {408, 409} or status >= 500:
        return "server_error"
    return "bad_request"


# What 403 means where a refused key is always 401: OpenRouter's moderation, Together's "context too long".
_FORBIDDEN: dict[str, FaultKind] = {"openrouter": "filtered", "together": "bad_request"}


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None  # an HTTP date; the backoff's own time serves as well
