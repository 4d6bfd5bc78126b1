"""Prices that users name themselves: `.redraft/prices.toml`, or the file that REDRAFT_PRICES names.

    ["anthropic:claude-haiku-5-5"]      # provider:model, or a pattern with * for models that are yet to be trained
    input = 0.10                        # US dollars for a million tokens
    output = 0.50
    batch_input = 0.05                  # through a batch API; without it the price of a call
    batch_output = 0.25

Neighbour: `prices` asks here first.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.errors import ConfigurationError
from redraft.home import Home
from redraft.providers.endpoints import canonical

NAMES = ("input", "output", "batch_input", "batch_output")


class OwnPrice(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars for a million tokens."""

    input: float
    output: float
    batch_input: float
    batch_output: float


OwnPrices = Mapping[str, OwnPrice]


def own_prices() -> OwnPrices:
    """Model or pattern → price. Read once a process: prices do not change while a run counts its money.

    Raises ConfigurationError naming file, key and mend.
    """
    where = os.environ.get("REDRAFT_HOME") or os.getcwd()  # noqa: PTH109  cheaper, and this runs for every call
    return _read(os.environ.get("REDRAFT_PRICES"), where)


def find_own(prices: OwnPrices, model: str) -> OwnPrice | None:
    """The price under the model's own name, or under the first pattern that it matches."""
    name = canonical(model)
    if (exact := prices.get(name)) is not None:
        return exact
    return next((price for pattern, price in prices.items() if "*" in pattern and fnmatchcase(name, pattern)), None)


@lru_cache(maxsize=8)
def _read(named: str | None, _: str) -> OwnPrices:
    path = Path(named) if named else Home.of().path / "prices.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise ConfigurationError(f"REDRAFT_PRICES names {path}, which is not there") from None
        return {}
    except (OSError, UnicodeError) as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{path}: no TOML ({fault}); a model's name stands in quotes: {_EXAMPLE}") from None
    return {_name(path, key): _price(path, key, value) for key, value in document.items()}


_EXAMPLE = '["provider:model"], then input = 0.10 and output = 0.50'


def _name(path: Path, key: str) -> str:
    try:
        return canonical(key)
    except ConfigurationError as fault:
        raise ConfigurationError(f"{path}: {fault}") from None


def _price(path: Path, key: str, value: object) -> OwnPrice:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: {key!r} is no table of prices; write {_EXAMPLE}")
    table = cast("dict[str, Any]", value)
    if unknown := sorted(set(table) - set(NAMES)):
        raise ConfigurationError(f"{path}: {key!r} has {unknown[0]!r}; known are {', '.join(NAMES)}")
    for name in ("input", "output"):
        if name not in table:
            raise ConfigurationError(f"{path}: {key!r} lacks {name!r}, US dollars for a million tokens")
    found = {name: _dollars(path, key, name, price) for name, price in table.items()}
    found.setdefault("batch_input", found["input"])
    found.setdefault("batch_output", found["output"])
    return OwnPrice(**found)


def _dollars(path: Path, key: str, name: str, price: object) -> float:
    if isinstance(price, bool) or not isinstance(price, int | float) or not math.isfinite(price) or price < 0:
        raise ConfigurationError(
            f"{path}: {key!r} has {name} = {price!r}; give US dollars for a million tokens, 0 or more"
        )
    return float(price)
