"""What a million trained tokens cost at Together: the user's own prices first, then rates as published.

Neighbours: `pricing` multiplies; `calling.own_prices` reads the user's file.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from redraft.calling.own_prices import find_own, own_training_prices

Method = Literal["sft", "dpo"]

# Together's rates as third parties published them in that month; not held against the provider's own page, and they may
# have changed since. Tokens of the training file count once an epoch, those of the validation file once an evaluation.
# Large mixtures of experts have prices of their own, which change often and come with minimum charges; they are not in
# here.
SOURCE = "rates published by third parties in July 2026"
# (parameters up to so many billions, US dollars for a million tokens by method and LoRA)
RATES: tuple[tuple[float, dict[tuple[Method, bool], float]], ...] = (
    (16, {("sft", True): 0.48, ("sft", False): 0.54, ("dpo", True): 1.20, ("dpo", False): 1.35}),
    (69, {("sft", True): 1.50, ("sft", False): 1.65, ("dpo", True): 3.75, ("dpo", False): 4.12}),
    (100, {("sft", True): 2.90, ("sft", False): 3.20, ("dpo", True): 7.25, ("dpo", False): 8.00}),
)

# `8B` in Meta-Llama-3.1-8B-Instruct; not the 4B of gemma-3n-E4B, which is not its size in all.
_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)B(?![a-z0-9])", re.IGNORECASE)
# A mixture of experts: 8x7B, 30B-A3B, 17B-128E, and one that does not say so in its name.
_MIXTURE = re.compile(r"\d+x\d|(?<![a-z])A\d+(\.\d+)?B|\d+E(?![a-z0-9])|gpt-oss", re.IGNORECASE)


class TrainingPrice(msgspec.Struct, frozen=True):
    """US dollars for a million tokens, and where that stands."""

    per_million: float
    source: str


def dollars(amount: float) -> str:
    """`$12.50`, `$0.012`."""
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.2g}"


def in_words(provider: float | None, own: float | None) -> str:
    """Both estimates side by side: `$0.014 by the provider's estimate, $0.012 by ours`."""
    theirs = f"{dollars(provider)} by the provider's estimate" if provider is not None else "the provider gives none"
    return f"{theirs}, {dollars(own)} by ours" if own is not None else f"{theirs}, ours is not known"


def beyond_budget(what: str, budget: float) -> str:
    return (
        f"{what}; that is more than the budget of {dollars(budget)}; nothing was submitted yet, a larger budget goes on"
    )


def training_price(model: str, method: Method, lora: bool) -> TrainingPrice | None:
    """The price of training `model`, a name of the provider's; None where no list names it."""
    own = find_own(own_training_prices(), model)
    if own is not None:
        price = own.get(_own_name(method, lora))
        return None if price is None else TrainingPrice(price, "your own price")
    size = size_of(model)
    if size is None:
        return None
    prices = next((prices for most, prices in RATES if size <= most), None)
    return None if prices is None else TrainingPrice(prices[method, lora], SOURCE)


def size_of(model: str) -> float | None:
    """Billions of parameters, as a dense model's name says them; None for any other."""
    name = model.rpartition("/")[2]
    found = _SIZE.search(name)
    return float(found[1]) if found and not _MIXTURE.search(name) else None


def _own_name(method: Method, lora: bool) -> str:
    return "training" + ("_dpo" if method == "dpo" else "") + ("" if lora else "_full")
