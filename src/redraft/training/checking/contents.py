"""What may stand in a message: its keys, weight, text or parts with images, tool calls.

Neighbours: `rows` checks roles, their order and the columns around the messages.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from redraft.training.checking.findings import Finding, kind_of

ROLES = ("system", "user", "assistant", "tool")
# Keys of any message, and those of one role alone. A mistyped `weight` would silently train what should not be.
KEYS = frozenset({"role", "content", "weight", "name"})
KEYS_OF_ROLE: Mapping[str, frozenset[str]] = {
    "assistant": frozenset({"tool_calls", "reasoning", "reasoning_content"}),
    "tool": frozenset({"tool_call_id"}),
}
_OWNERS = {key: role for role, keys in KEYS_OF_ROLE.items() for key in keys}
_TEXTS = ("name", "tool_call_id", "reasoning", "reasoning_content")
# The key of each kind of part that says something; no part has others.
_SAYS = {"text": "text", "image_url": "image_url"}

MOST_IMAGES = 10
IMAGE_BYTES = 10 * 2**20
# What the bytes of each kind begin with; WebP keeps its size between the two.
_BEGINNINGS = {"jpeg": (b"\xff\xd8\xff", b""), "png": (b"\x89PNG\r\n\x1a\n", b""), "webp": (b"RIFF", b"WEBP")}
_PREFIXES = {f"data:image/{kind};base64,": kind for kind in _BEGINNINGS}
_OBJECT = msgspec.json.Decoder(dict[str, Any]).decode


def message_findings(field: str, message: object) -> Iterator[Finding]:
    """The faults of one message by itself."""
    if not isinstance(message, dict):
        yield Finding("wrong_type", field, f"is {kind_of(message)}; must be an object with role and content")
        return
    entry = cast("dict[str, object]", message)
    role = entry.get("role")
    if "role" not in entry:
        yield Finding("role", f"{field}.role", f"is missing; add one of {', '.join(ROLES)}")
    elif role not in ROLES:
        yield Finding("role", f"{field}.role", f"must be one of {', '.join(ROLES)}")
    for key in sorted(entry.keys() - KEYS):
        owner = _OWNERS.get(key)
        if owner is None:
            yield Finding("unknown_key", f"{field}.{key}", "is not known here; remove it")
        elif role in ROLES and role != owner and entry[key] is not None:
            yield Finding("unknown_key", f"{field}.{key}", f"belongs to the {owner} only; remove it")
    for key in _TEXTS:
        if not isinstance(entry.get(key), str | None):
            yield Finding("wrong_type", f"{field}.{key}", f"is {kind_of(entry[key])}; must be a string")
    # type() and not isinstance(): True is an int to Python, but the provider wants the digit.
    if "weight" in entry and (type(entry["weight"]) is not int or entry["weight"] not in (0, 1)):
        yield Finding("weight", f"{field}.weight", f"is {shown(entry['weight'])}; must be the integer 0 or 1")
    elif entry.get("weight") == 1 and shows_images(entry):
        yield Finding("weight", f"{field}.weight", "is 1 on a message with images, which are not trained; must be 0")
    yield from _tool_calls(f"{field}.tool_calls", entry.get("tool_calls"))
    yield from _content(f"{field}.content", entry)


def has_parts(message: Mapping[str, object]) -> bool:
    return isinstance(message.get("content"), list)


def shows_images(message: Mapping[str, object]) -> bool:
    """Whether the message shows an image."""
    content = message.get("content")
    return isinstance(content, list) and any(map(_is_image, cast("list[object]", content)))


def images_in(messages: list[dict[str, Any]]) -> int:
    """How many images the messages carry; of good messages only."""
    parts = (part for message in messages if has_parts(message) for part in message["content"])
    return sum(map(_is_image, parts))


def texts_in(message: Mapping[str, Any]) -> list[str]:
    """Every text of a good message that the model sees; images are not among them."""
    content = message.get("content")
    texts = [content] if isinstance(content, str) else [part.get("text") or "" for part in content or ()]
    texts += [message.get("reasoning") or "", message.get("reasoning_content") or ""]
    for call in message.get("tool_calls") or ():
        texts += [call["function"]["name"], call["function"]["arguments"]]
    return [text for text in texts if text]


def tool_findings(field: str, tools: object) -> Iterator[Finding]:
    """The faults of the `tools` column: a list of functions with names. Null stands for none."""
    if tools is None:
        return
    if not isinstance(tools, list):
        yield Finding("wrong_type", field, f"is {kind_of(tools)}; must be a list of functions")
        return
    for place, tool in enumerate(cast("list[object]", tools)):
        yield from _function(f"{field}[{place}]", tool)


def function_names(tools: object) -> frozenset[str]:
    """The functions that a good `tools` column offers."""
    return frozenset(tool["function"]["name"] for tool in cast("list[dict[str, Any]]", tools or ()))


def shown(value: object) -> str:
    """Enough of a wrong weight to find it; never a long text."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return kind_of(value)
    # Python refuses to write the digits of very large integers.
    return repr(value) if abs(value) < 10**20 else "a number out of range"


def _tool_calls(field: str, calls: object) -> Iterator[Finding]:
    if calls is None:
        return
    if not isinstance(calls, list) or not calls:
        yield Finding("wrong_type", field, "must be a list with at least one call; leave it out where there is none")
        return
    for place, call in enumerate(cast("list[object]", calls)):
        at, found = f"{field}[{place}]", False
        for finding in _function(at, call):
            found = True
            yield finding
        if not found:
            yield from _call(at, cast("dict[str, Any]", call))


