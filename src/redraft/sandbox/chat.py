"""The OpenAI form of chat completions, as Together, OpenRouter, Gemini and the local servers speak it.

Neighbours: `dialects` words the errors, `calls` serves what is read here, `anthropic_messages` is the other form.
"""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec

from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.dialects import Denied, Dialect
from redraft.sandbox.schemas import Schema

DEFAULT_MAX_TOKENS = 4096
# Fields that Gemini's compatible endpoint answers with 400.
GEMINI_UNKNOWN = frozenset(
    {
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "top_k",
        "min_p",
        "repetition_penalty",
        "reasoning",
        "provider",
    }
)

# OpenAI's models that reason before they answer, and what those refuse: parameter and the one value that passes.
# gpt-5-chat-latest does not reason.
_REASONING = re.compile(r"(ft:)?(o[134]|gpt-[56])(?!-chat)([-.]|$)")
_FIXED: dict[str, object] = {"temperature": 1, "top_p": 1, "stop": None, "max_tokens": None}

# How a refusal ends where it is no `content_filter`: OpenAI says it in the message, Gemini gives its own word.
_REFUSED = {"openai": "stop", "gemini": "SAFETY"}


class ChatMessage(msgspec.Struct):
    role: str
    content: str | list[dict[str, object]] | None = None

    @property
    def text(self) -> str:
        return part_text(self.content)


class JsonSchema(msgspec.Struct):
    schema: Schema


class ResponseFormat(msgspec.Struct):
    type: str
    json_schema: JsonSchema | None = None


class StructuredOutputs(msgspec.Struct):
    """vLLM's own field for the same."""

    json: Schema | None = None


class Function(msgspec.Struct):
    name: str
    parameters: Schema = {}


class Tool(msgspec.Struct):
    function: Function


class ChatBody(msgspec.Struct):
    model: str
    messages: list[ChatMessage]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    n: int | None = None
    stream: bool | None = None
    logprobs: bool | int | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Tool | None = None


class ChatForm:
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def read(self, body: dict[str, object]) -> Ask:
        if self.dialect.name == "gemini" and (unknown := GEMINI_UNKNOWN & body.keys()):
            name = min(unknown)
            raise Denied(
                400, "invalid_argument", f'Invalid JSON payload received. Unknown name "{name}": no such field'
            )
        try:
            asked = msgspec.convert(body, ChatBody)
        except msgspec.ValidationError as error:
            raise Denied(400, "invalid_request", f"Invalid request: {error}") from None
        self._check(asked)
        schema, tool = _wanted(asked)
        users = [message.text for message in asked.messages if message.role == "user"]
        return Ask(
            model=asked.model,
            instructions="\n".join(message.text for message in asked.messages),
            last_user=users[-1] if users else "",
            max_tokens=asked.max_completion_tokens or asked.max_tokens or DEFAULT_MAX_TOKENS,
            schema=schema,
            tool=tool,
            count=asked.n or 1,
        )

    def _check(self, asked: ChatBody) -> None:
        if not asked.messages:
            raise Denied(400, "invalid_request", "messages must not be empty")
        for message in asked.messages:
            if message.role not in {"system", "developer", "user", "assistant", "tool"}:
                raise Denied(400, "invalid_request", f"messages: unknown role {message.role!r}")
        if asked.stream:
            raise Denied(400, "invalid_request", "The sandbox does not simulate streaming")
        if not 1 <= (asked.n or 1) <= 16:
            raise Denied(400, "invalid_request", "n must be between 1 and 16")
        for limit in (asked.max_tokens, asked.max_completion_tokens):
            if limit is not None and limit < 1:
                raise Denied(400, "invalid_request", "max_tokens must be at least 1")
        if not 0 <= (asked.temperature or 0) <= 2:
            raise Denied(400, "invalid_request", "temperature must be between 0 and 2")
        if not 0 < (1 if asked.top_p is None else asked.top_p) <= 1:
            raise Denied(400, "invalid_request", "top_p must be above 0 and at most 1")
        if self.dialect.name == "together" and isinstance(asked.logprobs, bool):
            raise Denied(400, "invalid_request", "logprobs must be an integer between 0 and 20")
        if self.dialect.name == "openai" and _REASONING.match(asked.model):
            for name, only in _FIXED.items():
                if getattr(asked, name) not in (None, only):
                    instead = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                    said = f"Unsupported parameter: '{name}' is not supported with this model.{instead}"
                    raise Denied(400, "unsupported_parameter", said)

    def write(self, ask: Ask, replies: list[Reply], fingerprint: str, created: int) -> dict[str, object]:
        output = sum(reply.output_tokens for reply in replies)
        return {
            "id": f"chatcmpl-{fingerprint[:32]}",
            "object": "chat.completion",
            "created": created,
            "model": ask.model,
            "prompt": [],
            "choices": [self._choice(ask, reply, index) for index, reply in enumerate(replies)],
            "usage": {
                "prompt_tokens": ask.input_tokens,
                "completion_tokens": output,
                "total_tokens": ask.input_tokens + output,
            },
        }

    def _choice(self, ask: Ask, reply: Reply, index: int) -> dict[str, object]:
        finish = reply.ending
        message: dict[str, object] = {"role": "assistant", "content": reply.text}
        if reply.ending == "refusal":
            finish = _REFUSED.get(self.dialect.name, "content_filter")
            message |= {"content": None, "refusal": "Simulated refusal."} if finish == "stop" else {}
        if ask.tool and reply.ending == "stop":
            finish = "tool_calls"
            function = {"name": ask.tool, "arguments": reply.text}
            call = {"id": f"call_{index}", "index": 0, "type": "function", "function": function}
            message |= {"content": None, "tool_calls": [call]}
        return {"index": index, "finish_reason": finish, "logprobs": None, "message": message}


def part_text(content: object) -> str:
    """The text of a message's content: a string, or a list of parts of which the text ones count."""
    if isinstance(content, list):
        parts = cast("list[dict[str, object]]", content)
        return "\n".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _wanted(asked: ChatBody) -> tuple[Schema | None, str | None]:
    """The schema that the answer must match and, if it goes through a tool, the tool's name."""
    form = asked.response_format
    if form and form.type == "json_schema":
        if form.json_schema is None:
            raise Denied(400, "invalid_request", "response_format.json_schema is missing")
        return form.json_schema.schema, None
    if form and form.type == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}, None
    if asked.structured_outputs and asked.structured_outputs.json is not None:
        return asked.structured_outputs.json, None
    if not asked.tools or asked.tool_choice in (None, "auto", "none"):
        return None, None
    named = asked.tool_choice.function.name if isinstance(asked.tool_choice, Tool) else None
    function = next((tool.function for tool in asked.tools if named in (None, tool.function.name)), None)
    if function is None:
        raise Denied(400, "invalid_request", f"tool_choice names an unknown tool: {named}")
    return function.parameters, function.name
