"""Lists as Together's v2 API pages and filters them.

Neighbours: `endpoints`, `adapters` and `registry_routes` list their records with this.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from aiohttp import web

from redraft.sandbox.dialects import JSON, Denied

_CONDITION = re.compile(r'(\w+)\s*(=|!=|:)\s*"?([^"]*?)"?')
_ORDER = re.compile(r"(created_at|updated_at)( asc| desc)?")


def respond(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)


def page(request: web.Request, shown: Sequence[dict[str, object]], most: int = 500) -> web.Response:
    """The part of the list that `after`, `limit`, `filter` and `orderBy` ask for, and the cursor of the next.

    A filter is conditions on `name` or `state` (=, != and : for a part of it) joined with AND.
    Raises Denied (400) for anything else.
    """
    listed = [one for one in shown if _fits(one, request.query.get("filter", ""))]
    if order := request.query.get("orderBy"):
        found = _ORDER.fullmatch(order)
        if found is None:
            raise Denied(400, "invalid_request", f"orderBy {order!r} is not created_at or updated_at, asc or desc")
        field = "createdAt" if found[1] == "created_at" else "updatedAt"
        listed.sort(key=lambda one: str(one.get(field)), reverse=found[2] == " desc")
    start, limit = _whole(request, "after", 0, 0), min(most, _whole(request, "limit", 50, 1))
    following = start + limit if start + limit < len(listed) else None
    body: dict[str, object] = {"object": "list", "data": listed[start : start + limit]}
    return respond(body | {"next_cursor": str(following)} if following is not None else body)


def _fits(one: dict[str, object], conditions: str) -> bool:
    if not conditions.strip():
        return True
    return all(_holds(one, condition.strip()) for condition in conditions.split(" AND "))


def _holds(one: dict[str, object], condition: str) -> bool:
    found = _CONDITION.fullmatch(condition)
    if found is None or found[1] not in {"name", "state", "model"}:
        raise Denied(400, "invalid_request", f"The sandbox does not know the filter {condition!r}")
    field, operator, value = found.groups()
    status = one.get("status")
    had = str(status["state"] if field == "state" and isinstance(status, dict) else one.get(field))  # pyright: ignore[reportUnknownArgumentType]
    equal = had == value or (field == "name" and had.rsplit("/", 1)[-1] == value)
    if operator == ":":
        return re.fullmatch(".*" + ".*".join(map(re.escape, value.split("*"))) + ".*", had) is not None
    return equal == (operator == "=")


def _whole(request: web.Request, name: str, default: int, least: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise Denied(400, "invalid_request", f"{name} must be a whole number of at least {least}, not {text!r}")
    return int(text)
