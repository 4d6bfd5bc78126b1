"""What a call costs in US dollars: the user's own prices first, then genai-prices' bundled table.

An unknown price is None, never zero and never a guess. Neighbours: `own_prices` reads the user's file, `tokens` bounds
what a request may come to.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from redraft.calling.own_prices import OwnPrices, find_own, own_prices
from redraft.providers.endpoints import split_model

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

Mode = Literal["call", "batch"]
# (input tokens above which it holds, US dollars for a million input tokens, for a million output tokens), rising. A
# longer prompt pays the price of its step for all of its tokens, those of the answer too.
Tariff = tuple[tuple[int, float, float], ...]

_PROVIDER_IDS = {"gemini": "google", "vllm": None, "ollama": None, "local": None}
# Batches at half the price of calls, whatever the model; where the table lists their price, that one is taken.
_HALF_PRICE = frozenset({"anthropic", "openai"})
# Together lists a discount for single models.
_HALF_PRICE_MODELS = frozenset({"meta-llama/Llama-3.3-70B-Instruct-Turbo"})
_MILLION = 1_000_000
_NOTHING: Tariff = ((0, 0.0, 0.0),)
_BY_THE_HOUR: set[str] = set()


def cost(model: str, input_tokens: int, output_tokens: int, mode: Mode = "call") -> float | None:
    """US dollars for one call of `provider:model`, or None where no price is known."""
    tariff = tariff_of(model, mode)
    if tariff is None:
        return None
    _, for_input, for_output = next((step for step in reversed(tariff) if input_tokens > step[0]), tariff[0])
    return (input_tokens * for_input + output_tokens * for_output) / _MILLION


def is_free(model: str, mode: Mode = "call") -> bool:
    """Whether a call costs nothing, however many tokens it takes."""
    tariff = tariff_of(model, mode)
    return tariff is not None and not any(for_input or for_output for _, for_input, for_output in tariff)


def worst(model: str, input_bound: int, max_tokens: int, mode: Mode = "call") -> float | None:
    """The most that a call with at most so many tokens in and out can cost, at the dearest step within reach."""
    tariff = tariff_of(model, mode)
    if tariff is None:
        return None
    within = (step for step in tariff if step[0] == 0 or input_bound > step[0])
    return max(input_bound * for_input + max_tokens * for_output for _, for_input, for_output in within) / _MILLION


def by_the_hour(model: str) -> None:
    """From now on the model's calls cost nothing: its endpoint is paid for, by the hour."""
    _BY_THE_HOUR.add(model)


def tariff_of(model: str, mode: Mode = "call") -> Tariff | None:
    """The steps of a model's price. Raises ConfigurationError where the user's file of prices is not sound."""
    if model in _BY_THE_HOUR:
        return _NOTHING
    return _tariff(model, mode, _Identity(own_prices()))


class _Identity:
    """Lets a table that is read once a process be part of a cache's key."""

    __slots__ = ("prices",)

    def __init__(self, prices: OwnPrices) -> None:
        self.prices = prices

    def __hash__(self) -> int:
        return id(self.prices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.prices is self.prices


@lru_cache(maxsize=1024)
def _tariff(model: str, mode: Mode, own: _Identity) -> Tariff | None:
    if (price := find_own(own.prices, model)) is not None:
        batch = mode == "batch"
        pair = (price.batch_input, price.batch_output) if batch else (price.input, price.output)
        return ((0, *pair),)
    provider, name = split_model(model)
    provider_id = _PROVIDER_IDS.get(provider, provider)
    if provider_id is None:
        return _NOTHING  # the user's own machine
    listed = _listed(provider_id, name, None)
    if listed is None or mode == "call":
        return listed
    for_batches = _listed(provider_id, name, {"processing": "batch"})
    if for_batches != listed:
        return for_batches
    half = provider in _HALF_PRICE or (provider == "together" and name in _HALF_PRICE_MODELS)
    return tuple((above, i / 2, o / 2) for above, i, o in listed) if half else listed


def _listed(provider_id: str, name: str, context: dict[str, str] | None) -> Tariff | None:
    # Half of the time that a command takes to start, and most ask for no price.
    from genai_prices import Usage, calc_price

    nothing = Usage(input_tokens=0, output_tokens=0)
    try:
        price = calc_price(nothing, model_ref=name, provider_id=provider_id, price_context=context).model_price
    except LookupError:
        return None
    return _steps(price, name)


def _steps(price: ModelPrice, name: str) -> Tariff | None:
    into, out = price.input_mtok, price.output_mtok
    if into is None and out is None and name.endswith(":free"):
        return _NOTHING
    if into is None or out is None:
        return None
    # Hidden reasoning may have a price of its own, and is not told apart in what a call used.
    outs = [out] if price.output_reasoning_mtok is None else [out, price.output_reasoning_mtok]
    starts = sorted({0, *_starts(into), *(start for one in outs for start in _starts(one))})
    return tuple((start, float(_at(into, start)), float(max(_at(one, start) for one in outs))) for start in starts)


def _starts(price: Decimal | TieredPrices) -> list[int]:
    return [] if isinstance(price, Decimal) else [tier.start for tier in price.tiers]


def _at(price: Decimal | TieredPrices, start: int) -> Decimal:
    """The price for prompts longer than `start` tokens, up to the next step."""
    if isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if start >= tier.start), price.base)
