"""Mentions of a pseudonym, taken out of whatever a row or a manifest holds.

Neighbour: `purging` rewrites datasets without them.
"""

from __future__ import annotations

import re
from typing import Any, cast

from redraft.chat.privacy.names import REMOVED


class Mentions:
    """Those of one pseudonym; where one stood in a text stands [REMOVED]."""

    def __init__(self, pseudonym: str) -> None:
        self._pseudonym = pseudonym
        # Not the digits of a longer number.
        self._pattern = re.compile(rf"{pseudonym}(?!\d)")

    def __contains__(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    def replaced(self, value: Any) -> Any:
        """The value, of builtin types, without a mention in any of its texts."""
        if isinstance(value, str):
            return self._pattern.sub(REMOVED, value)
        if isinstance(value, list | tuple):
            parts = [self.replaced(one) for one in cast("list[Any]", value)]
            return tuple(parts) if isinstance(value, tuple) else parts
        if isinstance(value, dict):
            return {key: self.replaced(one) for key, one in cast("dict[str, Any]", value).items()}
        return value

    def left_out(self, value: Any) -> Any:
        """A manifest's own words without the pseudonym: lists and objects lose it, a text that is nothing else is
        empty."""
        if isinstance(value, list):
            return [self.left_out(one) for one in cast("list[Any]", value) if one != self._pseudonym]
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {key: self.left_out(one) for key, one in pairs if key != self._pseudonym}
        return "" if value == self._pseudonym else value
