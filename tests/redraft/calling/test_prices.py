"""What a call costs, or that nobody knows: an unknown price is never zero, a worst case is never exceeded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling import prices
from redraft.calling.own_prices import own_prices
from redraft.errors import ConfigurationError

MILLION = 1_000_000
# One price, one that doubles above 200,000 tokens in, one that is five times as high above 100,000.
PRICED = ["meta-llama/Llama-3.3-70B-Instruct-Turbo", "anthropic:claude-sonnet-4-5", "anthropic:claude-haiku-5-5"]


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's own prices are looked for; there are none yet."""
    monkeypatch.delenv("REDRAFT_PRICES", raising=False)
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    return tmp_path / "prices.toml"


@pytest.mark.parametrize(
    ("model", "dollars", "batch"),
    [
        ("anthropic:claude-haiku-4-5", 0.6, 0.3),
        ("anthropic:claude-3-haiku", 0.15, 0.075),
        ("openai:gpt-4o", 1.25, 0.625),
        ("gemini:gemini-2.5-pro", 1.125, 0.5625),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo", 0.176, 0.088),
        ("Qwen/Qwen3.5-9B", 0.042, 0.042),
        ("openrouter:anthropic/claude-haiku-4.5", 0.6, 0.6),
    ],
)
def test_known_models(model: str, dollars: float, batch: float) -> None:
    # Public list prices of 100,000 tokens in and out, as the table had them in 2026; Together lists one discount.
    assert prices.cost(model, 100_000, 100_000) == pytest.approx(dollars)
    assert prices.cost(model, 100_000, 100_000, "batch") == pytest.approx(batch)
    assert prices.cost(model, 0, 0) == 0.0


@pytest.mark.parametrize(
    "model",
    [
        "nobody/has-heard-of-it",
        "anthropic:claude-nobody",
        "me/Meta-Llama-3.1-8B-Instruct-Reference-feedback-one-ab12",
        "sandbox/Meta-Llama-3.1-8B-Instruct-Reference-feedback",
        "gemini:zzz",
        "openrouter:google/lyria-3-pro-preview",
    ],
)
def test_an_unknown_price_is_none(model: str) -> None:
    for mode in ("call", "batch"):
        assert prices.cost(model, MILLION, MILLION, mode) is None
        assert prices.cost(model, 0, 0, mode) is None
        assert prices.worst(model, 1, 1, mode) is None


@pytest.mark.parametrize("model", ["ollama:llama3:8b", "vllm:gpt-4o", "local:t5", "openrouter:qwen/qwen3-coder:free"])
def test_what_costs_nothing(model: str) -> None:
    assert prices.cost(model, MILLION, MILLION) == 0.0 == prices.worst(model, MILLION, MILLION)


def test_a_long_prompt_pays_the_price_of_its_step_for_everything() -> None:
    model = "anthropic:claude-haiku-5-5"
    assert prices.cost(model, 100_000, 1000) == pytest.approx(0.0105)
    assert prices.cost(model, 100_001, 1000) == pytest.approx(0.0525, rel=1e-4)
    assert prices.cost(model, 100_001, 1000, "batch") == pytest.approx(0.02625, rel=1e-4)


@given(
    st.sampled_from(PRICED), st.sampled_from(["call", "batch"]),
    st.integers(0, 400_000), st.integers(0, 400_000), st.integers(0, 50_000), st.integers(0, 50_000),
)  # fmt: skip
def test_no_call_costs_more_than_its_worst_case(
    model: str, mode: prices.Mode, bound: int, used: int, allowed: int, answered: int
) -> None:
    worst = prices.worst(model, max(bound, used), max(allowed, answered), mode)
    cost = prices.cost(model, used, answered, mode)
    assert worst is not None and cost is not None and cost <= worst
    assert prices.worst(model, used, answered, mode) == cost or used > 100_000, "no more than needed below the step"


def test_the_users_prices_come_first(named: Path) -> None:
    named.write_text(
        '["anthropic:claude-haiku-5-5"]\ninput = 1\noutput = 2.5\nbatch_output = 1.0\n'
        '["together:me/*-feedback-*"]\ninput = 3\noutput = 4\n["vllm:mine"]\ninput = 0.5\noutput = 0\n'
    )
    assert prices.cost("anthropic:claude-haiku-5-5", MILLION, MILLION) == 3.5
    assert prices.cost("anthropic:claude-haiku-5-5", MILLION, MILLION, "batch") == 2.0
    assert prices.worst("anthropic:claude-haiku-5-5", MILLION, MILLION) == 3.5, "no steps but the user's"
    assert prices.cost("me/Llama-feedback-0a1b", MILLION, MILLION) == 7.0
    assert prices.cost("vllm:mine", MILLION, MILLION) == 0.5
    assert prices.cost("me/Llama-alternative-0a1b", 1, 1) is None
    assert prices.cost("Qwen/Qwen3.5-9B", MILLION, 0) == pytest.approx(0.17)


def test_another_file_of_prices(named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named.write_text('["m/x"]\ninput = 1\noutput = 1\n')
    other = tmp_path / "other.toml"
    monkeypatch.setenv("REDRAFT_PRICES", str(other))
    with pytest.raises(ConfigurationError, match=r"REDRAFT_PRICES names .*other\.toml"):
        own_prices()
    other.write_text('["m/x"]\ninput = 2\noutput = 2\n')
    monkeypatch.setenv("REDRAFT_PRICES", str(other.relative_to(tmp_path.parent)))
    monkeypatch.chdir(tmp_path.parent)
    assert prices.cost("m/x", MILLION, 0) == 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[anthropic:claude]\ninput = 1\n", "no TOML .*stands in quotes"),
        ('"m/x" = 3\n', "'m/x' is no table of prices"),
        ('["m/x"]\ninput = 1\n', "'m/x' lacks 'output'"),
        ('["m/x"]\ninput = 1\noutput = 1\ncached = 1\n', "'m/x' has 'cached'; known are input, output"),
        ('["m/x"]\ninput = "1"\noutput = 1\n', "'m/x' has input = '1'; give US dollars"),
        ('["m/x"]\ninput = -1\noutput = 1\n', "input = -1; give US dollars"),
        ('["m/x"]\ninput = nan\noutput = 1\n', "input = nan; give US dollars"),
        ('["m/x"]\ninput = true\noutput = 1\n', "input = True; give US dollars"),
        ('["who:x"]\ninput = 1\noutput = 1\n', "'who' is no provider"),
    ],
)
def test_a_mistake_in_the_file_is_named(named: Path, text: str, said: str) -> None:
    named.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"prices\.toml: .*{said}") as fault:
        prices.cost("m/x", 1, 1)
    assert "\n" not in str(fault.value)
