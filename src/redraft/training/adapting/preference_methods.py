"""The ways to learn from preferences by the words that users name them with, and which settings each one takes.

Commands and forms make their options of this table. Neighbour: `preference_settings` declares the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from redraft.errors import ConfigurationError
from redraft.training.adapting.preference_settings import (
    DPO_KINDS,
    REWARD_KINDS,
    RL_KINDS,
    DpoSettings,
    PreferenceSettings,
    RewardSettings,
    RlSettings,
)
from redraft.training.setting_types import label

Method = Literal["dpo", "reward", "rl"]
METHODS: tuple[Method, ...] = ("dpo", "reward", "rl")
# What whoever plans reinforcement learning must say, where a user does not: measured on a toy, the reward rose by as
# much as without being held, and what is truly preferred by far more.
RL_BETA = 0.05

_SETTINGS: dict[Method, type[PreferenceSettings]] = {"dpo": DpoSettings, "reward": RewardSettings, "rl": RlSettings}
_KINDS: dict[Method, Mapping[str, Any]] = {"dpo": DPO_KINDS, "reward": REWARD_KINDS, "rl": RL_KINDS}
# It can be one alone there, so that nobody chooses it.
_FIXED = {"rl": frozenset({"gradient_accumulation"})}


def kinds_of(method: Method) -> dict[str, Any]:
    """The settings that a user of the method may choose, with their kinds."""
    return {name: kind for name, kind in _KINDS[method].items() if name not in _FIXED.get(method, ())}


def defaults_of(method: Method) -> dict[str, Any]:
    """Their defaults."""
    fields = {field.name: field.default for field in msgspec.structs.fields(_SETTINGS[method])}
    return {name: RL_BETA if fields[name] is msgspec.NODEFAULT else fields[name] for name in kinds_of(method)}


def settings_of(method: Method, given: Mapping[str, Any]) -> PreferenceSettings:
    """The settings, the others at their defaults. Raises ConfigurationError for one that the method does not have, and
    for a value out of its bounds."""
    for name in given:
        if name not in kinds_of(method):
            having = " and ".join(one for one in METHODS if name in kinds_of(one))
            raise ConfigurationError(f"{label(name)} belongs to {having or 'no method'}, not to {method}; leave it out")
    return _SETTINGS[method](**{**defaults_of(method), **given})
