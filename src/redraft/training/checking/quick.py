"""The quick way to tell that a row has nothing wrong: decoded straight into its format's types, then looked over.

Plain messages are tried first, then those with parts and calls. What fits neither (images, everything wrong) is looked
at closely by `rows`. So this may refuse a good row, and must never accept a bad one. Neighbours: `shapes`, `turns`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from redraft.training.checking.contents import function_names, tool_findings
from redraft.training.checking.shapes import (
    Conversation,
    Feedback,
    Format,
    Instruction,
    Message,
    Preference,
    RichConversation,
    RichMessage,
    Text,
    Weighted,
)
from redraft.training.checking.turns import call_findings, order_findings, training_findings, trains_others

_PATTERNS = 500
_Found = TypeVar("_Found")


# Of a good row: the texts that the model sees, whether the row counts (its weight is not 0), and whether something is
# trained that the assistant does not say. Made for every row, so without a class of its own.
Seen = tuple[list[str], bool, bool]
Quick = Callable[[bytes], Seen | None]


class _Memory(Generic[_Found]):
    """What was found out about the few patterns that a file's rows have. Patterns longer than `longest` are not kept,
    and all are forgotten when they turn out to be many, so that memory stays flat."""

    def __init__(self, find: Callable[[Any], _Found], longest: int) -> None:
        self._known: dict[Any, _Found] = {}
        self._find = find
        self._longest = longest

    def of(self, key: Any) -> _Found:
        known = self._known.get(key)
        if known is not None:
            return known
        if len(self._known) >= _PATTERNS:
            self._known.clear()
        found = self._find(key)
        if len(key) <= self._longest:
            self._known[key] = found
        return found


def _verdict(key: tuple[Any, ...]) -> Literal["good", "others", "wrong"]:
    """Of (role, weight, role, weight, ...): whether order and weights are good, and train the assistant alone."""
    messages = _messages(key)
    if not messages or any(True for rule in (order_findings, training_findings) for _ in rule("", messages)):
        return "wrong"
    return "others" if trains_others(messages) else "good"


def _is_context(key: tuple[Any, ...]) -> bool:
    """The same for what stands before two outputs, where nothing is trained."""
    messages = _messages(key)
    return bool(messages) and messages[-1]["role"] == "user" and not any(True for _ in order_findings("", messages))


def _messages(key: tuple[Any, ...]) -> list[dict[str, Any]]:
    """A call is told by its role, as `assistant:calls`."""
    messages: list[dict[str, Any]] = []
    for role, weight in zip(key[::2], key[1::2], strict=True):
        said, _, calls = str(role).partition(":")
        message: dict[str, Any] = {"role": said, "tool_calls": calls}
        messages.append(message if weight is UNSET else message | {"weight": weight})
    return messages


def _tools(raw: bytes) -> tuple[list[str], frozenset[str]] | None:
    """The texts and the functions of a `tools` column; None where something is wrong with it."""
    tools = msgspec.json.decode(raw)
    if any(True for _ in tool_findings("tools", tools)):
        return None
    return [str(tool) for tool in tools or ()], function_names(tools)


_VERDICTS, _CONTEXTS, _TOOLS = _Memory(_verdict, 256), _Memory(_is_context, 256), _Memory(_tools, 2**16)
_ARGUMENTS = msgspec.json.Decoder(dict[str, Any]).decode


def _plain(messages: Sequence[Message | Weighted], key: list[Any]) -> list[str] | None:
    """The contents, of which none may be empty; `key` gets the roles and weights."""
    contents: list[str] = []
    for message in messages:
        content = message.content
        if not content or content.isspace():
            return None
        contents.append(content)
        key.append(message.role)
        key.append(message.weight)
    return contents


def _offered(tools: Raw | UnsetType) -> tuple[list[str], frozenset[str]] | None:
    return ([], frozenset()) if isinstance(tools, UnsetType) else _TOOLS.of(bytes(tools))


def _conversation(row: Conversation) -> Seen | None:
    key: list[Any] = []
    contents, weight = _plain(row.messages, key), row.weight
    if contents is None or not 0 <= weight < inf:
        return None
    verdict = _VERDICTS.of(tuple(key))
    if verdict == "wrong":
        return None
    if row.tools is not UNSET:
        tools = _offered(row.tools)
        if tools is None:
            return None
        contents = tools[0] + contents
    return contents, weight > 0, verdict == "others"


def _rich_conversation(row: RichConversation) -> Seen | None:
    tools = _offered(row.tools)
    if tools is None or not 0 <= row.weight < inf:
        return None
    texts, key, parts = list(tools[0]), list[Any](), set[bool]()
    for message in row.messages:
        if not _rich(message, texts):
            return None
        key += (f"{message.role}:calls" if message.tool_calls else message.role, message.weight)
        if message.content:
            parts.add(isinstance(message.content, list))
    verdict = _VERDICTS.of(tuple(key))
    if verdict == "wrong" or len(parts) > 1:
        return None
    if any(message.tool_calls or message.role == "tool" for message in row.messages):
        called: Any = msgspec.to_builtins(row.messages)
        if any(True for _ in call_findings("", called, tools[1])):
            return None
    return texts, row.weight > 0, verdict == "others"


def _rich(message: RichMessage, texts: list[str]) -> bool:
    """Whether nothing is wrong with the message by itself; its texts go to `texts`, as `contents.texts_in` has them."""
    content, calls, role = message.content, message.tool_calls, message.role
    said = [part.text for part in content] if isinstance(content, list) else [content or ""]
    if role != "assistant" and (calls or message.reasoning is not None or message.reasoning_content is not None):
        return False
    if role != "tool" and message.tool_call_id is not None:
        return False
    if content is None and not calls:
        return False
    if role != "tool" and not calls and not any(text and not text.isspace() for text in said):
        return False
    said += (message.reasoning or "", message.reasoning_content or "")
    for call in calls or ():
        _ARGUMENTS(call.function.arguments)
        said += (call.function.name, call.function.arguments)
    texts += filter(None, said)
    return True


def _instruction(row: Instruction) -> Seen | None:
    prompt, completion, weight = row.prompt, row.completion, row.weight
    if not prompt or not completion or prompt.isspace() or completion.isspace() or not 0 <= weight < inf:
        return None
    return [prompt, completion], weight > 0, False


def _text(row: Text) -> Seen | None:
    text, weight = row.text, row.weight
    return ([text], weight > 0, False) if text and not text.isspace() and 0 <= weight < inf else None


def _preference(row: Preference) -> Seen | None:
    key: list[Any] = []
    contents, tools = _plain(row.input.messages, key), _offered(row.input.tools)
    if contents is None or tools is None or not _CONTEXTS.of(tuple(key)):
        return None
    said: list[str] = []
    for output in (row.preferred_output, row.non_preferred_output):
        if len(output) != 1 or output[0].role != "assistant" or output[0].weight == 0:
            return None
        said.append(output[0].content)
    if said[0] == said[1] or not all(map(str.strip, said)):
        return None
    return [*tools[0], *contents, max(said, key=len)], True, False


_SHAPES: Mapping[Format, tuple[Any, Callable[[Any], Seen | None]]] = {
    Format.CONVERSATION: (Conversation, _conversation),
    Format.INSTRUCTION: (Instruction, _instruction),
    Format.TEXT: (Text, _text),
    Format.PREFERENCE: (Preference, _preference),
}


def quick(format: Format) -> Quick:
    """A function of one line: what a good row shows the model, or None where the row must be looked at closely.

    Of a preference row's two outputs only the longer one is among the texts, since each is trained in a row of its own.
    """
    rich = _reader(RichConversation, _rich_conversation, otherwise=None)
    return _reader(*_SHAPES[format], otherwise=rich if format is Format.CONVERSATION else None)


def _reader(shape: Any, look: Callable[[Any], Seen | None], *, otherwise: Quick | None) -> Quick:
    decode = msgspec.json.Decoder(shape).decode

    def read(line: bytes) -> Seen | None:
        try:
            seen = look(decode(line))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            seen = None
        return otherwise(line) if seen is None and otherwise else seen

    return read


def quick_feedback() -> Callable[[bytes], bool]:
    """A function of one line: whether it is good as `validator` wants files made from feedback; False is no verdict."""
    decode = msgspec.json.Decoder(Feedback).decode

    def read(line: bytes) -> bool:
        try:
            messages = decode(line).messages
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return False
        key: list[Any] = []
        good = _plain(messages, key) is not None and _VERDICTS.of(tuple(key)) == "good"
        return good and messages[-1].role == "assistant" and messages[-1].weight == 1

    return read