def _call(field: str, call: Mapping[str, Any]) -> Iterator[Finding]:
    """What a call has beside its function's name: an id that its answer names, and arguments."""
    if not isinstance(call.get("id"), str) or not call["id"]:
        gone = "is missing" if "id" not in call else "is no text"
        yield Finding("tool", f"{field}.id", f"{gone}; add one, which the tool's answer repeats as tool_call_id")
    arguments = call["function"].get("arguments")
    try:
        if not isinstance(arguments, str):
            gone = kind_of(arguments) if "arguments" in call["function"] else "missing"
            yield Finding("tool", f"{field}.function.arguments", f"is {gone}; write the JSON object as a string")
        else:
            _OBJECT(arguments)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        mend = 'is a string that holds no JSON object; write "{}" where there are none'
        yield Finding("tool", f"{field}.function.arguments", mend)


def _function(field: str, value: object) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding("wrong_type", field, f'is {kind_of(value)}; must be {{"type": "function", "function": ...}}')
        return
    entry = cast("dict[str, object]", value)
    function = entry.get("function")
    if entry.get("type", "function") != "function":
        yield Finding("wrong_type", f"{field}.type", 'must be "function"')
    name = cast("dict[str, object]", function).get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict):
        yield Finding("wrong_type", f"{field}.function", f"is {kind_of(function)}; must be an object with a name")
    elif not isinstance(name, str) or not name:
        yield Finding("wrong_type", f"{field}.function.name", "must be the function's name")


def _content(field: str, message: Mapping[str, object]) -> Iterator[Finding]:
    role, content = message.get("role"), message.get("content")
    # A tool may well have nothing to say, and an assistant that calls one need not speak.
    speaks = role in ("system", "user", "assistant") and not message.get("tool_calls")
    if isinstance(content, list):
        yield from _parts(field, cast("list[object]", content), role, speaks)
    elif isinstance(content, str):
        if speaks and not content.strip():
            yield Finding("empty", field, "is empty; write the text or remove the row")
    elif content is not None:
        yield Finding("wrong_type", field, f"is {kind_of(content)}; must be a string or a list of parts")
    elif (role in ROLES and role != "assistant") or not message.get("tool_calls"):
        gone = "is null" if "content" in message else "is missing"
        calls = " or tool_calls" if role == "assistant" else ""
        yield Finding("missing", field, f"{gone}; add the text{calls}")


def _parts(field: str, parts: list[object], role: object, speaks: bool) -> Iterator[Finding]:
    for place, part in enumerate(parts):
        at = f"{field}[{place}]"
        if not isinstance(part, dict):
            yield Finding("wrong_type", at, f"is {kind_of(part)}; must be an object with a type")
            continue
        entry = cast("dict[str, object]", part)
        says = _SAYS.get(str(entry.get("type")), "")
        for key in sorted(entry.keys() - {"type", says} if says else ()):
            yield Finding("unknown_key", f"{at}.{key}", f"is not known in a part of type {says}; remove it")
        match entry.get("type"):
            case "text":
                if not isinstance(entry.get("text"), str):
                    yield Finding("wrong_type", f"{at}.text", f"is {kind_of(entry.get('text'))}; must be a string")
            case "image_url":
                yield from _image(at, entry.get("image_url"), role)
            case _:
                yield Finding("wrong_type", f"{at}.type", "must be text or image_url")
    if speaks and all(_blank(part) for part in parts):
        yield Finding("empty", field, "holds no text and no image; write one or remove the row")


def _is_image(part: object) -> bool:
    return isinstance(part, dict) and cast("dict[str, object]", part).get("type") == "image_url"


def _blank(part: object) -> bool:
    entry = cast("dict[str, object]", part) if isinstance(part, dict) else {}
    text = entry.get("text")
    return entry.get("type") == "text" and isinstance(text, str) and not text.strip()


def _image(field: str, image: object, role: object) -> Iterator[Finding]:
    if role in ROLES and role != "user":
        yield Finding("image", field, f"is an image of the {role}; only the user shows images")
    entry = cast("dict[str, object]", image) if isinstance(image, dict) else {}
    for key in sorted(entry.keys() - {"url"}):
        yield Finding("unknown_key", f"{field}.image_url.{key}", "is not known here; remove it")
    url = entry.get("url")
    mend = _image_mend(url) if isinstance(url, str) else "must be a data URI with the image in base64"
    if mend:
        yield Finding("image", f"{field}.image_url.url", mend)


def _image_mend(url: str) -> str:
    """What is wrong with a data URI; empty for a good one."""
    prefix, kind = next(((prefix, kind) for prefix, kind in _PREFIXES.items() if url.startswith(prefix)), ("", ""))
    if not kind:
        return "must begin with data:image/jpeg;base64, (or png, webp); the provider follows no links"
    size = (len(url) - len(prefix)) * 3 // 4 - url[-2:].count("=")
    if not size:
        return "holds no image; add it or remove the part"
    if size > IMAGE_BYTES:
        return f"is an image of {size / 2**20:.2f} MiB; at most {IMAGE_BYTES // 2**20} MiB"
    try:
        image = binascii.a2b_base64(url[len(prefix) :].encode(), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return "is not base64; encode the image anew, without line breaks and with its padding"
    start, later = _BEGINNINGS[kind]
    if not image.startswith(start) or not image.startswith(later, 8):
        return f"holds no {kind}; encode the image anew, or name the kind that it is"
    return ""
