"""The server of the page on which a dataset is looked through; it only reads.

Neighbours: `views` is what it sends, `page/` the files that the browser gets, `redraft.local_pages` keeps everybody
else out.
"""

from __future__ import annotations

import asyncio
from typing import cast, get_args

from aiohttp import web

from redraft.browsing.collection import Collection
from redraft.browsing.queries import Query, What
from redraft.browsing.views import Spreads, Told, row_of, rows_of, spreads_of
from redraft.local_pages import PageServer, add_page, answer, page_app


class BrowseServer(PageServer):
    """A running page; as its base class."""

    def __init__(self, collection: Collection, told: Told, port: int = 0) -> None:
        super().__init__(lambda token: make_app(collection, told, token), port)


def make_app(collection: Collection, told: Told, token: str) -> web.Application:
    """The page's application."""
    counting = asyncio.Lock()
    known: list[Spreads] = []

    async def settled(_: web.Request) -> web.Response:
        return answer(told)

    async def rows(request: web.Request) -> web.Response:
        return answer(rows_of(collection, query_of(request), _whole(request, "start", 0)))

    async def row(request: web.Request) -> web.Response:
        try:
            return answer(row_of(collection, _whole(request, "number", 1)))
        except IndexError:
            raise web.HTTPNotFound(reason="no such row") from None

    async def spread(_: web.Request) -> web.Response:
        async with counting:
            if not known:
                known.append(await asyncio.to_thread(spreads_of, collection))
        return answer(known[0])

    app = page_app(__package__ or "", "browse", token)
    app.router.add_get("/{token}/told", settled)
    app.router.add_get("/{token}/rows", rows)
    app.router.add_get("/{token}/row", row)
    app.router.add_get("/{token}/spread", spread)
    add_page(app)
    return app


def query_of(request: web.Request) -> Query:
    """The query in an address; 400 for one that cannot be."""
    asked = request.query
    what = asked.get("what", "all")
    if what not in get_args(What):
        raise web.HTTPBadRequest(reason="what: no such choice")
    return Query(
        what=cast("What", what), reasons=tuple(asked.getall("reason", ())), types=tuple(asked.getall("type", ())),
        models=tuple(asked.getall("model", ())), low=_number(request, "low"), high=_number(request, "high"),
        find=asked.get("find", ""),
    )  # fmt: skip


def _number(request: web.Request, name: str) -> float | None:
    given = request.query.get(name, "").strip()
    try:
        return float(given) if given else None
    except ValueError:
        raise web.HTTPBadRequest(reason=f"{name}: not a number") from None


def _whole(request: web.Request, name: str, least: int) -> int:
    given = request.query.get(name, str(least))
    # Longer ones count no rows, and Python refuses to read thousands of digits.
    if not given.isascii() or not given.isdigit() or len(given) > 12:
        raise web.HTTPBadRequest(reason=f"{name}: not a whole number")
    return max(least, int(given))
