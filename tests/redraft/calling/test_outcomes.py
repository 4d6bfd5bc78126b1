"""What an answer costs where its provider does not say how many tokens it took: unknown, unless the model is free."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from redraft.calling.accounting import Account, Times
from redraft.calling.chains import with_earlier
from redraft.calling.outcomes import answered_model, failure_of, outcome_of, was_answered
from redraft.calling.progress import Progress
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault, read_answer
from redraft.records import Completion, Failure, Message, Outcome, Request

COUNTED = {"prompt_tokens": 7, "completion_tokens": 3}


def answered(
    model: str,
    usage: dict[str, Any] | None,
    finish: str = "stop",
    mode: Literal["call", "batch"] = "call",
    said: str = "Yes.",
    **wanted: Any,
) -> Outcome:
    provider = model.partition(":")[0]
    choice = {"message": {"content": said}, "finish_reason": finish}
    content = [{"type": "text", "text": said}]
    raw = json.dumps({"model": "m-2", "choices": [choice], "content": content, "usage": usage}).encode()
    request = Request(model=model, messages=(Message("user", "Why?"),), template="t@1", **wanted)
    endpoint = Endpoint(provider=provider, base_url="https://example.org", api_key="")
    return outcome_of(request, endpoint, "k", read_answer(provider, raw), 1, 0.1, mode)


@pytest.mark.parametrize("mode", ["call", "batch"])
@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 7}, {"completion_tokens": 3}])
def test_an_answer_that_was_not_counted_is_no_gift(
    usage: dict[str, Any] | None, mode: Literal["call", "batch"]
) -> None:
    for model in ("openai:gpt-4o-mini", "anthropic:claude-haiku-4-5"):
        assert answered(model, usage, mode=mode).cost is None
    for model in ("vllm:any", "ollama:any"):
        assert answered(model, usage, mode=mode).cost == 0.0
    assert (answered("openai:gpt-4o-mini", COUNTED, mode=mode).cost or 0) > 0


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_it_counts_as_answered_at_an_unknown_price(finish: str) -> None:
    outcome = answered("openai:gpt-4o-mini", None, finish)
    assert was_answered(outcome)
    account, progress = Account(), Progress("s")
    account.outcome("s", outcome, Times())
    progress.count(outcome)
    assert (account.summary().unpriced, progress.unpriced) == (1, 1)


def test_a_chain_whose_last_model_did_not_answer_knows_that_an_earlier_one_did() -> None:
    request = Request(model="openai:gpt-4o-mini", messages=(), template="t@1")
    endpoint = Endpoint(provider="openai", base_url="https://example.org", api_key="")
    silent = failure_of(request, endpoint, "k", CallFault("timeout", "no"), 3)
    chain = with_earlier(silent, [answered("anthropic:claude-haiku-4-5", None, "length")])
    assert was_answered(chain) and (chain.cost, answered_model(chain)) == (None, "m-2")
    assert answered_model(with_earlier(silent, [silent])) == ""


@pytest.mark.parametrize("mode", ["call", "batch"])
def test_a_cut_answer_is_usable_where_the_request_accepts_one(mode: Literal["call", "batch"]) -> None:
    found = answered("openai:gpt-4o-mini", COUNTED, "length", mode, accept_truncated=True)
    assert isinstance(found, Completion) and (found.text, found.finish_reason) == ("Yes.", "length")
    for finish, wanted in (("length", False), ("content_filter", True)):
        refused = answered("openai:gpt-4o-mini", COUNTED, finish, mode, accept_truncated=wanted)
        assert isinstance(refused, Failure)
    plain = Request(model="m", messages=(), template="t@1")
    accepting = Request(model="m", messages=(), template="t@1", accept_truncated=True)
    assert plain.key("e") != accepting.key("e"), "a failure that was recorded for the one is none of the other"


@pytest.mark.parametrize("said", ["", " \n"])
def test_a_cut_answer_that_says_nothing_is_none(said: str) -> None:
    found = answered("openai:gpt-4o-mini", COUNTED, "length", said=said, accept_truncated=True)
    assert isinstance(found, Failure) and found.reason == "truncated" and (found.cost or 0) > 0


def test_what_nobody_answered_has_no_price_to_know() -> None:
    request = Request(model="openai:gpt-4o-mini", messages=(), template="t@1")
    endpoint = Endpoint(provider="openai", base_url="https://example.org", api_key="")
    failure = failure_of(request, endpoint, "k", CallFault("unreachable", "no"), 3)
    assert not was_answered(failure)
    account, progress = Account(), Progress("s")
    account.outcome("s", failure, Times())
    progress.count(failure)
    assert (account.summary().unpriced, progress.unpriced) == (0, 0)
