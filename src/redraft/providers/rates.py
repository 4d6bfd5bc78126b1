"""What a provider's answer says of its rate limits, from every dialect of headers to one form: numbers a minute.

`chat` reads them from each answer and fault, `calling.limits` paces by them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime
from math import isfinite

import msgspec


class Room(msgspec.Struct, frozen=True):
    """One limit: how much a minute, how much is left now, seconds until it is whole again; None where not told."""

    limit: float | None
    remaining: float | None
    reset: float | None


class Rates(msgspec.Struct, frozen=True):
    """`tokens` counts both kinds together, where a provider limits their sum."""

    requests: Room | None = None
    tokens: Room | None = None
    input_tokens: Room | None = None
    output_tokens: Room | None = None


def read_rates(provider: str, headers: Mapping[str, str]) -> Rates | None:
    """What the headers of one answer tell, or None where they tell nothing. Never raises.

    `headers` finds names in any case, or has them in lower case.
    """
    return _anthropic(headers) if provider == "anthropic" else _openai(provider, headers)


# The names of limit, remaining and reset, in the order of the fields of `Rates`.
_ANTHROPIC = tuple(
    tuple(f"anthropic-ratelimit-{word}-{what}" for what in ("limit", "remaining", "reset"))
    for word in ("requests", "tokens", "input-tokens", "output-tokens")
)


def _anthropic(headers: Mapping[str, str]) -> Rates | None:
    rooms = [
        _room(_number(headers.get(limit)), _number(headers.get(remaining)), _until(headers.get(reset)))
        for limit, remaining, reset in _ANTHROPIC
    ]
    requests, tokens, input_tokens, output_tokens = rooms
    if input_tokens or output_tokens:
        tokens = None  # it repeats whichever of the two is nearer, now this one and now that
    return Rates(requests, tokens, input_tokens, output_tokens) if any(rooms) else None


def _openai(provider: str, headers: Mapping[str, str]) -> Rates | None:
    """OpenAI's names, which others took over, or the shorter ones: a second's worth at Together, else a minute's."""
    requests = _room(
        _number(headers.get("x-ratelimit-limit-requests")),
        _number(headers.get("x-ratelimit-remaining-requests")),
        _duration(headers.get("x-ratelimit-reset-requests")),
    )
    tokens = _room(
        _number(headers.get("x-ratelimit-limit-tokens")),
        _number(headers.get("x-ratelimit-remaining-tokens")),
        _duration(headers.get("x-ratelimit-reset-tokens")),
    )
    if requests or tokens:
        return Rates(requests, tokens)
    limit, reset = headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-reset")
    remaining, seconds = headers.get("x-ratelimit-remaining"), provider == "together"
    if limit is not None:
        back = _duration(reset) if seconds else _epoch(reset)
        requests = _room(_number(limit, 60 if seconds else 1), _number(remaining), back)
    if seconds and (limit := headers.get("x-tokenlimit-limit")) is not None:
        tokens = _room(
            _number(limit, 60),
            _number(headers.get("x-tokenlimit-remaining")),
            _duration(headers.get("x-tokenlimit-reset")),
        )
    return Rates(requests, tokens) if requests or tokens else None


def _room(limit: float | None, remaining: float | None, reset: float | None) -> Room | None:
    """None without a usable number; a limit of 0 is no rate that one could keep to."""
    limit = limit or None
    return None if limit is None and remaining is None else Room(limit, remaining, reset)


def _number(word: str | None, times: float = 1) -> float | None:
    if word is None:
        return None
    try:
        number = float(word) * times
    except ValueError:
        return None
    return number if 0 <= number < 1e15 else None


def _until(word: str | None) -> float | None:
    """Seconds until a moment in RFC 3339."""
    if word is None:
        return None
    try:
        moment = datetime.fromisoformat(word)
        return max(0.0, moment.timestamp() - time.time()) if moment.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?)s)?(?:(\d+(?:\.\d*)?)ms)?", re.ASCII)


def _duration(word: str | None) -> float | None:
    """Seconds of `6m0s`, `1.5s`, `120ms` or a bare number of seconds."""
    if word is None:
        return None
    if (plain := _number(word)) is not None:
        return plain
    found = _DURATION.fullmatch(word)
    if not word or found is None:
        return None
    days, hours, minutes, seconds, thousandths = (float(part or 0) for part in found.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds + thousandths / 1000
    return total if isfinite(total) else None


def _epoch(word: str | None) -> float | None:
    """Seconds until a moment in milliseconds since 1970."""
    moment = _number(word)
    return None if moment is None else max(0.0, moment / 1000 - time.time())
