"""What a chat call may ask of a local model, read from its body; whatever would be left out is refused by name.

Neighbours: `app` sends the refusals, `answering` does what was asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Literal, cast

import msgspec

# What OpenAI's protocol has besides, and the values with which it changes nothing.
NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "n": (1,),
    "stream": (False,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "echo": (False,),
    "store": (False,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "service_tier": ("auto", "default"),
}
# Said of a call, never to the model.
_NOTED = frozenset({"user", "metadata", "safety_identifier", "prompt_cache_key"})
MOST_STOPS = 4
# Below it the likeliest token always comes, and far below single precision has no number for it.
LEAST_TEMPERATURE = 1e-3

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Whole = Annotated[int, msgspec.Meta(ge=1, le=2**20)]


class Refused(Exception):  # noqa: N818 - an answer of the server, not a fault of it
    """A call that is not answered: HTTP status, the sentence, the field that it is about, and OpenAI's word for it."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    @property
    def body(self) -> dict[str, dict[str, str | None]]:
        """As OpenAI writes errors."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def ending() -> Refused:
    """What calls hear that a server cannot answer any more."""
    return Refused(503, "the server is ending; ask again when it is back")


class Part(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class ChatMessage(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class _Body(msgspec.Struct, kw_only=True):
    model: str
    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1)]
    max_tokens: _Whole | None = None
    max_completion_tokens: _Whole | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    seed: int | None = None
    stop: _Text | Annotated[list[_Text], msgspec.Meta(max_length=MOST_STOPS)] | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One chat call. `temperature` 0 takes the likeliest token each time; `max_tokens` None: the model's own limit."""

    model: str
    messages: tuple[ChatMessage, ...]
    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()


def read_asked(raw: bytes) -> Asked:
    """The call in a body. Raises Refused (400), naming the field, for everything that is not done as it is asked."""
    try:
        given: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(400, f"the body is no JSON ({fault})") from None
    if not isinstance(given, dict):
        raise Refused(400, "the body is no JSON object")
    fields = {name: value for name, value in cast("dict[str, object]", given).items() if value is not None}
    _require_known(fields)
    _require_plain(fields.get("messages"))
    try:
        body = msgspec.convert(fields, _Body)
    except msgspec.ValidationError as fault:
        raise _misshapen(fault) from None
    return _asked(body)


def _asked(body: _Body) -> Asked:
    if body.temperature and body.temperature < LEAST_TEMPERATURE:
        said = f"temperature {body.temperature:g}: send 0 for the likeliest token each time, or at least 0.001"
        raise Refused(400, said, "temperature")
    limit = body.max_tokens or body.max_completion_tokens
    if body.max_completion_tokens not in (None, limit):
        said = "max_tokens and max_completion_tokens are the same, and differ; send one of them"
        raise Refused(400, said, "max_completion_tokens")
    return Asked(
        model=body.model, messages=tuple(body.messages), max_tokens=limit, temperature=body.temperature or 0.0,
        top_p=body.top_p or 1.0, seed=secrets.randbits(63) if body.seed is None else body.seed % 2**63,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
    )  # fmt: skip


def _require_known(fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        if name in _Body.__struct_fields__ or name in _NOTED or _neutral(name, value):
            continue
        known = NEUTRAL.get(name)
        shown = " or ".join(msgspec.json.encode(one).decode() for one in known) if known else ""
        mend = f"leave it out, or send {shown}" if known else "leave it out"
        raise Refused(400, f"{name} is not supported here and would change the answer; {mend}", name, "unsupported")


def _neutral(name: str, value: object) -> bool:
    # Python's True is 1, and here it is none.
    return any(value == one and isinstance(value, bool) is isinstance(one, bool) for one in NEUTRAL.get(name, ()))


def _require_plain(messages: object) -> None:
    """What a message has besides role and content, such as a name or tool calls, would not reach the model."""
    for place, message in enumerate(cast("list[object]", messages) if isinstance(messages, list) else []):
        if not isinstance(message, dict):
            continue
        for name, value in cast("dict[str, object]", message).items():
            if name not in {"role", "content"} and value not in (None, [], ""):
                at = f"messages[{place}].{name}"
                raise Refused(400, f"{at} is not supported here: the model reads content only", at, "unsupported")


def _misshapen(fault: msgspec.ValidationError) -> Refused:
    said, _, at = str(fault).partition(" - at `$")
    field = at.strip(".`") or None
    if "missing required field" in said:
        field = said.rpartition("`")[0].rpartition("`")[2]
    return Refused(400, f"{field}: {said}" if at else said, field)
