"""HTTP statuses other than 200: what each means for the row and the run, and that no key gets into a message."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redraft.providers import wire
from redraft.providers.endpoints import PROVIDERS

KEY = "sk-secret-0123456789"


def openai(message: str, code: object = None, kind: str = "invalid_request_error") -> object:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def claude(message: str, kind: str, **details: str) -> object:
    return {"type": "error", "error": {"type": kind, "message": message, "details": details or None}}


def gemini(message: str, status: str, code: int) -> object:
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ANY"}
    return [{"error": {"code": code, "message": message, "status": status, "details": [reason]}}]


@pytest.mark.parametrize(
    ("provider", "status", "body", "kind", "said"),
    [
        ("together", 400, openai("bad schema"), "bad_request", "HTTP 400: bad schema"),
        ("together", 422, openai("no"), "bad_request", "HTTP 422: no"),
        ("anthropic", 413, claude("too large", "request_too_large"), "bad_request", "too large"),
        ("together", 401, openai(f"Invalid key {KEY}", "invalid_api_key"), "key_refused", "Invalid key [key]"),
        ("anthropic", 401, claude("invalid bearer token", "authentication_error"), "key_refused", "bearer"),
        ("anthropic", 403, claude("not yours", "permission_error"), "key_refused", "not yours"),
        ("gemini", 400, gemini("API key not valid.", "INVALID_ARGUMENT", 400), "key_refused", "API key not valid."),
        ("gemini", 400, gemini('Unknown name "seed"', "INVALID_ARGUMENT", 400), "bad_request", "seed"),
        # Together's 403 is a context too long, a matter of one row; OpenRouter's is its moderation.
        ("together", 403, openai("Input token count + max_tokens"), "bad_request", "token count"),
        ("openrouter", 403, {"error": {"code": 403, "message": "flagged"}}, "filtered", "flagged"),
        ("together", 402, openai("pay first"), "spend_limit", "pay first"),
        ("openrouter", 402, {"error": {"code": 402, "message": "no credits"}}, "spend_limit", "no credits"),
        ("anthropic", 402, claude("no credit", "billing_error"), "spend_limit", "no credit"),
        (
            "anthropic",
            429,
            claude("over", "rate_limit_error", error_code="enforced_spend_limit_reached"),
            "spend_limit",
            "over",
        ),
        ("openai", 429, openai("quota", "insufficient_quota", "insufficient_quota"), "spend_limit", "quota"),
        (
            "anthropic",
            429,
            claude("growing", "rate_limit_error", error_code="ramp_limit_exceeded"),
            "rate_limited",
            "growing",
        ),
        ("together", 429, openai("slow", "rate_limit_exceeded", "rate_limit"), "rate_limited", "slow"),
        ("gemini", 429, gemini("quota", "RESOURCE_EXHAUSTED", 429), "rate_limited", "quota"),
        ("together", 404, openai("no such", "model_not_available"), "model_not_served", "no such"),
        ("together", 400, openai("no such", "model_not_available"), "model_not_served", "no such"),
        ("anthropic", 404, claude("model: x", "not_found_error"), "model_not_served", "model: x"),
        ("vllm", 404, {"object": "error", "message": "no model", "code": 404}, "model_not_served", "no model"),
        ("openrouter", 301, "<a>moved</a>", "model_not_served", "HTTP 301: <a>moved</a>"),
        ("together", 503, openai("busy"), "overloaded", "busy"),
        ("anthropic", 529, claude("Overloaded", "overloaded_error"), "overloaded", "Overloaded"),
        ("together", 500, "<html>\n  <b>oops</b>\n", "server_error", "HTTP 500: <html> <b>oops</b>"),
        ("together", 408, "", "server_error", "HTTP 408"),
        ("together", 202, "", "malformed_answer", "HTTP 202"),
        ("together", 502, {"error": "bad gateway"}, "server_error", "HTTP 502: bad gateway"),
        ("vllm", 400, {"detail": "field required"}, "bad_request", "field required"),
        ("together", 500, openai(None), "server_error", "HTTP 500: {"),  # type: ignore[arg-type]
    ],
)
def test_what_a_status_means(provider: str, status: int, body: object, kind: str, said: str) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    fault = wire.read_error(provider, status, raw, {}, KEY)
    assert fault.kind == kind
    assert said in fault.detail and fault.detail.startswith(f"HTTP {status}")
    assert KEY not in str(fault)


@pytest.mark.parametrize("status", [202, 301, 400, 401, 402, 404, 408, 429, 500, 502, 503, 504, 524, 529])
def test_what_a_gateway_lost_may_have_been_paid(status: int) -> None:
    assert wire.read_error("openrouter", status, b"", {}).maybe_paid == (status in {202, 502, 504, 524})


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, 1e9),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "7"}, 7.0),
        # A date counts from the answer's own date, whatever the clock of this machine says.
        ({"retry-after": DATE, "date": "Wed, 21 Oct 2026 07:27:18 GMT"}, 42.0),
        ({"retry-after": DATE, "date": "Wed, 21 Oct 2026 09:29:00 +0200"}, 0.0),
        ({"retry-after": "Wed, 99 Oct 2026 07:28:00 GMT", "date": DATE}, None),
    ],
)
def test_the_time_that_a_provider_names(headers: dict[str, str], seconds: float | None) -> None:
    for status in (429, 503):
        assert wire.read_error("together", status, b"", headers).retry_after == seconds


def test_a_date_counts_from_now_where_the_answer_has_none() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    waits = wire.read_error("together", 429, b"", {"retry-after": until}).retry_after
    assert waits == pytest.approx(60, abs=3)


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ([{"@type": "x/google.rpc.Help"}, {"@type": "x/google.rpc.RetryInfo", "retryDelay": "34.5s"}], 34.5),
        ([{"retryDelay": "7s"}], 7.0),
        ([{"retryDelay": "soon"}], None),
        ([{"retryDelay": 7}, 7], None),
        ("7s", None),
    ],
)
def test_gemini_names_the_time_in_the_body(details: object, seconds: float | None) -> None:
    body = json.dumps([{"error": {"code": 429, "message": "quota", "details": details}}]).encode()
    assert wire.read_error("gemini", 429, body, {}).retry_after == seconds
    assert wire.read_error("gemini", 429, body, {"retry-after": "3"}).retry_after == 3.0, "a header is the clearer word"


def test_what_the_headers_tell_of_the_limits_comes_along() -> None:
    headers = {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "0"}
    rates = wire.read_error("anthropic", 429, b"", headers).rates
    assert rates is not None and rates.requests is not None and rates.requests.limit == 50


SHAPES = (
    '{{"error": {{"message": "{0}", "code": "{0}"}}}}',
    '[{{"error": {{"message": "bad {0}"}}}}]',
    '{{"message": "{0}"}}',
    '{{"error": "{0} "}}',
    "<html>{0}</html>",
    '{{"error": {{"message": 1}}, "k": "{0}"}}',
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "date", "x-ratelimit-limit"]),
    st.text() | st.floats().map(str) | st.datetimes().map(format_datetime),
)
KEYS = st.text(string.ascii_letters + string.digits + "-_", min_size=8, max_size=60)


@given(st.sampled_from(sorted(PROVIDERS)), st.integers(100, 599), st.binary(max_size=300), HEADERS, KEYS)
@example("together", 500, b'{"error": "\xff"}', {}, KEY)
@example("together", 500, b"[" * 100_000, {}, KEY)
@example("gemini", 400, b"[]", {"retry-after": "nan"}, KEY)
@example("gemini", 400, b"[]", {"retry-after": "Mon, 1 Jan 99999999999999999 00:00:00 GMT"}, KEY)
def test_any_bytes_are_read(provider: str, status: int, raw: bytes, headers: dict[str, str], key: str) -> None:
    fault = wire.read_error(provider, status, raw, headers, key)
    assert len(fault.detail) < 250 and "\n" not in fault.detail
    assert key not in fault.detail
    assert fault.retry_after is None or fault.retry_after >= 0


@given(st.sampled_from(sorted(PROVIDERS)), st.integers(100, 599), st.sampled_from(SHAPES), KEYS, st.integers(0, 220))
@example("together", 401, SHAPES[0], KEY, 185)
def test_a_key_that_the_provider_quotes_is_taken_out(
    provider: str, status: int, shape: str, key: str, before: int
) -> None:
    raw = shape.format("." * before + " " + key).encode()
    detail = wire.read_error(provider, status, raw, {}, key).detail
    assert key not in detail
    assert key[:8] not in detail, "nor the part of it that a cut would leave"
