"""What comes back: every outcome of a call in the providers' shapes, and no bytes that make reading fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redraft.providers import wire
from redraft.providers.endpoints import PROVIDERS
from redraft.providers.wire import CallFault

KEY = "sk-secret-0123456789"


def chat(content: str | None = "Yes.", finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content} | more.pop("message", {})
    choice = {"index": 0, "finish_reason": finish, "message": message} | more.pop("choice", {})
    return {"model": "m-2", "choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}} | more


def claude(text: str | None = "Yes.", stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    content = [] if text is None else [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}]
    usage = {
        "input_tokens": 5, "cache_creation_input_tokens": 1, "cache_read_input_tokens": 1, "output_tokens": 3,
    }  # fmt: skip
    return {"type": "message", "model": "m-2", "content": content, "stop_reason": stop, "usage": usage} | more


def read(provider: str, body: object, key: str = "") -> wire.Answer:
    return wire.read_answer(provider, body if isinstance(body, bytes) else json.dumps(body).encode(), key)


@pytest.mark.parametrize(
    ("provider", "body", "fault", "detail"),
    [
        ("together", chat(), None, ""),
        ("together", chat(finish="eos"), None, ""),
        ("together", chat(error=None, choice={"error": None}), None, ""),
        ("anthropic", claude(), None, ""),
        ("together", chat("Ye", "length"), "truncated", "finish reason length"),
        ("together", chat(None, "length", message={"reasoning": "so long"}), "truncated", "length"),
        ("anthropic", claude("Ye", "max_tokens"), "truncated", "max_tokens"),
        ("anthropic", claude("Ye", "model_context_window_exceeded"), "truncated", "window"),
        ("together", chat(""), "empty", "empty"),
        ("together", chat(" \n"), "empty", "empty"),
        ("gemini", chat(None), "empty", "empty"),
        ("anthropic", claude(None), "empty", "empty"),
        ("together", chat("", "content_filter"), "filtered", "content filter"),
        ("gemini", chat(None, "SAFETY"), "filtered", "content filter"),
        ("gemini", chat("Ye", "content_filter: RECITATION"), "filtered", "content filter"),
        ("gemini", chat("Ye", "MAX_TOKENS"), "truncated", "MAX_TOKENS"),
        ("openai", chat(None, message={"refusal": "I cannot\nhelp"}), "refused", "I cannot help"),
        (
            "anthropic",
            claude(None, "refusal", stop_details={"type": "refusal", "category": "frontier_llm", "explanation": "no"}),
            "refused",
            "category frontier_llm: no",
        ),
        ("anthropic", claude("Half a", "refusal", stop_details=None), "refused", "category not named"),
    ],
)
def test_what_was_paid_for_is_read_with_its_tokens(provider: str, body: object, fault: str | None, detail: str) -> None:
    answer = read(provider, body)
    assert (answer.fault, answer.input_tokens, answer.output_tokens, answer.model) == (fault, 7, 3, "m-2")
    assert detail in answer.detail and "\n" not in answer.detail
    if fault is None:
        assert answer.text == "Yes." and answer.detail == ""


@pytest.mark.parametrize(
    ("provider", "body", "category"),
    [
        ("anthropic", claude(None, "refusal", stop_details={"type": "refusal", "category": "bio"}), "bio"),
        ("anthropic", claude(None, "refusal", stop_details={"type": "refusal", "category": None}), ""),
        ("anthropic", claude(None, "refusal", stop_details=None), ""),
        ("gemini", chat(None, "SAFETY"), "SAFETY"),
        ("gemini", chat(None, "content_filter: RECITATION"), "RECITATION"),
        ("together", chat(None, "content_filter"), ""),
        ("together", chat(), ""),
    ],
)
def test_why_it_refused_in_the_providers_own_word(provider: str, body: object, category: str) -> None:
    assert read(provider, body).category == category


@pytest.mark.parametrize(
    ("provider", "body", "tokens"),
    [
        ("ollama", chat(usage=None), (0, 0)),
        ("openai", chat(usage={}), (0, 0)),
        ("openai", chat(usage={"prompt_tokens": 7}), (7, 0)),
        ("openai", chat(usage={"prompt_tokens": None, "completion_tokens": 3, "total_tokens": 10}), (0, 3)),
        ("anthropic", claude(usage=None), (0, 0)),
        ("anthropic", claude(usage={"output_tokens": 3, "cache_read_input_tokens": 2}), (2, 3)),
    ],
)
def test_what_was_not_counted_is_an_answer_and_says_so(provider: str, body: object, tokens: tuple[int, int]) -> None:
    answer = read(provider, body)
    assert (answer.text, answer.input_tokens, answer.output_tokens, answer.counted) == ("Yes.", *tokens, False)
    assert read(provider, chat() if "choices" in str(body) else claude()).counted


@pytest.mark.parametrize(
    ("usage", "output"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1016}, 996),
        ({"prompt_tokens": 20, "total_tokens": 1016}, 996),
        ({"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 444}, 424),
        ({"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 0}, 424),
    ],
)
def test_thinking_that_only_the_total_shows_is_counted(usage: dict[str, int], output: int) -> None:
    answer = read("gemini", chat(usage=usage))
    assert (answer.input_tokens, answer.output_tokens, answer.counted) == (20, output, True)


@given(st.sampled_from(sorted(PROVIDERS)), st.integers())
@example("openai", -1)
@example("anthropic", 2**40 + 1)
@example("gemini", 10**30)
@example("anthropic", 10**400)
def test_a_number_of_tokens_that_no_call_takes_is_no_answer(provider: str, number: int) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": number, "input_tokens": number, "output_tokens": 1}
    body = chat(usage=usage) | claude(usage=usage)
    if 0 <= number <= 2**40:
        assert number in (read(provider, body).input_tokens, read(provider, body).output_tokens)
    else:
        with pytest.raises(CallFault, match="malformed_answer") as caught:
            read(provider, body)
        assert caught.value.maybe_paid


@pytest.mark.parametrize(
    ("provider", "body", "kind"),
    [
        ("openrouter", {"error": {"code": 502, "message": f"upstream {KEY} died"}}, "server_error"),
        ("openrouter", {"error": {"code": 503, "message": "no provider"}}, "overloaded"),
        ("openrouter", {"error": {"code": 429, "message": "slow down"}}, "rate_limited"),
        ("openrouter", {"error": {"code": 402, "message": "no credits"}}, "spend_limit"),
        ("openrouter", {"error": {"code": 403, "message": "flagged"}}, "filtered"),
        ("openrouter", {"error": {"code": "weird", "message": "?"}}, "server_error"),
        ("openrouter", {"error": "gone"}, "server_error"),
        ("openrouter", chat("Half an", "error", choice={"error": {"code": 502, "message": "died"}}), "server_error"),
        ("openrouter", chat("Half an", "error"), "server_error"),
        ("openai", {"error": {"message": "slow", "type": "rate_limit_error", "code": None}}, "rate_limited"),
        ("gemini", [{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}], "overloaded"),
        ("vllm", [{"error": {"code": 400, "message": "long"}}], "bad_request"),
        ("anthropic", {"type": "error", "error": {"type": "overloaded_error", "message": f"b {KEY}"}}, "overloaded"),
        ("anthropic", {"type": "error", "error": {"type": "api_error", "message": "oops"}}, "server_error"),
        ("anthropic", [{"error": {"type": "rate_limit_error", "message": "slow"}}], "rate_limited"),
        ("together", chat(choices=[]), "malformed_answer"),
        ("together", {}, "malformed_answer"),
        ("together", chat(usage={"prompt_tokens": "many"}), "malformed_answer"),
        ("together", chat(choice={"message": None}), "malformed_answer"),
        ("anthropic", {}, "malformed_answer"),
        ("anthropic", chat(), "malformed_answer"),
        ("anthropic", b'{"content": [{"type": "te', "malformed_answer"),
        ("together", b"<html>welcome to our gateway</html>", "malformed_answer"),
        ("together", b"", "malformed_answer"),
        ("together", b'{"choices":[{"message":{"content":"\xff\xfe"}}]}', "malformed_answer"),
        ("together", b'{"choices":' + b"[" * 100_000, "malformed_answer"),
    ],
)
def test_what_is_no_answer_is_a_fault(provider: str, body: object, kind: str) -> None:
    with pytest.raises(CallFault) as caught:
        read(provider, body, KEY)
    assert caught.value.kind == kind and caught.value.maybe_paid, "the provider had begun to work"
    assert KEY not in str(caught.value) and "\n" not in str(caught.value)


def test_a_page_is_called_a_page() -> None:
    with pytest.raises(CallFault, match="a page of HTML"):
        read("together", b"\n <!doctype html><html>hello</html>")


def test_ten_megabytes_are_an_answer() -> None:
    long = "räson " * 1_800_000
    assert read("openai", chat(long)).text == long


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "choices",
                    "message",
                    "content",
                    "usage",
                    "code",
                    "details",
                    "model",
                    "refusal",
                    "stop_reason",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(PROVIDERS)), st.binary(max_size=200) | JSON.map(lambda body: json.dumps(body).encode()))
@example("together", b'{"choices":[{"message":{"content":"\\ud800"}}]}')
def test_any_bytes_are_an_answer_or_a_fault(provider: str, raw: bytes) -> None:
    try:
        answer = wire.read_answer(provider, raw)
    except CallFault as fault:
        assert fault.detail
    else:
        assert answer.fault is not None or answer.text.strip()
