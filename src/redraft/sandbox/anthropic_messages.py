"""Anthropic's form: POST /v1/messages and its refusals, stop reasons and usage.

Neighbours: `dialects` words the errors, `calls` serves what is read here, `chat` is the other form.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.chat import part_text
from redraft.sandbox.dialects import Anthropic, Denied
from redraft.sandbox.schemas import Schema

# From generation 5 on: no sampling parameters, no prefilled answers.
_FIXED_SAMPLING = re.compile(r"claude-[a-z]+-5")
_ENDINGS = {"stop": "end_turn", "length": "max_tokens"}
_REFUSALS = ("frontier_llm", "general_harms", "cyber", "bio", None)


class Turn(msgspec.Struct):
    role: str
    content: str | list[dict[str, object]]


class OutputFormat(msgspec.Struct):
    type: str
    schema: Schema


class OutputConfig(msgspec.Struct):
    format: OutputFormat | None = None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None


class Tool(msgspec.Struct):
    name: str
    input_schema: Schema = {}


class ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None


class MessagesBody(msgspec.Struct):
    model: str
    messages: list[Turn]
    max_tokens: int | None = None
    system: str | list[dict[str, object]] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    output_config: OutputConfig | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: dict[str, object] | None = None


class MessagesForm:
    def __init__(self) -> None:
        self.dialect = Anthropic()

    def read(self, body: dict[str, object]) -> Ask:
        asked = self._body(body)
        if asked.max_tokens is None:
            raise Denied(400, "invalid_request_error", "max_tokens: Field required")
        if asked.max_tokens < 1:
            raise Denied(400, "invalid_request_error", "max_tokens: must be greater than 0")
        if asked.stream:
            raise Denied(400, "invalid_request_error", "stream: the sandbox does not simulate streaming")
        if _FIXED_SAMPLING.match(asked.model):
            _check_sampling(asked)
        schema, tool = _wanted(asked)
        texts = [part_text(asked.system), *(part_text(turn.content) for turn in asked.messages)]
        users = [part_text(turn.content) for turn in asked.messages if turn.role == "user"]
        return Ask(
            model=asked.model,
            instructions="\n".join(text for text in texts if text),
            last_user=users[-1] if users else "",
            max_tokens=asked.max_tokens,
            schema=schema,
            tool=tool,
        )

    def count(self, body: dict[str, object]) -> int:
        """The input tokens of a request that is not made."""
        return self.read({"max_tokens": 1} | body).input_tokens

    def _body(self, body: dict[str, object]) -> MessagesBody:
        try:
            asked = msgspec.convert(body, MessagesBody)
        except msgspec.ValidationError as error:
            raise Denied(400, "invalid_request_error", str(error)) from None
        if not asked.messages:
            raise Denied(400, "invalid_request_error", "messages: at least one message is required")
        for place, turn in enumerate(asked.messages):
            if turn.role not in {"user", "assistant", "system"}:
                raise Denied(400, "invalid_request_error", f"messages.{place}.role: unexpected value {turn.role!r}")
            if not part_text(turn.content).strip() and not isinstance(turn.content, list):
                raise Denied(400, "invalid_request_error", f"messages.{place}: text content must be non-empty")
        return asked

    def write(self, ask: Ask, replies: list[Reply], fingerprint: str, created: int) -> dict[str, object]:
        reply = replies[0]
        stop: str = "refusal" if reply.ending == "refusal" else _ENDINGS.get(reply.ending, reply.ending)
        details: dict[str, object] | None = None
        content: list[dict[str, object]] = [{"type": "text", "text": reply.text, "citations": None}]
        if reply.ending == "refusal":
            category = _REFUSALS[int(fingerprint[:2], 16) % len(_REFUSALS)]
            details = {"type": "refusal", "category": category, "explanation": "Simulated refusal."}
        if not reply.text:
            content = []
        elif ask.tool and stop == "end_turn" and (arguments := _arguments(reply.text)) is not None:
            stop = "tool_use"
            content = [{"type": "tool_use", "id": f"toolu_{fingerprint[32:56]}", "name": ask.tool, "input": arguments}]
        return {
            "id": f"msg_{fingerprint[:24]}",
            "type": "message",
            "role": "assistant",
            "model": ask.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "stop_details": details,
            "usage": {
                "input_tokens": ask.input_tokens,
                "output_tokens": reply.output_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens_details": {"thinking_tokens": 0},
                "service_tier": "standard",
            },
        }


def _arguments(text: str) -> dict[str, object] | None:
    """A tool's arguments, or None for an answer that was made unreadable."""
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError:
        return None


def _check_sampling(asked: MessagesBody) -> None:
    for name, value, default in (
        ("temperature", asked.temperature, 1.0),
        ("top_p", asked.top_p, None),
        ("top_k", asked.top_k, None),
    ):
        if value is not None and value != default:
            raise Denied(400, "invalid_request_error", f"{name}: not supported on {asked.model}")
    if asked.messages[-1].role == "assistant":
        raise Denied(400, "invalid_request_error", "messages: prefilling the answer is not supported on this model")


def _wanted(asked: MessagesBody) -> tuple[Schema | None, str | None]:
    form = asked.output_config.format if asked.output_config else None
    if form is not None and form.type == "json_schema":
        return form.schema, None
    choice = asked.tool_choice
    if not asked.tools or choice is None or choice.type not in {"any", "tool"}:
        return None, None
    tool = next((one for one in asked.tools if choice.name in (None, one.name)), None)
    if tool is None:
        raise Denied(400, "invalid_request_error", "tool_choice.name: no such tool")
    return tool.input_schema, tool.name
