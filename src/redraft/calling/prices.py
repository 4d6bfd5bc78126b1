"""What a call costs in US dollars, from genai-prices' bundled table."""

from __future__ import annotations

from functools import lru_cache

from genai_prices import Usage, calc_price

from redraft.providers.endpoints import split_model

_PROVIDER_IDS = {"gemini": "google", "vllm": None, "ollama": None}


@lru_cache(maxsize=256)
def price_per_token(model: str) -> tuple[float, float] | None:
    """(input, output) price of `provider:model` in US dollars a token, or None where the table has none.

    Prices that rise with the length of a prompt are taken at their lowest step.
    """
    provider, name = split_model(model)
    provider_id = _PROVIDER_IDS.get(provider, provider)
    if provider_id is None:
        return 0.0, 0.0  # the user's own machine
    try:
        one = calc_price(Usage(input_tokens=1000, output_tokens=1000), model_ref=name, provider_id=provider_id)
    except LookupError:
        return None
    return float(one.input_price) / 1000, float(one.output_price) / 1000


def cost(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """US dollars for one call, or None where no price is known: never zero by default."""
    prices = price_per_token(model)
    return None if prices is None else input_tokens * prices[0] + output_tokens * prices[1]
