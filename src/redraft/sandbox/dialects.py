"""How each provider words its errors and its rate limits; the request and answer shapes are elsewhere.

Neighbours: `chat` and `anthropic_messages` hold the shapes of calls,
`calls` and `limits` decide when an error is due.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import msgspec

JSON = "application/json"
_GEMINI = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    402: "billing_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_ANTHROPIC_CODES = frozenset({"enforced_spend_limit_reached", "ramp_limit_exceeded"})


class Denied(Exception):  # noqa: N818 - an answer of the provider, not a fault of this program
    """A request that the provider refuses: HTTP status, the provider's word for the reason, and a sentence."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Room(msgspec.Struct, frozen=True):
    """What is left of one limit: the number a minute, the number left now, seconds until all of it is back."""

    limit: int
    remaining: int
    reset: float


class Dialect:
    """The form of OpenAI's errors, which the others vary. `name` is also the family whose models share a limit.

    `burst_seconds` is how much of a minute's grant can be used at once; with `split_tokens` the tokens of input and
    output have a limit each.
    """

    name = "openai"
    failures: tuple[int, ...] = (500, 503)
    burst_seconds = 60.0
    split_tokens = False

    def spent(self) -> Denied:
        """The refusal of an account that has reached its spend limit."""
        return Denied(402, "payment_required", "The account has reached its spending limit.")

    def error(self, denied: Denied) -> bytes:
        kind = {
            401: "authentication_error",
            404: "invalid_request_error",
            429: "rate_limit_error",
        }.get(denied.status, "invalid_request_error" if denied.status < 500 else "server_error")
        error = {"message": denied.message, "type": kind, "param": None, "code": denied.code}
        return msgspec.json.encode({"error": error})

    def limit_headers(self, requests: Room | None, tokens: Room | None, output: Room | None) -> dict[str, str]:
        """`output` is the room of the output tokens where they have one of their own, else that of all tokens."""
        return {}

    def wait_headers(self, seconds: float) -> dict[str, str]:
        """How long a client that ran into the limit is told to wait."""
        return {"retry-after": str(max(1, round(seconds + 0.5)))}

    def answer_headers(self, fingerprint: str) -> dict[str, str]:
        return {"x-request-id": f"req_{fingerprint[:24]}"}


class OpenAI(Dialect):
    """Resets are durations such as `6m0s` or `120ms`; a spent quota comes with 429."""

    def spent(self) -> Denied:
        return Denied(429, "insufficient_quota", "You exceeded your current quota, please check your plan.")

    def limit_headers(self, requests: Room | None, tokens: Room | None, output: Room | None) -> dict[str, str]:
        headers: dict[str, str] = {}
        for word, room in (("requests", requests), ("tokens", tokens)):
            if room:
                headers[f"x-ratelimit-limit-{word}"] = str(room.limit)
                headers[f"x-ratelimit-remaining-{word}"] = str(room.remaining)
                headers[f"x-ratelimit-reset-{word}"] = _duration(room.reset)
        return headers


class Vllm(Dialect):
    """A server of one's own: no limits of its own making, and the status as the error's code."""

    name = "vllm"

    def error(self, denied: Denied) -> bytes:
        kind = {404: "NotFoundError", 400: "BadRequestError"}.get(denied.status, "InternalServerError")
        error = {"message": denied.message, "type": kind, "param": None, "code": denied.status}
        return msgspec.json.encode({"error": error})

    def wait_headers(self, seconds: float) -> dict[str, str]:
        return {}


class Ollama(Dialect):
    """Like vLLM without codes."""

    name = "ollama"

    def error(self, denied: Denied) -> bytes:
        kind = {404: "not_found_error", 400: "invalid_request_error"}.get(denied.status, "api_error")
        error = {"message": denied.message, "type": kind, "param": None, "code": None}
        return msgspec.json.encode({"error": error})

    def wait_headers(self, seconds: float) -> dict[str, str]:
        return {}


