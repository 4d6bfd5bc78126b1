"""What a test or a person asks the sandbox about itself: identity, counts, calls, truth, scripts, limits, reset.

Neighbours: `accounts` counts, `app` mounts these under /sandbox/.
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import Annotated

import msgspec
from aiohttp import web

from redraft.sandbox.accounts import Accounts
from redraft.sandbox.calls import Calls
from redraft.sandbox.dialects import JSON
from redraft.sandbox.faults import Scripts
from redraft.sandbox.files import Files
from redraft.sandbox.models import Models
from redraft.sandbox.options import Options
from redraft.sandbox.state import State
from redraft.sandbox.truth import Truth, true_win_rate


class RateLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rpm: Annotated[int, msgspec.Meta(ge=0)] = 0
    tpm: Annotated[int, msgspec.Meta(ge=0)] = 0


class Control:
    """`accounts` is replaced by a fresh one on reset, here and wherever it is counted."""

    def __init__(
        self, options: Options, state: State, scripts: Scripts, calls: Calls, files: Files, models: Models
    ) -> None:
        self._options, self._state, self._scripts = options, state, scripts
        self._calls, self._files, self._models = calls, files, models
        self.accounts = files.accounts

    async def identity(self, request: web.Request) -> web.Response:
        body = {"simulated": True, "identity": self._options.identity, "version": version("redraft")}
        return _json(body | {"seed": self._options.seed, "truth": self._options.truth})

    async def stats(self, request: web.Request) -> web.Response:
        jobs = Counter(job.suffix for job in self._state.jobs.values())
        return _json(self.accounts.totals() | {"jobs": dict(jobs), "trained": self._models.trained()})

    async def calls(self, request: web.Request) -> web.StreamResponse:
        """One JSON object a line; `?repeated=1` only contents that were answered twice, `?since=N` later ones."""
        since = request.query.get("since", "0")
        repeated = request.query.get("repeated", "0") not in {"0", ""}
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await response.prepare(request)
        lines: list[bytes] = []
        for call in self.accounts.calls(repeated, int(since) if since.isdigit() else 0):
            lines.append(msgspec.json.encode(call))
            if len(lines) == 1000:
                await response.write(b"\n".join(lines) + b"\n")
                lines.clear()
        if lines:
            await response.write(b"\n".join(lines) + b"\n")
        await response.write_eof()
        return response

    async def truth(self, request: web.Request) -> web.Response:
        """The strengths of ?a= and ?b= (model names) and the win rate of a that a perfect study would find."""
        options = self._options.truth
        world = Truth(self._options.seed, options)
        first, second = request.query.get("a", ""), request.query.get("b", "")
        a, b = world.strength(first), world.strength(second)
        sides = {"a": {"model": first, "strength": a}, "b": {"model": second, "strength": b}}
        return _json(sides | {"win_rate": true_win_rate(a, b, options)})

    async def script(self, request: web.Request) -> web.Response:
        try:
            waiting = self._scripts.add(await request.read())
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return _json({"error": {"message": str(error)}}, 400)
        return _json({"waiting": waiting})

    async def limits(self, request: web.Request) -> web.Response:
        """Other limits from now on: `{"rpm": 600, "tpm": 0}`, where 0 means none. What is left of them stays."""
        try:
            wanted = msgspec.json.decode(await request.read(), type=RateLimits)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return _json({"error": {"message": str(error)}}, 400)
        self._calls.limits.change(wanted.rpm, wanted.tpm)
        return _json(wanted)

    async def reset(self, request: web.Request) -> web.Response:
        """Counts from zero and drops scripts; with ?everything=1 files, jobs and trained models go too."""
        self.accounts = self._files.accounts = Accounts()
        self._calls.reset(self.accounts)
        self._scripts.clear()
        if request.query.get("everything", "0") not in {"0", ""}:
            self._state.clear()
            self._models.forget()
        return _json({"reset": True})


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=JSON)
