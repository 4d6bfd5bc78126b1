"""What a call costs, or that nobody knows: an unknown price is never zero."""

from __future__ import annotations

import pytest

from redraft.calling import prices

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("anthropic:claude-haiku-4-5", 6.0),
        ("openai:gpt-4o", 12.5),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", 1.76),
    ],
)
def test_known_models(model: str, dollars: float) -> None:
    # Public list prices of a million tokens in and out, as the table had them in 2026.
    assert prices.cost(model, MILLION, MILLION) == pytest.approx(dollars)
    assert prices.cost(model, 0, 0) == 0.0
    both, head = prices.cost(model, 1000, 500), prices.cost(model, 1000, 0)
    assert both is not None and head is not None and both > head > 0


@pytest.mark.parametrize(
    "model",
    [
        "nobody/has-heard-of-it",
        "anthropic:claude-nobody",
        "me/Meta-Llama-3.1-8B-Instruct-Reference-feedback-one-ab12",
        "sandbox/Meta-Llama-3.1-8B-Instruct-Reference-feedback",
        "gemini:zzz",
    ],
)
def test_an_unknown_price_is_none(model: str) -> None:
    assert prices.cost(model, MILLION, MILLION) is None
    assert prices.cost(model, 0, 0) is None


@pytest.mark.parametrize("model", ["ollama:llama3:8b", "vllm:gpt-4o"])
def test_the_own_machine_costs_nothing(model: str) -> None:
    assert prices.cost(model, MILLION, MILLION) == 0.0