class Together(Dialect):
    """Its header numbers are a second's worth and no wait is named: the reset (in seconds) is all there is."""

    name = "together"
    burst_seconds = 1.0

    def error(self, denied: Denied) -> bytes:
        kind = "invalid_request_error" if denied.status < 500 else "server_error"
        if denied.status == 429:
            kind = "rate_limit"
        error = {"message": denied.message, "type": kind, "param": None, "code": denied.code}
        return msgspec.json.encode({"error": error})

    def limit_headers(self, requests: Room | None, tokens: Room | None, output: Room | None) -> dict[str, str]:
        headers: dict[str, str] = {}
        if requests:
            headers["x-ratelimit-limit"] = f"{requests.limit / 60:g}"
            headers["x-ratelimit-remaining"] = str(requests.remaining)
            headers["x-ratelimit-reset"] = f"{requests.reset:.3f}"
        if tokens:
            headers["x-tokenlimit-limit"] = f"{tokens.limit / 60:g}"
            headers["x-tokenlimit-remaining"] = str(tokens.remaining)
        return headers

    def wait_headers(self, seconds: float) -> dict[str, str]:
        return {"x-ratelimit-reset": f"{seconds:.3f}"}


class OpenRouter(Dialect):
    """Codes are the HTTP status as a number, resets are epoch milliseconds, some errors come inside HTTP 200."""

    name = "openrouter"
    failures = (502, 503)

    def error(self, denied: Denied) -> bytes:
        error = {"code": denied.status, "message": denied.message, "metadata": {"error_type": denied.code}}
        return msgspec.json.encode({"error": error})

    def limit_headers(self, requests: Room | None, tokens: Room | None, output: Room | None) -> dict[str, str]:
        if not requests:
            return {}
        return {
            "X-RateLimit-Limit": str(requests.limit),
            "X-RateLimit-Remaining": str(requests.remaining),
            "X-RateLimit-Reset": str(int((time.time() + requests.reset) * 1000)),
        }


class Gemini(Dialect):
    """Errors are a JSON list; the wait stands in the body's details, not in a header."""

    name = "gemini"

    def error(self, denied: Denied) -> bytes:
        details: list[dict[str, str]] = []
        if "retry-delay" in denied.headers:
            delay = denied.headers["retry-delay"]
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
        status = _GEMINI.get(denied.status, "UNKNOWN")
        error = {"code": denied.status, "message": denied.message, "status": status, "details": details}
        return msgspec.json.encode([{"error": error}])

    def wait_headers(self, seconds: float) -> dict[str, str]:
        return {"retry-delay": f"{max(1, round(seconds + 0.5))}s"}


class Anthropic(Dialect):
    """Typed errors with a request id; limits with RFC 3339 resets; overload is 529."""

    name = "anthropic"
    failures = (500, 529)
    split_tokens = True

    def spent(self) -> Denied:
        return Denied(429, "enforced_spend_limit_reached", "The organization has reached its spend limit.")

    def error(self, denied: Denied) -> bytes:
        kind = _ANTHROPIC.get(denied.status, "invalid_request_error" if denied.status < 500 else "api_error")
        error: dict[str, object] = {"type": kind, "message": denied.message}
        if denied.code in _ANTHROPIC_CODES:
            error["details"] = {"error_code": denied.code}
        return msgspec.json.encode({"type": "error", "error": error, "request_id": denied.headers.get("request-id")})

    def limit_headers(self, requests: Room | None, tokens: Room | None, output: Room | None) -> dict[str, str]:
        headers: dict[str, str] = {}
        # `tokens` shows whichever limit is nearest.
        nearest = min((room for room in (tokens, output) if room), key=lambda room: room.remaining, default=None)
        rooms = (("requests", requests), ("tokens", nearest), ("input-tokens", tokens), ("output-tokens", output))
        for word, room in rooms:
            if room:
                headers[f"anthropic-ratelimit-{word}-limit"] = str(room.limit)
                headers[f"anthropic-ratelimit-{word}-remaining"] = str(room.remaining)
                back = datetime.fromtimestamp(math.ceil(time.time() + room.reset), UTC)
                headers[f"anthropic-ratelimit-{word}-reset"] = back.strftime("%Y-%m-%dT%H:%M:%SZ")
        return headers

    def answer_headers(self, fingerprint: str) -> dict[str, str]:
        return {"request-id": f"req_{fingerprint[:24]}"}


def _duration(seconds: float) -> str:
    """Seconds as OpenAI writes them: `120ms`, `8.64s`, `6m0s`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return (f"{minutes:.0f}m" if minutes else "") + f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
