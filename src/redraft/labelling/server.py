"""The server of the label page, for one person's session.

Neighbours: `views` is what it sends, `page/` the files that the browser gets, `redraft.local_pages` keeps everybody
else out.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from redraft.errors import InputError, StorageError
from redraft.judging.labels.session import Session
from redraft.labelling.views import Order, Told, obey, view_of
from redraft.local_pages import PageServer, add_page, answer, fault, page_app

# A note and what stands around it.
LARGEST_BODY = 64 * 2**10


def make_app(session: Session, told: Told, token: str) -> web.Application:
    """The page's application. All handlers run on one loop and never wait between reading and writing the session."""

    async def settled(_: web.Request) -> web.Response:
        return answer(told)

    async def state(_: web.Request) -> web.Response:
        return answer(view_of(session))

    async def act(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        try:
            order = msgspec.json.decode(await request.read(), type=Order)
        except (msgspec.DecodeError, UnicodeDecodeError) as raised:
            return fault(400, str(raised))
        # Another tab, or a key pressed twice, speaks of a pair that is no longer in front.
        if order.version != session.version:
            return answer(view_of(session), 409)
        try:
            obey(session, order)
        except InputError as raised:
            return fault(400, str(raised))
        except StorageError as raised:
            return fault(507, str(raised))
        return answer(view_of(session))

    app = page_app(__package__ or "", "label", token, LARGEST_BODY)
    app.router.add_get("/{token}/told", settled)
    app.router.add_get("/{token}/state", state)
    app.router.add_post("/{token}/act", act)
    add_page(app)
    return app


class LabelServer(PageServer):
    """A running label page; as its base class."""

    def __init__(self, session: Session, told: Told, port: int = 0) -> None:
        super().__init__(lambda token: make_app(session, told, token), port)
