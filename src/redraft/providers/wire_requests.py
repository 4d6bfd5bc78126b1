"""What is sent: address, headers and JSON body of a chat call, as each provider's own SDK would send them.

Neighbours: `endpoints` says where, `chat` sends it, `wire_answers` reads what comes back.
"""

from __future__ import annotations

import re
from typing import Any

from redraft.providers.endpoints import Endpoint, split_model
from redraft.records import Request

ANTHROPIC_VERSION = "2026-10-21"
# What each provider takes of a request's parameters, and under which name. Nothing is sent on trial: Gemini answers
# 400 to a seed, Claude to every sampling parameter.
_ALL = {"temperature": "temperature", "top_p": "top_p", "seed": "seed", "stop": "stop", "effort": "reasoning_effort"}
TAKES: dict[str, dict[str, str]] = {
    "together": _ALL,
    "anthropic": {"stop": "stop_sequences"},
    "openrouter": _ALL,
    "gemini": {name: key for name, key in _ALL.items() if name != "seed"},
    "openai": _ALL,
    "vllm": _ALL,
    "ollama": _ALL,
    "local": {name: key for name, key in _ALL.items() if name != "effort"},
}
_SAMPLING = frozenset({"temperature", "top_p", "stop"})
# What a class of models refuses although its provider takes it, by a pattern of `provider:model`. OpenAI answers 400;
# OpenRouter, which must leave nothing out where a schema is asked for, finds nobody to pass the call on to.
# gpt-5-chat-latest does not reason and takes all of them.
REFUSED: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (re.compile(r"(openai:(ft:)?|openrouter:openai/)(o\d|gpt-[5-9])\b(?!-chat)"), _SAMPLING),
)


def url(endpoint: Endpoint) -> str:
    base = endpoint.base_url.rstrip("/")
    # The base URLs of these two carry no /v1, their SDKs add it; that of every other one does.
    if endpoint.provider == "anthropic":
        return f"{base.removesuffix('/v1')}/v1/messages"
    if endpoint.provider == "together":
        return f"{base.removesuffix('/v1')}/v1/chat/completions"
    return f"{base}/chat/completions"


def headers(endpoint: Endpoint) -> dict[str, str]:
    sent = {
        "Authorization": f"Bearer {endpoint.api_key}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    if endpoint.provider == "anthropic":
        sent["anthropic-version"] = ANTHROPIC_VERSION
    return sent


def body(request: Request) -> dict[str, Any]:
    """The JSON body of a chat call. Only parameters that the provider and the model are known to take are sent."""
    provider, model = split_model(request.model)
    return _anthropic_body(request, model) if provider == "anthropic" else _openai_body(request, provider, model)


def _openai_body(request: Request, provider: str, model: str) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "max_completion_tokens" if provider == "openai" else "max_tokens": request.max_tokens,
    }
    _add_parameters(sent, request, provider)
    if request.output_schema is not None:
        sent["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.output_schema, "strict": True},
        }
        if provider == "openrouter":  # else it may pass the call on to a provider that leaves the schema out
            sent["provider"] = {"require_parameters": True}
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
    _add_parameters(sent, request, "anthropic")
    output: dict[str, Any] = {}
    if request.effort is not None:
        output["effort"] = request.effort
    if request.output_schema is not None:
        output["format"] = {"type": "json_schema", "schema": request.output_schema}
    if output:
        sent["output_config"] = output
    return sent


def takes(model: str, name: str) -> bool:
    """Whether a request's parameter `name` is sent to `model` (`provider:model`) where it is set."""
    provider, _ = split_model(model)
    return name in TAKES[provider] and not any(models.match(model) and name in names for models, names in REFUSED)


def _add_parameters(sent: dict[str, Any], request: Request, provider: str) -> None:
    for name, key in TAKES[provider].items():
        value = getattr(request, name)
        if value is not None and value != () and takes(request.model, name):
            sent[key] = value
