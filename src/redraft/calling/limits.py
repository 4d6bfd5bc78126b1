"""How fast calls may start: a lane for each provider, key and class of models, and the ceilings of the user above.

Neighbours: `asking` is admitted before each attempt and tells what came of it; `lane` holds back, `ceilings` too, and
`sharing` lets processes on one key share what it is granted.
"""

from __future__ import annotations

import re
from hashlib import sha256

from redraft.calling.ceilings import Ceilings, LimitSettings
from redraft.calling.lane import Grant, Lane
from redraft.calling.pauses import LONGEST_PAUSE
from redraft.calling.purse import Purse
from redraft.calling.sharing import SharedRates
from redraft.providers.endpoints import Endpoint, split_model

__all__ = ["LONGEST_PAUSE", "Grant", "Lane", "Lanes", "LimitSettings", "SharedRates"]


class Lanes:
    """All lanes of one run. `shared`: other processes use the same keys, and its database."""

    def __init__(self, settings: LimitSettings, shared: SharedRates | None = None) -> None:
        self.settings = settings
        self._shared = shared
        self._ceilings = Ceilings(settings)
        self._lanes: dict[tuple[str, str, str], Lane] = {}
        self._named: dict[str, Lane] = {}

    def lane(self, endpoint: Endpoint, model: str) -> Lane:
        """The lane of a model, given as `provider:model`; models of one class share it."""
        wanted = (endpoint.name, endpoint.api_key, model)
        if (lane := self._lanes.get(wanted)) is None:
            # A key shows in no name that is written down, only what it is recognised by.
            key = f"{endpoint.name} {sha256(endpoint.api_key.encode()).hexdigest()[:12]}"
            name = f"{key} {_class_of(model)}"
            if (lane := self._named.get(name)) is None:
                purse = Purse(self._shared, name, key, self.settings) if self._shared is not None else None
                lane = self._named[name] = Lane(name, self.settings.in_flight, self._ceilings, purse)
            self._lanes[wanted] = lane
        return lane


def _class_of(model: str) -> str:
    """Anthropic grants rates to families: `claude-haiku-5-5` and `claude-haiku-4-5` are both haiku."""
    provider, name = split_model(model)
    if provider == "anthropic" and (family := re.search(r"claude-(?:[\d-]*-)?([a-z]+)", name)):
        return family[1]
    return name
