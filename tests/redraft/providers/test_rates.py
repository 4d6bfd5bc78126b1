"""Rate limits in the headers of each provider: what the sandbox sends is read back, nonsense is nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from redraft.providers.endpoints import PROVIDERS
from redraft.providers.rates import Rates, Room, read_rates
from redraft.sandbox import dialects

SANDBOX = {
    "openai": dialects.OpenAI(), "together": dialects.Together(), "openrouter": dialects.OpenRouter(),
    "gemini": dialects.Gemini(), "anthropic": dialects.Anthropic(),
}  # fmt: skip
LIMITS = st.integers(1, 5_000_000)


@given(st.sampled_from(sorted(SANDBOX)), LIMITS, LIMITS, st.integers(0, 9999), st.floats(0, 60))
def test_what_a_provider_says_of_its_limits_is_understood(
    provider: str, requests: int, tokens: int, left: int, reset: float
) -> None:
    rooms = (dialects.Room(requests, left, reset), dialects.Room(tokens, left + 1, reset), dialects.Room(9, 8, reset))
    found = read_rates(provider, CIMultiDictProxy(CIMultiDict(SANDBOX[provider].limit_headers(*rooms))))
    if provider == "gemini":
        assert found is None
        return
    assert found is not None and found.requests is not None and found.requests.reset is not None
    # Together's numbers are a second's worth, of which it shows six digits.
    assert found.requests.limit == pytest.approx(requests, rel=1e-5)
    assert found.requests.remaining == left
    assert found.requests.reset == pytest.approx(reset, abs=1.5)
    if provider == "anthropic":
        assert found.tokens is None, "it repeats the nearer one of the other two"
        assert found.output_tokens is not None and (found.output_tokens.limit, found.output_tokens.remaining) == (9, 8)
        assert found.input_tokens is not None and found.input_tokens.limit == tokens
    elif provider != "openrouter":
        assert found.tokens is not None and found.tokens.limit == pytest.approx(tokens, rel=1e-5)
        assert found.tokens.remaining == left + 1


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("1d", 86400), ("2m59.56s", 179.56), ("7", 7)],
)
def test_resets_as_openai_writes_them(word: str, seconds: float) -> None:
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": word}
    assert read_rates("openai", headers) == Rates(requests=Room(60, None, pytest.approx(seconds)))  # type: ignore[arg-type]


def test_anthropic_s_input_and_output_are_not_exchanged() -> None:
    back = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    headers = {
        "anthropic-ratelimit-input-tokens-limit": "400000", "anthropic-ratelimit-input-tokens-remaining": "399000",
        "anthropic-ratelimit-output-tokens-limit": "80000", "anthropic-ratelimit-output-tokens-reset": back,
    }  # fmt: skip
    found = read_rates("anthropic", headers)
    assert found is not None and found.input_tokens == Room(400_000, 399_000, None)
    assert found.output_tokens is not None and found.output_tokens.limit == 80_000
    assert found.output_tokens.reset == pytest.approx(30, abs=1)


NAMES = [
    f"{start}{words}"
    for start, all_words in {
        "anthropic-ratelimit-": ["requests-limit", "requests-remaining", "requests-reset", "output-tokens-limit"],
        "x-ratelimit-": ["limit-requests", "remaining-requests", "reset-requests", "limit", "remaining", "reset"],
        "x-tokenlimit-": ["limit", "remaining", "reset"],
    }.items()
    for words in all_words
]
NONSENSE = st.text(max_size=12) | st.sampled_from(
    ["", "nan", "inf", "-1", "1e999", "-0.0", "٣", "1_0", "9" * 400, "1s1s", "ms", "0001-01-01T00:00:00Z",
     "9999-12-31T23:59:59.999999-14:00", "12:00", "0", "5", "1.5"]
)  # fmt: skip


@given(st.sampled_from(sorted(PROVIDERS)), st.dictionaries(st.sampled_from(NAMES), NONSENSE))
def test_nonsense_is_nothing_and_never_an_error(provider: str, headers: dict[str, str]) -> None:
    found = read_rates(provider, headers)
    for room in (found.requests, found.tokens, found.input_tokens, found.output_tokens) if found else ():
        assert room is None or all(number is None or (number >= 0 and isfinite(number)) for number in
                                   (room.limit, room.remaining, room.reset))  # fmt: skip
        assert room is None or room.limit != 0, "no rate can be kept to nothing"


def test_answers_that_tell_nothing_cost_next_to_nothing() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json", "Content-Length": "812"}))
    for provider in PROVIDERS:
        assert read_rates(provider, headers) is None
    began = time.process_time()
    for _ in range(1000):
        read_rates("anthropic", headers)
    assert time.process_time() - began < 0.1, "100 us each would be seen in a run's time"
