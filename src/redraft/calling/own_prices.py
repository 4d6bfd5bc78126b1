"""Prices that users name themselves: `.redraft/prices.toml`, or the file that REDRAFT_PRICES names.

    ["anthropic:claude-haiku-5-5"]      # provider:model, or a pattern with * for models that are yet to be trained
    input = 0.10                        # US dollars for a million tokens
    output = 0.50
    batch_input = 0.05                  # through a batch API; without it the price of a call
    batch_output = 0.25
    training = 0.48                     # a million trained tokens; training_full, training_dpo, training_dpo_full

A table may hold the prices of calls, of training, or both. Neighbours: `prices` and the price of a training ask here
first.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from redraft.errors import ConfigurationError
from redraft.home import Home
from redraft.providers.endpoints import canonical

NAMES = ("input", "output", "batch_input", "batch_output")
TRAINING_NAMES = ("training", "training_full", "training_dpo", "training_dpo_full")

P = TypeVar("P")


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars for a million tokens."""

    input: float
    output: float
    batch_input: float
    batch_output: float


OwnPrices = Mapping[str, OwnPrice]
# A name of TRAINING_NAMES → US dollars for a million trained tokens.
OwnTrainingPrices = Mapping[str, Mapping[str, float]]


class _File(msgspec.Struct, frozen=True):
    calls: OwnPrices
    training: OwnTrainingPrices


def own_prices() -> OwnPrices:
    """Model or pattern → price. Read once a process: prices do not change while a run counts its money.

    Raises ConfigurationError naming file, key and mend.
    """
    return _file().calls


def own_training_prices() -> OwnTrainingPrices:
    """Model or pattern → prices of training. Raises ConfigurationError as `own_prices` does."""
    return _file().training


def find_own(prices: Mapping[str, P], model: str) -> P | None:
    """The price under the model's own name, or under the first pattern that it matches."""
    name = canonical(model)
    if (exact := prices.get(name)) is not None:
        return exact
    return next((price for pattern, price in prices.items() if "*" in pattern and fnmatchcase(name, pattern)), None)


def _file() -> _File:
    where = os.environ.get("REDRAFT_HOME") or os.getcwd()  # noqa: PTH109  cheaper, and this runs for every call
    return _read(os.environ.get("REDRAFT_PRICES"), where)


@lru_cache(maxsize=8)
def _read(named: str | None, _: str) -> _File:
    path = Path(named) if named else Home.of().path / "prices.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise ConfigurationError(f"REDRAFT_PRICES names {path}, which is not there") from None
        return _File({}, {})
    except (OSError, UnicodeError) as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{path}: no TOML ({fault}); a model's name stands in quotes: {_EXAMPLE}") from None
    tables = {_name(path, key): _table(path, key, value) for key, value in document.items()}
    training = {
        name: {what: price for what, price in table.items() if what in TRAINING_NAMES} for name, table in tables.items()
    }
    return _File(
        {name: _price(path, name, table) for name, table in tables.items() if not table.keys() <= set(TRAINING_NAMES)},
        {name: prices for name, prices in training.items() if prices},
    )


_EXAMPLE = '["provider:model"], then input = 0.10 and output = 0.50'


def _name(path: Path, key: str) -> str:
    try:
        return canonical(key)
    except ConfigurationError as fault:
        raise ConfigurationError(f"{path}: {fault}") from None


def _table(path: Path, key: str, value: object) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise ConfigurationError(f"{path}: {key!r} is no table of prices; write {_EXAMPLE}")
    table = cast("dict[str, Any]", value)
    known = (*NAMES, *TRAINING_NAMES)
    if unknown := sorted(set(table) - set(known)):
        raise ConfigurationError(f"{path}: {key!r} has {unknown[0]!r}; known are {', '.join(known)}")
    return {name: _dollars(path, key, name, price) for name, price in table.items()}


def _price(path: Path, key: str, table: Mapping[str, float]) -> OwnPrice:
    for name in ("input", "output"):
        if name not in table:
            raise ConfigurationError(f"{path}: {key!r} lacks {name!r}, US dollars for a million tokens")
    return OwnPrice(
        input=table["input"],
        output=table["output"],
        batch_input=table.get("batch_input", table["input"]),
        batch_output=table.get("batch_output", table["output"]),
    )


def _dollars(path: Path, key: str, name: str, price: object) -> float:
    if isinstance(price, bool) or not isinstance(price, int | float) or not math.isfinite(price) or price < 0:
        raise ConfigurationError(
            f"{path}: {key!r} has {name} = {price!r}; give US dollars for a million tokens, 0 or more"
        )
    return float(price)
