"""What HTTP statuses other than 200 stand for, and after how many seconds a provider wants to be asked again.

Neighbours: `shapes` reads the bodies of errors, `wire_answers` finds errors inside HTTP 200.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from redraft.providers import shapes
from redraft.providers.attempts import CallFault, FaultKind
from redraft.providers.rates import Rates, read_rates

# Parts of the codes that say so whatever the status: Anthropic sends its spend limits with 429, OpenAI its quota.
_SPENT = ("spend_limit", "insufficient_quota", "billing")
# What 403 means where a refused key is always 401: OpenRouter's moderation, Together's "context too long".
_FORBIDDEN: dict[str, FaultKind] = {"openrouter": "filtered", "together": "bad_request"}
# A gateway did not get, or not pass on, what the provider behind it may have generated.
_LOST_BETWEEN = frozenset({502, 504, 524})
# The status that an error inside HTTP 200 should have come with, where it has a type and no number.
_TYPES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}


def read_error(provider: str, status: int, raw: bytes, headers: Mapping[str, str], key: str = "") -> CallFault:
    """The fault that an HTTP status other than 200 stands for. Quotes neither headers nor the key.

    The names in `headers` are found whatever their case, or are in lower case.
    """
    said = shapes.error_text(raw, key)
    detail = f"HTTP {status}: {said.text}" if said.text else f"HTTP {status}"
    wait = retry_after(headers)
    kind = fault_kind(provider, status, said)
    return CallFault(
        kind,
        detail,
        said.retry_after if wait is None else wait,
        read_rates(provider, headers),
        maybe_paid=status in _LOST_BETWEEN or kind == "malformed_answer",
    )


def fault_kind(provider: str, status: int, said: shapes.Said) -> FaultKind:
    """What a status and what was said with it come to."""
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
    # Another success than 200 is none that a model's answer comes with.
    return "malformed_answer" if status < 300 else "bad_request"


def fault_inside(provider: str, error: bytes | msgspec.Raw, key: str, rates: Rates | None) -> CallFault:
    """The fault that an error inside HTTP 200 stands for: the provider had begun to work by then."""
    said = shapes.error_text(error, key)
    numbers = (int(code) for code in said.codes if code.isdecimal() and code[0] in "45" and len(code) == 3)
    types = (_TYPES[code] for code in said.codes if code in _TYPES)
    status = [*numbers, *types, 500][0]
    detail = f"error {status} inside HTTP 200: {said.text}"
    return CallFault(fault_kind(provider, status, said), detail, said.retry_after, rates, maybe_paid=True)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.

    A date counts from the answer's own `date`, so that the two clocks need not agree.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    named = headers.get("retry-after")
    if (seconds := _number(named)) is not None:
        return seconds
    until = _timestamp(named)
    if until is None:
        return None
    now = _timestamp(headers.get("date"))
    return max(0.0, until - (time.time() if now is None else now))


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _timestamp(text: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, IndexError, OverflowError):  # a date that no calendar has, or none at all
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
