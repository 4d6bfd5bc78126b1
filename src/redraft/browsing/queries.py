"""Which entries a person wants to see: by what became of them, reason, document type, model, score or words.

Neighbours: the terminal's options and the page's filters both become a `Query`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from redraft.browsing.entries import Brief

What = Literal["all", "clean", "flagged", "kept", "rejected"]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """All of these must hold; of several reasons, types or models one is enough. `low` and `high` bound the lowest of
    a row's trait scores: a row without scores is outside of any bound. `find` is looked for in ids and titles."""

    what: What = "all"
    reasons: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    find: str = ""

    def fits(self, one: Brief) -> bool:
        return (
            _is(self.what, one)
            and (not self.reasons or not set(self.reasons).isdisjoint(one.reasons))
            and (not self.types or one.document_type in self.types)
            and (not self.models or not set(self.models).isdisjoint(one.models.values()))
            and (self.low is None or (one.low is not None and one.low >= self.low))
            and (self.high is None or (one.low is not None and one.low <= self.high))
            and (not self.find or self.find.casefold() in f"{one.row_id}\n{one.title}".casefold())
        )


def _is(what: What, one: Brief) -> bool:
    match what:
        case "all":
            return True
        case "clean":
            return one.kind == "kept" and not one.reasons
        case "flagged":
            return one.kind != "rejected" and bool(one.reasons)
        case "kept":
            return one.kind == "kept"
        case "rejected":
            return one.kind == "rejected"
